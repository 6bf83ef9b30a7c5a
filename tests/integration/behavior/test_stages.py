"""The history of stages: the earliest report of each stage stays, in whatever order reports come."""

import datetime as dt
import uuid
from itertools import permutations
from typing import Any

import pytest

from estate.behavior import service


def at(day: int) -> dt.datetime:
    return dt.datetime(2026, 1, day, tzinfo=dt.UTC)


def on(day: int) -> str:
    return at(day).isoformat().replace("+00:00", "Z")


def reports(world: Any) -> list[dict[str, Any]]:
    def deal(updated: int, **fields: Any) -> dict[str, Any]:
        row: dict[str, Any] = world.deal(1, opened_at=on(1), updated_at=on(updated), **fields)
        return row

    known = {"new": on(2), "viewing": on(6)}
    return [
        deal(3, stage="qualified"),
        deal(5, stage="viewing"),
        deal(7, stage="viewing"),
        deal(10, stage="lost", closed_at=on(9), stages_reached=known),
    ]


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
def test_the_history_is_the_same_in_any_order_and_after_a_second_delivery(
    door: Any, world: Any, order: tuple[int, ...]
) -> None:
    told = reports(world)
    for i in (*order, *order):
        door.deals(told[i])
    (found,) = service.stages(door.session, [uuid.UUID(told[0]["deal_id"])]).values()
    assert found == {"new": at(2), "qualified": at(3), "viewing": at(5), "lost": at(9)}


REPEATED: list[tuple[list[dict[str, Any]], dict[str, dt.datetime]]] = [
    ([{"stage": "won", "updated_at": on(3)}, {"stage": "won", "updated_at": on(9)}], {"won": at(3)}),
    (
        [{"stage": "lost", "updated_at": on(3)}, {"stage": "won", "updated_at": on(9)}],
        {"lost": at(3), "won": at(9)},
    ),
    (
        [
            {"stage": "negotiation", "updated_at": on(4)},
            {"stage": "viewing", "updated_at": on(6)},
            {"stage": "won", "updated_at": on(9)},
        ],
        {"negotiation": at(4), "viewing": at(6), "won": at(9)},
    ),
    ([{"outcome": None, "updated_at": on(3)}, {"stage": "viewing", "updated_at": on(5)}], {"viewing": at(5)}),
    ([{"stage": None, "updated_at": on(3)}, {"stage": "viewing", "updated_at": on(5)}], {"viewing": at(5)}),
]


@pytest.mark.parametrize(("told", "history"), REPEATED)
def test_what_is_stored_never_colours_what_a_late_report_tells(
    door: Any, world: Any, told: list[dict[str, Any]], history: dict[str, dt.datetime]
) -> None:
    for number, order in enumerate(permutations(told)):
        for fields in order:
            assert door.deals(world.deal(number, **{"opened_at": on(1), **fields})) != ["rejected"]
        deal_id = uuid.UUID(world.deal(number)["deal_id"])
        assert service.stages(door.session, [deal_id]) == {deal_id: history}


REOPENED = [
    {"stage": "viewing", "updated_at": on(3)},
    {"stage": "negotiation", "updated_at": on(4)},
    {"stage": "lost", "updated_at": on(6)},
    {"stage": "negotiation", "updated_at": on(10)},
    {"stage": "negotiation", "updated_at": on(11)},
    {"stage": "lost", "updated_at": on(14)},
    {"stage": "viewing", "updated_at": on(20)},
    {"stage": "negotiation", "updated_at": on(22)},
]
DATED: list[tuple[int, dict[str, dt.datetime]]] = [
    (5, {"viewing": at(3), "negotiation": at(10), "lost": at(6)}),
    (6, {"viewing": at(3), "negotiation": at(10), "lost": at(14)}),
    (8, {"viewing": at(20), "negotiation": at(22), "lost": at(14)}),
]


@pytest.mark.parametrize(("heard", "history"), DATED)
def test_a_deal_that_opens_again_is_dated_anew(
    door: Any, world: Any, heard: int, history: dict[str, dt.datetime]
) -> None:
    rows = [world.deal(1, opened_at=on(1), **fields) for fields in REOPENED[:heard]]
    for row in rows:
        door.deals(row)
    deal_id = uuid.UUID(rows[0]["deal_id"])
    assert service.stages(door.session, [deal_id]) == {deal_id: history}


def test_a_second_delivery_takes_no_reopened_deal_back(door: Any, world: Any) -> None:
    rows = [world.deal(1, opened_at=on(1), **fields) for fields in REOPENED[:5]]
    for row in [*rows, *rows]:
        door.deals(row)
    (found,) = service.stages(door.session, [uuid.UUID(rows[0]["deal_id"])]).values()
    assert found == {"viewing": at(3), "negotiation": at(10), "lost": at(6)}


def test_histories_are_given_of_all_deals_or_of_some(door: Any, world: Any) -> None:
    rows = [world.deal(i, opened_at=on(1), stage="viewing", updated_at=on(20 + i)) for i in range(3)]
    door.deals(*rows)
    ids = [uuid.UUID(row["deal_id"]) for row in rows]
    assert service.stages(door.session) == {deal_id: {"viewing": at(20 + i)} for i, deal_id in enumerate(ids)}
    assert service.stages(door.session, ids[1:2]) == {ids[1]: {"viewing": at(21)}}
    assert service.stages(door.session, []) == {}


def test_a_report_without_a_stage_tells_of_none(door: Any, world: Any) -> None:
    bare = world.deal(1)
    door.deals(bare)
    assert service.stages(door.session, [uuid.UUID(bare["deal_id"])]) == {}
