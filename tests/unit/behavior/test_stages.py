"""Whatever the order of reports, and however often they come, a deal has one history."""

import datetime as dt
import random
import uuid
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from estate.behavior.schemas import DealIn, Stage
from estate.behavior.stages import earliest, told

ID = str(uuid.UUID(int=1, version=4))
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

moments = st.integers(0, 20).map(lambda day: START + dt.timedelta(days=day))
histories = st.lists(st.dictionaries(st.sampled_from(get_args(Stage)), moments), max_size=6)


def at(day: int) -> dt.datetime:
    return START + dt.timedelta(days=day)


def by(before: Stage | None = "qualified", **fields: object) -> dict[Stage, dt.datetime]:
    row = {"deal_id": ID, "agent_id": ID, "client_id": ID, **fields}
    return told(DealIn.model_validate(row), at(100), before)


@given(histories, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(reports: list[dict[Stage, dt.datetime]], chance: random.Random) -> None:
    again = reports + [report for report in reports if chance.random() < 0.5]
    chance.shuffle(again)
    one_by_one: dict[Stage, dt.datetime] = {}
    for report in again:
        one_by_one = earliest([one_by_one, report])
    assert one_by_one == earliest(reports)


@given(histories)
def test_each_stage_keeps_its_least_moment_and_none_is_made_up(reports: list[dict[Stage, dt.datetime]]) -> None:
    said = [(stage, moment) for report in reports for stage, moment in report.items()]
    found = earliest(reports)
    assert found.keys() == {stage for stage, _ in said}
    assert set(found.items()) <= set(said)
    assert all(found[stage] <= moment for stage, moment in said)


def test_a_stage_is_reached_when_its_row_was_updated_and_an_outcome_when_it_closed() -> None:
    updated = at(5).isoformat()
    assert by(stage="viewing", updated_at=updated) == {"viewing": at(5)}
    assert by(stage="viewing") == {"viewing": at(100)}
    assert by(outcome="won", updated_at=updated) == {"won": at(5)}
    assert by(stage="lost", closed_at=at(3).isoformat(), updated_at=updated) == {"lost": at(3)}


def test_without_a_date_a_stage_is_dated_by_receipt_only_when_the_deal_moved_to_it() -> None:
    assert by(before=None, stage="new") == {"new": at(100)}
    assert by(before=None, stage="viewing") == by(before="viewing", stage="viewing") == {}
    assert by(before=None, outcome="lost") == {}


def test_the_earlier_of_two_tales_in_one_report_counts() -> None:
    assert by(stage="viewing", updated_at=at(5).isoformat(), stages_reached={"viewing": at(4).isoformat()}) == {
        "viewing": at(4)
    }


def test_a_report_that_names_no_stage_tells_of_none() -> None:
    assert by() == by(stage=None) == by(outcome=None) == by(stages_reached=None) == {}
