"""A small brokerage to which events can refer."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from estate.behavior import service
from estate.core.ingest import IngestResult, SourceRow

Ingest = Callable[..., IngestResult]


def numbered(kind: int, number: int) -> str:
    return str(uuid.UUID(int=(kind << 64) + number, version=4))


@dataclass(frozen=True)
class World:
    """Ids that exist, and the making of rows."""

    agents: tuple[str, ...]
    clients: tuple[str, ...]
    project: str
    units: tuple[str, ...]

    def event(self, number: int, **fields: Any) -> dict[str, Any]:
        defaults = {"agent_id": self.agents[0], "client_id": self.clients[0], "time_of_event": "2026-03-01T12:00:00Z"}
        return {"event_id": numbered(5, number), **defaults, **fields}

    def deal(self, number: int, **fields: Any) -> dict[str, Any]:
        defaults = {"agent_id": self.agents[0], "client_id": self.clients[0], "opened_at": "2026-02-01T00:00:00Z"}
        return {"deal_id": numbered(6, number), **defaults, **fields}

    def talk(
        self, number: int, turns: Sequence[tuple[str, str] | tuple[str, str, str]], **fields: Any
    ) -> dict[str, Any]:
        names = ("speaker", "text", "said_at")
        said = [dict(zip(names, turn, strict=False)) for turn in turns]
        defaults = {"agent_id": self.agents[0], "client_id": self.clients[0], "turns": said}
        return {"conversation_id": numbered(7, number), **defaults, **fields}


def fill(session: Session) -> World:
    """Write the brokerage."""
    world = World(
        agents=tuple(numbered(1, i) for i in range(3)),
        clients=tuple(numbered(2, i) for i in range(4)),
        project=numbered(3, 0),
        units=tuple(numbered(4, i) for i in range(3)),
    )
    session.execute(
        text("INSERT INTO agent_activity (agent_id, currency) SELECT unnest(CAST(:ids AS uuid[])), 'AED'"),
        {"ids": list(world.agents)},
    )
    session.execute(
        text("INSERT INTO client_profiles (client_id, currency) SELECT unnest(CAST(:ids AS uuid[])), 'AED'"),
        {"ids": list(world.clients)},
    )
    session.execute(text("INSERT INTO projects (project_id) VALUES (:id)"), {"id": world.project})
    session.execute(
        text(
            "INSERT INTO properties (project_id, unit_id, currency)"
            " SELECT :project, unnest(CAST(:ids AS uuid[])), 'AED'"
        ),
        {"project": world.project, "ids": list(world.units)},
    )
    return world


def ingest(verb: Callable[..., IngestResult], session: Session, rows: Sequence[Any]) -> list[str]:
    """Send rows through a verb and return what became of each."""
    result = verb(session, [SourceRow(i, row) for i, row in enumerate(rows)])
    return [item.status for item in result.items]


@dataclass(frozen=True)
class Door:
    """The layer's verbs on one session."""

    session: Session

    def events(self, *rows: Any) -> list[str]:
        return ingest(service.ingest_events, self.session, rows)

    def deals(self, *rows: Any) -> list[str]:
        return ingest(service.ingest_deals, self.session, rows)

    def talks(self, *rows: Any) -> list[str]:
        return ingest(service.ingest_conversations, self.session, rows)

    def value(self, statement: str, **parameters: Any) -> Any:
        return self.session.scalar(text(statement), parameters)

    def rows(self, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.session.execute(text(statement), parameters)]

    def stats(self) -> dict[str, tuple[int, int, int]]:
        found = self.rows("SELECT term, n_won, n_lost, n_open FROM trigger_stats WHERE n_won + n_lost + n_open <> 0")
        return {term: (won, lost, unknown) for term, won, lost, unknown in found}


@pytest.fixture
def door(session: Session) -> Door:
    return Door(session)


@pytest.fixture
def world(session: Session) -> World:
    return fill(session)
