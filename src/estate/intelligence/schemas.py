"""What the intelligence floor answers: every number with its n, interval and reason."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from estate.core.types import Money, Schema, SchemaOut, UnitRef, Uuid

__all__ = [
    "AgentRankOut",
    "AreaForClient",
    "BandQuality",
    "ChanceOut",
    "ClosingAsk",
    "ClosingOut",
    "Contribution",
    "Duplicate",
    "DuplicateClient",
    "ExpectedClosings",
    "Foretold",
    "MissingField",
    "ModelStanding",
    "ModelsOut",
    "NextAction",
    "NextCall",
    "Qualification",
    "QualityOut",
    "Reason",
    "Recommendation",
    "RoutedAgent",
    "ScoreInHistory",
    "SkillPart",
    "TradeOff",
    "TrainingOut",
    "Triple",
]

Status = Literal["ok", "insufficient_data"]
Band = Literal["hot", "warm", "cold"]
MAX_TRIPLES = 1_000


class Reason(SchemaOut):
    """One statement that was re-derived from stored fields."""

    field: str = Field(description="The stored field that the statement is about.")
    text: str
    value: JsonValue = Field(description="The stored value that proves it.")
    part: float = Field(0.0, description="What it adds to the score; the parts sum to the score.")
    evidence: dict[str, int] = Field({}, description="The counts that the statement names.")


class TradeOff(SchemaOut):
    """A wish that is missed, or something that could not be compared."""

    field: str
    text: str
    value: JsonValue
    evidence: dict[str, int] = Field({}, description="The counts that the statement names.")


class Contribution(SchemaOut):
    """What one feature adds to the log-odds."""

    feature: str
    value: float | None = Field(description="The feature on its documented scale, 0 is neutral; null: not known.")
    logit: float = Field(
        description="Log-odds beyond those of the usual case; base_logit plus all of them is logit(score)."
    )
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
    like_cases: int = Field(description="Closed deals that agree in the three features which move this score most.")
    like_won: int = Field(description="How many of the like cases were won.")
    as_of: dt.datetime
    why: str


class ScoreInHistory(SchemaOut):
    """A score as it was stored, or as somebody stated it."""

    scored_at: dt.datetime
    kind: Literal["model", "stated"]
    score: float | None = Field(description="Null: a stated score was withdrawn.")
    lower: float | None
    upper: float | None
    n: int | None = Field(description="Closed deals that the model had learned from.")
    model_id: uuid.UUID | None = Field(description="Null: the documented card, or a stated score.")
    reason: str | None
    stated_by: str | None


class Qualification(_Score):
    """How likely a deal with this client is won."""

    client_id: uuid.UUID
    band: Band
    band_cuts: dict[str, float] = Field(description="Least score of each band.")
    stated_score: float | None = Field(description="What somebody stated; shown beside, never mixed in.")
    history: list[ScoreInHistory] = Field(description="The newest first; a change below half a percent is not kept.")


class ClosingOut(_Score):
    """How likely this agent sells this unit to this client."""

    agent_id: uuid.UUID
    client_id: uuid.UUID
    property_id: UnitRef | None
    reasons: list[Reason]


class Triple(Schema):
    """Who would sell what to whom."""

    agent_id: Uuid
    client_id: Uuid
    property: UnitRef | None = Field(None, description="The unit; without one it is left open.")


class ClosingAsk(Schema):
    """Triples to be scored in one call."""

    triples: Annotated[list[Triple], Field(min_length=1, max_length=MAX_TRIPLES)]


class ChanceOut(SchemaOut):
    """The chance of one triple."""

    agent_id: uuid.UUID
    client_id: uuid.UUID
    property_id: UnitRef | None
    score: float = Field(ge=0, le=1)
    lower: float = Field(ge=0, le=1)
    upper: float = Field(ge=0, le=1)
    n: int = Field(description="Closed deals that the weights were learned from.")
    status: Status
    as_of: dt.datetime


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


class SkillPart(SchemaOut):
    """How an agent does in one part of the sale, against what such clients lead to expect."""

    part: Literal["qualify", "show", "negotiate", "close"]
    n: int = Field(description="Closed deals with a stage history that got to this part.")
    passed: int
    expected: float = Field(description="What the average agent would have passed with such clients.")
    score: float | None = Field(description="Passed over expected, shrunk; 1 is average; null with too few deals.")
    lower: float | None = Field(description="90 % interval.")
    upper: float | None
    status: Status


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
    n: float | None = Field(description="Closed deals behind it; null, as all figures, of a colleague.")
    status: Status
    evidence: Literal["deals", "stated", "none"]
    skills: list[SkillPart] = Field(description="Part by part, from closed deals whose stages are known.")
    open_deals: int | None = Field(description="Not judged yet.")
    reasons: list[Reason]


class RoutedAgent(SchemaOut):
    """An agent for a client."""

    agent_id: uuid.UUID
    name: str | None
    priority: float = Field(ge=0, le=1, description="`score` times the parts for load and fairness; orders the list.")
    score: float = Field(ge=0, le=1, description="Fit: estimated chance that this agent wins a deal with the client.")
    lower: float = Field(ge=0, le=1)
    upper: float = Field(ge=0, le=1)
    n: int = Field(description="Closed deals of this agent.")
    status: Status
    reasons: list[Reason]


class NextCall(SchemaOut):
    """A client to call next."""

    client_id: uuid.UUID
    name: str | None
    priority: float = Field(
        ge=0, le=1, description="Expected gain of a call now, in sales: the score times how much a call is due."
    )
    at_stake: Money | None = Field(description="`priority` times the budget, in `currency`; null without a budget.")
    currency: str
    phone: str | None = Field(description="E.164 number to call.")
    callback_at: dt.datetime | None = Field(description="When the client asked to be called back; null: did not.")
    waiting_hours: float | None = Field(description="How long a lead has waited for its first answer; null: answered.")
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


class Foretold(SchemaOut):
    """How well scores foretold outcomes."""

    n: int = Field(description="Closed deals.")
    share_won: float | None
    auc: float | None = Field(description="Chance that a won deal was scored above a lost one.")
    brier: float | None = Field(description="Mean squared error; smaller is better.")
    log_loss: float | None = Field(description="Mean log-loss; smaller is better.")
    base_log_loss: float | None = Field(description="Log-loss of saying the share won to everybody.")


class BandQuality(SchemaOut):
    """What became of the deals of one score band."""

    band: Band
    n: int
    won: int
    mean_score: float | None
    share_won: float | None
    lower: float | None = Field(description="Of the share won, 90 % interval.")
    upper: float | None


class TrainingOut(SchemaOut):
    """One training of a model, judged on folds that it had not seen; on none where it learned from too few deals."""

    model_id: uuid.UUID
    kind: str
    active: bool = Field(description="Whether requests are answered from it.")
    verdict: str
    trained_at: dt.datetime
    window_from: dt.datetime
    window_to: dt.datetime
    n: int = Field(description="Closed deals learned from.")
    foretold: Foretold
    folds: list[Foretold]
    bands: list[BandQuality]


class ModelStanding(SchemaOut):
    """What requests of one kind are answered from."""

    kind: str
    answers: Literal["model", "card"] = Field(
        description="`card`: the documented card, since no training is active or this release cannot use it."
    )
    training: TrainingOut | None = Field(description="The active training; null: there is none.")
    unlearned: int = Field(
        description="Deals that closed after those that the newest training saw; all, where `answers` is `card`."
    )
    oldest_unlearned_at: dt.datetime | None
    stale: bool = Field(description="Whether a training is overdue.")


class ModelsOut(SchemaOut):
    """The model of each kind, and the latest trainings."""

    items: list[ModelStanding]
    trainings: list[TrainingOut] = Field(description="The newest of each kind first.")
    as_of: dt.datetime


class QualityOut(SchemaOut):
    """Live quality of the qualification score, and the latest trainings."""

    window_days: int
    n: int = Field(description="Closed deals whose client had a stored score when they were opened.")
    unscored: int = Field(description="Closed deals without one; they are not judged.")
    status: Status
    foretold: Foretold
    bands: list[BandQuality]
    trainings: list[TrainingOut] = Field(description="The newest of each kind first.")
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
