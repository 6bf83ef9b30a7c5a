import datetime as dt
from typing import Any

import pytest
from htpy import div
from tests.unit.console.asked import HOSTILE, Api, page_of, view

from estate.console.pages import market as module
from estate.sdk.errors import NotFound
from estate.sdk.models.market import Area

AREA = "44444444-4444-4444-8444-444444444444"
RECORD = {"items": [], "n": 0, "as_of": None, "why": "No month of a published forecast is over yet."}
TRACKED = {
    "months_ahead": 1,
    "status": "ok",
    "n": 64,
    "areas": 8,
    "origins": 8,
    "error": 0.021,
    "naive_error": 0.034,
    "skill": 0.38,
    "skill_lower": 0.1,
    "skill_upper": 0.6,
    "coverage_80": 0.775,
    "coverage_80_lower": 0.43,
    "coverage_80_upper": 0.96,
    "coverage_95": 0.94,
    "coverage_95_lower": 0.62,
    "coverage_95_upper": 1.0,
}


def heat(name: str = "حي السنبل", **changed: Any) -> dict[str, Any]:
    return {
        "area_id": AREA,
        "area_name": name,
        "heat_score": 86.0,
        "heat_band": "very hot",
        "heat_trend": -8.2,
        "demand_score": 90.0,
        "scarcity_score": 82.0,
        "drivers": [
            {"name": "earlier months", "signal": None, "points": 41.0, "share": 0.9},
            {"name": "scarcity", "signal": "days_on_market", "points": -5.0, "share": 0.1},
        ],
        "months_of_supply": 3.3,
        "sales_per_month": 55.5,
        "days_on_market": 46.0,
        "segments": ["ready"],
        "n": 26,
        "confidence": 0.37,
        "peers": 8,
        "as_of": "2026-10-31",
        "why": "Demand stands at 90.",
    } | changed


def snapshot(day: str, price: str | None, sales: int | None = 1, currency: str = "AED") -> dict[str, Any]:
    return {
        "observed_on": day,
        "source": "registry",
        "segment": "ready",
        "price_avg": price,
        "currency": currency,
        "sales_volume": sales,
        "demand_score": 70.0,
        "supply_score": 30.0,
    }


def area(*history: dict[str, Any]) -> dict[str, Any]:
    return {
        "area_id": AREA,
        "area_name": "Marina",
        "price_avg": "1500000.00",
        "price_median": "1400000.00",
        "demand_score": 72.0,
        "supply_score": 35.0,
        "sales_volume": 65,
        "new_projects": {"count": 2, "items": [], "window_days": 90},
        "agent_density": 10.9,
        "currency": "AED",
        "segments": {"off_plan": {"n": 3, "as_of": "2026-10-31", "price_avg": "1591968.71", "price_median": None}},
        "aliases": ["المارينا"],
        "snapshot_count": 6,
        "as_of": "2026-10-31",
        "updated_at": "2026-11-01T00:00:00Z",
        "history": list(history),
    }


def forecast(**changed: Any) -> dict[str, Any]:
    month = {
        "month": "2026-11-01",
        "price": 1_600_000.0,
        "lower": 1_500_000.0,
        "upper": 1_700_000.0,
        "lower_95": 1_400_000.0,
        "upper_95": 1_800_000.0,
        "naive": 1_550_000.0,
    }
    return {
        "area_id": AREA,
        "status": "ok",
        "currency": "AED",
        "level": 0.8,
        "months": [month],
        "segments": ["ready"],
        "n": 36,
        "areas": 8,
        "as_of": "2026-10-31",
        "why": "The path shared by 8 areas.",
    } | changed


def market(*areas: dict[str, Any], record: dict[str, Any] = RECORD) -> str:
    api = Api({"/market/heatmap": page_of(*areas), "/market/track-record": record})
    return str(div[module.market(api.estate, view("/market")).content])


def one_area(record: dict[str, Any], ahead: dict[str, Any], *areas: dict[str, Any]) -> str:
    api = Api(
        {"/market/predict": ahead, "/market/query": page_of(record), "/market/heatmap": page_of(*(areas or (heat(),)))}
    )
    sheet = module.market_area(api.estate, view(f"/market/{AREA}", params={"area_id": AREA}))
    assert api.query("/market/query")["area_id"] == AREA
    return str(div[sheet.content])


def test_an_area_tells_its_heat_in_words_with_what_it_rests_on() -> None:
    told = market(heat())
    assert f'href="/market/{AREA}"' in told
    assert "Areas compared: 1 very hot." in told
    assert "Down 8 points in a year." in told
    assert "Raised by earlier months +41. Lowered by scarcity (days on market) −5." in told
    assert "n = 26 months, confidence 37 %, as of 31 Oct 2026" in told


def test_an_area_without_evidence_has_no_number() -> None:
    told = market(heat(), heat("Empty", heat_score=50.0, confidence=0.0, n=0, drivers=[], why="No snapshot yet."))
    assert "Not enough data: 1." in told
    assert "No snapshot yet." in told
    assert ">50<" not in told


def test_without_areas_there_is_a_way_on() -> None:
    assert "bring in a file under Imports" in market()


def test_a_hostile_name_stays_text() -> None:
    told = market(heat(HOSTILE))
    assert HOSTILE not in told
    assert "&lt;script&gt;" in told


def test_forecasts_are_judged_next_to_the_last_price() -> None:
    unmeasured = dict.fromkeys(TRACKED.keys() - {"months_ahead", "status", "n", "areas", "origins"})
    few = TRACKED | unmeasured | {"months_ahead": 2, "n": 8, "status": "insufficient_data"}
    told = market(heat(), record={"items": [TRACKED, few], "n": 72, "as_of": "2026-10-01", "why": "72 forecasts."})
    assert "missed the price by 2.1 % on average, the last price by 3.4 %: better than assuming no change" in told
    assert "77.5 % (43 % to 96 %)" in told
    assert told.count("not enough data") == 4


@pytest.mark.parametrize(
    ("skill", "verdict"),
    [((-0.1, 0.6), "not surely better or worse than"), ((-0.6, -0.1), "worse than"), ((None, None), "not surely")],
)
def test_a_skill_whose_interval_holds_0_is_no_verdict(skill: tuple[float | None, ...], verdict: str) -> None:
    lower, upper = skill
    told = market(heat(), record=RECORD | {"items": [TRACKED | {"skill_lower": lower, "skill_upper": upper}]})
    assert f"the last price by 3.4 %: {verdict}" in told


def test_without_a_record_it_says_why() -> None:
    assert "No month of a published forecast is over yet." in market(heat())


def test_months_are_means_weighted_by_sales_of_the_currency_of_the_area() -> None:
    shown = Area.model_validate(
        area(
            snapshot("2026-10-31", "200.00", 3),
            snapshot("2026-10-15", "100.00", 1),
            snapshot("2026-10-02", "9.00", 1, "USD"),
            snapshot("2026-09-30", "150.00", None),
            snapshot("2026-09-29", None),
            snapshot("2026-09-28", "50.00", 0),
        )
    )
    assert module.monthly(shown) == [(dt.date(2026, 9, 1), 100.0), (dt.date(2026, 10, 1), 175.0)]


def test_a_month_in_which_the_list_breaks_off_is_left_out() -> None:
    shown = Area.model_validate(
        area(snapshot("2026-10-31", "1.00"), snapshot("2026-10-30", "3.00"), snapshot("2026-09-30", "9.00"))
    )
    assert module.monthly(shown) == [(dt.date(2026, 10, 1), 2.0)]


def test_a_forecast_stands_with_both_intervals_and_the_last_price() -> None:
    told = one_area(area(snapshot("2026-10-31", "1550000.00")), forecast())
    assert "For Nov 2026 the forecast is AED 1,600,000 (80 %: 1,500,000 to 1,700,000)" in told
    assert "it may as well stay" in told
    assert "1,400,000 to 1,800,000" in told
    assert 'class="fan outer"' in told
    assert f'href="/properties?area_id={AREA}"' in told


def test_a_move_beyond_the_interval_is_told() -> None:
    month = forecast()["months"][0] | {"naive": 1_450_000.0}
    told = one_area(area(snapshot("2026-10-31", "1450000.00")), forecast(months=[month]))
    assert "The last price lies below that interval." in told


def test_a_forecast_that_cannot_be_made_says_why() -> None:
    ahead = forecast(status="insufficient_data", months=[], why="Needs 3 months of prices.")
    told = one_area(area(), ahead, heat(confidence=0.0, why="No snapshot yet."))
    assert "Needs 3 months of prices." in told
    assert "No price of this area came yet." in told
    assert "No snapshot yet." in told
    assert "<svg" not in told


def test_supply_and_snapshots_stand_with_their_sources() -> None:
    told = one_area(area(snapshot("2026-10-31", "1550000.00", 28)), forecast())
    assert "2 in 90 days" in told
    assert "AED 1,591,969" in told
    assert "registry" in told
    assert "المارينا" in told


def test_a_mean_tells_of_which_days_it_is() -> None:
    held = area(snapshot("2026-10-31", "1550000.00"), snapshot("2026-08-31", "1500000.00"))
    told = one_area(held | {"snapshot_count": 2, "as_of": "2026-10-31"}, forecast())
    assert "of 2 snapshots, 31 Aug 2026 to 31 Oct 2026" in told
    assert "In Oct 2026 alone the mean price was AED 1,550,000." in told
    assert "of 3 snapshots, up to 31 Oct 2026" in one_area(held | {"snapshot_count": 3}, forecast())
    assert "of 1 snapshot, 31 Oct 2026" in one_area(held | {"snapshot_count": 1}, forecast())


def test_an_area_that_is_not_there_is_an_error_of_the_api() -> None:
    with pytest.raises(NotFound):
        module.market_area(Api({}).estate, view("/market/x", params={"area_id": AREA}))
