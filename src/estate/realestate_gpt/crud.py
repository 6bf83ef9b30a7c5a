"""All SQL of the assistant."""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, Text, bindparam, delete, func, insert, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import Session

from estate.core.export import held
from estate.realestate_gpt.models import Document, GptFeedback, GptResponse, RankingPolicy
from estate.realestate_gpt.records import Key

__all__ = [
    "Candidate",
    "Opinion",
    "add_feedback",
    "add_policy",
    "add_response",
    "candidates",
    "containing",
    "delete_documents",
    "delete_documents_of",
    "delete_responses",
    "documented",
    "documents_about",
    "get_policy",
    "get_response",
    "has_embeddings",
    "judged",
    "last_roll_back",
    "move_responses",
    "nearest",
    "newest_policy",
    "opinions",
    "responses_keeping",
    "rows_about",
    "sampled",
    "spelt",
    "store_documents",
    "store_embeddings",
    "versions",
]

# Counting stops at the cap: a token beyond it is too common to look records up by, however common it is.
CONTAINING = text("SELECT token, n FROM documents_containing(:tokens, :layers, :cap)").bindparams(
    bindparam("layers", type_=ARRAY(Text)), bindparam("tokens", type_=ARRAY(Text))
)

SAMPLED = text("SELECT size, containing FROM documents_sampled(:tokens, :layers, :pages)").bindparams(
    bindparam("layers", type_=ARRAY(Text)), bindparam("tokens", type_=ARRAY(Text))
)

CANDIDATES = text("""
SELECT layer, record_id, words, names FROM documents_matching(:query, :layers, :per_layer, :most)
ORDER BY layer, record_id
""").bindparams(bindparam("layers", type_=ARRAY(Text)))

SPELT = text("SELECT name FROM documents_spelt(:near, :layers, :most)").bindparams(
    bindparam("layers", type_=ARRAY(Text)), bindparam("near", type_=ARRAY(Text))
)

EMBEDDED = text("""
SELECT count(*) FROM (
    SELECT FROM document_embeddings WHERE layer = ANY(:layers) AND embedder = :embedder LIMIT :cap
) e
""").bindparams(bindparam("layers", type_=ARRAY(Text)))

# Few documents are read first and compared one by one; the index would give up before it met them.
NEAREST_OF_FEW = text("""
WITH few AS MATERIALIZED (
    SELECT document_id, embedding FROM document_embeddings WHERE layer = ANY(:layers) AND embedder = :embedder
), near AS (
    SELECT document_id, embedding <=> CAST(:vector AS halfvec) AS distance FROM few ORDER BY distance LIMIT :limit
)
SELECT d.layer, d.record_id, 1 - near.distance FROM near JOIN documents d USING (document_id)
ORDER BY near.distance, d.layer, d.record_id
""").bindparams(bindparam("layers", type_=ARRAY(Text)))

# The inner ORDER BY ... LIMIT beside its filter is the form that the vector index serves, going on until enough pass.
NEAREST = text("""
WITH near AS MATERIALIZED (
    SELECT document_id, embedding <=> CAST(:vector AS halfvec) AS distance FROM document_embeddings
    WHERE layer = ANY(:layers) AND embedder = :embedder
    ORDER BY embedding <=> CAST(:vector AS halfvec) LIMIT :limit
)
SELECT d.layer, d.record_id, 1 - near.distance FROM near JOIN documents d USING (document_id)
ORDER BY near.distance, d.layer, d.record_id
""").bindparams(bindparam("layers", type_=ARRAY(Text)))

SCAN_ON = text("""
SELECT set_config('hnsw.ef_search', :ef, true), set_config('hnsw.iterative_scan', 'relaxed_order', true)
""")

KEEPING = text("""
SELECT response_id FROM gpt_responses WHERE EXISTS (
    SELECT FROM jsonb_path_query(records, '$[*].id') AS kept WHERE kept #>> '{}' = ANY(:ids)
)
""")

_OF_REPLY = frozenset({"intent", "used_records", "reasoning"})

STORE_EMBEDDING = text("""
INSERT INTO document_embeddings (document_id, layer, embedder, embedding)
SELECT document_id, layer, :embedder, CAST(:vector AS halfvec) FROM documents
WHERE layer = :layer AND record_id = :record_id
ON CONFLICT (document_id) DO UPDATE SET embedder = excluded.embedder, embedding = excluded.embedding
""")


def store_documents(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write documents; one whose content did not change is left alone, a changed one gets the next version."""
    if not rows:
        return
    statement = pg_insert(Document)
    new = statement.excluded
    changes = {
        name: new[name] for name in ("content_hash", "title", "text", "fields", "client_id", "names", "spellings")
    }
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


def containing(session: Session, tokens: Sequence[str], layers: Sequence[str], cap: int) -> dict[str, int]:
    """Count the documents that hold each token, up to a cap."""
    rows = session.execute(CONTAINING, {"tokens": list(tokens), "layers": list(layers), "cap": cap})
    return {row[0]: row[1] for row in rows}


def sampled(
    session: Session, tokens: Sequence[str], layers: Sequence[str], pages: int
) -> tuple[float, dict[str, float]]:
    """Estimate how many documents there are, and how many hold each token, from some pages of the table."""
    size, counts = session.execute(SAMPLED, {"tokens": list(tokens), "layers": list(layers), "pages": pages}).one()
    return size, dict(zip(tokens, counts, strict=True))


class Candidate(NamedTuple):
    """A document that may answer: its words, and those of them that are its name."""

    layer: str
    record_id: str
    words: str
    names: list[str]


def candidates(session: Session, query: str, layers: Sequence[str], *, per_layer: int, most: int) -> list[Candidate]:
    """Return the documents that a tsquery meets, of `most` the best of each layer."""
    wanted = {"query": query, "layers": list(layers), "per_layer": per_layer, "most": most}
    return [Candidate(*row) for row in session.execute(CANDIDATES, wanted)]


def spelt(session: Session, near: Collection[str], layers: Sequence[str], most: int) -> list[str]:
    """Return the words of names that share a spelling with `near`, from at most so many documents."""
    return list(session.scalars(SPELT, {"near": sorted(near), "layers": list(layers), "most": most}))


def documents_about(session: Session, client_ids: Collection[uuid.UUID], layer: str, most: int) -> list[Key]:
    """Return the documents of a layer about some clients, the newest first."""
    query = select(Document.layer, Document.record_id).where(
        Document.client_id.in_(client_ids), Document.layer == layer
    )
    newest = query.order_by(Document.updated_at.desc(), Document.record_id).limit(most)
    return [(found, record_id) for found, record_id in session.execute(newest)] if client_ids else []


def has_embeddings(session: Session) -> bool:
    """Tell whether this database was migrated with pgvector."""
    return session.scalars(select(func.to_regclass("document_embeddings").is_not(None))).one()


def nearest(
    session: Session, vector: str, embedder: str, layers: Sequence[str], limit: int, *, exact_most: int, ef_search: int
) -> list[tuple[Key, float]]:
    """Return the documents nearest to a vector with their cosine similarity, nearest first.

    Up to `exact_most` of them are compared one by one; more are searched by the index, which looks on until
    `limit` are found (pgvector's iterative scan), with at least `ef_search` in view.
    """
    wanted = {"vector": vector, "embedder": embedder, "layers": list(layers), "limit": limit}
    if session.scalars(EMBEDDED, {**wanted, "cap": exact_most + 1}).one() <= exact_most:
        return [((layer, record_id), near) for layer, record_id, near in session.execute(NEAREST_OF_FEW, wanted)]
    session.execute(SCAN_ON, {"ef": str(max(limit, ef_search))})
    return [((layer, record_id), near) for layer, record_id, near in session.execute(NEAREST, wanted)]


def store_embeddings(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the vectors of documents."""
    if rows:
        session.execute(STORE_EMBEDDING, list(rows))


def add_response(session: Session, values: Mapping[str, Any]) -> None:
    """Write the audit row of a reply."""
    session.execute(insert(GptResponse), [dict(values)])


def newest_policy(session: Session) -> RankingPolicy | None:
    """Return the version of the ranking that is in force; None before anything was learned."""
    return session.scalars(select(RankingPolicy).order_by(RankingPolicy.version.desc()).limit(1)).one_or_none()


def get_policy(session: Session, version: int) -> RankingPolicy | None:
    """Return a version of the ranking."""
    return session.get(RankingPolicy, version)


def add_policy(session: Session, values: Mapping[str, Any]) -> None:
    """Write the next version of the ranking."""
    session.execute(insert(RankingPolicy), [dict(values)])


def last_roll_back(session: Session) -> dt.datetime | None:
    """Return when the ranking was last rolled back."""
    rolled_back = select(func.max(RankingPolicy.created_at)).where(RankingPolicy.why == "rolled_back")
    return session.scalars(rolled_back).one()


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


class Opinion(NamedTuple):
    """What an account thought of a reply, with what the reply stood on."""

    intent: str
    used_records: list[Any]
    reasoning: list[Any]
    verdict: str
    edited_text: str | None
    outcome: str | None
    account: str | None


def opinions(session: Session, since: dt.datetime | None = None, most: int | None = None) -> list[Opinion]:
    """Return the newest opinion of every account on every reply, the newest first."""
    columns = [getattr(GptResponse if name in _OF_REPLY else GptFeedback, name) for name in Opinion._fields]
    newest = (
        select(*columns, GptFeedback.created_at)
        .join(GptFeedback, GptFeedback.response_id == GptResponse.response_id)
        .ext(distinct_on(GptFeedback.response_id, GptFeedback.account))
        .order_by(GptFeedback.response_id, GptFeedback.account, GptFeedback.created_at.desc(), GptFeedback.feedback_id)
    )
    if since is not None:
        newest = newest.where(GptFeedback.created_at > since)
    found = newest.subquery()
    query = select(*(found.c[name] for name in Opinion._fields)).order_by(found.c.created_at.desc()).limit(most)
    return [Opinion(*row) for row in session.execute(query)]


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


def responses_keeping(session: Session, record_ids: Collection[str]) -> Sequence[GptResponse]:
    """Return the replies that were made with any of some records, cited or not, locked."""
    ids = session.scalars(KEEPING, {"ids": list(record_ids)}).all()
    return session.scalars(select(GptResponse).where(GptResponse.response_id.in_(ids)).with_for_update()).all()


def delete_documents_of(session: Session, record_ids: Collection[str]) -> int:
    """Delete the documents of some clients, deals and conversations, with their embeddings; return how many."""
    gone = delete(Document).where(Document.layer.in_(("client", "behavior")), Document.record_id.in_(record_ids))
    return len(session.scalars(gone.returning(Document.document_id)).all())
