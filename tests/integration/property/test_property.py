"""Units are upserted with their projects, listed, compared, valued, and described for search."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from estate.core.documents import DOCUMENT_TOPIC
from estate.core.errors import BadRequest, Invalid
from estate.core.identifiers import UnitRef
from estate.core.ingest import IngestResult, SourceRow
from estate.core.outbox import Claim, Job, enqueue
from estate.core.rejected import RejectedFilter, list_rejected
from estate.property import fair_value, service
from estate.property.errors import AmbiguousUnit, BadUnits, UnitNotFound
from estate.property.schemas import UnitFilter, UnitOut, ValueOut
from estate.property.tasks import FOLD, fold

PROJECT = uuid.UUID("00000000-0000-4000-8000-0000000000a0")
OTHER_PROJECT = uuid.UUID("00000000-0000-4000-8000-0000000000b0")
AREA = uuid.UUID("00000000-0000-4000-8000-0000000000c0")
NOWHERE = uuid.UUID("00000000-0000-4000-8000-0000000000ff")


def ref(n: int = 1, project: uuid.UUID = PROJECT) -> UnitRef:
    return UnitRef(project, uuid.UUID(int=n))


def unit(n: int = 1, project_id: uuid.UUID = PROJECT, **fields: Any) -> dict[str, Any]:
    return {"project_id": str(project_id), "unit_id": str(uuid.UUID(int=n))} | fields


def ingest(session: Session, *rows: dict[str, Any]) -> IngestResult:
    return service.ingest(session, [SourceRow(i, row) for i, row in enumerate(rows)])


def ingest_projects(session: Session, *rows: dict[str, Any]) -> IngestResult:
    return service.ingest_projects(session, [SourceRow(i, row) for i, row in enumerate(rows)])


def statuses(result: IngestResult) -> list[str]:
    return [item.status for item in result.items]


def stored(session: Session, n: int = 1) -> UnitOut:
    return service.get_unit(session, ref(n))


def listed(session: Session, **wanted: Any) -> list[int]:
    return [item.unit_id.int for item in service.list_units(session, UnitFilter(**wanted)).items]


def documents_due(session: Session) -> list[str]:
    keys = session.scalars(text("SELECT key FROM outbox WHERE topic = :topic ORDER BY key"), {"topic": DOCUMENT_TOPIC})
    return list(keys)


@pytest.fixture
def area(session: Session) -> uuid.UUID:
    session.execute(
        text("INSERT INTO market_insights (area_id, area_name, currency) VALUES (:id, 'Marina', 'AED')"), {"id": AREA}
    )
    return AREA


def test_every_column_comes_back(session: Session, area: uuid.UUID) -> None:
    row = unit(
        title="2-bedroom apartment",
        price="1250000.50",
        cash_ratio=0.95,
        delivery_date="2028-06-30",
        real_demand=41.5,
        sales_velocity=3.2,
        negative_reviews=[{"topic": "noise", "text": "loud"}],
        positive_triggers=["sea view"],
        updated_at="2026-01-02T03:04:05Z",
        currency="USD",
        area_id=str(area),
        unit_type="apartment",
        segment="off_plan",
        bedrooms=2,
        bathrooms=3,
        area_sqm=112.25,
        status="sold",
        listed_at="2025-11-01T00:00:00Z",
        sold_at="2026-01-01T00:00:00Z",
    )
    given = row | {"payment_plan": "60/40", "amenities": ["gym"], "project_name": "Gate", "developer": "Oryx"}
    assert statuses(ingest(session, given | {"handover_on": "2028-07-01"})) == ["created"]
    out = stored(session).model_dump(mode="json")
    assert {name: out[name] for name in row} == row
    assert out["property_id"] == str(ref())
    assert (out["project_name"], out["developer"], out["handover_on"]) == ("Gate", "Oryx", "2028-07-01")
    assert out["amenities"] == [
        {
            "code": "FitnessCenter",
            "label": "Fitness Center",
            "scope": "building",
            "vocabulary": "reso:AssociationAmenities",
        }
    ]
    plan = out["payment_plan"]
    assert (plan["name"], plan["on_handover_pct"], plan["schedule_source"]) == ("60/40", 40.0, "generated")
    assert (out["event_count"], out["last_event_at"]) == (0, None)


def test_an_absent_field_keeps_its_value_and_null_clears_it(session: Session) -> None:
    ingest(session, unit(title="A", bedrooms=2, payment_plan="60/40", currency="USD", status="reserved"))
    changed = unit(bedrooms=None, payment_plan=None, bathrooms=1, currency=None)
    assert statuses(ingest(session, changed)) == ["updated"]
    out = stored(session)
    assert (out.title, out.bathrooms, out.status) == ("A", 1, "reserved")
    assert (out.bedrooms, out.payment_plan, out.currency) == (None, None, "AED")
    assert session.scalar(text("SELECT payment_plan IS NULL FROM properties")) is True


def test_an_older_row_is_stale_and_changes_nothing(session: Session) -> None:
    ingest(session, unit(title="New", updated_at="2026-03-01T00:00:00Z"))
    session.execute(text("DELETE FROM outbox"))
    assert statuses(ingest(session, unit(title="Old", updated_at="2026-02-28T00:00:00Z"))) == ["stale"]
    assert stored(session).title == "New"
    assert documents_due(session) == []


def test_the_same_unit_twice_in_a_batch_is_applied_in_order(session: Session) -> None:
    result = ingest(session, unit(1, title="First", bedrooms=1), unit(2), unit(1, title="Second"))
    assert statuses(result) == ["created", "created", "updated"]
    assert (stored(session).title, stored(session).bedrooms) == ("Second", 1)
    assert documents_due(session) == [f"property:{ref(1)}", f"property:{ref(2)}"]


def test_an_unknown_project_is_created_and_learns_its_name_later(session: Session) -> None:
    ingest(session, unit())
    assert stored(session).project_name is None
    session.execute(text("DELETE FROM outbox"))
    old = {"project_id": str(PROJECT), "name": "Gate", "percent_complete": 40, "updated_at": "2020-01-01T00:00:00Z"}
    assert statuses(ingest_projects(session, old)) == ["updated"]
    assert (stored(session).project_name, stored(session).percent_complete) == ("Gate", 40.0)
    assert documents_due(session) == [f"property:{ref()}"]


def test_a_known_project_is_upserted_by_its_units(session: Session) -> None:
    ingest(session, unit(1, project={"name": "Gate", "developer": "Oryx"}, updated_at="2026-01-01T00:00:00Z"))
    session.execute(text("DELETE FROM outbox"))
    ingest(session, unit(2, project={"name": "Gate II"}, updated_at="2026-02-01T00:00:00Z"))
    assert (stored(session).project_name, stored(session).developer) == ("Gate II", "Oryx")
    assert documents_due(session) == [f"property:{ref(1)}", f"property:{ref(2)}"]
    session.execute(text("DELETE FROM outbox"))
    ingest(session, unit(3, project={"name": "Gate"}, updated_at="2026-01-15T00:00:00Z"))
    assert stored(session).project_name == "Gate II"
    assert documents_due(session) == [f"property:{ref(3)}"]


def test_the_newest_word_on_a_project_wins_within_a_batch(session: Session) -> None:
    ingest(
        session,
        unit(1, project_name="New", updated_at="2026-02-01T00:00:00Z"),
        unit(2, project_name="Old", developer="Oryx", updated_at="2026-01-01T00:00:00Z"),
        unit(3),
    )
    assert (stored(session).project_name, stored(session).developer) == ("New", "Oryx")


def test_an_unknown_area_rejects_the_row_and_makes_no_project(session: Session, area: uuid.UUID) -> None:
    result = ingest(
        session,
        unit(1, OTHER_PROJECT, area_id=str(NOWHERE)),
        unit(2, OTHER_PROJECT, project={"area_id": str(NOWHERE)}),
        unit(3, area_id=str(area)),
    )
    assert statuses(result) == ["rejected", "rejected", "created"]
    kept = list_rejected(session, RejectedFilter(batch_id=result.batch_id)).items
    assert {row.reason for row in kept} == {"area_id: no such area"}
    assert session.scalar(text("SELECT count(*) FROM projects")) == 1
    assert statuses(ingest_projects(session, {"project_id": str(OTHER_PROJECT), "area_id": str(NOWHERE)})) == [
        "rejected"
    ]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"payment_plan": {"down_payment_pct": 20, "on_handover_pct": 70}}, "payment_plan"),
        ({"payment_plan": {"installments": [{"pct": 60}, {"pct": "x"}]}}, "payment_plan.installments.1.pct"),
        ({"payment_plan": {"installments": [{"pct": 0.0999}] * 1001}}, "payment_plan.installments"),
        ({"amenities": [5]}, "amenities"),
        ({"amenities": [{"code": ["x"], "label": "Pool"}]}, "amenities"),
        ({"price": -1}, "price"),
        ({"area_sqm": 0}, "area_sqm"),
        ({"status": "gone"}, "status"),
        ({"listed_at": "2026-01-02T00:00:00Z", "sold_at": "2026-01-01T00:00:00Z"}, "sold_at"),
        ({"project": {"name": ""}}, "project.name"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_row_is_rejected_with_its_path(session: Session, fields: dict[str, Any], path: str) -> None:
    item, good = ingest(session, unit(**fields), unit(2)).items
    assert (item.status, good.status) == ("rejected", "created")
    assert [problem.field for problem in item.problems] == [path]


def test_filters_search_and_orders(session: Session, area: uuid.UUID) -> None:
    ingest(
        session,
        unit(1, price=300, bedrooms=1, area_id=str(area), updated_at="2026-01-03T00:00:00Z", title="Sea Villa"),
        unit(2, price=100, bedrooms=2, segment="ready", updated_at="2026-01-01T00:00:00Z", project_name="Oryx Court"),
        unit(3, price=200, currency="USD", status="sold", updated_at="2026-01-02T00:00:00Z"),
        unit(4, OTHER_PROJECT, updated_at="2026-01-04T00:00:00Z", developer="Meridian"),
    )
    assert listed(session) == [1, 2, 3, 4]
    assert listed(session, area_id=area) == [1]
    assert listed(session, project_id=OTHER_PROJECT) == [4]
    assert listed(session, status="sold") == [3]
    assert listed(session, segment="ready") == [2]
    assert listed(session, bedrooms="2") == [2]
    assert listed(session, search="sea vil") == [1]
    assert listed(session, search="oryx") == [1, 2, 3]
    assert listed(session, search="MERIDIAN") == [4]
    assert listed(session, search="%") == []
    assert listed(session, sort="price") == [2, 1]
    assert listed(session, sort="-price") == [1, 2]
    assert listed(session, sort="price", currency="USD") == [3]
    assert listed(session, price_min="150") == [1]
    assert listed(session, price_max="250") == [2]
    assert listed(session, sort="updated") == [2, 3, 1, 4]
    assert listed(session, sort="-updated") == [4, 1, 3, 2]


@pytest.mark.parametrize("order", ["id", "price", "-price", "updated", "-updated"])
def test_pages_join_to_the_whole_list(session: Session, order: Any) -> None:
    ingest(session, *(unit(n, price=f"{100 + n // 2}.50") for n in range(1, 8)))
    seen: list[int] = []
    cursor = None
    while True:
        page = service.list_units(session, UnitFilter(sort=order, cursor=cursor, limit=3))
        seen += [item.unit_id.int for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == listed(session, sort=order)
    assert len(set(seen)) == 7


@pytest.mark.parametrize("cursor", ["WyJ4Il0", "WyJOYU4iLCJ4IiwieSJd", "!"])
def test_a_made_up_cursor_is_refused(session: Session, cursor: str) -> None:
    with pytest.raises(BadRequest):
        listed(session, sort="price", cursor=cursor)


def test_resolve_reads_both_spellings(session: Session) -> None:
    ingest(session, unit(1), unit(2), unit(2, OTHER_PROJECT))
    assert service.resolve(session, str(ref(1))) == ref(1)
    assert service.resolve(session, str(uuid.UUID(int=1))) == ref(1)
    assert service.resolve(session, str(ref(2, OTHER_PROJECT))) == ref(2, OTHER_PROJECT)
    with pytest.raises(AmbiguousUnit) as ambiguous:
        service.resolve(session, str(uuid.UUID(int=2)), field="unitA")
    assert [problem.field for problem in ambiguous.value.problems] == ["unitA"]
    for unknown in (str(uuid.UUID(int=9)), str(ref(1, OTHER_PROJECT))):
        with pytest.raises(UnitNotFound):
            service.resolve(session, unknown)
    for bad in ("", "x", f"{ref(1)}:x", f":{uuid.UUID(int=1)}", str(uuid.UUID(int=0xABC)).upper()):
        with pytest.raises(Invalid) as refused:
            service.resolve(session, bad)
        assert [problem.field for problem in refused.value.problems] == ["unit"]


def test_units_are_read_by_identity(session: Session) -> None:
    ingest(session, unit(1), unit(2))
    assert service.units(session, {ref(1), ref(9)}).keys() == {ref(1)}
    assert service.units(session, []) == {}


def test_units_are_read_however_many_are_asked_for(session: Session) -> None:
    ingest(session, unit(1), unit(2))
    assert service.units(session, [ref(n) for n in range(2, 40_000)]).keys() == {ref(2)}


def test_candidates_are_available_and_within_the_budget_of_their_currency(session: Session, area: uuid.UUID) -> None:
    ingest(
        session,
        unit(1, price=100, bedrooms=1, area_id=str(area)),
        unit(2, price=200, bedrooms=3, unit_type="Villa"),
        unit(3, price=900, unit_type="loft"),
        unit(4, price=150, currency="USD"),
        unit(5, price=150, status="sold"),
        unit(6),
    )

    def found(**wanted: Any) -> list[int]:
        return [item.unit_id.int for item in service.candidates(session, **({"limit": 10} | wanted))]

    assert sorted(found()) == [1, 2, 3, 4, 6]
    assert found(price_max=Decimal(250)) == [2, 1]
    assert found(price_max=Decimal(250), currency="USD") == [4]
    assert found(price_max=Decimal(250), limit=1) == [2]
    assert found(price_min=Decimal(200)) == [2, 3]
    assert found(price_min=Decimal(150), price_max=Decimal(250)) == [2]
    assert found(area_ids=[area]) == [1]
    assert found(area_ids=[]) == []
    assert found(bedrooms_min=2) == [2]
    assert found(type_pattern="villa") == [2]
    assert sorted(found(refused_pattern="villa")) == [1, 3, 4, 6]


def test_compare_gives_reasons_that_mirror_each_other(session: Session) -> None:
    ingest(
        session,
        unit(1, title="A", price="1000000.00", bedrooms=2, area_sqm=100, payment_plan="60/40", amenities=["Pool"]),
        unit(2, title="B", price="1200000.00", bedrooms=3, area_sqm=150, payment_plan="80/20"),
    )
    result = service.compare(session, [ref(1), ref(2)])
    a, b = result.units
    assert {p.field for p in a.pros} == {"price", "paid_before_handover_pct"}
    assert {p.field for p in a.cons} == {"price_per_sqm", "bedrooms", "area_sqm"}
    assert [(p.field, p.value, p.other) for p in a.pros] == [(p.field, p.other, p.value) for p in b.cons]
    assert [(p.field, p.value, p.other) for p in b.pros] == [(p.field, p.other, p.value) for p in a.cons]
    assert "A: Price: AED 1,000,000 against AED 1,200,000, 17 % lower." in result.reasons
    swapped = service.compare(session, [ref(2), ref(1)])
    assert swapped.units == [b, a]


def test_a_ready_home_is_due_at_booking_as_far_as_its_plan_says(session: Session) -> None:
    years = {"down_payment_pct": 20, "post_handover_pct": 80, "post_handover_months": 120}
    ingest(
        session,
        unit(1, payment_plan="10/90", delivery_date="2020-01-01"),
        unit(2, payment_plan="10/90", handover_on="2020-01-01", project_id=OTHER_PROJECT),
        unit(3, payment_plan=years, delivery_date="2020-01-01"),
        unit(4, payment_plan="10/90", delivery_date="2099-01-01"),
        unit(5, payment_plan="10/90"),
    )
    refs = [ref(1), ref(2, OTHER_PROJECT), *(ref(n) for n in (3, 4, 5))]
    ready, by_project, paid_for_years, off_plan, undated = service.compare(session, refs).units
    values = [
        {p.value for p in (*u.pros, *u.cons, *u.even) if p.field == "paid_before_handover_pct"}
        for u in (ready, by_project, paid_for_years, off_plan, undated)
    ]
    assert values == [{"100"}, {"100"}, {"20"}, {"10"}, {"10"}]
    assert [p.against for p in paid_for_years.pros if p.field == "paid_before_handover_pct"] == [
        ready.property_id,
        by_project.property_id,
    ]


def test_money_over_time_stands_side_by_side_or_says_what_is_missing(session: Session) -> None:
    plan = {"down_payment_pct": 20, "on_handover_pct": 80, "cash_discount_pct": 10}
    ingest(
        session,
        unit(1, price="1000000.00", payment_plan=plan, delivery_date="2099-01-01"),
        unit(2, price="1000000.00", payment_plan="60/40"),
        unit(3, payment_plan="60/40", delivery_date="2099-01-01"),
    )
    paid, undated, unpriced = service.compare(session, [ref(n) for n in (1, 2, 3)]).units
    money = paid.money_over_time
    assert money is not None
    assert sum(part.amount for part in money.instalments) == Decimal("1000000.00")
    assert Decimal(200_000) < money.cash_equivalent_price < Decimal("1000000.00")
    assert money.peak_12m_outlay == Decimal("800000.00")
    assert money.implied_annual_rate is not None
    assert 0 < money.implied_annual_rate < 0.01, "a tenth off, over more than seventy years"
    values = [case.cash_equivalent_price for case in money.late_handover]
    assert values == sorted(values, reverse=True)
    assert values[0] == money.cash_equivalent_price
    assert [undated.money_missing, unpriced.money_missing] == [
        "The day of handover is not known.",
        "The price is not known.",
    ]


def test_five_units_are_compared_and_each_pair_has_a_reason(session: Session) -> None:
    ingest(session, *(unit(n, title=f"T{n}") for n in range(1, 6)))
    result = service.compare(session, [ref(n) for n in range(1, 6)])
    assert len(result.reasons) == 10
    assert [compared.property_id for compared in result.units] == [str(ref(n)) for n in range(1, 6)]


def test_what_cannot_be_compared_is_refused(session: Session) -> None:
    ingest(session, *(unit(n) for n in range(1, 7)))
    for refs in ([ref(1)], [ref(1), ref(1)], [ref(n) for n in range(1, 7)]):
        with pytest.raises(BadUnits):
            service.compare(session, refs)
    with pytest.raises(UnitNotFound):
        service.compare(session, [ref(1), ref(99)])


def predicted(session: Session, unit: UnitRef) -> ValueOut:
    return service.predict(session, unit, {}, dt.datetime.now(dt.UTC))


def sale(n: int, area: uuid.UUID, **fields: Any) -> dict[str, Any]:
    sold: dict[str, Any] = {
        "status": "sold",
        "listed_at": "2026-01-01T00:00:00Z",
        "sold_at": f"2026-02-{n:02d}T00:00:00Z",
    }
    return unit(n, area_id=str(area), price=100_000 + 1_000 * n, area_sqm=100, bedrooms=1) | sold | fields


def test_a_value_rests_on_the_sales_of_the_area(session: Session, area: uuid.UUID) -> None:
    mine = unit(50, area_id=str(area), area_sqm=110, bedrooms=1, price=121_000)
    foreign = sale(20, area, currency="USD", price=9)
    ingest(
        session, mine, foreign, sale(21, area, status="available", sold_at=None), *(sale(n, area) for n in range(1, 12))
    )
    value = predicted(session, ref(50))
    assert (value.status, value.n, value.currency) == ("ok", 11, "AED")
    assert value.value is not None
    assert value.lower is not None
    assert value.upper is not None
    assert float(value.value) == pytest.approx(116_600, rel=0.005)
    assert value.lower < value.value < value.upper
    assert value.price_to_value == pytest.approx(121_000 / float(value.value))
    assert {sale.property_id for sale in value.comparables} == {str(ref(n)) for n in range(1, 12)}
    assert (value.method, value.sales) == ("comparables", 11)
    assert len(value.reasons) == 3
    assert value.why == (
        "Mean of the 11 most alike sales of the area in AED, adjusted to size and not to the day: 11 sales do not tell "
        "how prices moved."
    )
    assert value.reasons[1] == "The newest of them was sold on 11 Feb 2026; how prices moved since is not known."
    assert f"the value is {value.value:,.0f}." in value.reasons[0]
    gap = abs(float(value.price_to_value or 0) - 1)
    assert value.reasons[2] == f"The asking price is {gap:.1%} above the value.".replace("%", " %")
    for found in value.comparables:
        assert float(found.adjusted_price) == pytest.approx(
            float(found.price) * found.size_adjustment * found.time_adjustment, abs=0.01
        )
        assert found.size_adjustment == pytest.approx(1.1)
    selling = value.time_to_sell
    assert (selling.status, selling.n, selling.sold) == ("ok", 13, 12)
    chances = [chance.probability for chance in selling.chances]
    assert chances == sorted(chances)
    assert chances[0] == pytest.approx(0)


def on_market(n: int, area: uuid.UUID, days: int, sold_after: int | None = None) -> dict[str, Any]:
    """Return a unit listed some days ago."""
    listed_at = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
    row = unit(n, area_id=str(area), listed_at=listed_at.isoformat())
    if sold_after is None:
        return row
    return row | {"status": "sold", "sold_at": (listed_at + dt.timedelta(days=sold_after)).isoformat()}


def test_no_chance_is_told_of_days_that_too_few_units_were_seen(session: Session, area: uuid.UUID) -> None:
    lately = [on_market(n, area, days=20, sold_after=n if n <= 12 else None) for n in range(1, 41)]
    ingest(session, *lately, on_market(41, area, days=70, sold_after=60))
    selling = predicted(session, ref(40)).time_to_sell
    assert (selling.status, selling.chances, selling.median_days) == ("insufficient_data", [], None)
    assert (selling.n, selling.sold) == (41, 13)
    assert selling.why == (
        "Too few of the 41 units of the area were seen for longer than 20 days to tell the chance of a sale within "
        "30 days or more."
    )
    ingest(session, *(on_market(n, area, days=50) for n in range(42, 72)))
    selling = predicted(session, ref(40)).time_to_sell
    assert (selling.status, [chance.days for chance in selling.chances]) == ("ok", [30])
    assert selling.chances[0].upper < 0.5
    assert selling.why.endswith(
        "Too few of the 71 units of the area were seen for longer than 50 days to tell the chance of a sale within "
        "60 days or more."
    )


@pytest.mark.parametrize("before", [None, 900])
@pytest.mark.parametrize("status", ["available", "sold"])
def test_a_sale_before_the_listing_tells_nothing_of_the_time_to_sell(
    session: Session, area: uuid.UUID, before: int | None, status: str
) -> None:
    earlier = None if before is None else (dt.datetime.now(dt.UTC) - dt.timedelta(days=before)).isoformat()
    bought = [unit(n, status="sold", sold_at=earlier, area_id=str(area)) for n in range(21, 41)]
    ingest(session, *bought, *(on_market(n, area, days=300, sold_after=9 + n) for n in range(1, 21)))
    ingest(session, *(on_market(n, area, days=200) | {"status": status} for n in range(21, 41)))
    selling = predicted(session, ref(40)).time_to_sell
    assert (selling.status, selling.n, selling.sold) == ("ok", 40, 20)
    assert [chance.probability for chance in selling.chances] == pytest.approx([0.5] * 3, abs=0.02)


def test_a_unit_without_an_area_is_not_compared_with_others_without_one(session: Session) -> None:
    sold: dict[str, Any] = {"status": "sold", "listed_at": "2026-01-01T00:00:00Z", "sold_at": "2026-02-01T00:00:00Z"}
    ingest(session, unit(1), *(unit(n, price=100_000, **sold) for n in range(2, 22)))
    selling = predicted(session, ref(1)).time_to_sell
    assert (selling.status, selling.n, selling.median_days) == ("insufficient_data", 0, None)
    assert "states no area" in selling.why


def test_below_five_sales_there_is_no_value(session: Session, area: uuid.UUID) -> None:
    ingest(session, *(sale(n, area) for n in range(1, 6)))
    own = predicted(session, ref(1))
    assert (own.status, own.value, own.lower, own.n) == ("insufficient_data", None, None, 4)
    assert own.time_to_sell.status == "insufficient_data"
    ingest(session, unit(60))
    nothing = predicted(session, ref(60))
    assert (nothing.status, nothing.n, nothing.comparables) == ("insufficient_data", 0, [])
    with pytest.raises(UnitNotFound):
        predicted(session, ref(99))


def town(area: uuid.UUID, n: int, scale: float = 1.0) -> list[dict[str, Any]]:
    """Return sales whose price per m² falls with the size, at a rate that only learners see."""
    rows = []
    for i in range(1, n + 1):
        size = 40 + (37 * i) % 120
        price = round(scale * 20_000 * size**0.8 * (1 + 0.03 * ((i * 7919) % 11 - 5) / 5))
        day = f"2026-{1 + i % 6:02d}-{1 + i % 28:02d}T00:00:00Z"
        rows.append(sale(i, area, price=price, area_sqm=size, listed_at=None, sold_at=day, bedrooms=size // 50))
    return rows


@pytest.fixture
def no_kept_models() -> Iterator[None]:
    fair_value.forget()
    yield
    fair_value.forget()


@pytest.mark.usefixtures("no_kept_models")
def test_many_sales_are_learned_from_once_and_never_across_currencies(session: Session, area: uuid.UUID) -> None:
    home: dict[str, Any] = {"area_id": str(area), "area_sqm": 100, "bedrooms": 2}
    ingest(session, unit(900, **home), unit(901, currency="USD", **home), *town(area, 450))
    first = predicted(session, ref(900))
    assert (first.status, first.method, first.sales) == ("ok", "learned", 450)
    assert first.value is not None
    assert first.lower is not None
    assert first.upper is not None
    assert float(first.value) == pytest.approx(20_000 * 100**0.8, rel=0.03)
    assert first.lower < first.value < first.upper
    assert first.n == len(first.comparables) >= 5
    foreign = predicted(session, ref(901))
    assert (foreign.status, foreign.n, foreign.currency) == ("insufficient_data", 0, "USD")
    ingest(session, *town(area, 450, scale=2.0))
    assert predicted(session, ref(900)).value == first.value
    fair_value.forget()
    assert predicted(session, ref(900)).value == pytest.approx(2 * first.value, rel=Decimal("0.05"))


@pytest.mark.usefixtures("no_kept_models")
@pytest.mark.parametrize("n", [60, 420])
def test_sales_that_are_all_the_same_give_their_price(session: Session, area: uuid.UUID, n: int) -> None:
    sold = [f"2026-{1 + i % 6:02d}-{1 + i % 28:02d}T00:00:00Z" for i in range(n)]
    same = [sale(i + 1, area, price=900_000, area_sqm=90, listed_at=None, sold_at=day) for i, day in enumerate(sold)]
    ingest(session, unit(900, area_id=str(area), area_sqm=90), *same)
    value = predicted(session, ref(900))
    assert (value.status, value.method, value.value) == ("ok", "comparables", Decimal("900000.00"))
    assert value.why == "Mean of the 15 most alike sales of the area in AED, adjusted to size and day."
    assert value.reasons[1].endswith("; prices moved by +0.0 % since the most alike one.")
    assert value.lower is not None
    assert value.upper is not None
    assert value.lower < 900_000 < value.upper


@pytest.mark.usefixtures("no_kept_models")
def test_while_a_model_is_fitted_others_are_answered_from_comparables(session: Session, area: uuid.UUID) -> None:
    ingest(session, unit(900, area_id=str(area), area_sqm=100, bedrooms=2), *town(area, 450))
    with fair_value._lock:
        meanwhile = predicted(session, ref(900))
    assert (meanwhile.status, meanwhile.method, meanwhile.sales) == ("ok", "comparables", 399)
    learned = predicted(session, ref(900))
    assert learned.method == "learned"
    with fair_value._lock:
        assert predicted(session, ref(900)).value == learned.value


@pytest.mark.usefixtures("no_kept_models")
def test_a_sold_unit_is_valued_without_its_own_price(session: Session, area: uuid.UUID) -> None:
    ingest(session, *town(area, 450))
    before = predicted(session, ref(7))
    assert (before.method, before.sales) == ("comparables", 399)
    assert str(ref(7)) not in {sale.property_id for sale in before.comparables}
    ingest(session, unit(7, price=1))
    assert predicted(session, ref(7)).value == before.value


def claim(n: int, at: str, delta: int = 1, project: uuid.UUID = PROJECT) -> Claim:
    event = {"event_id": str(uuid.uuid4()), "project_id": str(project), "unit_id": str(uuid.UUID(int=n))}
    return Claim(0, "", event | {"time_of_event": at, "delta": delta})


def test_folding_counts_events_and_keeps_the_newest_time(session: Session) -> None:
    ingest(session, unit(1), unit(2))
    before = stored(session).updated_at
    fold(
        session,
        [
            claim(1, "2026-03-02T00:00:00+00:00"),
            claim(2, "2026-03-01T00:00:00+00:00"),
            claim(9, "2026-03-01T00:00:00+00:00"),
        ],
    )
    fold(session, [claim(1, "2026-03-01T00:00:00+00:00")])
    first, second = stored(session, 1), stored(session, 2)
    assert (first.event_count, first.last_event_at) == (2, dt.datetime(2026, 3, 2, tzinfo=dt.UTC))
    assert second.event_count == 1
    assert first.updated_at == before


def test_folding_follows_from_the_outbox(session: Session, drain: Callable[[], int]) -> None:
    ingest(session, unit(1))
    session.execute(text("DELETE FROM outbox"))
    work = claim(1, "2026-03-02T00:00:00+00:00")
    enqueue(session, [Job(FOLD, "event", work.payload)])
    session.flush()
    assert drain() == 1
    assert drain() == 0
    assert stored(session).event_count == 1


def test_documents_hold_what_a_sentence_may_cite(session: Session, area: uuid.UUID) -> None:
    ingest(
        session,
        unit(
            1,
            title="Sea Villa",
            price="100.00",
            bedrooms=0,
            amenities=["gym"],
            payment_plan="60/40",
            area_id=str(area),
            area_sqm=50.5,
            project={"name": "Gate", "developer": "Oryx"},
        ),
        unit(2),
    )
    first, bare = sorted(
        service.documents(session, [str(ref(1)), str(ref(2)), str(ref(9))]), key=lambda found: found.record_id
    )
    assert first.record_id == str(ref(1))
    for word in ("Sea Villa", "Gate", "Oryx", "studio", "Fitness Center", str(area), "60/40"):
        assert word in first.text
    cited = {
        "price": "100.00",
        "currency": "AED",
        "bedrooms": 0,
        "area_sqm": "50.5",
        "paid_before_handover_pct": "60",
    }
    assert {name: first.fields[name] for name in cited} == cited
    assert (bare.title, bare.fields["price"]) == ("Gate", None)
