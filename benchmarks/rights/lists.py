"""What row policies cost: the lists of a large brokerage, against the same rows by a filter in the query itself."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any, NamedTuple
from unittest.mock import patch

from sqlalchemy import ColumnElement, Select, create_engine, select, text
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from benchmarks.harness.stack import Postgres
from benchmarks.rights.oracle import COLUMNS
from benchmarks.rights.world import Caller, Place, new_place
from estate.agent import crud as agents
from estate.agent.models import AgentActivity
from estate.api.app import create_app
from estate.behavior.crud import events
from estate.behavior.models import BehaviorEvent
from estate.client import crud as clients
from estate.client.models import ClientProfile
from estate.core.db import Database, unit_of_work, use_database
from estate.core.key_store import Standing, create_key
from estate.core.paging import Key, Page, fetch_page
from estate.core.security import Actor

__all__ = ["measured"]

TURNS = 41
DATABASE, COPY = "lists", "lists_without_policies"
CLIENTS, AGENTS, EVENTS, TEAMS = 100_000, 400, 300_000, 40

FILL = f"""
INSERT INTO teams (team_id, name) SELECT md5('team ' || n)::uuid, 'Team ' || n FROM generate_series(0, {TEAMS - 1}) n;
INSERT INTO agent_activity (agent_id, name, currency, team_id)
SELECT md5('agent ' || n)::uuid, 'Agent ' || n, 'AED', md5('team ' || n % {TEAMS})::uuid
FROM generate_series(0, {AGENTS - 1}) n;
INSERT INTO client_profiles (client_id, name, owner_agent_id, budget, currency, phone, interest, location_targets)
SELECT md5('client ' || n)::uuid, 'Client ' || n,
    CASE WHEN n / {AGENTS} % 20 > 0 THEN md5('agent ' || n % {AGENTS})::uuid END,
    500000 + (n * 37 % 5000) * 1000, 'AED', '+9715' || lpad(n::text, 7, '0'), '{{"purpose": "own use"}}',
    '["Palm Harbour", "Canal Gate"]'
FROM generate_series(0, {CLIENTS - 1}) n;
INSERT INTO behavior_events (event_id, agent_id, client_id, trigger_word, time_of_event, content_hash)
SELECT md5('event ' || n)::uuid, md5('agent ' || n * 13 % {AGENTS})::uuid,
    CASE WHEN n % 10 > 0 THEN md5('client ' || n * 31 % {CLIENTS})::uuid END, 'word ' || n % 50,
    timestamptz '2026-01-01Z' + n * interval '1 minute', '\\x00'
FROM generate_series(0, {EVENTS - 1}) n;
"""  # noqa: S608 (numbers of our own)
LISTS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "clients": ("/client/query", {}),
    "clients by budget": ("/client/query", {"budget_min": 1_000_000, "budget_max": 1_400_000}),
    "clients by search": ("/client/query", {"search": "client 77"}),
    "events": ("/behavior/query", {}),
    "agents": ("/agent/query", {}),
}


class _Side(NamedTuple):
    """One of two ways to the same rows: a database, and the filter that its queries are given."""

    database: Database
    filtered: bool


def measured(postgres: Postgres) -> dict[str, Any]:
    """Return `list_ratio`, the worst ratio of the medians, and the milliseconds of every list by role."""
    with new_place(postgres, DATABASE) as place:
        callers = _filled(place)
        with _unprotected(postgres, place) as plain, TestClient(create_app()) as http:
            sides = (_Side(place.api, filtered=False), _Side(plain, filtered=True))
            detail = {
                f"{name}, {caller.actor.role}": _compared(http, caller, path, params, sides)
                for name, (path, params) in LISTS.items()
                for caller in callers
            }
    return {"list_ratio": max(row["ratio"] for row in detail.values()), "lists": detail}


def _filled(place: Place) -> list[Caller]:
    with place.whole() as connection:
        connection.exec_driver_sql(FILL.replace("%", "%%"))
        agent, team = connection.execute(text("SELECT agent_id, team_id FROM agent_activity ORDER BY 1 LIMIT 1")).one()
    with place.owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    standings = [Standing("admin"), Standing("manager", None, team), Standing("agent", agent)]
    with use_database(place.system), unit_of_work(Actor.system()) as session:
        keys = [create_key(session, Actor.system(), s.role, s) for s in standings]
    return [
        Caller(Actor(s.role, s.agent_id, s.team_id, caller=key.key_id), key.text())
        for s, key in zip(standings, keys, strict=True)
    ]


@contextmanager
def _unprotected(postgres: Postgres, place: Place) -> Iterator[Database]:
    """Make a copy of the database in which no policy holds."""
    api = place.api.engine
    place.owner.dispose()  # A database is copied only while nobody is in it.
    api.dispose()
    postgres.create(COPY, template=DATABASE)
    owner = create_engine(postgres.url(COPY))
    with owner.begin() as connection:
        for table in COLUMNS:
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    owner.dispose()
    copy = Database.connect(api.url.set(database=COPY).render_as_string(hide_password=False), "api")
    yield copy
    copy.close()


def _compared(
    http: TestClient, caller: Caller, path: str, params: dict[str, Any], sides: Sequence[_Side]
) -> dict[str, float]:
    """Time both sides in turns, the first of which fills caches; they must give the same rows."""
    seconds: dict[_Side, list[float]] = {side: [] for side in sides}
    answers = {}
    for turn in range(TURNS + 1):
        for side in sides if turn % 2 else reversed(sides):
            started = time.perf_counter()
            answers[side] = _answer(http, caller, path, params, side)
            seconds[side].append(time.perf_counter() - started)
    ours, theirs = (answers[side] for side in sides)
    if not ours["items"] or ours != theirs:
        raise AssertionError(f"{path} gives {caller.actor.role} other rows without policies")
    ours_ms, theirs_ms = (1_000 * statistics.median(seconds[side][1:]) for side in sides)
    return {"ratio": ours_ms / theirs_ms, "policies_ms": ours_ms, "filter_ms": theirs_ms, "rows": len(ours["items"])}


def _answer(http: TestClient, caller: Caller, path: str, params: dict[str, Any], side: _Side) -> Any:
    filters = _filters(caller.actor) if side.filtered else {}
    with use_database(side.database), ExitStack() as patched:
        for crud, condition in filters.items():
            patched.enter_context(patch.object(crud, "fetch_page", _filtering(condition)))
        answer = http.get(path, params=params, headers={"X-API-Key": caller.key})
    answer.raise_for_status()
    return answer.json()


def _filtering(condition: ColumnElement[bool]) -> Callable[..., Page[Any]]:
    def fetch(session: Session, query: Select[Any], key: Key, **page: Any) -> Page[Any]:
        return fetch_page(session, query.where(condition), key, **page)

    return fetch


def _filters(actor: Actor) -> dict[ModuleType, ColumnElement[bool]]:
    """Return what somebody would write into each query without policies."""
    if actor.role == "admin":
        return {}
    team = select(AgentActivity.agent_id).where(AgentActivity.team_id == actor.team_id)

    def of(column: Any) -> ColumnElement[bool]:
        found: ColumnElement[bool] = column.in_(team) if actor.role == "manager" else column == actor.agent_id
        return found

    own = select(ClientProfile.client_id).where(of(ClientProfile.owner_agent_id))
    by_agent = BehaviorEvent.client_id.is_(None) & of(BehaviorEvent.agent_id)
    return {
        clients: of(ClientProfile.owner_agent_id),
        events: BehaviorEvent.client_id.in_(own) | by_agent,
        agents: AgentActivity.team_id == actor.team_id if actor.role == "manager" else of(AgentActivity.agent_id),
    }
