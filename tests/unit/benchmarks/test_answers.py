"""The questions of `estate bench gpt` are what they say they are."""

import datetime as dt
from itertools import islice
from random import Random
from typing import Any

import pytest
from benchmarks.answers.checker import Checker, Limits
from benchmarks.answers.questions import BOUNDS, WAYS, doubtful, in_context, misspelt
from benchmarks.answers.world import World, working_hour


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
LIMITED = "We are after a home with 2 or 3 bedrooms, up to 3m AED."
LIMITS = Limits(2, 3, 3_000_000, "AED")


@pytest.mark.parametrize(
    ("question", "limits", "units", "believed"),
    [(LIMITED, LIMITS, 0, True), (LIMITED, LIMITS, 1, False), ("Something with a sea view?", None, 0, False)],
)
def test_that_there_is_no_unit_is_believed_when_none_is_counted(
    question: str, limits: Limits | None, units: int, believed: bool
) -> None:
    rows: Any = Rows(f"{NONE}\n\nFor you:\n- ", question, units)
    found = Checker(rows).unsupported("r", limits)

    assert found == ([] if believed else [(NONE, "state available")])
    assert rows.limits in ((), (2, 2, 3, 3_000_000, 3_000_000, "AED", [], []))


def test_only_what_is_said_of_there_being_none_is_taken_for_counted() -> None:
    rows: Any = Rows(f"{NONE} Pearl Gate is sold.", LIMITED, 0)

    assert [said for _, said in Checker(rows).unsupported("r", LIMITS)] == ["name Gate", "state sold"]


@pytest.mark.parametrize(("currency", "price", "bedrooms"), [("EGP", 1, 2), ("AED", 3_000_001, 2), ("AED", 1, 4)])
def test_a_unit_beyond_the_limits_is_no_answer(currency: str, price: int, bedrooms: int) -> None:
    claim = {"claim": "It is for you.", "cites": [{"layer": "property", "id": "u", "field": "price"}]}
    rows: Any = Rows("It is for you.", LIMITED, 1)
    rows.reply = ("It is for you.", [claim], [], LIMITED, 700_000, "EGP")
    checker = Checker(rows)
    checker._rows["property", "u"] = {"currency": currency, "price": price, "bedrooms": bedrooms}
    assert ("It is for you.", "a unit beyond the limits") in checker.unsupported("r", LIMITS)
    checker._rows["property", "u"] = {"currency": "AED", "price": 3_000_000, "bedrooms": 3}
    assert checker.unsupported("r", LIMITS) == []


def test_doubtful_questions_are_of_every_kind_and_no_record_tells_the_last_ones() -> None:
    now = dt.datetime(2026, 6, 2, 10, tzinfo=dt.UTC)
    fields = dict.fromkeys(("budget", "price", "price_avg", "deals_closed"), 1)
    named = {"name": "Layla Haddad", "client_id": "c", "currency": "AED", "status": "available", **fields}
    rows: dict[tuple[str, str], Any] = {
        (layer, layer[0]): named | {"id": layer[0], "do_not_contact": False}
        for layer in ("agent", "client", "market", "property")
    }
    world = World(rows, frozenset(), now)
    asked = list(islice(doubtful(world, Random(3)), 2_000))
    assert {one.kind for one in asked} == set(WAYS)
    assert not any(one.still_so for one in asked if one.kind in ("missing", "no field", "untold"))
    limited = [one for one in islice(in_context(world, Random(3)), 1_000) if one.limits is not None]
    assert {one.limits.most - one.limits.least for one in limited if one.limits} == {0, 1}
    assert all(bound in " ".join(one.text for one in limited) for bound in BOUNDS)
