"""All SQL of the assistant."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, Text, bindparam, delete, func, insert, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import Session

from estate.core.export import held
from estate.realestate_gpt.models import Document, GptFeedback, GptResponse
from estate.realestate_gpt.records import Key

__all__ = [
    "add_feedback",
    "add_response",
    "candidates",
    "containing",
    "count_documents",
    "delete_documents",
    "delete_documents_of",
    "delete_responses",
    "documented",
    "get_response",
    "has_embeddings",
    "judged",
    "move_responses",
    "nearest",
    "responses_citing",
    "rows_about",
    "store_documents",
    "store_embeddings",
    "verdicts",
    "versions",
]

# Counting stops at the cap: a token beyond it is too common to look records up by, however common it is.
CONTAINING = text("SELECT token, n FROM documents_containing(:tokens, :layers, :cap)").bindparams(
    bindparam("layers", type_=ARRAY(Text)), bindparam("tokens", type_=ARRAY(Text))
)

CANDIDATES = text("SELECT layer, record_id, words FROM documents_matching(:query, :layers, :per_layer)").bindparams(
    bindparam("layers", type_=ARRAY(Text))
)

# The inner ORDER BY ... LIMIT is the form that the vector index serves; a filter beside it would not be.
NEAREST = text("""
SELECT d.layer, d.record_id
FROM (
    SELECT document_id, embedding <=> CAST(:vector AS vector) AS distance
    FROM document_embeddings
    WHERE embedder = :embedder
    ORDER BY embedding <=> CAST(:vector AS vector)
    LIMIT :limit
) n
JOIN documents d USING (document_id)
WHERE d.layer = ANY(:layers)
ORDER BY n.distance, d.layer, d.record_id
""").bindparams(bindparam("layers", type_=ARRAY(Text)))

CITING = text("""
SELECT response_id FROM gpt_responses WHERE EXISTS (
    SELECT FROM jsonb_path_query(used_records, '$[*].ids[*]') AS cited WHERE cited #>> '{}' = ANY(:ids)
)
""")

STORE_EMBEDDING = text("""
INSERT INTO document_embeddings (document_id, embedder, embedding)
SELECT document_id, :embedder, CAST(:vector AS vector) FROM documents
WHERE layer = :layer AND record_id = :record_id
ON CONFLICT (document_id) DO UPDATE SET embedder = excluded.embedder, embedding = excluded.embedding
""")


def store_documents(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write documents; one whose content did not change is left alone, a changed one gets the next version."""
    if not rows:
        return
    statement = pg_insert(Document)
    new = statement.excluded
    changes = {name: new[name] for name in ("content_hash", "title", "text", "fields", "client_id")}
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["layer", "record_id"],
            set_={**changes, "version": Document.version + 1, "updated_at": func.now()},
            where=Document.content_hash != new.content_hash,
        ),
        list(rows),
    )


def delete_documents(session: Session, keys: Collection[Key]) -> None:
    """Remove the documents of records that are gone."""
    if keys:
        session.execute(delete(Document).where(tuple_(Document.layer, Document.record_id).in_(sorted(keys))))


def documented(session: Session, keys: Collection[Key]) -> set[Key]:
    """Return those of some records that have a document."""
    query = select(Document.layer, Document.record_id)
    found = query.where(tuple_(Document.layer, Document.record_id).in_(sorted(keys)))
    return {(layer, record_id) for layer, record_id in session.execute(found)} if keys else set()


def versions(session: Session, keys: Collection[Key]) -> dict[Key, int]:
    """Return the version of the documents of some records."""
    query = select(Document.layer, Document.record_id, Document.version)
    found = query.where(tuple_(Document.layer, Document.record_id).in_(sorted(keys)))
    return {(layer, record_id): version for layer, record_id, version in session.execute(found)} if keys else {}


def count_documents(session: Session, layers: Sequence[str]) -> int:
    """Count the documents of some layers."""
    return session.scalars(select(func.count()).where(Document.layer.in_(layers))).one()


def containing(session: Session, tokens: Sequence[str], layers: Sequence[str], cap: int) -> dict[str, int]:
    """Count the documents that hold each token, up to a cap."""
    rows = session.execute(CONTAINING, {"tokens": list(tokens), "layers": list(layers), "cap": cap})
    return {row[0]: row[1] for row in rows}


def candidates(
    session: Session, tokens: Sequence[str], layers: Sequence[str], per_layer: int
) -> list[tuple[str, str, str]]:
    """Return (layer, record id, text) of the documents of each layer that hold any of some tokens."""
    query = " | ".join(f"'{token}'" for token in tokens)  # Tokens are letters and digits only.
    rows = session.execute(CANDIDATES, {"query": query, "layers": list(layers), "per_layer": per_layer})
    return [(layer, record_id, words) for layer, record_id, words in rows]


def has_embeddings(session: Session) -> bool:
    """Tell whether this database was migrated with pgvector."""
    return session.scalars(select(func.to_regclass("document_embeddings").is_not(None))).one()


def nearest(session: Session, vector: str, embedder: str, layers: Sequence[str], limit: int) -> list[Key]:
    """Return the documents nearest to a vector by cosine distance, nearest first."""
    wanted = {"vector": vector, "embedder": embedder, "layers": list(layers), "limit": limit}
    return [(layer, record_id) for layer, record_id in session.execute(NEAREST, wanted)]


def store_embeddings(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the vectors of documents."""
    if rows:
        session.execute(STORE_EMBEDDING, list(rows))


def add_response(session: Session, values: Mapping[str, Any]) -> None:
    """Write the audit row of a reply."""
    session.execute(insert(GptResponse), [dict(values)])


def move_responses(session: Session, old: uuid.UUID, new: uuid.UUID) -> int:
    """Say of the replies about a client that they were about another, and return how many; the records in them stay."""
    moved = update(GptResponse).where(GptResponse.client_id == old).values(client_id=new)
    return len(session.scalars(moved.returning(GptResponse.response_id)).all())


def get_response(session: Session, response_id: uuid.UUID) -> GptResponse | None:
    """Return the audit row of a reply."""
    return session.get(GptResponse, response_id)


def add_feedback(session: Session, values: Mapping[str, Any]) -> None:
    """Write what a person thought of a reply."""
    session.execute(insert(GptFeedback), [dict(values)])


def verdicts(session: Session) -> list[tuple[str, list[Any], str]]:
    """Return (intent, used records, verdict) of every reply that was judged, by its newest verdict."""
    query = (
        select(GptResponse.intent, GptResponse.used_records, GptFeedback.verdict)
        .join(GptFeedback, GptFeedback.response_id == GptResponse.response_id)
        .ext(distinct_on(GptFeedback.response_id))
        .order_by(GptFeedback.response_id, GptFeedback.created_at.desc(), GptFeedback.feedback_id)
    )
    return [tuple(row) for row in session.execute(query)]


def judged(session: Session) -> list[tuple[GptResponse, str]]:
    """Return every answered reply that was judged, with its newest verdict."""
    query = (
        select(GptResponse, GptFeedback.verdict)
        .join(GptFeedback, GptFeedback.response_id == GptResponse.response_id)
        .where(~GptResponse.abstained, GptResponse.basis != {})
        .ext(distinct_on(GptFeedback.response_id))
        .order_by(GptFeedback.response_id, GptFeedback.created_at.desc(), GptFeedback.feedback_id)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def rows_about(session: Session, client_id: uuid.UUID) -> dict[str, list[dict[str, Any]]]:
    """Return the rows about a client, whole, by table."""
    replies = select(GptResponse.response_id).where(GptResponse.client_id == client_id)
    return {
        "gpt_responses": held(session, GptResponse, GptResponse.client_id == client_id),
        "gpt_feedback": held(session, GptFeedback, GptFeedback.response_id.in_(replies)),
        "documents": held(session, Document, Document.client_id == client_id),
    }


def delete_responses(session: Session, client_id: uuid.UUID) -> dict[str, int]:
    """Delete the replies about a client with what people thought of them; return how many rows of each table."""
    of_client = select(GptResponse.response_id).where(GptResponse.client_id == client_id)
    feedback = delete(GptFeedback).where(GptFeedback.response_id.in_(of_client)).returning(GptFeedback.feedback_id)
    replies = delete(GptResponse).where(GptResponse.client_id == client_id).returning(GptResponse.response_id)
    unsynchronized = {"synchronize_session": False}
    return {
        "gpt_feedback": len(session.scalars(feedback.execution_options(**unsynchronized)).all()),
        "gpt_responses": len(session.scalars(replies.execution_options(**unsynchronized)).all()),
    }


def responses_citing(session: Session, record_ids: Collection[str]) -> Sequence[GptResponse]:
    """Return the replies that stand on any of some records, locked."""
    ids = session.scalars(CITING, {"ids": list(record_ids)}).all()
    return session.scalars(select(GptResponse).where(GptResponse.response_id.in_(ids)).with_for_update()).all()


def delete_documents_of(session: Session, record_ids: Collection[str]) -> int:
    """Delete the documents of some clients, deals and conversations, with their embeddings; return how many."""
    gone = delete(Document).where(Document.layer.in_(("client", "behavior")), Document.record_id.in_(record_ids))
    return len(session.scalars(gone.returning(Document.document_id)).all())
