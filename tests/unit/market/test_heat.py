"""Heat follows its published formula."""

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estate.market.analytics.companions import companions
from estate.market.analytics.heat import BANDS, band, drivers, heat

Snapshot = tuple[str, int, float | None, float | None, int | None]
COLUMNS = ["area_id", "observed_on", "demand_score", "supply_score", "sales"]


def frame(rows: Sequence[Snapshot]) -> pd.DataFrame:
    """Build rows of (area, months before June 2026, demand, supply, sales)."""
    newest = 2026 * 12 + 5
    dated = [[area, dt.date((newest - age) // 12, (newest - age) % 12 + 1, 15), *values] for area, age, *values in rows]
    return pd.DataFrame(dated, columns=COLUMNS)


def test_the_area_with_most_demand_and_least_supply_scores_100_and_the_opposite_0() -> None:
    scored = heat(frame([("a", 0, 90, 10, 5), ("b", 0, 50, 50, 5), ("c", 0, 10, 90, 5)]))
    assert scored["area_id"].tolist() == ["a", "b", "c"]
    assert scored["heat_score"].tolist() == [100.0, 50.0, 0.0]
    assert scored["heat_band"].tolist() == ["very hot", "balanced", "cold"]


def test_a_high_supply_score_makes_an_area_cooler() -> None:
    plenty, scarce = ("plenty", 0, None, 80.0, None), ("scarce", 0, None, 20.0, None)
    assert heat(frame([plenty, scarce]))["area_id"].tolist() == ["scarce", "plenty"]


def test_without_any_demand_score_sales_stand_for_demand() -> None:
    scored = heat(frame([("slow", 0, None, None, 3), ("fast", 0, None, None, 30)]))
    assert scored.set_index("area_id")["heat_score"].to_dict() == {"fast": 100.0, "slow": 0.0}


def test_views_and_days_on_market_are_preferred_to_stated_scores() -> None:
    rows = frame([("a", 0, 90, 10, 5), ("b", 0, 10, 90, 5)])
    scored = heat(rows.assign(views_per_listing=[1.0, 2.0], days_on_market=[50.0, 20.0])).iloc[0]
    assert (scored["area_id"], scored["heat_score"]) == ("b", 100.0)
    assert (scored["demand_signal"], scored["supply_signal"]) == ("views_per_listing", "days_on_market")


def test_ties_in_supply_share_the_lowest_place_and_ties_in_demand_the_middle() -> None:
    scored = heat(frame([("a", 0, 5, 5, 1), ("b", 0, 5, 5, 1), ("c", 0, 1, 1, 1)])).set_index("area_id")
    assert scored["demand_score"].to_dict() == {"a": 75.0, "b": 75.0, "c": 0.0}
    assert scored["scarcity_score"].to_dict() == {"a": 0.0, "b": 0.0, "c": 100.0}


def test_peers_are_the_areas_that_have_the_signal() -> None:
    silent = [(f"area {n}", 0, None, None, None) for n in range(48)]
    scored = heat(frame([("a", 0, 90, 10, None), ("b", 0, 10, 90, None), *silent])).set_index("area_id")
    assert scored["peers"].to_dict() == {"a": 2, "b": 2} | {area: 1 for area, *_ in silent}
    assert scored["confidence"]["a"] == pytest.approx(1 / 4 * 1 / 11)
    assert scored["confidence"]["area 1"] == 0


def test_a_signal_that_nobody_else_has_is_not_compared() -> None:
    scored = heat(frame([("a", 0, 90, 10, None), ("b", 0, 10, None, None)])).set_index("area_id")
    assert (scored["heat_score"]["a"], scored["signals"]["a"], scored["peers"]["a"]) == (100.0, 1, 2)


def test_an_area_without_peers_is_neutral_with_no_confidence() -> None:
    scored = heat(frame([("alone", 0, 90, 10, 5)])).iloc[0]
    assert (scored["heat_score"], scored["confidence"]) == (50.0, 0.0)


def test_an_area_without_news_stands_among_the_newest_of_the_others() -> None:
    scored = heat(frame([("old", 5, 90, 10, 5), ("new", 0, 10, 90, 5)])).set_index("area_id")
    assert scored["heat_score"].to_dict() == {"old": 100.0, "new": 0.0}
    then = heat(frame([("old", 5, 90, 10, 5), ("new", 0, 10, 90, 5)]), history=True)
    assert then["heat_score"].tolist() == [50.0, 0.0]


@given(st.sets(st.tuples(st.integers(0, 4), st.integers(0, 6))), st.booleans())
@settings(deadline=None, max_examples=50)
def test_a_late_report_moves_nobody_where_the_order_of_areas_never_changes(
    late: set[tuple[int, int]], history: bool
) -> None:
    told = [(i, age) for age in range(8) for i in range(5) if (i, age) not in late]
    scored = heat(frame([(str(i), age, 10.0 * i, 90.0 - 10 * i, 5) for i, age in told]), history=history)
    assert scored["heat_score"].tolist() == pytest.approx([25.0 * int(area) for area in scored["area_id"]])


def test_a_report_of_one_signal_leaves_the_other_as_it_was() -> None:
    rows: list[Snapshot] = [(str(i), age, 10.0 * i, 90.0 - 10 * i, 5) for i in range(5) for age in (1, 2)]
    before = heat(frame(rows)).set_index("area_id")
    after = heat(frame([*rows, ("4", 0, 40.0, None, None)])).set_index("area_id")
    for column in ("heat_score", "scarcity_score", "signals", "peers"):
        assert after[column].to_dict() == before[column].to_dict()


@given(st.sets(st.tuples(st.integers(0, 4), st.integers(0, 9)), min_size=1), st.booleans())
@settings(deadline=None, max_examples=50)
def test_a_month_without_any_signal_changes_nothing(silent: set[tuple[int, int]], history: bool) -> None:
    rows: list[Snapshot] = [(str(i), age, float(i * age % 7), 90.0 - i, None) for i in range(5) for age in range(2, 8)]
    told = {(area, age) for area, age, *_ in rows}
    quiet: list[Snapshot] = [(str(i), age, None, None, None) for i, age in silent if (str(i), age) not in told]
    pd.testing.assert_frame_equal(heat(frame([*rows, *quiet]), history), heat(frame(rows), history))


def test_trend_is_the_change_in_a_year_and_unknown_before_three_months() -> None:
    rows: list[Snapshot] = [("a", age, 90.0 if age < 6 else 10.0, 50.0, 1) for age in range(14)]
    rows += [("b", age, 50.0, 50.0, 1) for age in range(14)]
    scored = heat(frame(rows), history=True)
    of_a = scored[scored["area_id"] == "a"]["heat_trend"].to_numpy()
    assert np.isnan(of_a[:3]).all()
    assert of_a[-1] > 40


@pytest.mark.parametrize(("silent", "is_known"), [(range(12, 14), True), (range(12, 15), False), (range(1, 24), False)])
def test_a_change_since_long_before_a_gap_is_not_told_as_one_in_a_year(silent: range, is_known: bool) -> None:
    rows: list[Snapshot] = [("a", age, 90.0 - age, 50.0, 1) for age in range(26) if age not in silent]
    rows += [("b", age, 75.0, 50.0, 1) for age in range(26)]
    trend = heat(frame(rows)).set_index("area_id")["heat_trend"]
    assert np.isfinite(trend["a"]) == is_known


def test_a_change_of_one_month_moves_the_score_less_than_one_that_lasts() -> None:
    def final(spell: int) -> float:
        rows: list[Snapshot] = [("a", age, 90.0 if age < spell else 10.0, 50.0, 1) for age in range(12)]
        rows += [("b", age, 50.0, 50.0, 1) for age in range(12)]
        return float(heat(frame(rows)).set_index("area_id").loc["a", "heat_score"])

    assert final(0) < final(1) < final(3) < final(12)


def test_confidence_grows_with_months_and_with_peers() -> None:
    rows: list[Snapshot] = [("a", age, 90.0, 10.0, 5) for age in range(10)]
    rows.append(("b", 0, 10.0, 90.0, 5))
    confidence = heat(frame(rows)).set_index("area_id")["confidence"]
    assert confidence["a"] == pytest.approx(10 / 13 * 1 / 11)
    assert confidence["b"] == pytest.approx(1 / 4 * 1 / 11)


ANY_ROWS = st.lists(
    st.tuples(
        st.sampled_from("abcdef"),
        st.integers(0, 20),
        st.none() | st.floats(0, 100),
        st.none() | st.floats(0, 100),
        st.none() | st.integers(0, 10_000),
    ),
    max_size=40,
)


@given(ANY_ROWS)
@settings(deadline=None)
def test_every_area_gets_a_number_within_0_and_100(rows: list[Snapshot]) -> None:
    scored = heat(frame(rows))
    assert sorted(scored["area_id"]) == sorted({row[0] for row in rows})
    assert scored["heat_score"].between(0, 100).all()


@given(ANY_ROWS)
@settings(deadline=None)
def test_the_drivers_sum_to_the_distance_from_neutral(rows: list[Snapshot]) -> None:
    for row in heat(frame(rows)).to_dict("records"):
        parts = drivers(
            row["demand_score"], row["scarcity_score"], row["heat_score"], n=row["n"], signals=row["signals"]
        )
        assert sum(parts.values()) == pytest.approx(row["heat_score"] - 50, abs=1e-9)


def test_bands_cover_the_scale() -> None:
    assert [band(cut) for cut, _ in BANDS] == [name for _, name in BANDS]


def test_months_of_supply_is_the_newest_inventory_over_the_sales_of_half_a_year() -> None:
    rows = frame([("a", age, None, None, 10 if age < 6 else 1000) for age in range(8)])
    found = companions(rows.assign(inventory=[60.0 + age for age in range(8)], days_on_market=None)).loc["a"]
    assert (found["sales_per_month"], found["months_of_supply"]) == (10.0, 6.0)


@pytest.mark.parametrize(
    ("sales", "per_month"),
    [
        ({0: 1, 4: 1, 8: 1}, 2 / 6),
        ({0: 8, 2: 1}, 3.0),
        ({0: 30, 3: None, 5: 20}, 10.0),
        ({0: None, 1: 10, 2: 20}, 15.0),
        ({0: None}, None),
    ],
    ids=["seldom", "young", "not told between", "not told yet", "never told"],
)
def test_sales_are_spread_over_the_months_of_the_calendar(
    sales: dict[int, int | None], per_month: float | None
) -> None:
    rows = frame([("a", age, None, None, sold) for age, sold in sales.items()])
    found = companions(rows.assign(inventory=None, days_on_market=None)).loc["a", "sales_per_month"]
    assert found == pytest.approx(per_month) if per_month else np.isnan(found)
