"""Keeps the search documents in step with the records of the layers."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from estate.core.canonical import content_hash
from estate.core.documents import DOCUMENT_TOPIC, DocumentText
from estate.core.outbox import Claim
from estate.core.settings import get_settings
from estate.realestate_gpt import crud, learning
from estate.realestate_gpt.layers import documents_of
from estate.realestate_gpt.learning import LEARN
from estate.realestate_gpt.records import LAYERS, Key
from estate.realestate_gpt.retrieval import dense
from estate.realestate_gpt.retrieval.lexical import tokens
from estate.realestate_gpt.retrieval.spelling import spellings

__all__ = ["DOCUMENT", "LEARN", "document", "learn"]

DOCUMENT = DOCUMENT_TOPIC


def document(session: Session, claims: Sequence[Claim]) -> None:
    """Bring the documents of some records up to date.

    Parameters
    ----------
    session : Session
        The transaction of the claims.
    claims : sequence of Claim
        Keys are ``layer:record_id``; a record that is gone loses its document.
    """
    keys = sorted({_key(claim.key) for claim in claims})  # Sorted: one lock order for all workers.
    found = documents_of(session, keys)
    crud.delete_documents(session, [key for key in keys if key not in found])
    crud.store_documents(session, [_row(found[key]) for key in keys if key in found])
    embedder = dense.configured_embedder()
    if embedder is not None:
        dense.store(session, embedder, [(key, _text(found[key])) for key in keys if key in found])


def learn(session: Session, claims: Sequence[Claim]) -> None:
    """Let the ranking learn from what people thought of replies."""
    learning.improve(session, most=get_settings().learning_max_replies, seed=max(claim.outbox_id for claim in claims))


def _key(text: str) -> Key:
    layer, _, record_id = text.partition(":")
    if layer not in LAYERS:
        raise ValueError(f"no layer {layer!r}")
    return (layer, record_id)


def _text(record: DocumentText) -> str:
    return f"{record.title}\n{record.text}"


def _row(record: DocumentText) -> dict[str, Any]:
    """Return the row of a document; its text is stored as tokens, so that PostgreSQL and BM25 see the same words."""
    names = sorted({word for name in record.names for word in tokens(name)})
    content = {
        "title": record.title,
        "text": " ".join(tokens(_text(record))),
        "fields": dict(record.fields),
        "client_id": record.client_id,
        "names": names,
        "spellings": sorted({spelling for word in names for spelling in spellings(word)}),
    }
    return {
        "layer": record.layer,
        "record_id": record.record_id,
        "content_hash": content_hash(content),
        **content,
    }
