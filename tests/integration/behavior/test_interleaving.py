"""Transactions that overlap leave the same as one after the other; these tests commit, in a database of their own."""

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session
from tests.live import committing

from estate.behavior import service, tasks
from estate.core import outbox
from estate.core.db import Database, unit_of_work, use_database
from estate.core.outbox import Claim
from estate.core.security import Actor

from .conftest import Door, World, fill, numbered
from .recount import recount, stored

NOW = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
NAME = "estate_interleaving"


@pytest.fixture(scope="module")
def own_database(engine: Engine) -> Iterator[Database]:
    with committing(engine, NAME) as database:
        yield database


@pytest.fixture
def world(own_database: Database) -> Iterator[World]:
    with use_database(own_database):
        with unit_of_work(Actor.system()) as session:
            world = fill(session)
        yield world
        with unit_of_work(Actor.system()) as session:
            session.execute(text("TRUNCATE agent_activity, client_profiles, projects, outbox, trigger_stats CASCADE"))
            session.execute(text("TRUNCATE analysis_runs CASCADE"))


def work() -> None:
    for topic, handler in ((tasks.FOLD, tasks.fold), (tasks.ANALYSE, tasks.analyse)):
        outbox.drain(topic, handler, now=NOW)


def check_recount() -> None:
    with unit_of_work(Actor.system()) as session:
        door = Door(session)
        stats, found = recount(door)
        assert door.stats() == stats
        assert {event: row[:2] for event, row in stored(door).items()} == {e: row[:2] for e, row in found.items()}
        assert door.value("SELECT count(*) FROM outbox WHERE topic LIKE 'behavior.%'") == 0


def test_a_deal_closes_while_its_event_is_being_folded(world: World) -> None:
    with unit_of_work(Actor.system()) as session:
        Door(session).deals(world.deal(1, stage="viewing"))
        Door(session).events(world.event(1, trigger_word="discount"))
    with unit_of_work(Actor.system()) as folding:
        service.fold(folding, [numbered(5, 1)])
        with unit_of_work(Actor.system()) as closing:
            Door(closing).deals(world.deal(1, stage="won"))
    work()
    check_recount()


@pytest.mark.parametrize("known", [True, False])
def test_an_event_comes_and_is_folded_while_its_deal_is_being_changed(world: World, known: bool) -> None:
    if known:
        with unit_of_work(Actor.system()) as session:
            Door(session).deals(world.deal(1, stage="viewing"))
    with unit_of_work(Actor.system()) as closing:
        Door(closing).deals(world.deal(1, stage="won"))
        with unit_of_work(Actor.system()) as session:
            Door(session).events(world.event(1, trigger_word="discount"))
        outbox.drain(tasks.FOLD, tasks.fold, now=NOW)
    work()
    check_recount()


def test_what_is_folded_during_an_analysis_is_analysed_afterwards(world: World) -> None:
    with unit_of_work(Actor.system()) as session:
        Door(session).events(world.event(1, trigger_word="early", conversion_effect=1))
    outbox.drain(tasks.FOLD, tasks.fold, now=NOW)
    analyses = 0

    def interrupted(session: Session, claims: Sequence[Claim]) -> None:
        nonlocal analyses
        analyses += 1
        tasks.analyse(session, claims)
        if analyses == 1:
            with unit_of_work(Actor.system()) as other:
                Door(other).events(world.event(2, trigger_word="late", conversion_effect=1))
            outbox.drain(tasks.FOLD, tasks.fold, now=NOW)

    outbox.drain(tasks.ANALYSE, interrupted, now=NOW)
    with unit_of_work(Actor.system()) as session:
        assert {t.term for t in service.triggers(session, 10).items} == {"early", "late"}
    assert analyses == 2


def test_two_batches_with_the_same_events_store_each_once(world: World) -> None:
    rows = [world.event(i, trigger_word="discount", conversion_effect=1) for i in range(300)]
    statuses: list[str] = []

    def send(batch: list[dict[str, object]]) -> None:
        with unit_of_work(Actor.system()) as session:
            told = Door(session).events(*batch)
        statuses.extend(told)

    threads = [threading.Thread(target=send, args=(batch,)) for batch in (rows, rows[::-1], rows)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(statuses) == ["created"] * 300 + ["duplicate"] * 600
    work()
    check_recount()


def test_batches_that_share_events_never_wait_in_a_circle(world: World) -> None:
    low, high = world.event(1), world.event(2)
    told: list[list[str]] = []

    def send_both() -> None:
        with unit_of_work(Actor.system()) as session:
            told.append(Door(session).events(high, low))

    with unit_of_work(Actor.system()) as session:
        Door(session).events(low)
        other = threading.Thread(target=send_both)
        other.start()
        until(lambda: waiting_for_locks() == 1)
        assert Door(session).events(high) == ["created"]
    other.join(timeout=30)
    assert told == [["duplicate", "duplicate"]]


def waiting_for_locks() -> int:
    with unit_of_work(Actor.system()) as session:
        return int(Door(session).value("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"))


def until(condition: Callable[[], bool], seconds: float = 4.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_writers_and_workers_at_once_end_in_a_recount(world: World) -> None:
    errors: list[BaseException] = []
    written = threading.Event()

    def guarded(job: object, *arguments: object) -> None:
        try:
            job(*arguments)  # type: ignore[operator]
        except BaseException as error:
            errors.append(error)

    def write(first: int) -> None:
        for turn in range(15):
            with unit_of_work(Actor.system()) as session:
                stage = ("viewing", "won", "lost")[turn % 3]
                Door(session).deals(world.deal(first + turn % 2, stage=stage))
                case = first + 10 * turn
                Door(session).events(*(world.event(case + i, trigger_word=f"term {i % 3}") for i in range(10)))

    def drain() -> None:
        while not written.is_set():
            work()

    writers = [threading.Thread(target=guarded, args=(write, first)) for first in (1000, 2000)]
    workers = [threading.Thread(target=guarded, args=(drain,)) for _ in range(2)]
    for thread in (*writers, *workers):
        thread.start()
    for thread in writers:
        thread.join(timeout=60)
    written.set()
    for thread in workers:
        thread.join(timeout=60)
    assert errors == []
    work()
    check_recount()
