"""The retriever: what a question names is looked up, the rest is searched, and every record is read as it is now."""

import uuid
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy.orm import Session

from estate.core.settings import get_settings
from estate.market import service as market
from estate.property import service as property_
from estate.property.schemas import UnitFilter
from estate.realestate_gpt import crud, policies
from estate.realestate_gpt.intent import UNITS_MEANT, Question, read
from estate.realestate_gpt.layers import documents_of
from estate.realestate_gpt.records import LAYERS, Key, Record
from estate.realestate_gpt.retrieval.lexical import words
from estate.realestate_gpt.retrieval.search import search, shared

__all__ = ["retrieve"]

ID_LAYERS = ("market", "agent", "client", "behavior")
LOOKED_UP = 1.0
FITTING = 0.95  # Meets what the question asks for, but is not named in it.
ABOUT_NAMED = 0.7  # Of a client who is named: deals and conversations bear no name.
UNITS = 3
ABOUT = 3


def retrieve(
    session: Session, query: str, *, layers: Sequence[str] = LAYERS, limit: int, question: Question | None = None
) -> list[Record]:
    """Return the records that a query names or describes, best first.

    Parameters
    ----------
    session : Session
        Open transaction.
    query : str
        Any text.
    layers : sequence of str
        Where to search.
    limit : int
        The most records; ``ESTATE_RETRIEVAL_MAX_RECORDS`` bounds it.
    question : Question, optional
        The query as `intent.read` understood it, when that is known already.

    Notes
    -----
    The stored documents only find; the fields come from the layers in the same transaction, so a record
    that changed since it was indexed is shown as it is, and one that is gone is not shown. A found record
    has the score s / (1 + s) of its search score s, below that of every look-up.
    """
    limit = min(limit, get_settings().retrieval_max_records)
    question = question or read(query)
    version = policies.in_force(session)
    named = [*_named(session, question, layers), *_priced(session, question, layers)]
    fitting = _fitting(session, question, layers, max(1, min(UNITS, limit // len(layers))))
    intent = question.intents[0].value if question.intents else "general"
    found = search(session, query, layers=layers, limit=limit, weights=version.weights, intent=intent)
    scores = {**_below_one(found), **dict.fromkeys(fitting, FITTING), **dict.fromkeys(named, LOOKED_UP)}
    ranked = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
    records = _records(session, dict(shared(ranked, layers, limit)))
    if "behavior" in layers:
        clients = _clients_named(records, query, named)
        about = crud.documents_about(session, clients, "behavior", ABOUT)
        records |= _records(session, {key: ABOUT_NAMED for key in about if key not in records})
    return sorted(records.values(), key=lambda record: (-record.score, record.key))[:limit]


def _below_one(found: Sequence[tuple[Key, float]]) -> dict[Key, float]:
    return {key: score / (1 + score) for key, score in found}


def _records(session: Session, scores: Mapping[Key, float]) -> dict[Key, Record]:
    return {key: Record(*key, scores[key], document.fields) for key, document in documents_of(session, scores).items()}


def _named(session: Session, question: Question, layers: Sequence[str]) -> list[Key]:
    """Return what the question names by id, by ``project:unit`` or by the name of an area."""
    keys = [(layer, str(record_id)) for layer in ID_LAYERS for record_id in question.ids]
    keys += [("property", str(unit)) for unit in question.units]
    if question.phrases and "market" in layers:
        keys += [("market", str(area.area_id)) for area in market.find_areas(session, question.phrases)]
    return [key for key in keys if key[0] in layers]


def _priced(session: Session, question: Question, layers: Sequence[str]) -> list[Key]:
    """Return units whose price is exactly the amount that the question names."""
    amount = question.budget.most
    if "property" not in layers or amount is None:
        return []
    exactly = UnitFilter(price_min=amount, price_max=amount, currency=question.budget.currency, limit=UNITS)
    return [("property", unit.property_id) for unit in property_.list_units(session, exactly).items]


def _fitting(session: Session, question: Question, layers: Sequence[str], most: int) -> list[Key]:
    """Return units within the limits that a question about units states: area, budget, bedrooms."""
    if "property" not in layers or question.units or not UNITS_MEANT.intersection(question.intents):
        return []
    areas = [area.area_id for area in market.find_areas(session, question.phrases)] if question.phrases else []
    if question.budget.is_empty and not (areas and question.home.fewest is not None):
        return []
    units = property_.candidates(
        session,
        area_ids=areas or None,
        price_min=question.budget.least,
        price_max=question.budget.most,
        currency=question.budget.currency,
        bedrooms_min=question.home.fewest,
        bedrooms_max=question.home.most,
        limit=most,
    )
    return [("property", unit.property_id) for unit in units]


def _clients_named(records: Mapping[Key, Record], query: str, named: Sequence[Key]) -> list[uuid.UUID]:
    """Return the found clients whose id or whole name stands in the question."""
    asked = set(words(query))
    return [
        uuid.UUID(record.id)
        for key, record in records.items()
        if record.layer == "client" and (key in named or _is_said(record, asked))
    ]


def _is_said(record: Record, asked: Collection[str]) -> bool:
    name = words(str(record.fields.get("name") or ""))
    return bool(name) and set(name) <= set(asked)
