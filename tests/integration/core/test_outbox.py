"""Work is done once, a failing row holds nobody up, and a dead worker leaves nothing behind."""

import datetime as dt
from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Engine, delete, func, select
from sqlalchemy.orm import Session

from estate.core.db import Database, unit_of_work, use_database
from estate.core.models import OutboxRow
from estate.core.outbox import Claim, Job, drain, enqueue, standings
from estate.core.security import Actor
from estate.core.settings import get_settings

TOPIC = "test.topic"


def later(**delta: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(**delta)


def write(*keys: str) -> None:
    with unit_of_work(Actor.system()) as session:
        enqueue(session, [Job(TOPIC, key) for key in keys])


def left() -> int:
    with unit_of_work(Actor.system()) as session:
        return next((standing.waiting for standing in standings(session) if standing.topic == TOPIC), 0)


def remember(seen: list[str], *, fails: str | None = None) -> Callable[[Session, Sequence[Claim]], None]:
    def handler(session: Session, claims: Sequence[Claim]) -> None:
        if fails in {claim.key for claim in claims}:
            raise ValueError("poison")
        seen.extend(claim.key for claim in claims)

    return handler


def test_work_is_done_in_order_and_deleted(database: None) -> None:
    write("a", "b", "c")
    seen: list[str] = []
    assert drain(TOPIC, remember(seen), now=later()) == 3
    assert (seen, left()) == (["a", "b", "c"], 0)
    assert drain(TOPIC, remember(seen), now=later()) == 0


def test_a_failing_row_waits_alone_and_is_given_up_in_the_end(database: None) -> None:
    write("a", "bad", "c")
    seen: list[str] = []
    assert drain(TOPIC, remember(seen, fails="bad"), now=later()) == 2
    assert (sorted(seen), left()) == (["a", "c"], 1)
    for attempt in range(2, get_settings().outbox_max_attempts + 1):
        assert left() == 1
        drain(TOPIC, remember(seen, fails="bad"), now=later(days=attempt))
    assert left() == 0
    with unit_of_work(Actor.system()) as session:
        row = session.scalars(select(OutboxRow).where(OutboxRow.topic == TOPIC)).one()
    assert (row.dead, row.last_error) == (True, "ValueError")


def test_of_items_that_came_together_only_the_one_at_fault_waits(database: None) -> None:
    with unit_of_work(Actor.system()) as session:
        enqueue(session, [Job(TOPIC, "together", items=["a", "bad", "c"]), Job(TOPIC, "alone", items=["d"])])
    seen: list[str] = []

    def handler(session: Session, claims: Sequence[Claim]) -> None:
        items = [item for claim in claims for item in claim.items]
        if "bad" in items:
            raise ValueError("poison")
        seen.extend(items)

    drain(TOPIC, handler, now=later())
    assert (sorted(seen), left()) == (["a", "c", "d"], 1)
    drain(TOPIC, handler, now=later(days=1))
    with unit_of_work(Actor.system()) as session:
        row = session.scalars(select(OutboxRow).where(OutboxRow.topic == TOPIC)).one()
    assert (row.payload, row.attempts, row.last_error) == ({"items": ["bad"]}, 2, "ValueError")


def test_a_batch_is_bounded_by_what_its_rows_hold(database: None) -> None:
    most = get_settings().outbox_batch_rows
    with unit_of_work(Actor.system()) as session:
        enqueue(session, [Job(TOPIC, f"{n}", items=list(range(most - 1))) for n in range(3)])
    sizes: list[int] = []
    drain(TOPIC, lambda session, claims: sizes.append(len(claims)), now=later())
    assert sizes == [1, 1, 1]


def test_a_key_that_many_rows_hold_is_one_piece_of_work(database: None) -> None:
    with unit_of_work(Actor.system()) as session:
        enqueue(
            session,
            [Job(TOPIC, f"{n}", items=["client a", "client b"]) for n in range(get_settings().outbox_batch_rows)],
        )
    sizes: list[int] = []
    drain(TOPIC, lambda session, claims: sizes.append(len(claims)), now=later())
    assert sizes == [get_settings().outbox_batch_rows]


def test_a_row_is_not_tried_again_before_its_time(database: None) -> None:
    write("bad")
    drain(TOPIC, remember([], fails="bad"), now=later())
    seen: list[str] = []
    assert drain(TOPIC, remember(seen), now=later()) == 0
    assert drain(TOPIC, remember(seen), now=later(minutes=1)) == 1


def test_nothing_is_written_when_its_cause_fails(database: None) -> None:
    def fail() -> None:
        with unit_of_work(Actor.system()) as session:
            enqueue(session, [Job(TOPIC, "a")])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert left() == 0


@pytest.fixture
def committed(engine: Engine) -> Database:
    """A database whose transactions really commit, emptied of the topic before the test."""
    with engine.begin() as connection:
        connection.execute(delete(OutboxRow).where(OutboxRow.topic == TOPIC))
    return Database.of(engine)


def test_two_workers_never_get_the_same_row_and_a_dead_one_gives_its_rows_back(committed: Database) -> None:
    with use_database(committed):
        write("a", "b")
        seen: list[str] = []

        def dies(session: Session, claims: Sequence[Claim]) -> None:
            assert drain(TOPIC, remember(seen), now=later()) == 0, "the rows are locked by the first worker"
            raise SystemExit

        with pytest.raises(SystemExit):
            drain(TOPIC, dies, now=later())
        assert (seen, left()) == ([], 2)
        assert drain(TOPIC, remember(seen), now=later()) == 2
        assert (seen, left()) == (["a", "b"], 0)


def test_the_actor_is_known_to_the_database_for_one_transaction_only(committed: Database) -> None:
    current = select(func.current_setting("estate.actor_role", True))
    with use_database(committed):
        with unit_of_work(Actor("admin")) as session:
            assert session.scalar(current) == "admin"
        with committed.sessions() as session:
            assert session.scalar(current) in (None, "")
