"""What the API tells of events, triggers and patterns."""

from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime

from estate.sdk.models.base import Model, Open, Reason, Status


class EventAnswer(Model):
    """What became of a single event."""

    event_id: UUID
    status: Open[Literal["created", "duplicate"]]


class Event(Model):
    """One stored event, with what folding found out."""

    event_id: UUID
    agent_id: UUID | None
    client_id: UUID | None
    property_project_id: UUID | None
    property_unit_id: UUID | None
    trigger_word: str | None
    emotion_detected: str | None
    response_speed: float | None
    conversion_effect: float | None
    time_of_event: AwareDatetime
    pattern_group: str | None
    metadata: dict[str, Any] | None
    updated_at: AwareDatetime
    deal_id: UUID | None
    conversation_id: UUID | None
    folded_deal_id: UUID | None
    folded_outcome: Open[Literal["won", "lost", "open"]] | None
    folded_at: AwareDatetime | None


class Deal(Model):
    """One deal, and since when it is where it is."""

    deal_id: UUID
    agent_id: UUID
    client_id: UUID
    unit: str | None
    stage: str
    stage_since: AwareDatetime | None
    outcome: Open[Literal["won", "lost"]] | None
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None
    value: Decimal | None
    currency: str
    lost_reason: str | None
    updated_at: AwareDatetime


class StageValue(Model):
    """What the open deals of a stage are worth in one currency."""

    currency: str
    n: int
    value: Decimal


class PipelineStage(Model):
    """The open deals of one stage."""

    stage: str
    n: int
    values: tuple[StageValue, ...]
    n_stale: int
    n_undated: int


class Pipeline(Model):
    """The open deals by stage, in the order of the sale."""

    items: tuple[PipelineStage, ...]
    n: int
    stale_days: int
    as_of: AwareDatetime
    why: str


class Step(Model):
    """One step that may come next."""

    step: str
    probability: float
    lower: float
    upper: float
    n: int


class NextStep(Model):
    """What usually comes next for a client who is where this one is."""

    client_id: UUID
    stage: str | None
    current: str | None
    items: tuple[Step, ...]
    n: int
    status: Status
    as_of: AwareDatetime | None
    why: str


class NextAction(Model):
    """What evidence supports doing with a client."""

    client_id: UUID
    action: str
    term: str | None
    evidence: Open[Literal["proven", "candidate", "none"]]
    lift: float | None
    lower: float | None
    upper: float | None
    n: int
    status: Status
    reasons: tuple[Reason, ...]
    as_of: AwareDatetime


class Run(Model):
    """The analysis run that a list comes from, and what it saw."""

    run_id: UUID
    as_of: AwareDatetime
    n_won: int
    n_lost: int
    n_open: int
    more_needed: int | None = None


class TriggerLift(Model):
    """One term and how far it goes with winning; the counts are of closed deals (or what stands for them)."""

    term: str
    speaker: Open[Literal["agent", "client", "unknown"]] = "unknown"
    evidence: Open[Literal["proven", "candidate"]]
    lift: float
    lower: float
    upper: float
    log_odds: float
    q: float
    n_with: int
    n_without: int
    n_agents: int
    win_rate_with: float
    win_rate_without: float
    held_out_lift: float | None = None
    adjusted_for: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


class Triggers(Model):
    """The triggers of an analysis."""

    items: tuple[TriggerLift, ...]
    run: Run | None
    status: Status
    why: str


class Pattern(Model):
    """One discovered group: terms that are said together."""

    name: str
    terms: tuple[str, ...]
    size: int
    n_won: int
    n_lost: int
    n_open: int
    lift: float | None
    lower: float | None
    upper: float | None
    stability: float | None


class Patterns(Model):
    """The pattern groups of an analysis."""

    items: tuple[Pattern, ...]
    events: dict[str, int]
    run: Run | None
    status: Status
    why: str
