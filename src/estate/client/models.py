"""Tables of the client layer."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, false, func, text
from sqlalchemy.orm import Mapped, mapped_column

from estate.core.orm import Base, Json, Money, UpdatedAt, finite, sane_time, share

__all__ = ["ClientMerge", "ClientProfile", "ClientScore", "name_key"]

_MARKS = r"[\u0300-\u036f\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed]"


def name_key(name: str) -> str:
    """Return the SQL of what tells two names apart; case, accents, marks and variants of letters do not."""
    bare = f"regexp_replace(normalize({name}, NFKD), '{_MARKS}', '', 'g')"
    one_letter = f"replace(translate(lower({bare}), 'ىیةک', 'ييهك'), 'ß', 'ss')"
    return rf"nullif(btrim(regexp_replace({one_letter}, '(\W|_)+', ' ', 'g')), '')"


class ClientProfile(Base):
    """One client: wishes, means, contact rights and the current qualification score."""

    __tablename__ = "client_profiles"
    # Queries: clients by name, of one agent by score (whom to call), by budget, by interest or
    # location (jsonb containment), newest change first; clients that share a phone, an e-mail or a name.
    __table_args__ = (
        Index("ix_client_profiles_name_lower", text("lower(name)")),
        Index("ix_client_profiles_owner_agent_id_score", "owner_agent_id", "qualification_score"),
        Index("ix_client_profiles_qualification_score", "qualification_score"),
        Index("ix_client_profiles_budget", "budget"),
        Index("ix_client_profiles_phone", "phone"),
        Index("ix_client_profiles_email_lower", text("lower(email)")),
        Index("ix_client_profiles_name_key", "name_key"),
        Index("ix_client_profiles_interest", "interest", postgresql_using="gin"),
        Index("ix_client_profiles_location_targets", "location_targets", postgresql_using="gin"),
        Index("ix_client_profiles_updated_at", "updated_at"),
        CheckConstraint("budget >= 0", name="budget_positive"),
        CheckConstraint("country ~ '^[A-Z]{2}$'", name="country_code"),
        CheckConstraint("qualification_n >= 0", name="qualification_n_positive"),
        *share("qualification_score", "qualification_lower", "qualification_upper", "stated_score"),
        *finite("budget"),
    )

    client_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    interest: Mapped[Json | None]
    budget: Mapped[Money | None]
    location_targets: Mapped[Json | None]
    objections: Mapped[Json | None]
    decision_speed: Mapped[str | None]
    emotional_type: Mapped[str | None]
    qualification_score: Mapped[Decimal | None]
    response_history: Mapped[Json | None]
    updated_at: Mapped[UpdatedAt]
    currency: Mapped[str]
    stated_score: Mapped[Decimal | None]
    owner_agent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("agent_activity.agent_id"))
    phone: Mapped[str | None]
    email: Mapped[str | None]
    contact_consent: Mapped[bool | None]
    do_not_contact: Mapped[bool] = mapped_column(server_default=false())
    country: Mapped[str | None]
    qualification_lower: Mapped[Decimal | None]
    qualification_upper: Mapped[Decimal | None]
    qualification_n: Mapped[int | None]
    # Made in the database, so that no writer can forget it.
    name_key: Mapped[str | None] = mapped_column(Computed(name_key("name"), persisted=True))


class ClientMerge(Base):
    """A client that is no longer one of its own: who holds its history now, and what was moved.

    The merged profile is deleted, so that the foreign keys refuse whoever does not know of the merge.
    """

    __tablename__ = "client_merges"
    # Queries: who holds the history of an id; what was merged into a client.
    __table_args__ = (
        Index("ix_client_merges_kept_id", "kept_id"),
        CheckConstraint("merged_id <> kept_id AND merged_id <> merged_into", name="two_clients"),
    )

    merged_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    merged_into: Mapped[uuid.UUID]
    kept_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("client_profiles.client_id"))
    merged_by: Mapped[str]
    merged_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    moved: Mapped[dict[str, Any]]
    filled: Mapped[list[Any]]
    profile: Mapped[dict[str, Any]]


class ClientScore(Base):
    """The qualification score of a client as it was at a time: the model's, or what somebody stated."""

    __tablename__ = "client_scores"
    # Queries: the scores of a client, the newest first; the last one before a moment.
    __table_args__ = (
        CheckConstraint("kind IN ('model', 'stated')", name="kind_known"),
        CheckConstraint("n >= 0", name="n_positive"),
        *share("score", "lower", "upper"),
        *sane_time("scored_at"),
    )

    client_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("client_profiles.client_id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    scored_at: Mapped[dt.datetime] = mapped_column(primary_key=True)
    score: Mapped[Decimal | None]
    lower: Mapped[Decimal | None]
    upper: Mapped[Decimal | None]
    n: Mapped[int | None]
    model_id: Mapped[uuid.UUID | None]
    reason: Mapped[str | None]
    stated_by: Mapped[str | None]
