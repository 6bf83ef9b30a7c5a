"""Columns go to the fields that they are, or to none: words that veto, values that speak, two that claim one field."""

from collections.abc import Sequence

import pytest

from estate.intake.analytics.cells import Cell
from estate.intake.analytics.matching import guess_kind, match
from estate.intake.analytics.targets import TARGETS, Kind

WORDS: list[Cell] = ["Omar Nasser", "Huda Salem", "Karim Adel"]
NUMBERS: list[Cell] = ["1,250,000", 900_000, "2M"]
PHONES: list[Cell] = ["+971501234567", "+971501234568", "+971501234569"]
EMAILS: list[Cell] = ["a@example.com", "b@example.com", "c@example.com"]
FLAGS: list[Cell] = ["yes", "no", "yes"]
DAYS: list[Cell] = ["2026-01-01", "2026-02-01", "2026-03-01"]


def targets(kind: Kind, **columns: Sequence[Cell]) -> dict[str, str | None]:
    names = [name.replace("_", " ") for name in columns]
    return {n: m.target for n, m in zip(names, match(names, list(columns.values()), kind), strict=True)}


CLIENTS: dict[str, tuple[Sequence[Cell], str | None]] = {
    "Client Name": (WORDS, "name"),
    "Full name": (WORDS, "name"),
    "اسم العميل": (WORDS, "name"),
    "Customer Mobile No.": (PHONES, "phone"),
    "رقم الجوال": (PHONES, "phone"),
    "E-mail Address": (EMAILS, "email"),
    "Emial adress": (EMAILS, "email"),
    "Budget (AED)": (NUMBERS, "budget"),
    "الميزانية": (NUMBERS, "budget"),
    "Opted in": (FLAGS, "contact_consent"),
    "Do Not Call": (FLAGS, "do_not_contact"),
    "Assigned To": (WORDS, "owner_agent_id"),
    "Budget (in millions)": (NUMBERS, "budget"),
    "Budget (max)": (NUMBERS, "budget"),
    "Budget (min)": (NUMBERS, None),
    "Budget (AED/year)": (NUMBERS, None),
    "Budget (AED per month)": (NUMBERS, None),
    "Budget (k a month)": (NUMBERS, None),
    "Budget (mil)": (NUMBERS, None),
    "Phone (spouse)": (PHONES, None),
    "Mobile phone (home/office)": (PHONES, None),
    "Do Not Call (flag)": (FLAGS, "do_not_contact"),
    "Min budget": (NUMBERS, None),
    "Spouse phone": (PHONES, None),
    "Agent phone": (PHONES, None),
    "Old email": (EMAILS, None),
    "Colour": (WORDS, None),
    "Reach": (PHONES, "phone"),
}


@pytest.mark.parametrize(("header", "cells", "target"), [(h, *row) for h, row in CLIENTS.items()])
def test_a_column_of_clients(header: str, cells: Sequence[Cell], target: str | None) -> None:
    (found,) = match([header], [cells], "clients")
    assert found.target == target
    assert found.why


@pytest.mark.parametrize(
    ("kind", "header", "cells", "target"),
    [
        ("units", "Price (per sqft)", NUMBERS, None),
        ("units", "Price (AED/sqft)", NUMBERS, None),
        ("units", "Price sqft", NUMBERS, None),
        ("units", "Area sqft", NUMBERS, "area_sqm"),
        ("units", "Price (monthly rent)", NUMBERS, None),
        ("units", "Sold on (dd/mm/yyyy)", DAYS, "sold_at"),
        ("agents", "Closing rate (percentage)", ["35%"], "closing_rate"),
        ("agents", "Calls (per day)", [12], "calls_per_day"),
        ("agents", "Response time (min)", [12], "avg_response_time"),
        ("agents", "Name (agent)", WORDS, "name"),
        ("market", "Average price (AED/sqft)", NUMBERS, None),
        ("market", "Demand (index)", [12], "demand_score"),
    ],
)
def test_brackets_make_another_thing_of_a_header_or_say_how_it_is_written(
    kind: Kind, header: str, cells: Sequence[Cell], target: str | None
) -> None:
    (found,) = match([header], [cells], kind)
    assert found.target == target


def test_a_column_that_is_only_called_like_a_field_is_not_sure_of_it() -> None:
    found = match(["Budget", "Phone", "Mobile"], [WORDS, EMAILS, PHONES], "clients")
    assert [(m.target, m.confidence > 0) for m in found] == [("budget", False), (None, False), ("phone", True)]
    assert found[0].why == "It is called like budget, but 0% of its values fit."
    assert guess_kind(["Area", "Month", "Average price"], [WORDS, WORDS, NUMBERS]) is None


def test_values_tell_two_fields_of_one_name_apart() -> None:
    assert targets("units", Area=WORDS)["Area"] == "area"
    assert targets("units", Area=NUMBERS)["Area"] == "area_sqm"


def test_two_columns_for_one_field_are_asked_about() -> None:
    found = match(["Phone", "Phone (2)"], [PHONES, PHONES[::-1]], "clients")
    assert [m.target for m in found] == [None, None]
    assert "2 columns could be phone" in found[0].why
    assert [m.target for m in match(["Phone", "Phone (2)"], [PHONES, PHONES], "clients")] == ["phone", None]


def test_the_kind_is_found_out_or_left_open() -> None:
    assert guess_kind(["Name", "Mobile", "Budget"], [WORDS, PHONES, NUMBERS]) == "clients"
    assert guess_kind(["Unit No", "Price", "Bedrooms"], [[1, 2, 3], NUMBERS, [1, 2, 3]]) == "units"
    assert guess_kind(["Area", "Month", "Average price"], [WORDS, DAYS, NUMBERS]) == "market"
    assert guess_kind(["Agent name", "Team", "Deals won"], [WORDS, WORDS, [1, 2, 3]]) == "agents"
    assert guess_kind(["Foo", "Bar"], [WORDS, WORDS]) is None


def test_no_alias_stands_for_two_fields_but_where_values_tell_them_apart() -> None:
    told_apart = {("units", "area"), ("units", "size")}
    for kind, fields in TARGETS.items():
        seen: dict[str, str] = {}
        for target in fields.values():
            for alias in target.aliases:
                assert seen.setdefault(alias, target.name) == target.name or (kind, alias) in told_apart, alias
