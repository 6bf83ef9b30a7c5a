"""Tables of the behavior layer."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any, get_args

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from estate.behavior.contact_schemas import ContactChannel, ContactOutcome, SkipReason
from estate.core.orm import Base, BigInt, Money, UpdatedAt, finite, sane_time

__all__ = [
    "AnalysisRun",
    "BehaviorEvent",
    "CallSkip",
    "Contact",
    "Conversation",
    "Deal",
    "DealStage",
    "PatternGroup",
    "TriggerFinding",
    "TriggerStat",
    "Utterance",
]

STAGES = ("new", "qualified", "viewing", "negotiation", "reserved", "won", "lost")
CHANNELS = get_args(ContactChannel)
CONTACT_OUTCOMES = get_args(ContactOutcome)
SKIP_REASONS = get_args(SkipReason)


def _unit_fk(project: str, unit: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint([project, unit], ["properties.project_id", "properties.unit_id"])


def _both_or_none(project: str, unit: str) -> CheckConstraint:
    return CheckConstraint(f"({project} IS NULL) = ({unit} IS NULL)", name="unit_whole")


class BehaviorEvent(Base):
    """One thing that happened between an agent and a client; immutable but for what folding adds."""

    __tablename__ = "behavior_events"
    # Queries: the newest of an agent, a client, a unit or all; the events of a deal or a conversation;
    # the events of a term (triggers), of a pattern group, and those that a deal decides.
    __table_args__ = (
        _unit_fk("property_project_id", "property_unit_id"),
        _both_or_none("property_project_id", "property_unit_id"),
        CheckConstraint("agent_id IS NOT NULL OR client_id IS NOT NULL", name="someone"),
        CheckConstraint("folded_outcome IN ('won', 'lost', 'open')", name="outcome_known"),
        Index("ix_behavior_events_agent_id_time", "agent_id", "time_of_event"),
        Index("ix_behavior_events_client_id_time", "client_id", "time_of_event"),
        Index(
            "ix_behavior_events_unit_time",
            "property_project_id",
            "property_unit_id",
            "time_of_event",
        ),
        Index("ix_behavior_events_time", "time_of_event", "event_id"),
        Index("ix_behavior_events_trigger_word", "trigger_word"),
        Index("ix_behavior_events_pattern_group", "pattern_group"),
        Index("ix_behavior_events_deal_id", "deal_id"),
        Index("ix_behavior_events_conversation_id", "conversation_id"),
        Index("ix_behavior_events_folded_deal_id", "folded_deal_id"),
        *finite("response_speed", "conversion_effect"),
        *sane_time("time_of_event"),
    )

    event_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("agent_activity.agent_id"))
    client_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("client_profiles.client_id"))
    property_project_id: Mapped[uuid.UUID | None]
    property_unit_id: Mapped[uuid.UUID | None]
    trigger_word: Mapped[str | None]
    emotion_detected: Mapped[str | None]
    response_speed: Mapped[Decimal | None]
    conversion_effect: Mapped[Decimal | None]
    time_of_event: Mapped[dt.datetime]
    pattern_group: Mapped[str | None]
    event_metadata: Mapped[dict[str, Any] | None] = mapped_column("metadata")
    updated_at: Mapped[UpdatedAt]
    deal_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("deals.deal_id"))
    conversation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("conversations.conversation_id"))
    content_hash: Mapped[bytes]
    folded_deal_id: Mapped[uuid.UUID | None]
    folded_outcome: Mapped[str | None]
    folded_at: Mapped[dt.datetime | None]


class Deal(Base):
    """One sale in the making; while `outcome` is null it is open and censored."""

    __tablename__ = "deals"
    # Queries: the deals of an agent, a client or a unit; open deals by stage.
    __table_args__ = (
        _unit_fk("project_id", "unit_id"),
        _both_or_none("project_id", "unit_id"),
        Index("ix_deals_agent_id_opened_at", "agent_id", "opened_at"),
        Index("ix_deals_client_id_opened_at", "client_id", "opened_at"),
        Index("ix_deals_project_id_unit_id", "project_id", "unit_id"),
        Index("ix_deals_open_stage", "stage", postgresql_where=text("outcome IS NULL")),
        CheckConstraint(f"stage IN {STAGES}", name="stage_known"),
        CheckConstraint("outcome IN ('won', 'lost')", name="outcome_known"),
        CheckConstraint("(outcome IS NULL) = (closed_at IS NULL)", name="closed_whole"),
        CheckConstraint(
            "(outcome IS NULL AND stage NOT IN ('won', 'lost')) OR outcome = stage", name="stage_is_outcome"
        ),
        CheckConstraint("closed_at >= opened_at", name="closed_after_opened"),
        CheckConstraint("value >= 0", name="value_positive"),
        *finite("value"),
        *sane_time("opened_at", "closed_at"),
    )

    deal_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agent_activity.agent_id"))
    client_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("client_profiles.client_id"))
    project_id: Mapped[uuid.UUID | None]
    unit_id: Mapped[uuid.UUID | None]
    stage: Mapped[str]
    opened_at: Mapped[dt.datetime]
    closed_at: Mapped[dt.datetime | None]
    outcome: Mapped[str | None]
    value: Mapped[Money | None]
    currency: Mapped[str]
    lost_reason: Mapped[str | None]
    updated_at: Mapped[UpdatedAt]


class DealStage(Base):
    """When a deal first reached a stage, or did so since it opened again; a stage that it left again stays."""

    __tablename__ = "deal_stages"
    __table_args__ = (
        CheckConstraint(f"stage IN {STAGES}", name="stage_known"),
        *sane_time("reached_at"),
    )

    deal_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("deals.deal_id"), primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    reached_at: Mapped[dt.datetime]


class Conversation(Base):
    """One call or chat between an agent and a client."""

    __tablename__ = "conversations"
    # Queries: the conversations of an agent, a client, a deal.
    __table_args__ = (
        _unit_fk("project_id", "unit_id"),
        _both_or_none("project_id", "unit_id"),
        Index("ix_conversations_agent_id_started_at", "agent_id", "started_at"),
        Index("ix_conversations_client_id_started_at", "client_id", "started_at"),
        Index("ix_conversations_deal_id", "deal_id"),
        CheckConstraint("channel IN ('call', 'chat', 'email', 'meeting')", name="channel_known"),
        *sane_time("started_at"),
    )

    conversation_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agent_activity.agent_id"))
    client_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("client_profiles.client_id"))
    project_id: Mapped[uuid.UUID | None]
    unit_id: Mapped[uuid.UUID | None]
    deal_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("deals.deal_id"))
    channel: Mapped[str]
    started_at: Mapped[dt.datetime]
    turn_count: Mapped[int]
    content_hash: Mapped[bytes]
    received_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class Utterance(Base):
    """One turn of a conversation."""

    __tablename__ = "utterances"
    __table_args__ = (CheckConstraint("speaker IN ('agent', 'client')", name="speaker_known"),)

    conversation_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("conversations.conversation_id", ondelete="CASCADE"), primary_key=True
    )
    turn: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    speaker: Mapped[str]
    text: Mapped[str]
    said_at: Mapped[dt.datetime | None]


class Contact(Base):
    """What came of one attempt to reach a client, as the agent told it; it never changes afterwards."""

    __tablename__ = "contacts"
    # Queries: the contacts of a client or an agent, the newest first; those to a number, whoever it was called for.
    __table_args__ = (
        Index("ix_contacts_client_id_contacted_at", "client_id", "contacted_at"),
        Index("ix_contacts_agent_id_contacted_at", "agent_id", "contacted_at"),
        Index("ix_contacts_phone", "phone"),
        CheckConstraint(f"channel IN {CHANNELS}", name="channel_known"),
        CheckConstraint(f"outcome IN {CONTACT_OUTCOMES}", name="outcome_known"),
        CheckConstraint("next_at > contacted_at", name="next_is_later"),
        CheckConstraint("outcome <> 'call_back' OR next_at IS NOT NULL", name="call_back_when"),
        *sane_time("contacted_at", "next_at"),
    )

    contact_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    client_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("client_profiles.client_id"))
    agent_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agent_activity.agent_id"))
    contacted_at: Mapped[dt.datetime]
    channel: Mapped[str]
    outcome: Mapped[str]
    phone: Mapped[str | None]
    note: Mapped[str | None]
    next_at: Mapped[dt.datetime | None]


class CallSkip(Base):
    """A client whom an agent was to call and did not, and why."""

    __tablename__ = "call_skips"
    # Queries: the skips of a client, the newest first; those of a reason, with what followed.
    __table_args__ = (
        Index("ix_call_skips_client_id_skipped_at", "client_id", "skipped_at"),
        Index("ix_call_skips_reason", "reason"),
        CheckConstraint(f"reason IN {SKIP_REASONS}", name="reason_known"),
        *sane_time("skipped_at"),
    )

    skip_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    client_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("client_profiles.client_id"))
    agent_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agent_activity.agent_id"))
    skipped_at: Mapped[dt.datetime]
    reason: Mapped[str]
    note: Mapped[str | None]


class TriggerStat(Base):
    """How many folded events carry a term, by the outcome of their deal; always equal to a recount."""

    __tablename__ = "trigger_stats"

    term: Mapped[str] = mapped_column(primary_key=True)
    n_won: Mapped[BigInt] = mapped_column(server_default=text("0"))
    n_lost: Mapped[BigInt] = mapped_column(server_default=text("0"))
    n_open: Mapped[BigInt] = mapped_column(server_default=text("0"))
    updated_at: Mapped[UpdatedAt]


class AnalysisRun(Base):
    """One run of the trigger and pattern analysis: what it saw."""

    __tablename__ = "analysis_runs"
    __table_args__ = (Index("ix_analysis_runs_as_of", "as_of"),)

    run_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    as_of: Mapped[dt.datetime]
    n_won: Mapped[int]
    n_lost: Mapped[int]
    n_open: Mapped[int]
    more_needed: Mapped[int | None]


class TriggerFinding(Base):
    """One term as an analysis run published it; rank 1 is the best proven one."""

    __tablename__ = "trigger_findings"
    # Query: the findings of a run in rank order.
    __table_args__ = (
        Index("ix_trigger_findings_run_id_rank", "run_id", "rank"),
        CheckConstraint("evidence IN ('proven', 'candidate')", name="evidence_known"),
        CheckConstraint("speaker IN ('agent', 'client', 'unknown')", name="speaker_known"),
    )

    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("analysis_runs.run_id", ondelete="CASCADE"), primary_key=True)
    speaker: Mapped[str] = mapped_column(primary_key=True, server_default=text("'unknown'"))
    term: Mapped[str] = mapped_column(primary_key=True)
    rank: Mapped[int]
    evidence: Mapped[str]
    log_odds: Mapped[float]
    lift: Mapped[float]
    lower: Mapped[float]
    upper: Mapped[float]
    q: Mapped[float]
    n_with: Mapped[int]
    n_without: Mapped[int]
    n_agents: Mapped[int]
    win_rate_with: Mapped[float]
    win_rate_without: Mapped[float]
    held_out_lift: Mapped[float | None]
    adjusted_for: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    examples: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))


class PatternGroup(Base):
    """One group of like behaviour as an analysis run published it."""

    __tablename__ = "pattern_groups"

    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("analysis_runs.run_id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int]
    n_won: Mapped[int]
    n_lost: Mapped[int]
    n_open: Mapped[int]
    lift: Mapped[float | None]
    lower: Mapped[float | None]
    upper: Mapped[float | None]
    stability: Mapped[float | None]
    terms: Mapped[list[Any]]
