"""How likely a deal with a client is won, whoever sells it."""

import datetime as dt
import uuid
from collections.abc import Collection

from sqlalchemy.orm import Session

from estate.client.service import get_client
from estate.intelligence.cards import BAND_CUTS, QUALIFICATION, band_of
from estate.intelligence.explained import clock, score_fields
from estate.intelligence.features import Book, as_cases, as_rows, load_book
from estate.intelligence.schemas import Qualification
from estate.intelligence.scorecard import FittedCard, fit

__all__ = ["explain_from", "explain_qualification", "fit_qualification", "score_clients"]


def explain_qualification(session: Session, client_id: uuid.UUID, now: dt.datetime | None = None) -> Qualification:
    """Score one client and say why.

    The score is the chance that a deal with the client is won: the card `cards.QUALIFICATION`, moved by the deals
    that had closed by `now` (see `estate.intelligence.scorecard`).

    Raises
    ------
    ClientNotFound
        When no client has this id.
    """
    get_client(session, client_id)
    book = load_book(session, [client_id], clock(now))
    return explain_from(book, fit_qualification(book), client_id)


def score_clients(
    session: Session, client_ids: Collection[uuid.UUID], now: dt.datetime | None = None
) -> dict[uuid.UUID, float]:
    """Score many clients in one pass; an id that is not known is absent."""
    book = load_book(session, client_ids, clock(now))
    if not book.present:
        return {}
    scores = fit_qualification(book).predict(as_rows(book.present.values()))
    return dict(zip(book.present, scores.tolist(), strict=True))


def fit_qualification(book: Book) -> FittedCard:
    """Move the card by the closed deals of a book."""
    values, usual = [case.values for case in book.past], [case.usual for case in book.past]
    return fit(QUALIFICATION, as_cases(book.past, values, usual, len(QUALIFICATION.features)))


def explain_from(book: Book, fitted: FittedCard, client_id: uuid.UUID) -> Qualification:
    """Explain the score of a client that the book was loaded for."""
    fields = score_fields(fitted, book.present[client_id], book.now)
    return Qualification(
        client_id=client_id,
        band=band_of(fields["score"]),
        band_cuts=dict(BAND_CUTS),
        stated_score=book.clients[client_id].stated_score,
        **fields,
    )
