"""Tables of the kernel: the queue of record, what was refused or already answered, rates, who may and who did."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, false, func, text
from sqlalchemy.orm import Mapped, mapped_column

from estate.core.orm import Base, BigId, UpdatedAt

__all__ = [
    "AuditRecord",
    "Erasure",
    "ExchangeRate",
    "Heartbeat",
    "IdempotencyKey",
    "IngestBatch",
    "OutboxClaim",
    "OutboxRow",
    "RejectedRow",
    "StoredKey",
    "Team",
    "User",
    "UserSession",
]


class OutboxRow(Base):
    """Work still to be done; it is deleted in the transaction that does it."""

    __tablename__ = "outbox"
    # Query: the oldest due rows of one topic, FOR UPDATE SKIP LOCKED.
    __table_args__ = (
        Index("ix_outbox_topic_due", "topic", "outbox_id", postgresql_where=text("NOT dead")),
        CheckConstraint("attempts >= 0", name="attempts_positive"),
    )

    outbox_id: Mapped[BigId]
    topic: Mapped[str]
    key: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    crashes: Mapped[int] = mapped_column(server_default=text("0"))
    last_error: Mapped[str | None]
    dead: Mapped[bool] = mapped_column(server_default=false())
    available_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    request_id: Mapped[str | None]


class Heartbeat(Base):
    """When something that must happen again and again last did."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(primary_key=True)
    beat_at: Mapped[dt.datetime]


class OutboxClaim(Base):
    """What a worker is doing: written before the work, deleted with it, left over when the process dies of it."""

    __tablename__ = "outbox_claims"
    # Query: the notes of a topic; there are as many as workers.
    __table_args__ = (Index("ix_outbox_claims_topic", "topic"),)

    claim_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    topic: Mapped[str]
    outbox_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    claimed_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class IngestBatch(Base):
    """One call or file that brought rows, with what became of them."""

    __tablename__ = "ingest_batches"
    __table_args__ = (Index("ix_ingest_batches_received_at", "received_at"),)

    batch_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    layer: Mapped[str]
    source: Mapped[str]
    counts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    received_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class RejectedRow(Base):
    """A refused row with its original bytes and the reason, so that it can be mended and replayed."""

    __tablename__ = "rejected_rows"
    # Queries: the newest first, by layer; all of one batch.
    __table_args__ = (
        Index("ix_rejected_rows_layer_rejected_id", "layer", "rejected_id"),
        Index("ix_rejected_rows_batch_id", "batch_id"),
        CheckConstraint("status IN ('rejected', 'conflict')", name="status_known"),
    )

    rejected_id: Mapped[BigId]
    batch_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("ingest_batches.batch_id", ondelete="CASCADE"))
    layer: Mapped[str]
    row_number: Mapped[int]
    status: Mapped[str]
    reason: Mapped[str]
    raw: Mapped[bytes]
    replayed_at: Mapped[dt.datetime | None]
    received_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class IdempotencyKey(Base):
    """The answer that a POST with an Idempotency-Key already got, written with its effect."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_created_at", "created_at"),)

    caller: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[bytes]
    status: Mapped[int]
    response: Mapped[bytes]
    media_type: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class Team(Base):
    """A sales team; managers see their own."""

    __tablename__ = "teams"

    team_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    updated_at: Mapped[UpdatedAt]


def _role_checks() -> list[CheckConstraint]:
    """Say which roles there are, and whose rows an agent and a manager may see."""
    return [
        CheckConstraint("role IN ('admin', 'manager', 'agent', 'ingest', 'read_only')", name="role_known"),
        CheckConstraint("role <> 'agent' OR agent_id IS NOT NULL", name="agent_named"),
        CheckConstraint("role <> 'manager' OR team_id IS NOT NULL", name="team_named"),
    ]


class User(Base):
    """Somebody who logs in; without a password hash nobody can."""

    __tablename__ = "users"
    __table_args__ = (
        # Queries: the user who logs in; users of an agent, of a team.
        Index("uq_users_email_lower", text("lower(email)"), unique=True),
        Index("ix_users_agent_id", "agent_id"),
        Index("ix_users_team_id", "team_id"),
        *_role_checks(),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    email: Mapped[str]
    name: Mapped[str | None]
    role: Mapped[str]
    agent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("agent_activity.agent_id"))
    team_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("teams.team_id"))
    password_hash: Mapped[str | None]
    disabled_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class StoredKey(Base):
    """What is kept of an API key: its public id, and of its secret only the fingerprint."""

    __tablename__ = "api_keys"
    # Queries: the keys of a user, of an agent, of a team; the key that another replaces.
    __table_args__ = (
        Index("ix_api_keys_user_id", "user_id"),
        Index("ix_api_keys_agent_id", "agent_id"),
        Index("ix_api_keys_team_id", "team_id"),
        Index("ix_api_keys_replaced_by", "replaced_by"),
        *_role_checks(),
        CheckConstraint("octet_length(secret_hash) = 32", name="secret_hashed"),
    )

    key_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.user_id"))
    secret_hash: Mapped[bytes]
    role: Mapped[str]
    agent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("agent_activity.agent_id"))
    team_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("teams.team_id"))
    replaced_by: Mapped[str | None] = mapped_column(ForeignKey("api_keys.key_id"))
    expires_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]
    last_used_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class UserSession(Base):
    """One log-in: the fingerprint of its token, and when it was used."""

    __tablename__ = "sessions"
    # Queries: the sessions of a user; those that ended long ago.
    __table_args__ = (
        Index("ix_sessions_user_id", "user_id"),
        Index("ix_sessions_created_at", "created_at"),
        CheckConstraint("octet_length(token_hash) = 32", name="token_hashed"),
    )

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.user_id"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[dt.datetime | None]


class AuditRecord(Base):
    """Who did what to which record, written with the effect and never changed; `detail` holds no personal data."""

    __tablename__ = "audit_log"
    # Queries: what happened to a record; what a caller did; the newest.
    __table_args__ = (
        Index("ix_audit_log_subject_table_subject_id", "subject_table", "subject_id"),
        Index("ix_audit_log_caller", "caller"),
        Index("ix_audit_log_at", "at"),
    )

    audit_id: Mapped[BigId]
    at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    role: Mapped[str]
    caller: Mapped[str]
    action: Mapped[str]
    subject_table: Mapped[str | None]
    subject_id: Mapped[str | None]
    request_id: Mapped[str | None]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))


class Erasure(Base):
    """One id that was erased, known again by its keyed hash: in a restored backup, and when a row of it comes late."""

    __tablename__ = "erasures"
    __table_args__ = (CheckConstraint("octet_length(client_hash) = 32", name="client_hashed"),)

    client_hash: Mapped[bytes] = mapped_column(primary_key=True)
    erased_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    erased_by: Mapped[str]
    counts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))


class ExchangeRate(Base):
    """One unit of `base` was worth `rate` units of `quote` on `as_of`."""

    __tablename__ = "exchange_rates"
    __table_args__ = (
        CheckConstraint("rate > 0 AND rate NOT IN ('NaN', 'Infinity')", name="rate_positive"),
        CheckConstraint("base <> quote", name="pair_differs"),
    )

    base: Mapped[str] = mapped_column(primary_key=True)
    quote: Mapped[str] = mapped_column(primary_key=True)
    as_of: Mapped[dt.date] = mapped_column(primary_key=True)
    rate: Mapped[Decimal]
