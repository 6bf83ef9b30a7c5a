"""Tables of the agent layer."""

import datetime as dt
import uuid
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from estate.core.orm import Base, BigInt, Json, Money, UpdatedAt, finite, share

__all__ = ["AgentActivity"]


class AgentActivity(Base):
    """One sales agent: what the CRM reports, and counters folded from the event stream."""

    __tablename__ = "agent_activity"
    # Queries: agents by name, by team, by closing rate (rankings), newest change first.
    __table_args__ = (
        Index("ix_agent_activity_name_lower", text("lower(name)")),
        Index("ix_agent_activity_team_id", "team_id"),
        Index("ix_agent_activity_closing_rate", "closing_rate"),
        Index("ix_agent_activity_updated_at", "updated_at"),
        CheckConstraint("calls_per_day >= 0 AND lead_responses >= 0 AND deals_closed >= 0", name="counts_positive"),
        *share("closing_rate"),
        *finite("avg_response_time", "avg_closing_price", "response_seconds_total"),
    )

    agent_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    calls_per_day: Mapped[int | None]
    lead_responses: Mapped[int | None]
    objections_heard: Mapped[Json | None]
    deals_closed: Mapped[int | None]
    projects_assigned: Mapped[Json | None]
    closing_rate: Mapped[Decimal | None]
    avg_response_time: Mapped[Decimal | None]
    avg_closing_price: Mapped[Money | None]
    skill_scores: Mapped[Json | None]
    updated_at: Mapped[UpdatedAt]
    currency: Mapped[str]
    team_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("teams.team_id"))
    event_count: Mapped[BigInt] = mapped_column(server_default=text("0"))
    response_count: Mapped[BigInt] = mapped_column(server_default=text("0"))
    response_seconds_total: Mapped[Decimal] = mapped_column(server_default=text("0"))
    last_event_at: Mapped[dt.datetime | None]
