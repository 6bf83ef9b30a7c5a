"""Calls about what happens between agents and clients."""

from datetime import datetime

from estate.sdk.groups.base import Group, Id, Many, Rows
from estate.sdk.loading import LoadReport, Progress, Row
from estate.sdk.models.behavior import Deal, Event, EventAnswer, NextAction, NextStep, Patterns, Pipeline, Triggers
from estate.sdk.models.house import IngestAnswer
from estate.sdk.pages import Pages


class BehaviorApi(Group):
    """Events, conversations and deals: what happens, and what goes with winning."""

    def event(self, row: Row, *, idempotency_key: str | None = None) -> EventAnswer:
        """Send one event: it is stored when the call returns."""
        return self._post(EventAnswer, "/behavior/event", row, idempotency_key)

    def ingest(self, rows: Rows, *, idempotency_key: str | None = None) -> IngestAnswer:
        """Send events; each is stored once, whatever is delivered again."""
        return self._ingest("/behavior/ingest", rows, idempotency_key)

    def load(self, rows: Many, *, progress: Progress | None = None) -> LoadReport:
        """Send any number of events in batches; `progress` is told how many more were answered."""
        return self._load("/behavior/ingest", rows, progress)

    def conversation(self, rows: Rows, *, idempotency_key: str | None = None) -> IngestAnswer:
        """Send conversations with their turns."""
        return self._ingest("/behavior/conversation", rows, idempotency_key)

    def load_conversations(self, rows: Many, *, progress: Progress | None = None) -> LoadReport:
        """Send any number of conversations in batches."""
        return self._load("/behavior/conversation", rows, progress)

    def deal(self, rows: Rows, *, idempotency_key: str | None = None) -> IngestAnswer:
        """Send deals; a changed outcome changes what their events count for."""
        return self._ingest("/behavior/deal", rows, idempotency_key)

    def load_deals(self, rows: Many, *, progress: Progress | None = None) -> LoadReport:
        """Send any number of deals in batches."""
        return self._load("/behavior/deal", rows, progress)

    def query(
        self,
        *,
        agent_id: Id | None = None,
        client_id: Id | None = None,
        unit: str | None = None,
        trigger_word: str | None = None,
        pattern_group: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Pages[Event]:
        """List events, newest first."""
        return self._pages(
            Event,
            "/behavior/query",
            agent_id=agent_id,
            client_id=client_id,
            unit=unit,
            trigger_word=trigger_word,
            pattern_group=pattern_group,
            since=since,
            until=until,
            cursor=cursor,
            limit=limit,
        )

    def deals(
        self,
        *,
        agent_id: Id | None = None,
        client_id: Id | None = None,
        unit: str | None = None,
        stage: str | None = None,
        outcome: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Pages[Deal]:
        """List deals, those opened last first; `outcome` is one of won, lost, open."""
        return self._pages(
            Deal,
            "/behavior/deals",
            agent_id=agent_id,
            client_id=client_id,
            unit=unit,
            stage=stage,
            outcome=outcome,
            since=since,
            until=until,
            cursor=cursor,
            limit=limit,
        )

    def pipeline(self) -> Pipeline:
        """Sum up the open deals by stage: how many, worth what by currency, and how many linger."""
        return self._get(Pipeline, "/behavior/pipeline")

    def predict(self, *, client_id: Id) -> NextStep:
        """Say what usually comes next for a client who is where this one is."""
        return self._get(NextStep, "/behavior/predict", client_id=client_id)

    def recommend(self, *, client_id: Id) -> NextAction:
        """Recommend the trigger or action for a client that evidence supports."""
        return self._get(NextAction, "/behavior/recommend", client_id=client_id)

    def triggers(self, *, top_n: int | None = None, run_id: Id | None = None) -> Triggers:
        """List terms that go with winning or losing: proven ones first, then candidates."""
        return self._get(Triggers, "/behavior/triggers", top_n=top_n, run_id=run_id)

    def patterns(self, *, run_id: Id | None = None) -> Patterns:
        """List groups of terms that are said together."""
        return self._get(Patterns, "/behavior/patterns", run_id=run_id)
