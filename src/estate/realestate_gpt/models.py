"""Tables of the assistant: what it can search, what it answered, what people thought of it."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Computed, ForeignKey, Index, Text, func
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from estate.core.orm import Base, BigId, UpdatedAt, share

__all__ = ["Document", "GptFeedback", "GptResponse", "RankingPolicy"]

NO_WORDS = sql("'{}'::text[]")


class Document(Base):
    """One record of a layer as text, with the fields that a sentence may cite."""

    __tablename__ = "documents"
    # Queries: full-text search within layers; the document of one record; those about one client; near names.
    __table_args__ = (
        Index("uq_documents_layer_record_id", "layer", "record_id", unique=True),
        Index("ix_documents_search", "search", postgresql_using="gin"),
        Index("ix_documents_client_id", "client_id"),
        Index("ix_documents_spellings", "spellings", postgresql_using="gin"),
        CheckConstraint("layer IN ('market', 'agent', 'client', 'property', 'behavior')", name="layer_known"),
    )

    document_id: Mapped[BigId]
    layer: Mapped[str]
    record_id: Mapped[str]
    version: Mapped[int] = mapped_column(server_default=sql("1"))
    content_hash: Mapped[bytes]
    title: Mapped[str]
    text: Mapped[str]
    fields: Mapped[dict[str, Any]]
    search: Mapped[str] = mapped_column(
        TSVECTOR,
        Computed(
            "setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('simple', text), 'B')",
            persisted=True,
        ),
    )
    client_id: Mapped[uuid.UUID | None]
    names: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=NO_WORDS)
    spellings: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=NO_WORDS)
    updated_at: Mapped[UpdatedAt]


class GptResponse(Base):
    """The audit row of one reply: the question, the answer and the records it stands on."""

    __tablename__ = "gpt_responses"
    # Queries: the replies of an agent or about a client, newest first.
    __table_args__ = (
        Index("ix_gpt_responses_agent_id_created_at", "agent_id", "created_at"),
        Index("ix_gpt_responses_client_id_created_at", "client_id", "created_at"),
        *share("confidence"),
    )

    response_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("agent_activity.agent_id"))
    client_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("client_profiles.client_id"))
    property_project_id: Mapped[uuid.UUID | None]
    property_unit_id: Mapped[uuid.UUID | None]
    client_input: Mapped[str]
    intent: Mapped[str]
    text: Mapped[str]
    reasoning: Mapped[list[Any]]
    used_records: Mapped[list[Any]]
    records: Mapped[list[Any]]
    confidence: Mapped[float]
    abstained: Mapped[bool]
    composer_version: Mapped[str]
    basis: Mapped[dict[str, Any]] = mapped_column(server_default=sql("'{}'::jsonb"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class GptFeedback(Base):
    """What a person thought of a reply; the learning hook reads it."""

    __tablename__ = "gpt_feedback"
    __table_args__ = (
        Index("ix_gpt_feedback_response_id", "response_id"),
        CheckConstraint("verdict IN ('helpful', 'not_helpful', 'wrong')", name="verdict_known"),
        CheckConstraint("outcome IN ('won', 'went_on', 'lost')", name="outcome_known"),
    )

    feedback_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    response_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("gpt_responses.response_id", ondelete="CASCADE"))
    verdict: Mapped[str]
    note: Mapped[str | None]
    account: Mapped[str | None]
    edited_text: Mapped[str | None]
    outcome: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class RankingPolicy(Base):
    """A version of the weights that rank records; rows are only added, the newest is in force."""

    __tablename__ = "ranking_policies"
    __table_args__ = (CheckConstraint("why IN ('learned', 'rolled_back')", name="why_known"),)

    version: Mapped[BigId]
    weights: Mapped[dict[str, Any]]
    before: Mapped[int | None] = mapped_column(BigInteger)
    why: Mapped[str]
    n: Mapped[int]
    gain: Mapped[float | None]
    gain_lower: Mapped[float | None]
    made_by: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
