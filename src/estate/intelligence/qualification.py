"""How likely a deal with a client is won, whoever sells it."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence

from sqlalchemy.orm import Session

from estate.client import service as client_service
from estate.client.schemas import ScoreMade
from estate.client.service import get_client
from estate.core.db import whole_house
from estate.intelligence import register
from estate.intelligence.cards import BAND_CUTS, QUALIFICATION, band_of
from estate.intelligence.explained import clock, score_fields
from estate.intelligence.features import History, Present, load_present
from estate.intelligence.schemas import Qualification, ScoreInHistory
from estate.intelligence.scorer import Cases, Scorer, as_rows

__all__ = ["SCORE", "explain_from", "explain_qualification", "qualification_cases", "score_clients"]

SCORE = "intelligence.score"
SHOWN_SCORES = 50


def explain_qualification(session: Session, client_id: uuid.UUID, now: dt.datetime | None = None) -> Qualification:
    """Score one client and say why.

    The score is the chance that a deal with the client is won, by the model that stands for `cards.QUALIFICATION`.

    Raises
    ------
    ClientNotFound
        When no client has this id.
    """
    get_client(session, client_id)
    with whole_house(session):
        present = load_present(session, [client_id], clock(now))
        (found,) = explain_from(present, register.scorer(session, QUALIFICATION.kind), [client_id])
    history = client_service.score_history(session, client_id, SHOWN_SCORES)
    return found.model_copy(update={"history": [ScoreInHistory.model_validate(row) for row in history]})


def score_clients(
    session: Session, client_ids: Collection[uuid.UUID], now: dt.datetime | None = None
) -> dict[uuid.UUID, ScoreMade]:
    """Score many clients in one pass; an id that is not known is absent."""
    present = load_present(session, client_ids, clock(now))
    if not present.values:
        return {}
    scorer = register.scorer(session, QUALIFICATION.kind)
    made = scorer.chances(present.values.values())
    return {
        client_id: ScoreMade(*chance, scorer.n, scorer.model_id)
        for client_id, chance in zip(present.values, made, strict=True)
    }


def qualification_cases(session: Session, history: History) -> Cases:
    """Return closed deals as the model learns from them."""
    width = len(QUALIFICATION.features)
    past = history.past
    return Cases.of(past, as_rows([case.values for case in past], width), as_rows([case.usual for case in past], width))


def explain_from(present: Present, scorer: Scorer, client_ids: Sequence[uuid.UUID]) -> list[Qualification]:
    """Explain the scores of some of the clients that are present, in the order of the ids."""
    explained = score_fields(scorer, [present.values[client_id] for client_id in client_ids], present.now)
    return [
        Qualification(
            client_id=client_id,
            band=band_of(fields["score"]),
            band_cuts=dict(BAND_CUTS),
            stated_score=present.clients[client_id].stated_score,
            history=[],
            **fields,
        )
        for client_id, fields in zip(client_ids, explained, strict=True)
    ]
