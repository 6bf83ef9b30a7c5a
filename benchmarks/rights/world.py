"""The world of the access bench: the sample world with owners drawn by chance, and a caller of every kind."""

import datetime as dt
import os
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL

from benchmarks.harness.stack import API_KEY, Postgres
from estate import registry
from estate.core.db import Database, unit_of_work, use_database
from estate.core.key_store import Standing, create_key
from estate.core.migrate import upgrade
from estate.core.queue import TOPICS, drain_topic
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.importers.world import load_world
from estate.intake import service as imports
from estate.intake.files import read_file
from estate.intake.records import Known
from estate.intake.schemas import ImportUpload

__all__ = ["NOW", "Caller", "Place", "agent_mark", "client_mark", "new_place", "settled"]

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
LOGIN = "estate_api"
ENVIRONMENT = {
    "ESTATE_ENVIRONMENT": "test",
    "ESTATE_KEY_PEPPER": "estate-bench-pepper-of-32-characters",
    "ESTATE_BOOTSTRAP_API_KEY": API_KEY,
    "ESTATE_CREDENTIAL_CACHE_MS": "1000",
    "ESTATE_RATE_LIMIT_ENABLED": "false",
}
TRAINING = "intelligence.train"
WITHOUT_TEAM = 2
UNASSIGNED = 0.12

# Blind deletes are counted, so no reference may stand in their way; at any other time references are checked at once.
DEFERRABLE = text("""
SELECT format('ALTER TABLE %s ALTER CONSTRAINT %I DEFERRABLE', conrelid::regclass, conname)
FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace
""")
CHANGES = (
    "UPDATE behavior_events SET client_id = NULL, deal_id = NULL, conversation_id = NULL"
    " WHERE agent_id IS NOT NULL AND hashtext(event_id::text) % 20 = 0",
    """
    INSERT INTO client_merges (merged_id, merged_into, kept_id, merged_by, moved, filled, profile)
    SELECT gen_random_uuid(), client_id, client_id, 'bench', '{}', '[]', '{}'
    FROM client_profiles WHERE hashtext(client_id::text) % 4 = 0
    """,
    """
    INSERT INTO contacts (contact_id, client_id, agent_id, contacted_at, channel, outcome)
    SELECT gen_random_uuid(), client_id, agent_id, opened_at, 'call', 'reached'
    FROM deals WHERE hashtext(deal_id::text) % 2 = 0
    """,
    """
    INSERT INTO call_skips (skip_id, client_id, agent_id, skipped_at, reason)
    SELECT gen_random_uuid(), client_id, agent_id, opened_at, 'busy' FROM deals WHERE hashtext(deal_id::text) % 3 = 0
    """,
    """
    INSERT INTO gpt_responses (response_id, agent_id, client_id, client_input, intent, text, reasoning, used_records,
        records, confidence, abstained, composer_version)
    SELECT gen_random_uuid(), agent_id, CASE WHEN n % 4 > 0 THEN client_id END, 'Who calls?', 'general', 'Nobody.',
        '[]', '[]', '[]', 0.5, false, 'bench'
    FROM (SELECT agent_id, client_id, row_number() OVER (ORDER BY deal_id) AS n FROM deals) d WHERE n % 3 = 0
    """,
    """
    INSERT INTO gpt_feedback (feedback_id, response_id, verdict)
    SELECT gen_random_uuid(), response_id, 'helpful' FROM gpt_responses
    """,
    """
    WITH batch AS (
        INSERT INTO ingest_batches (batch_id, layer, source) VALUES (gen_random_uuid(), 'client', 'bench')
        RETURNING batch_id
    )
    INSERT INTO rejected_rows (batch_id, layer, row_number, status, reason, raw)
    SELECT batch_id, 'client', n, 'rejected', 'no such agent', '{}' FROM batch, generate_series(1, 30) n
    """,
)
EMBEDDED = """
INSERT INTO document_embeddings (document_id, layer, embedder, embedding)
SELECT document_id, layer, 'bench', CAST(array_fill(0.1, ARRAY[384]) AS vector)
FROM documents ORDER BY document_id LIMIT 400
"""
KEPT_ANSWERS = text("""
INSERT INTO idempotency_keys (caller, route, key, body_hash, status, response, media_type)
SELECT :caller, '/gpt/feedback', 'bench ' || n, '\\x00', 200, '{}', 'application/json' FROM generate_series(1, 3) n
""")


FILE = b"Name,Email\nHuda Salem,huda@example.com\nOmar\n"
WAS_TAKEN = text("UPDATE imports SET state = 'committed', committed_at = now() WHERE import_id = :id")
CHANGED = text("""
INSERT INTO import_changes (import_id, subject_table, record_id, place, line, key, before, after_hash)
SELECT :id, 'teams', 'none', 7, 2, '{"name": "none"}', NULL, '\\x00'
""")


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a key."""

    actor: Actor
    key: str


@dataclass(frozen=True, slots=True)
class Place:
    """A database with its ways in.

    Parameters
    ----------
    owner : Engine
        Of the role that owns the tables.
    api : Database
        As the API logs in: it owns nothing and sees nothing before it takes on a role.
    """

    owner: Engine
    api: Database

    @property
    def system(self) -> Database:
        """The same database as the platform itself reads it."""
        return Database.of(self.owner)

    @contextmanager
    def whole(self) -> Iterator[Connection]:
        """Open a transaction that sees and may change all rows."""
        with self.owner.begin() as connection:
            connection.execute(text("SET LOCAL ROLE estate_system"))
            yield connection


def agent_mark(n: int) -> str:
    """Return what stands in the name of an agent and nowhere else."""
    return f"A{n:05d}Z"


def client_mark(n: int) -> str:
    """Return what stands in the name of a client and nowhere else."""
    return f"Q{n:05d}Z"


@contextmanager
def new_place(postgres: Postgres, name: str) -> Iterator[Place]:
    """Make an empty database, and use it as the API does within the block."""
    os.environ.update(ENVIRONMENT)
    os.environ.pop("ESTATE_REDIS_URL", None)
    get_settings.cache_clear()
    registry.register()
    postgres.create(name)
    password = secrets.token_hex(16)
    url = postgres.url(name)
    upgrade(_text(url), {LOGIN: password})
    place = Place(create_engine(url), Database.connect(_text(url.set(username=LOGIN, password=password)), "api"))
    try:
        with use_database(place.api):
            yield place
    finally:
        place.owner.dispose()
        place.api.close()


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def settled(place: Place, rng: Random, *, trained: bool) -> list[Caller]:
    """Load the sample world, give its clients to agents by chance, and make a key for everybody.

    Parameters
    ----------
    trained : bool
        Whether models are trained on it, which takes seconds.
    """
    with use_database(place.system):
        load_world(1, rng.randrange(2**31), NOW, lambda _: None)
        with place.owner.begin() as connection:
            for statement in connection.scalars(DEFERRABLE).all():
                connection.exec_driver_sql(statement)
        with place.whole() as connection:
            teams = _give_away(connection, rng)
        while sum(drain_topic(topic) for topic in TOPICS if trained or topic != TRAINING):
            pass
        with place.whole() as connection:
            if connection.scalar(text("SELECT to_regclass('document_embeddings')")) is not None:
                connection.exec_driver_sql(EMBEDDED)
            agents = list(connection.scalars(text("SELECT agent_id FROM agent_activity ORDER BY agent_id")))
        callers = _callers(teams, agents, rng)
        with place.whole() as connection:
            connection.execute(KEPT_ANSWERS, [{"caller": caller.actor.caller} for caller in callers])
        for caller in callers:
            if caller.actor.role != "read_only":
                _bring_files(caller.actor)
    return callers


def _bring_files(actor: Actor) -> None:
    """Bring a file that is read, and one that was taken."""
    table = read_file(FILE, {})
    for state in ("read", "committed"):
        with unit_of_work(actor) as session:
            made = imports.prepare(table, {"kind": "clients"}, Known())
            brought = imports.bring(session, actor, ImportUpload(filename=f"{state}.csv"), FILE, made)
        if state == "committed":
            with unit_of_work(Actor.system()) as session:
                session.execute(WAS_TAKEN, {"id": brought.import_id})
                session.execute(CHANGED, {"id": brought.import_id})


def _give_away(connection: Connection, rng: Random) -> list[uuid.UUID]:
    """Draw teams and owners, and mark the names; return the teams."""
    teams = list(connection.scalars(text("SELECT team_id FROM teams ORDER BY team_id")))
    agents = list(connection.scalars(text("SELECT agent_id FROM agent_activity ORDER BY agent_id")))
    clients = list(connection.scalars(text("SELECT client_id FROM client_profiles ORDER BY client_id")))
    rng.shuffle(agents)
    places = [None] * WITHOUT_TEAM + [teams[n % len(teams)] for n in range(len(agents) - WITHOUT_TEAM)]
    connection.execute(
        text("UPDATE agent_activity SET team_id = :team, name = name || ' ' || :mark WHERE agent_id = :agent"),
        [
            {"team": team, "mark": agent_mark(n), "agent": a}
            for n, (a, team) in enumerate(zip(agents, places, strict=True))
        ],
    )
    connection.execute(
        text("""
        UPDATE client_profiles SET owner_agent_id = :owner, name = coalesce(name, 'Somebody') || ' ' || :mark,
            phone = :phone, email = :email WHERE client_id = :client
        """),
        [
            {
                "client": client,
                "owner": None if rng.random() < UNASSIGNED else rng.choice(agents),
                "mark": client_mark(n),
                "phone": f"+9715{n - n % 7 % 2:07d}",  # Some share one: they look like one person.
                "email": f"{client_mark(n)}@example.com",
            }
            for n, client in enumerate(clients)
        ],
    )
    for statement in CHANGES:
        connection.exec_driver_sql(statement.replace("%", "%%"))
    return teams


def _callers(teams: list[uuid.UUID], agents: list[uuid.UUID], rng: Random) -> list[Caller]:
    standings = [Standing("admin"), Standing("read_only"), Standing("ingest")]
    standings += [Standing("manager", None, team) for team in teams]
    standings += [Standing("manager", rng.choice(agents), rng.choice(teams))]
    standings += [Standing("agent", agent) for agent in agents]
    with unit_of_work(Actor.system()) as session:
        keys = [create_key(session, Actor.system(), s.role, s) for s in standings]
    return [
        Caller(Actor(s.role, s.agent_id, s.team_id, caller=key.key_id), key.text())
        for s, key in zip(standings, keys, strict=True)
    ]
