"""What the agent layer takes and gives."""

import datetime as dt
import uuid
from typing import Any, Self

from pydantic import Field, model_validator

from estate.core.problems import refused
from estate.core.types import (
    Count,
    Currency,
    Instant,
    JsonList,
    JsonObject,
    Money,
    Name,
    NonNegative,
    PastInstant,
    QueryCount,
    QueryLimit,
    QueryShare,
    Schema,
    SchemaOut,
    Share,
    ShortText,
    Uuid,
)

__all__ = ["AgentFilter", "AgentIn", "AgentOut"]


class AgentIn(Schema):
    """One agent as the CRM reports it; an absent field keeps its value, null clears it."""

    agent_id: Uuid
    name: ShortText | None = None
    calls_per_day: Count | None = Field(None, description="Calls made on a working day, on average.")
    lead_responses: Count | None = Field(None, description="Leads answered so far.")
    objections_heard: JsonObject | JsonList | None = Field(
        None, description="Objections, as a list or with how often each was heard."
    )
    deals_closed: Count | None = Field(None, description="Deals won so far.")
    projects_assigned: JsonObject | JsonList | None = Field(None, description="Projects that the agent sells.")
    closing_rate: Share | None = Field(None, description="Deals won over deals closed, 0 to 1.")
    avg_response_time: NonNegative | None = Field(None, description="Mean time to answer a lead, in seconds.")
    avg_closing_price: Money | None = Field(None, description="Mean price of the deals won, in `currency`.")
    skill_scores: JsonObject | JsonList | None = Field(None, description="Skill to score, on one scale.")
    updated_at: PastInstant | None = Field(
        None, description="When the CRM changed the row, default now; a row older than the stored one is stale."
    )
    currency: Currency | None = Field(None, description="Of `avg_closing_price`; default the platform's.")
    team_id: Uuid | None = Field(None, description="Team, which must exist.")
    team_name: Name | None = Field(None, description="Team by its name, instead of `team_id`; created when new.")

    @model_validator(mode="after")
    def _one_team(self) -> Self:
        if self.team_id is not None and self.team_name is not None:
            raise refused("Send team_id or team_name, not both.")
        return self


class AgentFilter(Schema):
    """Which agents to list."""

    agent_id: Uuid | None = None
    search: Name | None = Field(None, description="Part of the agent's name.")
    team_id: Uuid | None = None
    min_closing_rate: QueryShare | None = Field(None, description="Least closing rate, 0 to 1.")
    min_deals_closed: QueryCount | None = Field(None, description="Least number of deals won.")
    updated_since: Instant | None = Field(None, description="Only rows changed at or after this time.")
    cursor: ShortText | None = None
    limit: QueryLimit = 50


class AgentOut(SchemaOut):
    """One agent: what the CRM reports, and counters folded from the event stream."""

    agent_id: uuid.UUID
    name: str | None
    calls_per_day: int | None = Field(description="Calls made on a working day, on average.")
    lead_responses: int | None = Field(description="Leads answered so far.")
    objections_heard: Any = Field(description="Objections, as a list or with how often each was heard.")
    deals_closed: int | None = Field(description="Deals won so far, as reported.")
    projects_assigned: Any = Field(description="Projects that the agent sells.")
    closing_rate: float | None = Field(description="Deals won over deals closed, 0 to 1, as reported.")
    avg_response_time: float | None = Field(description="Mean time to answer a lead in seconds, as reported.")
    avg_closing_price: Money | None = Field(description="Mean price of the deals won, in `currency`.")
    skill_scores: Any = Field(description="Skill to score.")
    updated_at: dt.datetime
    currency: str
    team_id: uuid.UUID | None
    event_count: int = Field(description="Behaviour events of the agent.")
    response_count: int = Field(description="Those of them with a response time.")
    response_seconds_total: float = Field(description="Sum of these response times, in seconds.")
    last_event_at: dt.datetime | None
