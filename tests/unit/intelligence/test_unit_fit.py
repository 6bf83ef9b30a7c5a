"""The fit of a unit: parts that sum to the score, true reasons, and a trade-off for every missed wish."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estate.core.types import UnitRef
from estate.intelligence.unit_fit import Asked, Fit, Pool, fit_of, pool_of
from estate.intelligence.wishes import Wishes, parse_wishes
from estate.property.schemas import UnitOut

AREA, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
NAMES = {AREA: "Lantern Bay", OTHER: "Copper Souk"}
ALONE = Pool(NAMES, {}, ())


def unit(number: int = 1, **given: Any) -> UnitOut:
    project_id, unit_id = uuid.UUID(int=100), uuid.UUID(int=1000 + number)
    fields: dict[str, Any] = dict.fromkeys(UnitOut.model_fields)
    fields |= {
        "property_id": f"{project_id}:{unit_id}",
        "project_id": project_id,
        "unit_id": unit_id,
        "price": Decimal(1_000_000),
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
    }
    return UnitOut(**fields | given)


def asked(wishes: Wishes | None = None, budget: int | None = 1_000_000, viewed: tuple[UnitRef, ...] = ()) -> Asked:
    return Asked(wishes or Wishes(), None if budget is None else Decimal(budget), "AED", frozenset(viewed))


def fit(of: UnitOut, to: Asked, pool: Pool = ALONE) -> Fit:
    return fit_of(of, to, pool, of.price)


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


def test_a_perfect_unit_scores_one_without_a_trade_off() -> None:
    found = fit(unit(), asked(EVERYTHING))
    assert found.score == pytest.approx(1.0)
    assert found.trade_offs == ()
    assert {r.field for r in found.reasons} == {
        "area_id", "bedrooms", "price", "unit_type", "amenities", "delivery_date", "segment",
    }  # fmt: skip


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
        ({"price": Decimal(1_050_000)}, "price", "5.0% above the budget"),
    ],
)
def test_a_missed_wish_costs_and_is_said(change: dict[str, Any], field: str, words: str) -> None:
    found = fit(unit(**change), asked(EVERYTHING))
    assert found.score < 1
    assert [t.field for t in found.trade_offs] == [field]
    assert words in found.trade_offs[0].text


def test_a_price_without_a_rate_is_never_compared() -> None:
    found = fit_of(unit(currency="EUR"), asked(EVERYTHING), ALONE, None)
    assert [t.field for t in found.trade_offs] == ["price"]
    assert "no exchange rate" in found.trade_offs[0].text


def test_without_any_wish_there_are_still_two_true_reasons() -> None:
    found = fit(unit(), asked(budget=None))
    assert found.score == 0
    assert [(r.field, r.value) for r in found.reasons] == [("status", "available"), ("price", "1000000.00")]


def test_a_viewed_unit_goes_before_its_neighbour() -> None:
    viewed, neighbour, stranger = unit(1), unit(2), unit(3, project_id=uuid.UUID(int=999))
    to = asked(viewed=(viewed.ref,))
    assert fit(viewed, to).score > fit(neighbour, to).score > fit(stranger, to).score


def test_value_is_measured_against_enough_peers_only() -> None:
    units = [unit(n, price=Decimal(900_000 + 50_000 * n)) for n in range(5)]
    pool = pool_of(units, NAMES)
    assert pool.per_sqm == {(AREA, "AED"): (10_000.0, 5), (None, "AED"): (10_000.0, 5)}
    assert pool_of(units[:4], NAMES).per_sqm == {}
    texts = [r.text for r in fit(units[0], asked(budget=None), pool).reasons if r.field == "price_per_sqm"]
    assert texts == ["Asks 9,000 AED per m², 10% below the median of 5 candidates in Lantern Bay."]


@given(
    st.builds(
        unit,
        area_id=st.sampled_from([AREA, OTHER, None]),
        bedrooms=st.none() | st.integers(0, 6),
        price=st.none() | st.integers(1, 1_100_000).map(Decimal),
        unit_type=st.sampled_from(["apartment", "villa", None]),
        amenities=st.sampled_from([None, [], [{"code": "Pool"}, {"label": "Gym"}]]),
        delivery_date=st.none() | st.dates(dt.date(2026, 1, 1), dt.date(2032, 1, 1)),
        real_demand=st.none() | st.floats(0, 50),
    ),
    st.sampled_from([Wishes(), EVERYTHING, parse_wishes({"bedrooms": [1, 4]}, None)]),
    st.none() | st.integers(1_000_000, 2_000_000),
)
@settings(max_examples=200, deadline=None)
def test_reasons_sum_to_a_score_between_0_and_1(of: UnitOut, wishes: Wishes, budget: int | None) -> None:
    found = fit_of(of, asked(wishes, budget), pool_of([unit(n, real_demand=n) for n in range(6)], NAMES), of.price)
    assert 0 <= found.score <= 1
    assert sum(r.part for r in found.reasons) == pytest.approx(found.score, abs=1e-9)
    assert len(found.reasons) >= 2
    assert all(r.text.endswith(".") for r in found.reasons + found.trade_offs)
