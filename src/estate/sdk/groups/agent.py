"""Calls about agents."""

from datetime import datetime

from estate.sdk.groups.base import Group, Id, Many, Rows
from estate.sdk.loading import LoadReport, Progress
from estate.sdk.models.agent import Agent, AgentRank, ExpectedClosings, RoutedAgent
from estate.sdk.models.base import Page
from estate.sdk.models.house import IngestAnswer
from estate.sdk.pages import Pages


class AgentApi(Group):
    """Agents: what they do, how good they are, whom a client gets."""

    def ingest(self, rows: Rows, *, idempotency_key: str | None = None) -> IngestAnswer:
        """Send agents."""
        return self._ingest("/agent/ingest", rows, idempotency_key)

    def load(self, rows: Many, *, progress: Progress | None = None) -> LoadReport:
        """Send any number of agents in batches; `progress` is told how many more were answered."""
        return self._load("/agent/ingest", rows, progress)

    def query(
        self,
        *,
        agent_id: Id | None = None,
        search: str | None = None,
        team_id: Id | None = None,
        min_closing_rate: float | None = None,
        min_deals_closed: int | None = None,
        updated_since: datetime | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Pages[Agent]:
        """List agents with their activity."""
        return self._pages(
            Agent,
            "/agent/query",
            agent_id=agent_id,
            search=search,
            team_id=team_id,
            min_closing_rate=min_closing_rate,
            min_deals_closed=min_deals_closed,
            updated_since=updated_since,
            cursor=cursor,
            limit=limit,
        )

    def predict(self, *, agent_id: Id) -> ExpectedClosings:
        """Forecast the deals that an agent wins in the next 30 days, with a 90 % interval."""
        return self._get(ExpectedClosings, "/agent/predict", agent_id=agent_id)

    def recommend(self, *, client_id: Id, limit: int | None = None) -> Page[RoutedAgent]:
        """Recommend agents for a client, with reasons."""
        return self._get(Page[RoutedAgent], "/agent/recommend", client_id=client_id, limit=limit)

    def rankings(self) -> Page[AgentRank]:
        """Rank every agent by wins beyond what the clients served explain."""
        return self._get(Page[AgentRank], "/agent/rankings")
