"""A whole platform with its console on the sample world, of its own size or enlarged."""

import datetime as dt
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from benchmarks.harness.browser import Console
from benchmarks.harness.stack import API_KEY, Postgres, Redis, Stack
from estate import registry
from estate.cli.accounts import ACCOUNTS, create_accounts
from estate.cli.processes import HOST
from estate.core.db import Database, unit_of_work, use_database
from estate.core.queue import drain_all
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.importers.world import load_world
from estate.sdk import Estate

__all__ = ["EMAILS", "PASSWORD", "House", "enlarge", "open_house", "pages_of", "passing_servers"]

EMAILS = ACCOUNTS
PASSWORD = "bench password of the console"  # noqa: S105 (of a database that is gone afterwards)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(:[0-9a-f-]{36})?")

ALWAYS = {"opens": "00:00", "closes": "23:59:59.999999", "weekdays": [1, 2, 3, 4, 5, 6, 7], "registry": None}
CAPS = {"unanswered_per_day": 1, "unanswered_per_week": 2, "source": "none", "note": "", "reviewed_on": None}
RULES = [
    {"country": "AE", "valid_from": "2024-01-01", "needs_consent": False, **ALWAYS, **CAPS},
    {"country": None, "valid_from": "1970-01-01", "needs_consent": True, **ALWAYS, **CAPS},
]
"""At night the real ones leave nobody to call; all but the hours is as strict as they are."""
SETTINGS = {"ESTATE_LOG_INS_PER_MINUTE": "1000", "ESTATE_REDIS_TIMEOUT_MS": "1000"}
"""Nobody logs in without Redis, which on a busy machine takes its time."""
COLUMNS = """
SELECT attname FROM pg_attribute WHERE attrelid = CAST(%s AS regclass) AND attnum > 0 AND NOT attisdropped
    AND attgenerated = '' AND attidentity = '' ORDER BY attnum
"""
COPIES: Mapping[str, tuple[str, str]] = {
    "agent_activity": ("jsonb_build_object('agent_id', gen_random_uuid())", "greatest(12, %(rows)s / 400)"),
    "client_profiles": (
        "jsonb_build_object('client_id', gen_random_uuid(), 'phone', NULL, 'email', NULL,"
        " 'name', name || ' ' || n, 'owner_agent_id',"
        " (SELECT array_agg(agent_id) FROM agent_activity)[1 + n %% (SELECT count(*) FROM agent_activity)])",
        "%(rows)s",
    ),
    "properties": ("jsonb_build_object('unit_id', gen_random_uuid())", "%(rows)s"),
}
"""What a copied row has of its own, and how many rows there shall be; the n-th copy of the clients is of one agent."""


@dataclass(frozen=True)
class House:
    """A running platform.

    Parameters
    ----------
    stack : Stack
        API and worker with the servers below them.
    console : Console
        The pages.
    agent_id : str
        Of the agent who signs in.
    client_paths, unit_ids, area_ids : sequences of str
        Records to look at; the clients are the agent's own.
    """

    stack: Stack
    console: Console
    agent_id: str
    client_paths: Sequence[str]
    unit_ids: Sequence[str]
    area_ids: Sequence[str]
    reply_id: str

    def notes(self, mark: str) -> list[str]:
        """Return the notes of kept contacts that hold a mark."""
        with self.stack.connection() as connection:
            query = "SELECT note FROM contacts WHERE note LIKE %s"
            return [row[0] for row in connection.execute(query, [f"%{mark}%"]).fetchall()]

    @staticmethod
    def pattern(path: str) -> str:
        """Return the path of a page without its ids."""
        return UUID.sub("{id}", path)


@contextmanager
def passing_servers() -> Iterator[tuple[Path, Postgres, Redis]]:
    """Yield a folder with a PostgreSQL that waits for no disk and a Redis; all of it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="estate-bench-", dir="/var/tmp") as name, ExitStack() as parts:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL does not run as root.
        postgres = Postgres(folder / "postgresql", durable=False)
        parts.callback(postgres.stop)
        redis = Redis(folder / "redis")
        parts.callback(redis.stop)
        yield folder, postgres, redis


@contextmanager
def open_house(
    postgres: Postgres, redis: Redis, database: str, folder: Path, seed: int, grow: Callable[[str], None] | None = None
) -> Iterator[House]:
    """Run a platform on the sample world; `grow` may enlarge it before anything starts."""
    registry.register()
    postgres.create(database)
    url = postgres.url(database).render_as_string(hide_password=False)
    with closing(Database.connect(url, "worker")) as opened, use_database(opened):
        load_world(1, seed, dt.datetime.now(dt.UTC), lambda _: None)
        drain_all()
        with unit_of_work(Actor.system()) as session:
            create_accounts(session, PASSWORD)
    if grow is not None:
        grow(url)
    folder.mkdir(parents=True, exist_ok=True)
    rules = folder / "contact_rules.json"
    rules.write_text(json.dumps(RULES))
    made_with = {"ESTATE_KEY_PEPPER": get_settings().pepper().decode()}  # The models of the world are signed under it.
    extra = SETTINGS | made_with | {"ESTATE_CONTACT_RULES_FILE": str(rules)}
    stack = Stack(postgres, redis, database, folder, direct=True, extra=extra)
    try:
        stack.wait_ready()
        console = Console(f"http://{HOST}:{stack.port}", folder / "console.log")
        try:
            yield _house(stack, console)
        finally:
            console.stop()
    finally:
        stack.stop()


def _house(stack: Stack, console: Console) -> House:
    with stack.connection() as connection:
        found = connection.execute("SELECT agent_id FROM users WHERE email = %s", [EMAILS["agent"]])
        agent_id = str(found.fetchall()[0][0])
    with Estate(f"http://{HOST}:{stack.port}", api_key=API_KEY) as estate:
        clients = estate.client.query(owner_agent_id=agent_id, limit=20).first()
        units = [unit.property_id for unit in estate.property.query(status="available", limit=5).first()]
        areas = [str(area.area_id) for area in estate.market.heatmap()]
        reply = estate.gpt.respond("What are the prices of the newest projects?", agent_id=agent_id)
    paths = [f"/clients/{client.client_id}" for client in clients]
    return House(stack, console, agent_id, paths, units, areas, str(reply.response_id))


def pages_of(house: House) -> dict[str, list[str]]:
    """Return the pages that each role looks at, the same for houses of any size."""
    pair = "&".join(f"unit={unit}" for unit in house.unit_ids[:3])
    everybody = [
        "/clients",
        house.client_paths[0],
        "/properties",
        f"/properties/{house.unit_ids[0]}",
        f"/properties/compare?{pair}",
        "/market",
        f"/market/{house.area_ids[0]}",
        "/agents",
        f"/agents/{house.agent_id}",
        f"/deals?agent_id={house.agent_id}",
        "/behavior",
        "/behavior/events",
        "/assistant",
        "/imports",
    ]
    return {
        "agent": ["/today", *everybody],
        "manager": ["/overview", "/clients/duplicates", *everybody],
        "admin": ["/overview", f"/assistant/{house.reply_id}", "/system", "/system/rejected", *everybody],
    }


def enlarge(url: str, rows: int) -> None:
    """Copy clients and units, each with an id of its own, until there are so many of both; an agent has about 400.

    Units stay in their projects. Nothing is recounted and no search document is made, since the pages read neither of
    copies; agents who are copies have closed nothing.
    """
    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(dsn, autocommit=True) as connection:
        for table, (own, most) in COPIES.items():
            names = ", ".join(row[0] for row in connection.execute(COLUMNS, [table]).fetchall())
            connection.execute(
                f"""INSERT INTO {table} ({names}) SELECT {names} FROM (
                    SELECT (jsonb_populate_record(t, {own})).* FROM {table} t
                    CROSS JOIN generate_series(1, 1 + {most} / (SELECT count(*) FROM {table})) n LIMIT
                    greatest(0, {most} - (SELECT count(*) FROM {table}))) copied""".encode(),  # noqa: S608
                {"rows": rows},
            )
            connection.execute(f"ANALYZE {table}".encode())
