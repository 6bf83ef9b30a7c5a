"""What the behavior layer takes and gives."""

import datetime as dt
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from estate.core.problems import refused
from estate.core.types import (
    Currency,
    Instant,
    JsonObject,
    LongText,
    Money,
    Name,
    NonNegative,
    Number,
    PastInstant,
    QueryLimit,
    Schema,
    SchemaOut,
    ShortText,
    UnitRef,
    Uuid,
)

__all__ = [
    "Activity",
    "ConversationIn",
    "DealIn",
    "DealOut",
    "EventFilter",
    "EventIn",
    "EventOut",
    "History",
    "NextStepOut",
    "PastEvent",
    "PatternOut",
    "PatternsOut",
    "RunOut",
    "StepOut",
    "TriggerLift",
    "TriggersOut",
    "TurnIn",
]

MAX_TURNS = 1_000

Stage = Literal["new", "qualified", "viewing", "negotiation", "reserved", "won", "lost"]
Outcome = Literal["won", "lost"]
CLOSED: tuple[Outcome, ...] = ("won", "lost")


def _given(info: ValidationInfo, name: str) -> bool:
    """Tell whether an earlier field has a value; one that was refused itself counts, so as to be told once."""
    return name not in info.data or info.data[name] is not None


def _pair(value: uuid.UUID | None, info: ValidationInfo, project: str) -> uuid.UUID | None:
    if project in info.data and (info.data[project] is None) != (value is None):
        raise refused("Give the project and the unit, or neither.")
    return value


class EventIn(Schema):
    """One thing that happened between an agent and a client; it never changes afterwards."""

    event_id: Uuid = Field(description="Chosen by the sender: sending the same event again changes nothing.")
    agent_id: Uuid | None = Field(None, description="At least one of agent and client is given.")
    client_id: Uuid | None = Field(None, validate_default=True)
    property_project_id: Uuid | None = None
    property_unit_id: Uuid | None = Field(None, validate_default=True)
    trigger_word: ShortText | None = Field(None, description="The term that was said; counted without case and marks.")
    emotion_detected: Name | None = None
    response_speed: NonNegative | None = Field(None, description="Seconds until the agent answered.")
    conversion_effect: Number | None = Field(
        None, description="Without a deal: above 0 the event led to a sale, otherwise to none; null is not known yet."
    )
    time_of_event: PastInstant | None = Field(None, description="Absent means the time of receipt.")
    pattern_group: Name | None = Field(None, description="Accepted for completeness; the platform computes its own.")
    metadata: JsonObject | None = None
    updated_at: PastInstant | None = Field(None, description="Accepted for completeness; the platform keeps its own.")
    deal_id: Uuid | None = Field(
        None,
        description="Else it is the newest deal of agent and client (and unit) open at the time. "
        "What happened after its deal closed is no evidence of what wins.",
    )
    conversation_id: Uuid | None = None

    @field_validator("client_id")
    @classmethod
    def _someone(cls, value: uuid.UUID | None, info: ValidationInfo) -> uuid.UUID | None:
        if value is None and not _given(info, "agent_id"):
            raise refused("Give agent_id, client_id or both.")
        return value

    @field_validator("property_unit_id")
    @classmethod
    def _whole_unit(cls, value: uuid.UUID | None, info: ValidationInfo) -> uuid.UUID | None:
        return _pair(value, info, "property_project_id")

    def content(self) -> dict[str, Any]:
        """Return what makes two deliveries the same event: all that was sent but what the platform computes."""
        return self.model_dump(exclude={"pattern_group", "updated_at"})


class EventFilter(Schema):
    """Which events to list."""

    agent_id: Uuid | None = None
    client_id: Uuid | None = None
    unit: UnitRef | None = Field(None, description="project_id:unit_id")
    trigger_word: ShortText | None = Field(None, description="Exactly as it was sent.")
    pattern_group: Name | None = None
    since: Instant | None = Field(None, description="Events at this time or later.")
    until: Instant | None = Field(None, description="Events before this time.")
    cursor: Name | None = None
    limit: QueryLimit = 50


class EventOut(SchemaOut):
    """One stored event, with what folding found out."""

    event_id: uuid.UUID
    agent_id: uuid.UUID | None
    client_id: uuid.UUID | None
    property_project_id: uuid.UUID | None
    property_unit_id: uuid.UUID | None
    trigger_word: str | None
    emotion_detected: str | None
    response_speed: float | None
    conversion_effect: float | None
    time_of_event: dt.datetime
    pattern_group: str | None = Field(description="Discovered group or funnel stage; null until it is processed.")
    metadata: dict[str, Any] | None = Field(validation_alias="event_metadata")
    updated_at: dt.datetime
    deal_id: uuid.UUID | None
    conversation_id: uuid.UUID | None
    folded_deal_id: uuid.UUID | None = Field(description="The deal that decides the outcome.")
    folded_outcome: Literal["won", "lost", "open"] | None = Field(description="Null until it is processed.")
    folded_at: dt.datetime | None


class DealIn(Schema):
    """One sale in the making: an absent field keeps its stored value."""

    deal_id: Uuid
    agent_id: Uuid
    client_id: Uuid
    project_id: Uuid | None = None
    unit_id: Uuid | None = Field(None, validate_default=True)
    stage: Stage | None = Field(None, description="A new deal without one is `new`.")
    outcome: Outcome | None = Field(None, description="Follows from the stage; null while the deal is open.")
    opened_at: PastInstant | None = Field(None, description="A new deal without it opens when it closes, or now.")
    closed_at: PastInstant | None = Field(
        None, description="Absent when the outcome changes: the time of the change; else it stays."
    )
    value: Money | None = Field(None, description="In `currency`.")
    currency: Currency | None = None
    lost_reason: ShortText | None = None
    stages_reached: dict[Stage, PastInstant] | None = Field(
        None,
        description="When the deal first reached stages, where the CRM knows; the earliest report stays, "
        "of a deal that was opened again that since then.",
    )
    updated_at: PastInstant | None = Field(None, description="Default now; an older one than stored is stale.")

    @field_validator("unit_id")
    @classmethod
    def _whole_unit(cls, value: uuid.UUID | None, info: ValidationInfo) -> uuid.UUID | None:
        return _pair(value, info, "project_id")

    @field_validator("outcome")
    @classmethod
    def _same_as_stage(cls, value: Outcome | None, info: ValidationInfo) -> Outcome | None:
        stage = info.data.get("stage")
        if stage is not None and value != (stage if stage in CLOSED else None):
            raise refused("This contradicts the stage: won and lost deals have that outcome, others none.")
        return value

    @field_validator("closed_at")
    @classmethod
    def _closes_something(cls, value: dt.datetime | None, info: ValidationInfo) -> dt.datetime | None:
        opened_at, stage = info.data.get("opened_at"), info.data.get("stage")
        if value is not None and stage is not None and stage not in CLOSED:
            raise refused("An open deal has no closing time.")
        if value is not None and opened_at is not None and value < opened_at:
            raise refused("This must not lie before opened_at.")
        return value

    @field_validator("stages_reached")
    @classmethod
    def _reached_before_closing(
        cls, value: dict[Stage, dt.datetime] | None, info: ValidationInfo
    ) -> dict[Stage, dt.datetime] | None:
        closed_at = info.data.get("closed_at")
        if closed_at is not None and any(reached_at > closed_at for reached_at in (value or {}).values()):
            raise refused("No stage is reached after closed_at.")
        return value


class DealOut(SchemaOut):
    """One deal."""

    deal_id: uuid.UUID
    agent_id: uuid.UUID
    client_id: uuid.UUID
    project_id: uuid.UUID | None
    unit_id: uuid.UUID | None
    stage: Stage
    opened_at: dt.datetime
    closed_at: dt.datetime | None
    outcome: Outcome | None
    value: Money | None
    currency: str
    lost_reason: str | None
    updated_at: dt.datetime


class TurnIn(Schema):
    """One turn of a conversation."""

    speaker: Literal["agent", "client"]
    text: LongText
    said_at: PastInstant | None = None


class ConversationIn(Schema):
    """One call or chat; it never changes afterwards."""

    conversation_id: Uuid
    agent_id: Uuid
    client_id: Uuid
    project_id: Uuid | None = None
    unit_id: Uuid | None = Field(None, validate_default=True)
    deal_id: Uuid | None = None
    channel: Literal["call", "chat", "email", "meeting"] = "call"
    started_at: PastInstant | None = Field(None, description="Absent: the time of the first turn that has one, or now.")
    turns: Annotated[list[TurnIn], Field(min_length=1, max_length=MAX_TURNS)]

    @field_validator("unit_id")
    @classmethod
    def _whole_unit(cls, value: uuid.UUID | None, info: ValidationInfo) -> uuid.UUID | None:
        return _pair(value, info, "project_id")


class RunOut(SchemaOut):
    """The analysis run that a list comes from, and what it saw."""

    run_id: uuid.UUID
    as_of: dt.datetime
    n_won: int = Field(description="Won deals, or conversations or events that stand for themselves.")
    n_lost: int
    n_open: int = Field(description="Not decided yet; they enter no rate.")
    more_needed: int | None = Field(
        None,
        description="Further closed conversations until a lift of 1.3 would likely be proven; "
        "null: not known, or so many are won that there can be no such lift.",
    )


class TriggerLift(SchemaOut):
    """One term and how far it goes with winning; the counts are of closed deals (or what stands for them)."""

    term: str
    speaker: Literal["agent", "client", "unknown"] = Field("unknown", description="Whose word it is.")
    evidence: Literal["proven", "candidate"]
    lift: float = Field(description="P(won | said) / P(won | not said), adjusted for length and shrunk.")
    lower: float = Field(description="Lower end of the 90 % interval of the lift.")
    upper: float
    log_odds: float
    q: float = Field(description="Expected share of false ones among all terms at least as well supported.")
    n_with: int
    n_without: int
    n_agents: int = Field(description="Agents in whose deals it was said.")
    win_rate_with: float = Field(
        description="Share that would be won among deals otherwise alike: adjusted and shrunk as the lift, the ratio "
        "of the two, so not the share that was won of `n_with`."
    )
    win_rate_without: float
    held_out_lift: float | None = Field(
        None,
        description="The lift in a random half of the deals, not shrunk. These deals also helped to choose the term, "
        "so it overstates and proves nothing.",
    )
    adjusted_for: list[str] = Field([], description="What the compared deals have alike.")
    examples: list[str] = Field(
        [], description="Up to three utterances in which it was said, as conversation_id:turn.", max_length=3
    )


class TriggersOut(SchemaOut):
    """The triggers of an analysis."""

    items: list[TriggerLift]
    run: RunOut | None = Field(description="Null before the first analysis.")
    status: Literal["ok", "insufficient_data"]
    why: str


class PatternOut(SchemaOut):
    """One discovered group: terms that are said together."""

    name: str = Field(description="What its events carry in `pattern_group`.")
    terms: list[str]
    size: int = Field(description="Deals (or what stands for them) that show at least two of the terms.")
    n_won: int
    n_lost: int
    n_open: int
    lift: float | None = Field(description="P(won | in the group) / P(won | not), adjusted for length and shrunk.")
    lower: float | None
    upper: float | None
    stability: float | None = Field(description="Mean likeness to the group as found again in resamples, 0 to 1.")


class PatternsOut(SchemaOut):
    """The pattern groups of an analysis."""

    items: list[PatternOut]
    events: dict[str, int] = Field(description="Processed events by `pattern_group`: discovered groups and stages.")
    run: RunOut | None = Field(description="Null before the first analysis.")
    status: Literal["ok", "insufficient_data"]
    why: str


class StepOut(SchemaOut):
    """One step that may come next."""

    step: str = Field(description="A term, an emotion, `contact`, `won` or `lost`.")
    probability: float
    lower: float = Field(description="Lower end of the 90 % interval.")
    upper: float
    n: int = Field(description="Times it followed the same step.")


class NextStepOut(SchemaOut):
    """What usually comes next for a client who is where this one is."""

    client_id: uuid.UUID
    stage: str | None = Field(description="Stage of the client's newest deal.")
    current: str | None = Field(description="The client's last step; null before the first.")
    items: list[StepOut]
    n: int = Field(description="Times the same step was followed by any other.")
    status: Literal["ok", "insufficient_data"]
    as_of: dt.datetime | None = Field(description="Time of the client's last event.")
    why: str


@dataclass(frozen=True, slots=True)
class PastEvent:
    """An event that is about to be erased: what it added to which counters."""

    event_id: uuid.UUID
    agent_id: uuid.UUID | None
    project_id: uuid.UUID | None
    unit_id: uuid.UUID | None
    trigger_word: str | None
    response_speed: Decimal | None
    time_of_event: dt.datetime
    folded_outcome: str | None


@dataclass(frozen=True, slots=True)
class History:
    """What a client left behind.

    Parameters
    ----------
    client_id : UUID
        The client.
    events : tuple of PastEvent
        Its events.
    deal_ids, conversation_ids : tuple of UUID
        Its deals and conversations.
    deal_units : frozenset of UnitRef
        What its deals were about.
    since : datetime or None
        When its first deal was opened.
    """

    client_id: uuid.UUID
    events: tuple[PastEvent, ...]
    deal_ids: tuple[uuid.UUID, ...]
    conversation_ids: tuple[uuid.UUID, ...]
    deal_units: frozenset[UnitRef]
    since: dt.datetime | None

    def record_ids(self) -> list[str]:
        """Return the ids of all of them."""
        events = [event.event_id for event in self.events]
        return [str(one) for one in (*events, *self.deal_ids, *self.conversation_ids)]


@dataclass(frozen=True, slots=True)
class Activity:
    """What is known of a client from events, conversations and contacts.

    Parameters
    ----------
    n_events, n_conversations, n_contacts : int
        How many there are: of events, those outside of conversations; of contacts, those in which the client was
        spoken to.
    first_at : datetime or None
        Time of the first of them.
    last_contact_at : datetime or None
        Time of the last that the client had with an agent; what a client does alone, as on the web site, is none.
    mean_response_s : float or None
        Mean seconds until an agent answered.
    emotions : dict
        Emotion to how often it was noted: once a turn of a conversation, whatever else the turn tells.
    """

    n_events: int = 0
    n_conversations: int = 0
    n_contacts: int = 0
    first_at: dt.datetime | None = None
    last_contact_at: dt.datetime | None = None
    mean_response_s: float | None = None
    emotions: dict[str, int] = field(default_factory=dict)

    @property
    def n_touches(self) -> int:
        """How often there was anything to do with the client; a conversation counts once."""
        return self.n_events + self.n_conversations + self.n_contacts
