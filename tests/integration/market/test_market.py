"""Snapshots become the aggregate that the contract describes."""

import datetime as dt
import uuid
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from estate.core.ingest import IngestResult, SourceRow
from estate.core.rejected import RejectedFilter, list_rejected
from estate.market import service
from estate.market.errors import AreaNotFound
from estate.market.forecasting import publish
from estate.market.schemas import AreaFilter

AREA = uuid.UUID("00000000-0000-4000-8000-00000000000a")
OTHER = uuid.UUID("00000000-0000-4000-8000-00000000000b")


def snapshot(area: uuid.UUID = AREA, **fields: Any) -> dict[str, Any]:
    return {"area_id": str(area), "area_name": f"Area {str(area)[-1]}"} | fields


def ingest(session: Session, *rows: dict[str, Any]) -> IngestResult:
    return service.ingest(session, [SourceRow(i, row) for i, row in enumerate(rows)])


def test_price_is_the_mean_weighted_by_sales(session: Session) -> None:
    ingest(
        session,
        snapshot(price_avg="100.00", sales_volume=1, observed_on="2026-01-01"),
        snapshot(price_avg="200.00", sales_volume=3, observed_on="2026-01-08"),
    )
    area = service.get_area(session, AREA)
    assert (str(area.price_avg), area.snapshot_count, area.as_of) == ("175.00", 2, dt.date(2026, 1, 8))


@pytest.mark.parametrize("volume", [None, 0])
def test_a_snapshot_without_sales_weighs_one(session: Session, volume: int | None) -> None:
    ingest(
        session,
        snapshot(price_avg="100.00", sales_volume=volume, observed_on="2026-01-01"),
        snapshot(price_avg="400.00", sales_volume=2, observed_on="2026-01-02"),
    )
    assert str(service.get_area(session, AREA).price_avg) == "300.00"


def test_the_window_ends_at_the_newest_observation_of_the_area(session: Session) -> None:
    ingest(
        session,
        snapshot(price_avg="100.00", observed_on="2026-01-01"),
        snapshot(price_avg="300.00", observed_on="2026-04-01"),
        snapshot(OTHER, price_avg="100.00", observed_on="2020-01-01"),
    )
    assert str(service.get_area(session, AREA).price_avg) == "300.00"
    assert str(service.get_area(session, OTHER).price_avg) == "100.00"


def test_the_same_area_date_and_source_again_replaces(session: Session) -> None:
    first = ingest(session, snapshot(price_avg="100.00", observed_on="2026-01-01", source="registry"))
    again = ingest(session, snapshot(price_avg="150.00", observed_on="2026-01-01", source="registry"))
    assert (first.counts["created"], again.counts["updated"]) == (1, 1)
    area = service.get_area(session, AREA)
    assert (str(area.price_avg), area.snapshot_count) == ("150.00", 1)


def test_rows_without_a_date_are_distinct_observations(session: Session) -> None:
    ingest(session, snapshot(price_avg="100.00"), snapshot(price_avg="200.00"))
    assert str(service.get_area(session, AREA).price_avg) == "150.00"


def test_off_plan_and_ready_are_shown_apart(session: Session) -> None:
    ingest(
        session,
        snapshot(price_avg="100.00", observed_on="2026-01-01", segment="ready"),
        snapshot(price_avg="300.00", observed_on="2026-01-01", segment="off_plan"),
    )
    segments = service.get_area(session, AREA).segments
    assert (segments["ready"]["price_avg"], segments["off_plan"]["price_avg"]) == ("100.00", "300.00")


def test_another_currency_is_not_averaged_in(session: Session) -> None:
    ingest(
        session,
        snapshot(price_avg="100.00", currency="USD", observed_on="2026-01-01"),
        snapshot(price_avg="370.00", currency="AED", observed_on="2026-01-02"),
    )
    area = service.get_area(session, AREA)
    assert (str(area.price_avg), area.currency) == ("370.00", "AED")


def test_a_bad_row_is_kept_and_the_good_ones_are_stored(session: Session) -> None:
    result = ingest(session, snapshot(price_avg="-5"), snapshot(OTHER, price_avg="5"))
    assert [item.status for item in result.items] == ["rejected", "created"]
    kept = list_rejected(session, RejectedFilter(batch_id=result.batch_id)).items
    assert [(row.row_number, row.layer) for row in kept] == [(0, "market")]
    assert "price_avg" in kept[0].reason
    with pytest.raises(AreaNotFound):
        service.get_area(session, AREA)


def test_every_area_is_on_the_heat_map(session: Session) -> None:
    ingest(session, snapshot(demand_score=80.0), snapshot(OTHER, demand_score=20.0))
    named = uuid.uuid4()
    service.name_areas(session, {named: "Nothing known"}, currency="AED")
    found = {area.area_id: area for area in service.heatmap(session)}
    assert found[AREA].heat_score > found[OTHER].heat_score
    assert (found[named].n, found[named].confidence) == (0, 0.0)


def counted(segment: str, source: str, sales: int, inventory: int, **fields: Any) -> dict[str, Any]:
    return snapshot(segment=segment, source=source, sales_volume=sales, inventory=inventory, **fields)


MARCH = {"observed_on": "2026-03-31"}
SPLIT = [counted("ready", "registry", 60, 200, **MARCH), counted("off_plan", "registry", 40, 300, **MARCH)]


@pytest.mark.parametrize(
    ("rows", "sales", "inventory"),
    [
        ([counted("all", "api", 128, 500)] * 3, 128, 500),
        ([counted("all", "registry", 128, 500, **MARCH), counted("all", "portal", 120, 520, **MARCH)], 124, 510),
        (SPLIT, 100, 500),
        ([counted("all", "registry", 100, 500, **MARCH), *SPLIT], 100, 500),
        ([counted("all", "portal", 110, 510, **MARCH), *SPLIT], 110, 510),
        ([SPLIT[0], SPLIT[1] | {"source": "portal"}], 100, 500),
        ([counted("all", "api", 128, 500), snapshot(price_avg="100.00")], 128, 500),
    ],
    ids=["posted again", "two sources", "split", "whole and split", "another's whole", "shared out", "then a price"],
)
def test_sales_and_homes_for_sale_are_counted_once(
    session: Session, rows: list[dict[str, Any]], sales: int, inventory: int
) -> None:
    ingest(session, *rows)
    assert service.get_area(session, AREA).sales_volume == sales
    [heat] = service.heatmap(session)
    assert heat.sales_per_month == sales
    assert heat.months_of_supply == pytest.approx(inventory / sales)


def test_the_sales_of_a_month_are_those_of_its_days_whoever_tells_them(session: Session) -> None:
    weeks = [counted("all", "registry", 30, 500, observed_on=f"2026-03-{day}") for day in ("07", "14", "21", "28")]
    ingest(session, *weeks, counted("all", "portal", 100, 500, **MARCH))
    [heat] = service.heatmap(session)
    assert heat.sales_per_month == 110


def test_a_month_that_has_just_begun_moves_no_heat(session: Session) -> None:
    today = dt.datetime.now(dt.UTC).date()
    areas = [uuid.UUID(int=n) for n in range(1, 7)]
    months = [(today.replace(day=15) - dt.timedelta(days=30 * ago)).isoformat() for ago in range(1, 9)]
    steady = [
        snapshot(a, observed_on=day, sales_volume=20 * a.int, inventory=80 * a.int) for a in areas for day in months
    ]
    ingest(session, *steady)
    before = service.heatmap(session)
    week = {"observed_on": today.isoformat(), "sales_volume": 25, "inventory": 480}
    ingest(session, snapshot(areas[5], **week), snapshot(OTHER, **week))
    after = service.heatmap(session)
    assert [area for area in after if area.area_id != OTHER] == before
    assert max(area.sales_per_month or 0 for area in before) == 120
    [young] = [area for area in after if area.area_id == OTHER]
    assert (young.sales_per_month, young.confidence) == (None, 0.0)


def test_a_price_alone_moves_no_heat(session: Session) -> None:
    areas = [uuid.UUID(int=n) for n in range(1, 6)]
    for month in range(1, 7):
        day = f"2026-{month:02d}-15"
        ingest(
            session,
            *(snapshot(a, observed_on=day, demand_score=10 * a.int, supply_score=90 - 10 * a.int) for a in areas),
        )
    before = service.heatmap(session)
    ingest(session, snapshot(areas[4], observed_on="2026-07-01", price_avg="1010000"))
    assert service.heatmap(session) == before


def test_a_forecast_needs_three_months_and_says_so(session: Session) -> None:
    ingest(session, snapshot(price_avg="100.00", observed_on="2026-01-31"))
    short = service.predict(session, AREA, 3)
    assert (short.status, short.months) == ("insufficient_data", [])
    ingest(
        session,
        snapshot(price_avg="110.00", observed_on="2026-02-28"),
        snapshot(price_avg="121.00", observed_on="2026-03-31"),
    )
    forecast = service.predict(session, AREA, 2)
    assert [month.month for month in forecast.months] == [dt.date(2026, 4, 1), dt.date(2026, 5, 1)]
    assert all(month.lower < month.price < month.upper for month in forecast.months)
    assert forecast.months[0].price > 121


def test_the_forecast_of_one_area_of_few_months_is_as_unsure_as_its_own_changes(session: Session) -> None:
    prices = ["100.00", "104.00", "101.00", "106.00", "103.00", "107.00"]
    ingest(session, *(snapshot(price_avg=p, observed_on=f"2026-0{m}-28") for m, p in enumerate(prices, 1)))
    forecast = service.predict(session, AREA, 1)
    assert forecast.why.startswith("The path of this area alone over 6 months; the intervals are those of a random")
    assert forecast.months[0].upper - forecast.months[0].lower > 8


def test_a_forecast_names_the_months_without_a_price_and_is_wider_for_them(session: Session) -> None:
    months = [dt.date(2025, m, 28).isoformat() for m in range(1, 13)]
    prices = ["100.00", "104.00", "101.00", "106.00", "103.00", "107.00"] * 2
    ingest(session, *(snapshot(price_avg=p, observed_on=day) for day, p in zip(months, prices, strict=True)))
    ingest(session, *(snapshot(OTHER, price_avg=p, observed_on=d) for d, p in zip(months[:8], prices, strict=False)))
    fresh, silent = service.predict(session, AREA, 3), service.predict(session, OTHER, 3)
    assert "older than" not in fresh.why
    assert "Its last price is 4 months older than the newest of all areas" in silent.why
    assert all(
        late.upper / late.price > month.upper / month.price
        for late, month in zip(silent.months, fresh.months, strict=True)
    )


STORED_LONG_AGO = """
INSERT INTO market_snapshots (area_id, observed_on, source, stated, price_avg, currency)
VALUES (:area_id, '2062-01-01', 'registry', true, 20, 'AED')
"""


def test_a_day_lies_ahead_by_no_more_than_a_month_that_is_dated_by_its_end(api: TestClient) -> None:
    today = dt.datetime.now(dt.UTC).date()
    row = {"area_id": str(AREA), "area_name": "Old Bay", "price_avg": "20.00"}
    for days, status in ((31, 200), (33, 422)):  # The day may change meanwhile.
        answer = api.post("/market/ingest", json=row | {"observed_on": str(today + dt.timedelta(days=days))})
        assert answer.status_code == status, answer.text
    assert "observed_on" in answer.text
    assert "This must not lie more than 31 days in the future." in answer.text


@pytest.mark.parametrize("year", [2014, 2025])
def test_a_mistyped_year_leaves_every_forecast_as_it_was(session: Session, year: int) -> None:
    months = [dt.date(year, m, 1).isoformat() for m in range(1, 13)]
    ingest(session, *(snapshot(a, price_avg="100.00", observed_on=day) for a in (AREA, OTHER) for day in months))
    before = [service.predict(session, area, 3).months for area in (AREA, OTHER)]
    session.execute(text(STORED_LONG_AGO), {"area_id": OTHER})
    ingest(session, snapshot(OTHER, price_avg="100.00", observed_on=months[-1], source="registry"))
    session.expire_all()
    area = service.get_area(session, OTHER)
    assert (str(area.as_of), str(area.price_avg)) == (months[-1], "100.00")
    assert {heat.as_of.isoformat() for heat in service.heatmap(session) if heat.as_of} <= {months[-1]}
    after = [service.predict(session, area, 3) for area in (AREA, OTHER)]
    assert [forecast.status for forecast in after] == ["ok", "ok"]
    assert [forecast.months for forecast in after] == before


def test_pages_reach_every_area_once(session: Session) -> None:
    ids = [uuid.uuid4() for _ in range(7)]
    ingest(session, *(snapshot(area) for area in ids))
    seen: list[uuid.UUID] = []
    cursor: str | None = None
    while True:
        page = service.list_areas(session, AreaFilter(limit=3, cursor=cursor))
        seen += [area.area_id for area in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == sorted(ids)


def test_the_search_document_holds_the_figures(session: Session) -> None:
    ingest(session, snapshot(price_avg="100.00"))
    found = service.documents(session, [str(AREA), str(uuid.uuid4())])
    assert [(document.record_id, document.fields["price_avg"]) for document in found] == [(str(AREA), "100.00")]


def test_the_kept_heat_map_knows_the_next_snapshot(session: Session) -> None:
    ingest(session, snapshot(demand_score=80.0), snapshot(OTHER, demand_score=20.0))
    first = {area.area_id: area.heat_score for area in service.heatmap(session)}
    ingest(session, snapshot(demand_score=0.0), snapshot(OTHER, demand_score=500.0))
    second = {area.area_id: area.heat_score for area in service.heatmap(session)}
    assert first[AREA] > first[OTHER]
    assert second[AREA] < second[OTHER]


def test_an_area_is_found_by_any_of_its_names(session: Session) -> None:
    ingest(session, snapshot(aliases=["Marsa Dubai", "نخلة جميرا"]))
    assert [area.area_id for area in service.find_areas(session, ["MARSA dubai"])] == [AREA]
    found = service.list_areas(session, AreaFilter(search="نخلة")).items
    assert [(area.area_id, area.aliases) for area in found] == [(AREA, ["Marsa Dubai", "نخلة جميرا"])]


def test_what_blends_ready_and_off_plan_says_so(session: Session) -> None:
    ingest(
        session,
        snapshot(price_avg="1.00", observed_on="2026-01-01", segment="ready"),
        snapshot(price_avg="3.00", observed_on="2026-01-01", segment="off_plan"),
    )
    [area] = service.heatmap(session)
    assert area.segments == ["ready", "off_plan"]


def days_of(year: int, months: int) -> list[str]:
    return [dt.date(year + m // 12, m % 12 + 1, 28).isoformat() for m in range(months)]


def test_forty_forecasts_of_one_month_prove_nothing_and_a_published_one_stays_as_it_was(session: Session) -> None:
    areas = [uuid.uuid4() for _ in range(40)]
    days = days_of(2025, 8)
    ingest(session, *(snapshot(a, price_avg="100.00", observed_on=day) for a in areas for day in days[:4]))
    assert publish(session) == 40
    assert publish(session) == 0
    ingest(session, *(snapshot(a, price_avg="100.00", observed_on=day) for a in areas for day in days[4:]))
    record = service.track_record(session, dt.datetime(2025, 7, 1, tzinfo=dt.UTC))
    assert [(row.months_ahead, row.n, row.origins) for row in record.items] == [(1, 40, 1), (2, 40, 1)]
    assert {row.status for row in record.items} == {"insufficient_data"}
    assert {row.coverage_80 for row in record.items} == {None}


def test_a_track_record_is_measured_with_the_spread_over_the_months_of_origin(session: Session) -> None:
    prices = ["100.00", "104.00", "101.00", "106.00", "103.00", "107.00", "104.00", "108.00", "105.00"]
    for day, price in zip(days_of(2025, 9), prices, strict=True):
        ingest(session, *(snapshot(a, price_avg=price, observed_on=day) for a in (AREA, OTHER)))
        publish(session)
    first, second = (
        row.model_dump() for row in service.track_record(session, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)).items[:2]
    )
    assert [first[name] for name in ("months_ahead", "status", "n", "origins")] == [1, "ok", 12, 6]
    assert first["skill_lower"] < first["skill"] < first["skill_upper"] <= 1
    assert first["coverage_80_lower"] <= first["coverage_80"] <= first["coverage_80_upper"]
    assert first["coverage_80_upper"] - first["coverage_80_lower"] > 0.3
    assert (second["status"], second["skill_lower"]) == ("insufficient_data", None)


def test_nothing_is_better_than_the_last_price_where_prices_stand_still(session: Session) -> None:
    for day in days_of(2025, 9):
        ingest(session, snapshot(price_avg="100.00", observed_on=day))
        publish(session)
    first = service.track_record(session, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)).items[0]
    assert (first.status, first.coverage_80, first.naive_error) == ("ok", 1.0, 0.0)
    assert (first.skill, first.skill_lower) == (None, None)
