"""The fit of a unit: parts that sum to the score, true reasons, and a trade-off for every missed wish."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estate.intelligence.taste import FIELDS, Home, Lift, score
from estate.intelligence.unit_fit import Asked, Fit, Known, explain
from estate.intelligence.wishes import Wishes, parse_wishes
from estate.property.schemas import UnitOut

AREA, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
NAMES = {AREA: "Lantern Bay", OTHER: "Copper Souk"}
NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


def unit(number: int = 1, **given: Any) -> UnitOut:
    project_id, unit_id = uuid.UUID(int=100), uuid.UUID(int=1000 + number)
    fields: dict[str, Any] = dict.fromkeys(UnitOut.model_fields)
    fields |= {
        "property_id": f"{project_id}:{unit_id}",
        "project_id": project_id,
        "unit_id": unit_id,
        "price": Decimal(900_000),
        "currency": "AED",
        "area_id": AREA,
        "status": "available",
        "bedrooms": 2,
        "unit_type": "apartment",
        "area_sqm": 100.0,
        "delivery_date": dt.date(2027, 1, 1),
        "segment": "ready",
        "amenities": [{"code": "Pool"}],
        "updated_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        "event_count": 0,
        "computed": {},
    }
    return UnitOut(**fields | given)


def home(number: int = 1, **values: Any) -> Home:
    usual = {"area_id": str(AREA), "project_id": str(uuid.UUID(int=100)), "developer": None, "bedrooms": 2}
    usual |= {"unit_type": "apartment", "segment": "ready"}
    return Home(usual | values, 1_000_000.0, 100.0, frozenset({"Pool"}), NOW, None, f"unit {number}")


def known(
    asked_about: tuple[Home, ...] = (), enquiries: tuple[Home, ...] = (), refused: tuple[Home, ...] = ()
) -> Known:
    return Known(NAMES, asked_about, refused, enquiries, {"Pool": 0.5}, NOW)


NOTHING = known()


def asked(wishes: Wishes | None = None, budget: int | None = 1_000_000) -> Asked:
    return Asked(wishes or Wishes(), None if budget is None else Decimal(budget), "AED")


def lift(value: float) -> Lift:
    return Lift.of(np.array([value]), -1.0, 1.0)


def fit(of: UnitOut, to: Asked, lifts: Mapping[str, float], by: Known = NOTHING) -> Fit:
    return explain(of, to, by, of.price, {name: lift(value) for name, value in lifts.items()}, 0)


EVERYTHING = parse_wishes(
    {
        "bedrooms": 2,
        "unit_types": ["flat"],
        "amenities": ["pool"],
        "segment": "ready",
        "delivery_by": "2027-06-01",
    },
    ["Lantern Bay"],
)


def test_a_perfect_unit_scores_one_and_still_has_a_caveat() -> None:
    best = dict.fromkeys(("area_id", "bedrooms", "price", "unit_type", "amenities", "delivery_date", "segment"), 1.0)
    found = fit(unit(), asked(EVERYTHING), best)
    assert found.score == pytest.approx(1.0)
    assert [t.text for t in found.trade_offs] == ["Nobody has asked about it yet."]
    assert {r.field for r in found.reasons} == {*best, "status", "unit_id"}


@pytest.mark.parametrize(("own", "whose"), [(True, ", this one included"), (False, ": others look at it too")])
def test_events_that_may_be_the_clients_own_are_not_said_to_be_of_others(own: bool, whose: str) -> None:
    seen = unit(event_count=1)
    by_client = known((replace(home(), key=seen.property_id),) if own else (home(),))
    found = fit(seen, asked(), {}, by_client)
    assert [t.text for t in found.trade_offs] == [f"1 event of all clients{whose}."]


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"area_id": OTHER}, "area_id", "Copper Souk"),
        ({"bedrooms": 3}, "bedrooms", "wished are 2"),
        ({"bedrooms": None}, "bedrooms", "not stated"),
        ({"unit_type": "villa"}, "unit_type", "wished is apartment"),
        ({"amenities": []}, "amenities", "without pool"),
        ({"delivery_date": dt.date(2028, 6, 1)}, "delivery_date", "366 days after"),
        ({"segment": "off_plan"}, "segment", "wished is ready"),
    ],
)
def test_a_missed_wish_is_said_and_is_never_a_reason(change: dict[str, Any], field: str, words: str) -> None:
    found = fit(unit(**change), asked(EVERYTHING), {field: 0.4})
    assert [t.field for t in found.trade_offs] == [field]
    assert words in found.trade_offs[0].text
    assert field not in {r.field for r in found.reasons}


@pytest.mark.parametrize(
    ("area", "project", "said"), [(AREA, 100, 1), (AREA, 200, 1), (None, 100, 1), (None, 200, 0), (OTHER, 200, 0)]
)
def test_a_refused_unit_is_near_only_in_a_known_area_or_project(
    area: uuid.UUID | None, project: int, said: int
) -> None:
    refused = home(area_id=None if area is None else str(area), project_id=str(uuid.UUID(int=project)))
    found = fit(unit(area_id=None if area is None else AREA), asked(), {"refused": -0.4}, known(refused=(refused,)))
    assert [t.value for t in found.trade_offs if t.field == "refused"] == [said] * bool(said)


@pytest.mark.parametrize(
    ("wish", "text"),
    [
        ({"bedrooms_min": 2}, "Bedrooms: 2, as wished."),
        ({"bedrooms_min": 1}, "Bedrooms: 2, as wished."),
        ({"bedrooms": {"min": 3}}, "Bedrooms: 2, wished are 3 or more."),
        ({"bedrooms_max": 3}, "Bedrooms: 2, as wished."),
        ({"bedrooms_max": 1}, "Bedrooms: 2, wished are up to 1."),
    ],
)
def test_a_wish_for_bedrooms_may_be_open_on_one_side(wish: dict[str, Any], text: str) -> None:
    found = fit(unit(), asked(parse_wishes(wish, None)), {"bedrooms": 0.4})
    assert text in [r.text for r in found.reasons] + [t.text for t in found.trade_offs]


@pytest.mark.parametrize(
    ("price", "words"),
    [(960_000, "96% of the budget"), (300_000, "far below it"), (1_200_000, "above the budget of 1,000,000 AED")],
)
def test_a_price_far_from_what_is_usual_is_said(price: int, words: str) -> None:
    found = fit(unit(price=Decimal(price)), asked(), {})
    assert [t.field for t in found.trade_offs] == ["price"]
    assert words in found.trade_offs[0].text


def test_a_price_without_a_rate_is_never_compared() -> None:
    found = explain(unit(currency="EUR"), asked(EVERYTHING), known(), None, {}, 0)
    assert [t.field for t in found.trade_offs] == ["price"]
    assert "no exchange rate" in found.trade_offs[0].text


def test_without_anything_known_there_are_still_true_reasons() -> None:
    found = fit(unit(), asked(budget=None), {})
    assert found.score == 0
    assert [(r.field, r.value) for r in found.reasons] == [
        ("status", "available"),
        ("unit_id", str(uuid.UUID(int=1001))),
    ]


def test_a_unit_that_little_speaks_for_still_has_two_reasons_of_its_own() -> None:
    found = fit(unit(listed_at=NOW - dt.timedelta(days=9)), asked(), {"area_id": -0.5})
    assert [(r.field, r.part) for r in found.reasons[:2]] == [("price", 0.0), ("listed_at", 0.0)]
    assert found.reasons[1].text == "Listed 9 days ago."


def test_behaviour_is_told_by_the_units_asked_about_and_else_by_all_enquiries() -> None:
    own = known((home(1), home(2, area_id=str(OTHER))), (home(3), home(4), home(5, area_id=str(OTHER))))
    reason = fit(unit(), asked(), {"area_id": 0.5}, own).reasons[0]
    assert reason.text == "1 of the 2 units that the client asked about: in Lantern Bay."
    assert reason.evidence == {"asked": 1, "of": 2}
    others = known(enquiries=(home(3), home(4), home(5, area_id=str(OTHER))))
    reason = fit(unit(), asked(), {"area_id": 0.5}, others).reasons[0]
    assert reason.text == "2 of the newest 3 enquiries of all clients: in Lantern Bay."


@pytest.mark.parametrize(
    ("n", "value", "usual", "for_it", "against_it"),
    [
        (3, 0.5, 1.25, "3 are about this unit; usual for its time on sale: 1.2.", None),
        (1, -0.5, 2.5, None, "1 is about this unit; usual for its time on sale: 2.5."),
        (3, -0.5, 1.25, None, None),
        (1, 0.5, 2.5, None, None),
        (2, 0.5, 1.98, None, None),
    ],
)
def test_enquiries_speak_for_a_unit_above_what_is_usual_and_against_it_below(
    n: int, value: float, usual: float, for_it: str | None, against_it: str | None
) -> None:
    this = unit(listed_at=NOW)
    by = known(enquiries=(*(replace(home(), key=this.property_id) for _ in range(n)), home(2), home(3)))
    lifted = {"enquiries": Lift.of(np.array([value]), -1.0, 1.0, np.array([usual]))}
    found = explain(this, asked(budget=None), by, this.price, lifted, 0)
    opening = f"Of the newest {n + 2} enquiries of all clients "
    said = [r.text for r in found.reasons if r.field == "enquiries"]
    told = [t.text for t in found.trade_offs if t.field == "enquiries"]
    assert said == ([opening + for_it] if for_it else [])
    assert told == ([opening + against_it] if against_it else [])


def test_what_speaks_against_a_unit_is_counted() -> None:
    by = known((home(1), home(2), home(3), home(4)), refused=(home(9),))
    found = fit(unit(area_id=OTHER), asked(), {"area_id": -0.5, "refused": -0.5}, by)
    assert [t.text for t in found.trade_offs] == [
        "Only 0 of the 4 units that the client asked about: in Copper Souk.",
        "The client turned down 1 unit in the same area or project.",
    ]


@given(
    st.builds(
        unit,
        area_id=st.sampled_from([AREA, OTHER, None]),
        bedrooms=st.none() | st.integers(0, 6),
        price=st.none() | st.integers(1, 1_100_000).map(Decimal),
        unit_type=st.sampled_from(["apartment", "villa", None]),
        amenities=st.sampled_from([None, [], [{"code": "Pool"}, {"label": "Gym"}]]),
        delivery_date=st.none() | st.dates(dt.date(2026, 1, 1), dt.date(2032, 1, 1)),
        area_sqm=st.none() | st.floats(20, 500),
    ),
    st.sampled_from([Wishes(), EVERYTHING, parse_wishes({"bedrooms": [1, 4]}, None)]),
    st.none() | st.integers(1_000_000, 2_000_000),
    st.dictionaries(
        st.sampled_from([*FIELDS, "price", "area_sqm", "amenities", "listed_at", "enquiries", "interest", "refused"]),
        st.floats(-1, 1),
    ),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_parts_sum_to_the_score_of_the_taste(
    of: UnitOut, wishes: Wishes, budget: int | None, values: dict[str, float], seen: bool
) -> None:
    by = known((home(1),) if seen else (), (home(2), home(3)))
    found = fit(of, asked(wishes, budget), values, by)
    expected = score({name: lift(value) for name, value in values.items()})[0]
    assert 0 <= found.score <= 1
    assert sum(r.part for r in found.reasons) == pytest.approx(found.score, abs=1e-9)
    assert found.score == pytest.approx(expected, abs=1e-9)
    assert all(r.part >= -1e-12 for r in found.reasons)
    assert len(found.reasons) >= 2
    assert found.trade_offs
    assert all(r.text.endswith(".") for r in found.reasons + found.trade_offs)
