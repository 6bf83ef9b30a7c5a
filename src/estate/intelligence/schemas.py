"""What the intelligence floor answers: every number with its n, interval and reason."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Literal

from pydantic import Field, JsonValue

from estate.core.types import Money, SchemaOut, UnitRef

__all__ = [
    "AgentRankOut",
    "AreaForClient",
    "ClosingOut",
    "Contribution",
    "Duplicate",
    "DuplicateClient",
    "ExpectedClosings",
    "MissingField",
    "NextAction",
    "NextCall",
    "Qualification",
    "Reason",
    "Recommendation",
    "RoutedAgent",
    "TradeOff",
]

Status = Literal["ok", "insufficient_data"]
Band = Literal["hot", "warm", "cold"]


class Reason(SchemaOut):
    """One statement that was re-derived from stored fields."""

    field: str = Field(description="The stored field that the statement is about.")
    text: str
    value: JsonValue = Field(description="The stored value that proves it.")
    part: float = Field(0.0, description="What it adds to the score; the parts sum to the score.")


class TradeOff(SchemaOut):
    """A wish that is missed, or something that could not be compared."""

    field: str
    text: str
    value: JsonValue


class Contribution(SchemaOut):
    """What one feature adds to the log-odds."""

    feature: str
    value: float = Field(description="The feature on its documented scale; 0 is neutral.")
    logit: float = Field(description="Added log-odds; base_logit plus all of them is logit(score).")
    why: str


class MissingField(SchemaOut):
    """A field that is not known, and how far knowing it could move the score."""

    feature: str
    lower: float = Field(ge=0, le=1, description="Score if the least favourable value were known.")
    upper: float = Field(ge=0, le=1, description="Score if the most favourable value were known.")
    why: str = Field(description="What to find out.")


class _Score(SchemaOut):
    score: float = Field(ge=0, le=1)
    lower: float = Field(ge=0, le=1)
    upper: float = Field(ge=0, le=1)
    level: float = Field(description="Probability of the interval.")
    status: Status = Field(description="`insufficient_data`: too few closed deals, this is the documented card.")
    n: int = Field(description="Closed deals that the weights were learned from.")
    base_logit: float
    contributions: list[Contribution]
    missing: list[MissingField]
    like_cases: int = Field(description="Closed deals within `like_distance` of this case.")
    like_won: int = Field(description="How many of the like cases were won.")
    like_distance: float = Field(
        description="Greatest root mean square gap of a like case, over the scaled features known in both."
    )
    as_of: dt.datetime
    why: str


class Qualification(_Score):
    """How likely a deal with this client is won."""

    client_id: uuid.UUID
    band: Band
    band_cuts: dict[str, float] = Field(description="Least score of each band.")
    stated_score: float | None = Field(description="What somebody stated; shown beside, never mixed in.")


class ClosingOut(_Score):
    """How likely this agent sells this unit to this client."""

    agent_id: uuid.UUID
    client_id: uuid.UUID
    property_id: UnitRef | None
    reasons: list[Reason]


class Recommendation(SchemaOut):
    """One unit for a client."""

    property_id: str = Field(description="project_id:unit_id")
    project_id: uuid.UUID
    unit_id: uuid.UUID
    title: str | None
    price: Money | None
    currency: str
    score: float = Field(ge=0, le=1, description="Sum of the parts of the reasons.")
    reasons: list[Reason]
    trade_offs: list[TradeOff]


class AgentRankOut(SchemaOut):
    """One agent on the leaderboard."""

    agent_id: uuid.UUID
    name: str | None
    rank: int
    rank_lower: int
    rank_upper: int
    score: float | None = Field(description="Won over expected from the clients served, shrunk; 1 is average.")
    lower: float | None
    upper: float | None
    n: float = Field(description="Closed deals behind it.")
    status: Status
    evidence: Literal["deals", "stated", "none"]
    reasons: list[Reason]


class RoutedAgent(SchemaOut):
    """An agent for a client."""

    agent_id: uuid.UUID
    name: str | None
    score: float = Field(ge=0, le=1, description="Estimated chance that this agent wins a deal with the client.")
    lower: float = Field(ge=0, le=1)
    upper: float = Field(ge=0, le=1)
    n: int = Field(description="Closed deals of this agent.")
    status: Status
    reasons: list[Reason]


class NextCall(SchemaOut):
    """A client to call next."""

    client_id: uuid.UUID
    name: str | None
    priority: float = Field(ge=0, le=1, description="Qualification score times how much a call is due.")
    score: float = Field(ge=0, le=1)
    lower: float = Field(ge=0, le=1)
    upper: float = Field(ge=0, le=1)
    n: int = Field(description="Closed deals behind the score.")
    status: Status
    reasons: list[Reason]


class AreaForClient(SchemaOut):
    """An area for a client."""

    area_id: uuid.UUID
    area_name: str
    score: float = Field(ge=0, le=1, description="Sum of the parts of the reasons.")
    n: int = Field(description="Market snapshots behind the area's figures.")
    price_avg: Decimal | None
    currency: str
    reasons: list[Reason]
    trade_offs: list[TradeOff]


class ExpectedClosings(SchemaOut):
    """Deals that an agent is expected to win in the coming days."""

    agent_id: uuid.UUID
    horizon_days: int
    expected: float | None
    lower: float | None
    upper: float | None
    level: float
    n: int = Field(description="Closed deals of the agent that the estimate saw.")
    open_deals: int
    status: Status
    as_of: dt.datetime
    why: str


class NextAction(SchemaOut):
    """What evidence supports doing with a client."""

    client_id: uuid.UUID
    action: str
    term: str | None
    evidence: Literal["proven", "candidate", "none"]
    lift: float | None
    lower: float | None
    upper: float | None
    n: int = Field(description="Closed deals or events behind the advice.")
    status: Status
    reasons: list[Reason]
    as_of: dt.datetime


class DuplicateClient(SchemaOut):
    """One of two clients that look like one person."""

    client_id: uuid.UUID
    name: str | None
    n_history: int = Field(description="Its events, deals and conversations.")
    first_at: dt.datetime | None = Field(description="When the first of them was.")


class Duplicate(SchemaOut):
    """Two clients that look like one person."""

    keep: DuplicateClient = Field(description="The suggested one: more history; of equals the one met first.")
    merge: DuplicateClient
    agree: list[Literal["phone", "email", "name", "owner_agent_id", "budget", "location_targets"]] = Field(
        description="Fields in which the two agree; the values are in the profiles."
    )
    confidence: Literal["certain", "possible"] = Field(
        description="`certain`: the same phone or e-mail; `possible`: the same name and a second fact."
    )
    why: str
