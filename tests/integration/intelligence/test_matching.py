"""Recommendations and areas: hard limits hold, reasons are true, trade-offs are said."""

import datetime as dt
import uuid
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from estate.intelligence.areas import areas_for
from estate.intelligence.matching import recommend
from estate.property.service import get_unit

BUYER = {
    "budget": "1000000.00",
    "currency": "AED",
    "interest": {"bedrooms": 2, "unit_types": ["apartment"]},
    "location_targets": ["area 1"],
}


def copy_units(session: Session, n: int, area: uuid.UUID | None = None) -> None:
    """Put `n` more beside each unit of an area, or of none."""
    again = """
        INSERT INTO properties SELECT (jsonb_populate_record(p, jsonb_build_object('unit_id', gen_random_uuid()))).*
        FROM properties p, generate_series(1, :n) WHERE p.area_id IS NOT DISTINCT FROM :area
    """
    session.execute(text(again), {"n": n, "area": area})


def test_hard_limits_hold_and_the_best_fit_comes_first(session: Session, brokerage: Any, now: dt.datetime) -> None:
    wanted, other = str(brokerage.area(1)), str(brokerage.area(2))
    client = brokerage.client(1, **BUYER)
    best = brokerage.unit(1, area_id=wanted, bedrooms=2, unit_type="Flat")
    elsewhere = brokerage.unit(2, area_id=other, bedrooms=2, unit_type="apartment")
    larger = brokerage.unit(3, area_id=wanted, bedrooms=3, unit_type="apartment")
    brokerage.unit(4, area_id=wanted, bedrooms=2, price="1000000.01")
    brokerage.unit(5, area_id=wanted, bedrooms=2, status="sold", sold_at=now.isoformat())
    brokerage.unit(6, area_id=wanted, bedrooms=2, status="reserved")
    brokerage.unit(7, area_id=wanted, bedrooms=2, price=None)
    found = recommend(session, client, now)
    assert [r.property_id for r in found] == [str(best), str(larger), str(elsewhere)]
    assert [t.field for t in found[0].trade_offs] == ["price"]  # All of the budget.
    assert [t.field for t in found[1].trade_offs] == ["bedrooms", "price"]
    assert [t.field for t in found[2].trade_offs] == ["area_id", "price"]


def test_every_reason_is_in_the_stored_row_and_parts_sum(session: Session, brokerage: Any, now: dt.datetime) -> None:
    area = str(brokerage.area(1))
    client = brokerage.client(1, **BUYER)
    for i in range(8):
        brokerage.unit(i, area_id=area, bedrooms=1 + i % 3, price=f"{640_000 + 50_000 * i}.00", area_sqm=80.0 + i)
    found = recommend(session, client, now)
    assert len(found) == 8
    assert [r.score for r in found] == sorted((r.score for r in found), reverse=True)
    for item in found:
        unit = get_unit(session, brokerage.unit_ref(item.unit_id))
        assert len(item.reasons) >= 2
        assert item.trade_offs
        assert sum(r.part for r in item.reasons) == pytest.approx(item.score, abs=1e-9)
        values = {r.field: r.value for r in item.reasons}
        assert values.get("area_id", str(unit.area_id)) == str(unit.area_id)
        assert values["price"] == str(unit.price)
        assert values.get("bedrooms", unit.bedrooms) == unit.bedrooms
        assert values["status"] == unit.status == "available"


def test_an_unlike_currency_without_a_rate_stands_behind_and_says_so(
    session: Session, brokerage: Any, now: dt.datetime
) -> None:
    area = str(brokerage.area(1))
    client = brokerage.client(1, **BUYER)
    foreign = brokerage.unit(1, area_id=area, bedrooms=2, unit_type="apartment", price="200000.00", currency="EUR")
    brokerage.unit(2, bedrooms=5, unit_type="villa")
    last = recommend(session, client, now)[-1]
    assert last.property_id == str(foreign)
    assert "no exchange rate" in last.trade_offs[0].text
    brokerage.rate("AED", "EUR", "0.25")
    assert recommend(session, client, now)[0].property_id == str(foreign)


def test_a_rate_makes_the_budget_a_hard_limit_abroad(session: Session, brokerage: Any, now: dt.datetime) -> None:
    client = brokerage.client(1, **BUYER)
    brokerage.rate("EUR", "AED", "4")
    near = brokerage.unit(1, price="250000.00", currency="EUR")
    brokerage.unit(2, price="280000.00", currency="EUR")
    assert [r.property_id for r in recommend(session, client, now)] == [str(near)]


def test_the_budget_is_a_limit_in_a_currency_that_is_seldom_offered(
    session: Session, brokerage: Any, now: dt.datetime
) -> None:
    client = brokerage.client(1, budget="1000000.00", currency="AED", interest={"must": {"bedrooms_min": 4}})
    brokerage.rate("EUR", "AED", "4")
    brokerage.unit(1, bedrooms=2, price="700000.00")
    copy_units(session, 500)
    last_id = str(uuid.UUID(int=2**128 - 1))
    seldom = {"unit_id": last_id, "currency": "EUR", "bedrooms": 4}
    dear = brokerage.unit(2, price="2000000.00", **seldom)
    assert recommend(session, client, now) == []
    brokerage.event(client, 2, property_project_id=str(dear.project_id), property_unit_id=last_id)
    assert recommend(session, client, now) == []
    brokerage.unit(2, price="250000.00", **seldom)
    (found,) = recommend(session, client, now)
    assert "Asks 250,000 EUR, within the budget of 1,000,000 AED." in {r.text for r in found.reasons}


def test_enquiries_above_the_budget_do_not_raise_it(session: Session, brokerage: Any, now: dt.datetime) -> None:
    client = brokerage.client(1, budget="1000000.00", currency="AED")
    for i in range(3):
        ref = brokerage.unit(i, price="3000000.00")
        brokerage.event(client, 2, property_project_id=str(ref.project_id), property_unit_id=str(ref.unit_id))
    brokerage.unit(3, price="2000000.00")
    within = brokerage.unit(4, price="900000.00")
    assert [r.property_id for r in recommend(session, client, now)] == [str(within)]


def test_a_unit_that_the_client_turned_down_does_not_come_back(
    session: Session, brokerage: Any, now: dt.datetime
) -> None:
    agent, client = brokerage.agent(1), brokerage.client(1, **BUYER)
    turned_down, kept = brokerage.unit(1), brokerage.unit(2)
    brokerage.deal(
        1,
        agent,
        client,
        50,
        20,
        stage="lost",
        project_id=str(turned_down.project_id),
        unit_id=str(turned_down.unit_id),
    )
    assert [r.property_id for r in recommend(session, client, now)] == [str(kept)]


def test_without_a_wish_there_are_still_units_with_reasons(session: Session, brokerage: Any, now: dt.datetime) -> None:
    client = brokerage.client(1)
    for i in range(15):
        brokerage.unit(i)
    found = recommend(session, client, now, limit=4)
    assert len(found) == 4
    assert all(len(item.reasons) >= 2 for item in found)


def test_what_the_client_insists_on_is_a_limit(session: Session, brokerage: Any, now: dt.datetime) -> None:
    must = {
        "bedrooms_min": 2,
        "unit_types": ["apartment"],
        "amenities": ["pool"],
        "segment": "ready",
        "delivery_by": "2027-01-01",
        "area": "Area 1",
    }
    fits: dict[str, Any] = {
        "bedrooms": 3,
        "unit_type": "Flat",
        "amenities": ["Swimming pool", "gym"],
        "segment": "ready",
        "delivery_date": "2026-12-31",
        "area_id": str(brokerage.area(1)),
    }
    client = brokerage.client(1, budget="1000000.00", currency="AED", interest={"must": must})
    good = brokerage.unit(1, **fits)
    misses: tuple[dict[str, Any], ...] = (
        {"bedrooms": 1},
        {"unit_type": "villa"},
        {"amenities": ["gym"]},
        {"segment": "off_plan"},
        {"delivery_date": "2027-01-02"},
        {"area_id": str(brokerage.area(2))},
    )
    for number, miss in enumerate(misses, start=2):
        brokerage.unit(number, **fits | miss)
    assert [r.property_id for r in recommend(session, client, now)] == [str(good)]


@pytest.mark.parametrize("wished", ["gym", {"code": "gym"}, {"code": "x_gym", "label": "Fitness"}])
def test_an_amenity_is_the_same_however_it_was_written(
    session: Session, brokerage: Any, now: dt.datetime, wished: object
) -> None:
    spellings: list[Any] = ["Gym", {"code": "gym"}, {"code": "GYM", "label": "Gym"}, {"label": "Health club"}]
    units = {str(brokerage.unit(i, amenities=[spelling])) for i, spelling in enumerate(spellings)}
    without = str(brokerage.unit(9, amenities=["Pool"]))
    insisting = brokerage.client(1, interest={"must": {"amenities": [wished]}})
    assert {item.property_id for item in recommend(session, insisting, now)} == units
    wishing = brokerage.client(2, interest={"amenities": [wished]})
    found = recommend(session, wishing, now)
    assert {r.property_id for r in found if "amenities" in {t.field for t in r.trade_offs}} == {without}


@pytest.mark.parametrize(("wish", "last"), [({"bedrooms_max": 3}, 4), ({"bedrooms": {"min": 3}}, 2)])
def test_a_wish_for_bedrooms_that_is_open_on_one_side(
    session: Session, brokerage: Any, now: dt.datetime, wish: dict[str, Any], last: int
) -> None:
    client = brokerage.client(1, budget="2000000.00", currency="AED", interest=wish)
    homes = {str(brokerage.unit(bedrooms, bedrooms=bedrooms)): bedrooms for bedrooms in (2, 3, 4)}
    found = recommend(session, client, now)
    missed = [homes[r.property_id] for r in found if "bedrooms" in {t.field for t in r.trade_offs}]
    assert missed == [last] == [homes[found[-1].property_id]]


def test_behaviour_moves_the_list_and_is_told_with_its_counts(
    session: Session, brokerage: Any, now: dt.datetime
) -> None:
    client = brokerage.client(1, budget="2000000.00", currency="AED")
    areas = [str(brokerage.area(1)), str(brokerage.area(2))]
    seen = [brokerage.unit(i, area_id=areas[1], status="sold", sold_at=now.isoformat()) for i in range(4)]
    for i in range(10, 20):
        brokerage.unit(i, area_id=areas[i % 2])
    for ref in seen:
        brokerage.event(client, 5, property_project_id=str(ref.project_id), property_unit_id=str(ref.unit_id))
    found = recommend(session, client, now)
    assert [get_unit(session, brokerage.unit_ref(r.unit_id)).area_id for r in found[:5]] == [uuid.UUID(areas[1])] * 5
    reason = next(r for r in found[0].reasons if r.field == "area_id")
    assert reason.text == "4 of the 4 units that the client asked about: in Area 2."
    assert reason.evidence == {"asked": 4, "of": 4}


def test_a_lost_deal_counts_against_units_like_it(session: Session, brokerage: Any, now: dt.datetime) -> None:
    agent, client = brokerage.agent(1), brokerage.client(1, budget="2000000.00", currency="AED")
    areas = [str(brokerage.area(1)), str(brokerage.area(2))]
    refs = [brokerage.unit(i, area_id=areas[i % 2]) for i in range(12)]
    for number in (0, 2):
        of = {"project_id": str(refs[number].project_id), "unit_id": str(refs[number].unit_id)}
        brokerage.deal(number + 1, agent, client, 50, 20, stage="lost", **of)
    found = recommend(session, client, now)
    placed = [get_unit(session, brokerage.unit_ref(r.unit_id)).area_id for r in found]
    assert placed[:6] == [uuid.UUID(areas[1])] * 6
    assert "The client turned down 2 units in the same area or project." in {t.text for t in found[-1].trade_offs}


def test_the_answer_over_http_has_counts_and_parts_that_sum(api: TestClient, brokerage: Any) -> None:
    client = brokerage.client(1, **BUYER)
    for i in range(6):
        brokerage.unit(i, area_id=str(brokerage.area(1)), bedrooms=2)
    answer = api.get("/property/recommend", params={"client_id": str(client), "limit": 5}).json()["items"]
    assert len(answer) == 5
    for item in answer:
        assert sum(r["part"] for r in item["reasons"]) == pytest.approx(item["score"], abs=1e-9)
        assert all("evidence" in r for r in item["reasons"] + item["trade_offs"])


def test_areas_follow_wish_means_and_stock(session: Session, brokerage: Any, now: dt.datetime) -> None:
    wanted = brokerage.area(1, price_avg="1000000.00", currency="AED")
    dear = brokerage.area(2, price_avg="4000000.00", currency="AED")
    client = brokerage.client(1, **BUYER)
    for i in range(5):
        brokerage.unit(i, area_id=str(wanted), bedrooms=2)
    found = areas_for(session, client, now)
    assert [a.area_id for a in found] == [wanted, dear]
    assert found[0].trade_offs == []
    assert {t.field for t in found[1].trade_offs} == {"area_id", "price_avg", "stock"}
    assert found[1].price_avg == Decimal("4000000.00")
    for area in found:
        assert sum(r.part for r in area.reasons) == pytest.approx(area.score, abs=1e-9)


@pytest.mark.parametrize(("budget", "within"), [("1000000.00", 6), ("217000.00", 0), (None, 8)])
def test_stock_within_the_budget_is_counted_in_every_currency(
    session: Session, brokerage: Any, now: dt.datetime, budget: str | None, within: int
) -> None:
    area = str(brokerage.area(1))
    client = brokerage.client(1, budget=budget, currency="USD")
    brokerage.rate("USD", "AED", "3.67")
    for i in range(5):
        brokerage.unit(i, area_id=area, price="800000.00")
    for i, (price, currency) in enumerate([("900000.00", "USD"), ("3670000.01", "AED"), ("1.00", "GBP")], start=5):
        brokerage.unit(i, area_id=area, price=price, currency=currency)
    (found,) = areas_for(session, client, now)
    said = [r.text for r in found.reasons] + [t.text for t in found.trade_offs]
    assert f"Units for sale within the limits: {within}." in said


LIMITS: tuple[dict[str, Any], ...] = (
    {"unit_type": "villa"},
    {"bedrooms_max": 1},
    {"bedrooms_min": 3},
    {"segment": "off_plan"},
    {"amenities": ["pool"]},
    {"delivery_by": "2027-01-01"},
    {"area": "Area 1"},
    {"unit_type": "apartment", "bedrooms_max": 4},
    {},
)


@pytest.mark.parametrize("must", LIMITS)
def test_stock_keeps_the_limits_that_the_list_of_units_keeps(
    session: Session, brokerage: Any, now: dt.datetime, must: dict[str, Any]
) -> None:
    areas = [brokerage.area(i, price_avg="1000000.00") for i in (1, 2)]
    agent = brokerage.agent(1)
    client = brokerage.client(1, budget="2000000.00", currency="AED", interest={"must": must})
    for i in range(8):
        brokerage.unit(i, area_id=str(areas[i % 2]), bedrooms=4 - i // 2 % 3, unit_type="apartment", segment="ready")
    refused = brokerage.unit(8, area_id=str(areas[0]), unit_type="villa")
    of = {"project_id": str(refused.project_id), "unit_id": str(refused.unit_id)}
    brokerage.deal(1, agent, client, 50, 20, stage="lost", **of)
    shown = Counter(
        get_unit(session, brokerage.unit_ref(r.unit_id)).area_id for r in recommend(session, client, now, limit=20)
    )
    for area in areas_for(session, client, now):
        said = {reason.text for reason in area.reasons} | {against.text for against in area.trade_offs}
        assert f"Units for sale within the limits: {shown[area.area_id]}." in said


def test_a_wish_for_bedrooms_counts_beside_the_limits_and_is_said(
    session: Session, brokerage: Any, now: dt.datetime
) -> None:
    area = str(brokerage.area(1))
    for i in range(4):
        brokerage.unit(i, area_id=area, bedrooms=i + 1)
    client = brokerage.client(1, interest={"bedrooms": 2, "must": {"bedrooms_max": 3}})
    (found,) = areas_for(session, client, now)
    assert "Units for sale within the limits with 2 or more bedrooms: 2." in {r.text for r in found.reasons}


def test_a_thousand_dearer_units_hide_no_cheaper_ones(session: Session, brokerage: Any, now: dt.datetime) -> None:
    dear, cheap = brokerage.area(1), brokerage.area(2)
    brokerage.unit(1, area_id=str(dear), price="1900000.00")
    brokerage.unit(2, area_id=str(cheap), price="900000.00")
    copy_units(session, 1_000, dear)
    client = brokerage.client(1, budget="2000000.00", currency="AED")
    counts = {a.area_id: r.value for a in areas_for(session, client, now) for r in a.reasons if r.field == "stock"}
    assert counts == {dear: 1_001, cheap: 1}
