"""A sweep is made in turn, by the clock of the database, whoever asks for it and however wrong other clocks are."""

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, text
from tests.live import committing

from estate.core import queue
from estate.core.db import Database, database_time, unit_of_work, use_database
from estate.core.heartbeats import RETAIN, SWEEP, last_beat, take_turn
from estate.core.security import Actor

NAME = "test"
EVERY_S = 60.0


def beat_at(name: str) -> dt.datetime | None:
    with unit_of_work(Actor.system()) as session:
        return last_beat(session, name)


def shift(connection: Connection, by: str) -> None:
    connection.execute(text(f"UPDATE heartbeats SET beat_at = beat_at + interval '{by}'"))


@pytest.fixture
def committed(engine: Engine) -> Iterator[Database]:
    with committing(engine, "estate_turns") as database, use_database(database):
        yield database


def test_a_sweep_leaves_a_heartbeat_and_forgets_what_is_old(database: None) -> None:
    queue.sweep()
    with unit_of_work(Actor.system()) as session:
        now = database_time(session)
    for name in (SWEEP, RETAIN):
        at = beat_at(name)
        assert at is not None
        assert dt.timedelta(0) <= now - at < dt.timedelta(seconds=10)


def test_one_who_comes_too_soon_leaves_it(database: None, connection: Connection) -> None:
    assert take_turn(NAME, EVERY_S)
    assert not take_turn(NAME, EVERY_S)
    shift(connection, "-59 seconds")
    assert not take_turn(NAME, EVERY_S)
    shift(connection, "-1 second")
    assert take_turn(NAME, EVERY_S)


@pytest.mark.parametrize("by", ["1 hour", "1 day"])
def test_a_clock_that_was_set_back_keeps_nobody_waiting(database: None, connection: Connection, by: str) -> None:
    assert take_turn(NAME, EVERY_S)
    shift(connection, by)
    assert take_turn(NAME, EVERY_S)
    assert not take_turn(NAME, EVERY_S)


def test_of_many_who_come_at_once_one_has_the_turn(committed: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        turns = list(pool.map(lambda _: take_turn(NAME, EVERY_S), range(40)))
    assert turns.count(True) == 1
