"""The brokerage that the assistant is asked about: some of its records are old, some names are borne twice.

A fact was last confirmed when its record was updated. The world goes on: a fact of `LASTING` keeps its value, any
other has changed after `d` days with chance 1 - exp(-d / `MEAN_LIFE_DAYS`), and the record does not know.
"""

import datetime as dt
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import psycopg

from estate.core.queue import drain_all
from estate.importers.world import load_world

__all__ = ["MEAN_LIFE_DAYS", "Facts", "World", "build", "stream", "working_hour"]

MEAN_LIFE_DAYS = 500.0
LASTING = frozenset({"bedrooms", "bathrooms", "area_sqm", "developer", "lift"})
OLD_SHARE, OLDEST_DAYS, FRESH_DAYS = 0.45, 1_000, 20
TWINS = 6
EMPTY_SHARE = 0.05
TUESDAY = 1

Key = tuple[str, str]
Facts = Mapping[str, Any]

_ROWS = {
    "market": "SELECT area_id::text AS id, m.*, area_name AS name FROM market_insights m",
    "agent": "SELECT agent_id::text AS id, a.* FROM agent_activity a",
    "client": "SELECT client_id::text AS id, c.* FROM client_profiles c",
    "property": """
        SELECT p.project_id || ':' || p.unit_id AS id, p.*, p.title AS name, j.name AS project_name, j.developer,
            p.payment_plan ->> 'name' AS plan_name
        FROM properties p JOIN projects j USING (project_id)
        """,
    "behavior": """
        SELECT deal_id::text AS id, d.*, c.name FROM deals d JOIN client_profiles c USING (client_id)
        """,
}
_TRIGGERS = """
SELECT DISTINCT ON (term) record_id AS id, t.*, term AS name, r.as_of
FROM trigger_findings t JOIN documents ON layer = 'behavior' AND record_id = 'trigger:' || term
JOIN analysis_runs r USING (run_id) ORDER BY term, rank
"""


@dataclass(frozen=True, slots=True)
class World:
    """What is on record, read by SQL, and which of it is no longer so.

    Parameters
    ----------
    rows : mapping
        Layer and id to the row.
    changed : set of (layer, id, field)
        Facts that are not true any more.
    now : datetime
        The moment of all questions.
    """

    rows: dict[Key, Facts]
    changed: frozenset[tuple[str, str, str]]
    now: dt.datetime

    def of(self, layer: str) -> list[Facts]:
        """Return the rows of a layer, deals and triggers of behaviour together."""
        return [row for (name, _), row in self.rows.items() if name == layer]


def stream(name: str, seed: int) -> Random:
    """Return a source of chance of its own for one part of the bench."""
    return Random(f"{name} {seed}")  # noqa: S311 (what is drawn must be repeatable)


def working_hour(at: dt.datetime) -> dt.datetime:
    """Return the last Tuesday at ten, UTC: clients from Cairo to Mumbai may be called, whenever a bench runs."""
    ten = at.replace(hour=10, minute=0, second=0, microsecond=0)
    back = (ten.weekday() - TUESDAY) % 7 or (7 if ten > at else 0)
    return ten - dt.timedelta(days=back)


def build(connection: psycopg.Connection, seed: int, scale: int, now: dt.datetime) -> World:
    """Load a brokerage into the database in use, let it compute, and read it back."""
    rng = stream("answers", seed)
    load_world(scale, rng.randrange(2**31), now, lambda _: None)
    _age(connection, rng, now)
    _make_twins(connection, rng)
    _empty(connection, rng)
    drain_all()
    connection.execute("ANALYZE")
    rows = _read(connection)
    return World(rows, frozenset(_changed(rows, rng, now)), now)


def _ids(connection: psycopg.Connection, table: str, key: str) -> list[uuid.UUID]:
    rows = connection.execute(f"SELECT {key} FROM {table} ORDER BY 1".encode())  # noqa: S608 (constants)
    return [row[0] for row in rows.fetchall()]


def _age(connection: psycopg.Connection, rng: Random, now: dt.datetime) -> None:
    """Draw when each record was last confirmed."""
    for table, key in (("client_profiles", "client_id"), ("agent_activity", "agent_id"), ("properties", "unit_id")):
        ids = _ids(connection, table, key)
        days = [rng.uniform(30, OLDEST_DAYS) if rng.random() < OLD_SHARE else rng.uniform(0, FRESH_DAYS) for _ in ids]
        at = [now - dt.timedelta(days=d) for d in days]
        drawn = "unnest(%s::uuid[], %s::timestamptz[]) n (id, at)"
        statement = f"UPDATE {table} t SET updated_at = n.at FROM {drawn} WHERE t.{key} = n.id"  # noqa: S608
        connection.execute(statement.encode(), (ids, at))


def _make_twins(connection: psycopg.Connection, rng: Random) -> None:
    """Give some clients the name of another."""
    ids = [row[0] for row in connection.execute("SELECT client_id FROM client_profiles ORDER BY 1").fetchall()]
    chosen = rng.sample(ids, 2 * TWINS)
    for one, other in zip(chosen[:TWINS], chosen[TWINS:], strict=True):
        connection.execute(
            "UPDATE client_profiles SET name = (SELECT name FROM client_profiles WHERE client_id = %s)"
            " WHERE client_id = %s",
            (one, other),
        )


def _empty(connection: psycopg.Connection, rng: Random) -> None:
    """Take some values away."""
    for table, key, column in (
        ("client_profiles", "client_id", "budget"),
        ("properties", "unit_id", "delivery_date"),
        ("properties", "unit_id", "area_sqm"),
    ):
        ids = _ids(connection, table, key)
        gone = [i for i in ids if rng.random() < EMPTY_SHARE]
        statement = f"UPDATE {table} SET {column} = NULL WHERE {key} = ANY(%s)"  # noqa: S608 (constants)
        connection.execute(statement.encode(), (gone,))


def _read(connection: psycopg.Connection) -> dict[Key, Facts]:
    cursor = connection.cursor(row_factory=psycopg.rows.dict_row)
    rows: dict[Key, Facts] = {}
    for layer, query in {**_ROWS, "trigger": _TRIGGERS}.items():
        for row in cursor.execute(query.encode()).fetchall():
            rows["behavior" if layer == "trigger" else layer, row["id"]] = row
    return rows


def _changed(rows: Mapping[Key, Facts], rng: Random, now: dt.datetime) -> list[tuple[str, str, str]]:
    """Draw which facts the world has moved on from."""
    found = []
    for (layer, record_id), row in rows.items():
        if layer not in ("client", "agent", "property"):
            continue
        days = (now - row["updated_at"]).total_seconds() / 86_400
        gone = 1 - math.exp(-days / MEAN_LIFE_DAYS)
        found += [(layer, record_id, name) for name in sorted(row) if rng.random() < gone and name not in LASTING]
    return found
