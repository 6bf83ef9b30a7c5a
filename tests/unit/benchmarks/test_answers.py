"""The questions of `estate bench gpt` are what they say they are."""

import datetime as dt
from random import Random
from typing import Any

import pytest
from benchmarks.answers.checker import Checker
from benchmarks.answers.questions import misspelt
from benchmarks.answers.world import working_hour


@pytest.mark.parametrize("name", ["hi", "a", "Pearl Gate"])
def test_a_misspelt_name_soon_is_another(name: str) -> None:
    rng = Random(7)

    assert any(misspelt(name, rng) != name for _ in range(20))


@pytest.mark.parametrize("day", range(1, 9))
@pytest.mark.parametrize("hour", [0, 9, 10, 23])
def test_questions_are_asked_on_a_tuesday_at_ten_that_has_been(day: int, hour: int) -> None:
    at = dt.datetime(2026, 6, day, hour, 30, tzinfo=dt.UTC)
    asked_at = working_hour(at)

    assert (asked_at.weekday(), asked_at.hour, asked_at.minute) == (1, 10, 0)
    assert dt.timedelta(0) <= at - asked_at < dt.timedelta(days=7)


class Rows:
    """A database with one stored reply and a number of units that are as a question asks."""

    description = ()

    def __init__(self, text: str, question: str, units: int) -> None:
        self.reply: tuple[Any, ...] = (text, [], [], question, 700_000, "EGP")
        self.units = units
        self.limits: tuple[Any, ...] = ()
        self._answer: list[Any] = []

    def execute(self, query: str | bytes, given: tuple[Any, ...] = ()) -> "Rows":
        """Answer the queries about the reply and about units; every table is empty."""
        said = query if isinstance(query, str) else query.decode()
        if "gpt_responses" in said:
            self._answer = [self.reply]
        elif "count(*)" in said:
            self._answer, self.limits = [(self.units,)], given
        else:
            self._answer = []
        return self

    def fetchone(self) -> Any:
        """Return the first row."""
        return self._answer[0]

    def fetchall(self) -> list[Any]:
        """Return all rows."""
        return self._answer


NONE = "No available unit on record meets what was asked within the budget; those offered suit the client's profile."
LIMITED = "We are after a 2-bedroom place below AED 3 million."


@pytest.mark.parametrize(
    ("question", "units", "believed"),
    [(LIMITED, 0, True), (LIMITED, 1, False), ("Something with a sea view?", 0, False)],
)
def test_that_there_is_no_unit_is_believed_when_none_is_counted(question: str, units: int, believed: bool) -> None:
    rows: Any = Rows(f"{NONE}\n\nFor you:\n- ", question, units)
    found = Checker(rows).unsupported("r")

    assert found == ([] if believed else [(NONE, "state available")])
    assert rows.limits in ((), (2, 2, 3_000_000, 3_000_000, "AED", [], []))


def test_only_what_is_said_of_there_being_none_is_taken_for_counted() -> None:
    rows: Any = Rows(f"{NONE} Pearl Gate is sold.", LIMITED, 0)

    assert [said for _, said in Checker(rows).unsupported("r")] == ["name Gate", "state sold"]
