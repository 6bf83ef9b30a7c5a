"""What the API tells of agents."""

from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime

from estate.sdk.models.base import Model, Open, Reason, Status


class Agent(Model):
    """One agent: what the CRM reports, and counters folded from the event stream."""

    agent_id: UUID
    name: str | None
    calls_per_day: int | None
    lead_responses: int | None
    objections_heard: Any
    deals_closed: int | None
    projects_assigned: Any
    closing_rate: float | None
    avg_response_time: float | None
    avg_closing_price: Decimal | None
    skill_scores: Any
    updated_at: AwareDatetime
    currency: str
    team_id: UUID | None
    event_count: int
    response_count: int
    response_seconds_total: float
    last_event_at: AwareDatetime | None


class SkillPart(Model):
    """How an agent does in one part of the sale, against what such clients lead to expect."""

    part: Open[Literal["qualify", "show", "negotiate", "close"]]
    n: int
    passed: int
    expected: float
    score: float | None
    lower: float | None
    upper: float | None
    status: Status


class AgentRank(Model):
    """One agent on the leaderboard."""

    agent_id: UUID
    name: str | None
    rank: int
    rank_lower: int
    rank_upper: int
    score: float | None
    lower: float | None
    upper: float | None
    n: float | None
    status: Status
    evidence: Open[Literal["deals", "stated", "none"]]
    skills: tuple[SkillPart, ...]
    open_deals: int | None
    reasons: tuple[Reason, ...]


class ExpectedClosings(Model):
    """Deals that an agent is expected to win in the coming days."""

    agent_id: UUID
    horizon_days: int
    expected: float | None
    lower: float | None
    upper: float | None
    level: float
    n: int
    open_deals: int
    status: Status
    as_of: AwareDatetime
    why: str


class RoutedAgent(Model):
    """An agent for a client."""

    agent_id: UUID
    name: str | None
    priority: float
    score: float
    lower: float
    upper: float
    n: int
    status: Status
    reasons: tuple[Reason, ...]
