"""A row that kills its worker is found and set aside; an outage is counted against nobody."""

import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session
from tests.live import new_database

from estate.core import queue
from estate.core.db import Database, make_engine, unit_of_work, use_database
from estate.core.models import OutboxClaim, OutboxRow
from estate.core.outbox import MAX_CRASHES, Claim, Handler, Job, drain, enqueue
from estate.core.security import Actor
from estate.core.settings import get_settings

TOPIC = "test.crash"
WORKER = """
import datetime as dt, os
from sqlalchemy import text
from estate.core.outbox import drain

def work(session, claims):
    keys = [key for claim in claims for key in claim.items or [claim.key]]
    if "killer" in keys:
        os._exit(9)
    add = text("INSERT INTO teams (team_id, name) SELECT gen_random_uuid(), unnest(CAST(:keys AS text[]))")
    session.execute(add, {"keys": keys})

drain("test.crash", work, now=dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1))
"""


@pytest.fixture
def committed(engine: object, database_url: str) -> Iterator[str]:
    server = create_engine(database_url)
    url = new_database(server, "estate_crashes")
    server.dispose()
    own = create_engine(url)
    with use_database(Database.of(own)):
        yield url
    own.dispose()


@pytest.fixture
def timed(committed: str) -> Iterator[None]:
    """The same database, behind an engine as the platform makes it."""
    engine = make_engine(committed, get_settings(), statement_timeout_ms=10_000)
    with use_database(Database.of(engine)):
        yield
    engine.dispose()


def cut_off(session: Session, claims: Sequence[Claim]) -> None:
    session.execute(text("SET LOCAL ROLE NONE"))
    session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def worker_dies(url: str) -> bool:
    environment = os.environ | {"ESTATE_DATABASE_URL": url, "ESTATE_OUTBOX_BATCH_ROWS": "200"}
    done = subprocess.run(
        [sys.executable, "-c", WORKER], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode in (0, 9), done.stderr
    return done.returncode == 9


@pytest.mark.parametrize("together", [False, True], ids=["a row each", "items of one row"])
def test_what_kills_its_worker_is_set_aside_and_the_rest_is_done_once(committed: str, together: bool) -> None:
    keys = [f"team {n}" for n in range(450)]
    keys.insert(120, "killer")
    with unit_of_work(Actor.system()) as session:
        enqueue(session, [Job(TOPIC, "all", items=keys)] if together else [Job(TOPIC, key) for key in keys])
    crashes = 0
    while worker_dies(committed):
        crashes += 1
        assert crashes <= MAX_CRASHES
    with unit_of_work(Actor.system()) as session:
        (left,) = session.scalars(select(OutboxRow)).all()
        assert "killer" in (left.key, *left.payload.get("items", ()))
        assert (left.dead, left.last_error) == (True, "ProcessDied")
        assert session.scalars(select(OutboxClaim)).all() == []
        done = session.scalars(text("SELECT count(*) FROM teams")).one()
    assert (crashes, done) == (MAX_CRASHES, 450)


def refused_with(state: str) -> Handler:
    def handler(session: Session, claims: Sequence[Claim]) -> None:
        session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$"))

    return handler


@pytest.mark.parametrize(
    "outage",
    [cut_off, *map(refused_with, ("53100", "53300", "55P03"))],
    ids=["cut off", "disk full", "too many connections", "locked"],
)
def test_an_outage_is_counted_against_no_row(committed: str, outage: Handler) -> None:
    with unit_of_work(Actor.system()) as session:
        enqueue(session, [Job(TOPIC, "a")])
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    for _ in range(MAX_CRASHES):
        with pytest.raises(OperationalError):
            drain(TOPIC, outage, now=later)
    with unit_of_work(Actor.system()) as session:
        row = session.scalars(select(OutboxRow)).one()
        assert (row.attempts, row.crashes, row.dead, row.last_error) == (0, 0, False, None)
    assert drain(TOPIC, lambda session, claims: None, now=later) == 1


def test_a_statement_that_the_server_refuses_is_counted_until_it_is_given_up(timed: None) -> None:
    def too_deep(session: Session, claims: Sequence[Claim]) -> None:
        session.execute(text("SELECT 1" + " + 1" * 100_000))

    with unit_of_work(Actor.system()) as session:
        enqueue(session, [Job(TOPIC, "a")])
    for attempt in range(get_settings().outbox_max_attempts):
        assert drain(TOPIC, too_deep, now=dt.datetime.now(dt.UTC) + dt.timedelta(days=attempt + 1)) == 0
    with unit_of_work(Actor.system()) as session:
        row = session.scalars(select(OutboxRow)).one()
        assert (row.dead, row.last_error) == (True, "OperationalError")


def test_a_topic_that_fails_holds_up_no_other(timed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    handlers: dict[str, Handler] = {
        "test.crash": cut_off,
        "test.behind": lambda session, claims: seen.extend(claim.key for claim in claims),
    }
    monkeypatch.setattr(queue, "TOPICS", handlers)
    with unit_of_work(Actor.system()) as session:
        enqueue(session, [Job(topic, topic) for topic in handlers])
    with pytest.raises(OperationalError):
        queue.drain_all()
    assert seen == ["test.behind"]


def test_work_that_keeps_the_server_waiting_is_set_aside_and_the_rest_is_done(committed: str) -> None:
    keys = [f"team {n}" for n in range(30)]
    with unit_of_work(Actor.system()) as session:
        enqueue(session, [Job(TOPIC, key) for key in [*keys, "slow"]])
    done: list[str] = []

    def work(session: Session, claims: Sequence[Claim]) -> None:
        if any(claim.key == "slow" for claim in claims):
            session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '100ms'"))
            time.sleep(1)
        session.execute(text("SELECT 1"))
        done.extend(claim.key for claim in claims)

    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    for _ in range(MAX_CRASHES):
        with pytest.raises(DBAPIError):
            drain(TOPIC, work, now=later)
    drain(TOPIC, work, now=later)
    with unit_of_work(Actor.system()) as session:
        (left,) = session.scalars(select(OutboxRow)).all()
        assert (left.key, left.dead, left.last_error) == ("slow", True, "ProcessDied")
    assert sorted(done) == sorted(keys)
