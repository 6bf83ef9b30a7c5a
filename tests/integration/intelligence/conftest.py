"""A small brokerage that each test fills as it needs."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event, insert
from sqlalchemy.orm import Session

from estate.agent import service as agent_service
from estate.behavior import service as behavior_service
from estate.client import service as client_service
from estate.core.ingest import IngestResult, SourceRow
from estate.core.models import ExchangeRate
from estate.core.types import UnitRef
from estate.market import service as market_service
from estate.property import service as property_service

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
PROJECT = uuid.UUID(int=500)
Row = Mapping[str, Any]


def days_ago(days: float) -> str:
    return (NOW - dt.timedelta(days=days)).isoformat()


class Brokerage:
    """Writes through the public verbs of the layers; ids are made from small numbers."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._events = 0

    def agent(self, number: int, **fields: Any) -> uuid.UUID:
        agent_id = uuid.UUID(int=1_000 + number)
        row = {"agent_id": str(agent_id), "name": f"Agent {number}", "updated_at": days_ago(400)} | fields
        self._ingest(agent_service.ingest, [row])
        return agent_id

    def client(self, number: int, **fields: Any) -> uuid.UUID:
        client_id = uuid.UUID(int=2_000 + number)
        named = {"client_id": str(client_id), "name": f"Client {number}", "phone": f"+97150{number:07}"}
        row = named | {"updated_at": days_ago(400)} | fields
        self._ingest(client_service.ingest, [row])
        return client_id

    def area(self, number: int, **fields: Any) -> uuid.UUID:
        area_id = uuid.UUID(int=3_000 + number)
        row = {"area_id": str(area_id), "area_name": f"Area {number}", "observed_on": "2026-05-01"} | fields
        self._ingest(market_service.ingest, [row])
        return area_id

    def unit(self, number: int, **fields: Any) -> UnitRef:
        ref = UnitRef(PROJECT, uuid.UUID(int=4_000 + number))
        row = {
            "project_id": str(ref.project_id),
            "unit_id": str(ref.unit_id),
            "title": f"Unit {number}",
            "price": "1000000.00",
            "updated_at": days_ago(400),
        } | fields
        self._ingest(property_service.ingest, [row])
        return ref

    def unit_ref(self, unit_id: uuid.UUID) -> UnitRef:
        return UnitRef(PROJECT, unit_id)

    def deal(
        self, number: int, agent: uuid.UUID, client: uuid.UUID, opened: float, closed: float | None, **fields: Any
    ) -> uuid.UUID:
        """Open a deal `opened` days ago; `closed` days ago it got its stage, won or lost."""
        deal_id = uuid.UUID(int=5_000 + number)
        row: dict[str, Any] = {
            "deal_id": str(deal_id),
            "agent_id": str(agent),
            "client_id": str(client),
            "opened_at": days_ago(opened),
            "stage": "new",
        }
        if closed is not None:
            row["closed_at"] = days_ago(closed)
        self._ingest(behavior_service.ingest_deals, [row | fields])
        return deal_id

    def deals(
        self, agent: uuid.UUID, client: uuid.UUID, won: int, lost: int, first: int = 0, opened: float = 100
    ) -> None:
        """Close many deals, the won ones first."""
        for i in range(won + lost):
            self.deal(first + i, agent, client, opened, opened - 20, stage="won" if i < won else "lost")

    def event(self, client: uuid.UUID, days: float, agent: uuid.UUID | None = None, **fields: Any) -> None:
        self._events += 1
        row = {
            "event_id": str(uuid.UUID(int=6_000 + self._events)),
            "client_id": str(client),
            "time_of_event": days_ago(days),
        } | fields
        if agent is not None:
            row["agent_id"] = str(agent)
        self._ingest(behavior_service.ingest_events, [row])

    def rate(self, base: str, quote: str, rate: str) -> None:
        values = {"base": base, "quote": quote, "as_of": dt.date(2026, 1, 1), "rate": Decimal(rate)}
        self.session.execute(insert(ExchangeRate).values(**values))

    def _ingest(self, ingest: Callable[..., IngestResult], rows: Iterable[Row]) -> None:
        result = ingest(self.session, [SourceRow(i, row) for i, row in enumerate(rows)])
        assert {item.status for item in result.items} <= {"created", "updated"}, result.items


@pytest.fixture
def brokerage(session: Session) -> Brokerage:
    return Brokerage(session)


@pytest.fixture
def now() -> dt.datetime:
    return NOW


@pytest.fixture
def statements(session: Session) -> list[str]:
    """The statements that were sent since the fixture was made."""
    sent: list[str] = []
    event.listen(session.connection(), "before_cursor_execute", lambda *args: sent.append(args[2]))
    return sent
