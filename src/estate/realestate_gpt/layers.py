"""The five layers as the assistant reads them: live records by layer and id."""

from collections.abc import Callable, Collection, Iterable

from sqlalchemy.orm import Session

from estate.agent import service as agent
from estate.behavior import service as behavior
from estate.client import service as client
from estate.core.documents import DocumentText
from estate.market import service as market
from estate.property import service as property_
from estate.realestate_gpt.records import Key

__all__ = ["documents_of"]

Documents = Callable[[Session, Collection[str]], list[DocumentText]]

_DOCUMENTS: dict[str, Documents] = {
    "market": market.documents,
    "agent": agent.documents,
    "client": client.documents,
    "property": property_.documents,
    "behavior": behavior.documents,
}


def documents_of(session: Session, keys: Iterable[Key]) -> dict[Key, DocumentText]:
    """Describe records as they are now, one call a layer; those that are gone are absent."""
    wanted: dict[str, set[str]] = {}
    for layer, record_id in keys:
        wanted.setdefault(layer, set()).add(record_id)
    return {
        (document.layer, document.record_id): document
        for layer in sorted(wanted)
        for document in _DOCUMENTS[layer](session, sorted(wanted[layer]))
    }
