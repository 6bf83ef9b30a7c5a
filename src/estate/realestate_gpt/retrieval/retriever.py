"""The retriever: what a question names is looked up, the rest is searched, and every record is read as it is now."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from estate.core.settings import get_settings
from estate.market import service as market
from estate.realestate_gpt.intent import Question, read
from estate.realestate_gpt.layers import documents_of
from estate.realestate_gpt.records import LAYERS, Key, Record
from estate.realestate_gpt.retrieval.search import search

__all__ = ["retrieve"]

ID_LAYERS = ("market", "agent", "client")
LOOKED_UP = 1.0


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
    scores = dict.fromkeys(_named(session, question or read(query), layers), LOOKED_UP)
    for key, score in search(session, query, layers=layers, limit=limit):
        scores.setdefault(key, score / (1 + score))
    found = documents_of(session, scores)
    records = [
        Record(layer, record_id, scores[layer, record_id], document.fields)
        for (layer, record_id), document in found.items()
    ]
    return sorted(records, key=lambda record: (-record.score, record.key))[:limit]


def _named(session: Session, question: Question, layers: Sequence[str]) -> list[Key]:
    """Return what the question names by id, by ``project:unit`` or by the name of an area."""
    keys = [(layer, str(record_id)) for layer in ID_LAYERS for record_id in question.ids]
    keys += [("property", str(unit)) for unit in question.units]
    if question.phrases and "market" in layers:
        keys += [("market", str(area.area_id)) for area in market.find_areas(session, question.phrases)]
    return [key for key in keys if key[0] in layers]
