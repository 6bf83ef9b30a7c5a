"""Counts equal a recount, whatever is folded twice, dies in between or changes afterwards."""

import datetime as dt
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy.orm import Session

from estate.behavior import service, tasks
from estate.core import outbox
from estate.core.outbox import Claim
from estate.core.settings import get_settings

from .conftest import Door, World, numbered
from .recount import recount, stored

NOW = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


def drain(topic: str = tasks.FOLD, handler: outbox.Handler = tasks.fold) -> int:
    return outbox.drain(topic, handler, now=NOW)


def folded(door: Door, number: int) -> tuple[Any, ...]:
    (row,) = door.rows(
        "SELECT folded_outcome, CAST(folded_deal_id AS text), pattern_group FROM behavior_events WHERE event_id = :id",
        id=numbered(5, number),
    )
    return row


# Outcome of an event


@pytest.mark.parametrize(
    ("effect", "outcome", "group"),
    [(0.1, "won", "won"), (0, "lost", "lost"), (-2, "lost", "lost"), (None, "open", "new")],
)
def test_without_a_deal_the_effect_decides(
    door: Door, world: World, effect: float | None, outcome: str, group: str
) -> None:
    door.events(world.event(1, trigger_word="discount", conversion_effect=effect))
    drain()
    assert folded(door, 1) == (outcome, None, group)
    assert sum(door.stats()["discount"]) == 1


def test_the_stated_deal_decides_whatever_else_fits(door: Door, world: World) -> None:
    door.deals(
        world.deal(1, stage="lost", client_id=world.clients[1], closed_at="2026-02-02T00:00:00Z"),
        world.deal(2, stage="won", closed_at="2026-04-01T00:00:00Z"),
    )
    door.events(world.event(1, deal_id=numbered(6, 1), conversion_effect=5))
    drain()
    assert folded(door, 1) == ("lost", numbered(6, 1), "lost")


def test_else_the_newest_deal_of_the_pair_that_was_open_then(door: Door, world: World) -> None:
    door.deals(
        world.deal(1, stage="won", opened_at="2026-01-01T00:00:00Z", closed_at="2026-06-01T00:00:00Z"),
        world.deal(2, stage="lost", opened_at="2026-02-01T00:00:00Z", closed_at="2026-04-01T00:00:00Z"),
        world.deal(3, stage="won", opened_at="2026-02-15T00:00:00Z", closed_at="2026-02-20T00:00:00Z"),
        world.deal(4, stage="won", opened_at="2026-03-02T00:00:00Z"),
        world.deal(5, stage="won", opened_at="2026-02-25T00:00:00Z", agent_id=world.agents[1]),
    )
    door.events(
        world.event(1, time_of_event="2026-03-01T12:00:00Z"),
        world.event(2, time_of_event="2026-01-15T00:00:00Z"),
        world.event(3, time_of_event="2025-12-15T00:00:00Z"),
        world.event(4, agent_id=None),
    )
    drain()
    assert [folded(door, i)[:2] for i in (1, 2, 3, 4)] == [
        ("lost", numbered(6, 2)),
        ("won", numbered(6, 1)),
        ("open", None),
        ("open", None),
    ]


def test_a_deal_on_another_unit_is_not_the_event_s(door: Door, world: World) -> None:
    first, second = ({"project_id": world.project, "unit_id": unit} for unit in world.units[:2])
    door.deals(world.deal(1, stage="viewing", **first), world.deal(2, **second, opened_at="2026-02-10T00:00:00Z"))
    about = {"property_project_id": world.project}
    door.events(
        world.event(1, **about, property_unit_id=world.units[0]),
        world.event(2, **about, property_unit_id=world.units[2]),
        world.event(3),
    )
    drain()
    assert [folded(door, i) for i in (1, 2, 3)] == [
        ("open", numbered(6, 1), "viewing"),
        ("open", None, "new"),
        ("open", numbered(6, 2), "new"),
    ]


# Exactly once


def test_an_event_folded_again_and_again_counts_once(door: Door, world: World) -> None:
    door.events(world.event(1, trigger_word="Payment  Plan", conversion_effect=1))
    service.fold(door.session, [numbered(5, 1)])
    service.fold(door.session, [numbered(5, 1), numbered(5, 1)])
    drain()
    assert door.stats() == {"payment plan": (1, 0, 0)}


def test_two_claims_of_one_event_count_once(door: Door, world: World) -> None:
    door.events(world.event(1, trigger_word="discount", conversion_effect=1))
    tasks.fold(door.session, [Claim(1, numbered(5, 1), {}), Claim(2, numbered(5, 1), {})])
    assert door.stats() == {"discount": (1, 0, 0)}


def test_a_worker_that_dies_leaves_nothing_half_done(door: Door, world: World) -> None:
    door.events(*(world.event(i, trigger_word="discount", conversion_effect=1) for i in range(5)))

    def dies(session: Session, claims: Sequence[Claim]) -> None:
        tasks.fold(session, claims)
        raise SystemExit

    with pytest.raises(SystemExit):
        drain(handler=dies)
    assert door.stats() == {}
    assert door.value("SELECT count(*) FROM behavior_events WHERE folded_at IS NOT NULL") == 0
    assert drain() == 5
    assert door.stats() == {"discount": (5, 0, 0)}


def test_one_poisoned_job_does_not_stop_the_others(door: Door, world: World) -> None:
    door.events(world.event(1, trigger_word="discount", conversion_effect=1))
    outbox.enqueue(door.session, [outbox.Job(tasks.FOLD, "no event id")])
    assert drain() == 1
    assert door.stats() == {"discount": (1, 0, 0)}


def test_an_event_that_is_gone_is_no_error(door: Door, world: World) -> None:
    service.fold(door.session, [numbered(5, 77), f"deal:{numbered(6, 77)}"])
    assert door.stats() == {}


def test_one_analysis_waits_however_many_events_were_folded(door: Door, world: World) -> None:
    door.events(*(world.event(i) for i in range(3)))
    for number in range(3):
        service.fold(door.session, [numbered(5, number)])
    assert door.rows("SELECT topic, key FROM outbox WHERE topic = 'behavior.analyse'") == [("behavior.analyse", "all")]


def test_a_burst_is_analysed_together(door: Door, world: World) -> None:
    due = "SELECT max(available_at) FROM outbox WHERE topic = 'behavior.analyse'"
    door.events(world.event(1, trigger_word="discount"))
    drain()
    assert door.value(f"{due} AND available_at <= now()") is not None, "the first analysis waits for nothing"
    ran = dt.datetime.now(dt.UTC)
    drain(tasks.ANALYSE, tasks.analyse)
    door.events(world.event(2, trigger_word="discount"))
    drain()
    assert door.value(due) >= ran + dt.timedelta(seconds=get_settings().analysis_interval_s)


def test_folding_what_is_unchanged_asks_for_no_analysis(door: Door, world: World) -> None:
    door.events(world.event(1))
    drain()
    drain(tasks.ANALYSE, tasks.analyse)
    service.fold(door.session, [numbered(5, 1)])
    assert door.value("SELECT count(*) FROM outbox WHERE topic = 'behavior.analyse'") == 0


# Deals that change


def test_counts_follow_the_deal(door: Door, world: World) -> None:
    door.deals(world.deal(1, stage="viewing"))
    door.events(world.event(1, trigger_word="discount"), world.event(2, trigger_word="discount"))
    drain()
    assert door.stats() == {"discount": (0, 0, 2)}
    door.deals(world.deal(1, stage="won", closed_at="2026-03-20T00:00:00Z"))
    drain()
    assert door.stats() == {"discount": (2, 0, 0)}
    door.deals(world.deal(1, stage="lost", closed_at="2026-03-20T00:00:00Z"))
    drain()
    assert (door.stats(), folded(door, 1)[2]) == ({"discount": (0, 2, 0)}, "lost")
    door.deals(world.deal(1, stage="negotiation"))
    drain()
    assert (door.stats(), folded(door, 1)[2]) == ({"discount": (0, 0, 2)}, "negotiation")


def test_events_come_under_a_deal_that_is_reported_later(door: Door, world: World) -> None:
    door.events(world.event(1, trigger_word="discount"))
    drain()
    door.deals(world.deal(1, stage="won"))
    drain()
    assert folded(door, 1)[:2] == ("won", numbered(6, 1))


def test_a_deal_that_passes_to_another_client_lets_its_events_go(door: Door, world: World) -> None:
    door.deals(world.deal(1, stage="won"))
    door.events(
        world.event(1, trigger_word="discount"), world.event(2, trigger_word="view", client_id=world.clients[1])
    )
    drain()
    door.deals(world.deal(1, client_id=world.clients[1]))
    drain()
    assert door.stats() == {"discount": (0, 0, 1), "view": (1, 0, 0)}


def test_a_deal_told_again_unchanged_asks_for_nothing(door: Door, world: World) -> None:
    door.deals(world.deal(1, stage="viewing"))
    drain()
    door.deals(world.deal(1, stage="viewing", value="5.00"))
    assert door.value("SELECT count(*) FROM outbox WHERE topic = 'behavior.fold'") == 0


# Recount


Operation = Callable[[random.Random, Door, World], None]


def some_events(draw: random.Random, door: Door, world: World) -> None:
    door.events(*(some_event(draw, door, world) for _ in range(draw.randint(1, 6))))


def some_event(draw: random.Random, door: Door, world: World) -> dict[str, Any]:
    known = [str(deal.deal_id) for deal in service.deals(door.session)]
    unit = draw.choice([None, *world.units])
    return world.event(
        draw.randrange(10**6),
        agent_id=draw.choice(world.agents[:2]),
        client_id=draw.choice([None, *world.clients[:2]]),
        property_project_id=None if unit is None else world.project,
        property_unit_id=unit,
        trigger_word=draw.choice([None, "discount", "Discount!", "sea view"]),
        conversion_effect=draw.choice([None, None, 1, 0, -1]),
        time_of_event=f"2026-{draw.randint(1, 6):02}-{draw.randint(1, 28):02}T00:00:00Z",
        deal_id=draw.choice([*known, None, None]),
    )


def some_deal(draw: random.Random, door: Door, world: World) -> None:
    stage = draw.choice(["new", "viewing", "reserved", "won", "lost"])
    unit = draw.choice([None, *world.units[:2]])
    month = draw.randint(1, 5)
    closed = {"closed_at": f"2026-{month + 1:02}-01T00:00:00Z"} if stage in ("won", "lost") else {}
    row = world.deal(
        draw.randrange(5),
        stage=stage,
        agent_id=draw.choice(world.agents[:2]),
        client_id=draw.choice(world.clients[:2]),
        project_id=None if unit is None else world.project,
        unit_id=unit,
        opened_at=f"2026-{month:02}-01T00:00:00Z",
        **closed,
    )
    assert door.deals(row)[0] in ("created", "updated")


def some_folding(draw: random.Random, door: Door, world: World) -> None:
    drain()


def some_redelivery(draw: random.Random, door: Door, world: World) -> None:
    keys = [key for (key,) in door.rows("SELECT CAST(event_id AS text) FROM behavior_events ORDER BY event_id")]
    service.fold(door.session, draw.choices(keys, k=3) if keys else [])


def some_death(draw: random.Random, door: Door, world: World) -> None:
    def dies(session: Session, claims: Sequence[Claim]) -> None:
        tasks.fold(session, claims)
        raise SystemExit

    if any(standing.topic == tasks.FOLD and standing.waiting for standing in outbox.standings(door.session)):
        with pytest.raises(SystemExit):
            drain(handler=dies)


@pytest.mark.parametrize("seed", range(4))
def test_counts_equal_a_recount_after_any_history(door: Door, world: World, seed: int) -> None:
    draw = random.Random(seed)
    operations: list[Operation] = [some_events, some_deal, some_deal, some_folding, some_redelivery, some_death]
    for _ in range(50):
        draw.choice(operations)(draw, door, world)
    drain()
    stats, found = recount(door)
    assert len(found) > 20
    assert door.stats() == stats
    assert stored(door) == found
