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


def test_a_report_without_a_stage_tells_of_none(door: Any, world: Any) -> None:
    bare = world.deal(1)
    door.deals(bare)
    assert service.stages(door.session, [uuid.UUID(bare["deal_id"])]) == {}
