"""Heat follows its published formula."""

import datetime as dt
from collections.abc import Sequence

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.market.analytics.heat import BANDS, band, heat

DAY = dt.date(2026, 6, 30)


Snapshot = tuple[str, int, float | None, float | None, int | None]


def frame(rows: Sequence[Snapshot]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "area_id": area,
                "observed_on": DAY - dt.timedelta(days=age),
                "demand_score": demand,
                "supply_score": supply,
                "sales_volume": volume,
            }
            for area, age, demand, supply, volume in rows
        ],
        columns=["area_id", "observed_on", "demand_score", "supply_score", "sales_volume"],
    )


def test_the_area_with_most_demand_and_least_supply_scores_100_and_the_opposite_0() -> None:
    scored = heat(frame([("a", 0, 90, 10, 5), ("b", 0, 50, 50, 5), ("c", 0, 10, 90, 5)]), window_days=90)
    assert scored["area_id"].tolist() == ["a", "b", "c"]
    assert scored["heat_score"].tolist() == [100.0, 50.0, 0.0]
    assert scored["heat_band"].tolist() == ["very hot", "balanced", "cold"]


def test_a_high_supply_score_makes_an_area_cooler() -> None:
    plenty, scarce = ("plenty", 0, None, 80.0, None), ("scarce", 0, None, 20.0, None)
    assert heat(frame([plenty, scarce]), window_days=90)["area_id"].tolist() == ["scarce", "plenty"]


def test_without_any_demand_score_sales_stand_for_demand() -> None:
    scored = heat(frame([("slow", 0, None, None, 3), ("fast", 0, None, None, 30)]), window_days=90)
    assert scored.set_index("area_id")["heat_score"].to_dict() == {"fast": 100.0, "slow": 0.0}


def test_an_area_without_peers_is_neutral_with_no_confidence() -> None:
    scored = heat(frame([("alone", 0, 90, 10, 5)]), window_days=90).iloc[0]
    assert (scored["heat_score"], scored["confidence"]) == (50.0, 0.0)


def test_trend_is_the_change_against_the_window_before() -> None:
    rows = [("a", 0, 90, 50, 1), ("b", 0, 10, 50, 1), ("a", 100, 10, 50, 1), ("b", 100, 90, 50, 1)]
    trend = heat(frame(rows), window_days=90).set_index("area_id")["heat_trend"]
    assert (trend["a"], trend["b"]) == (50.0, -50.0)


def test_confidence_grows_with_snapshots() -> None:
    rows = [("a", age, 90, 10, 5) for age in range(10)] + [("b", 0, 10, 90, 5)]
    confidence = heat(frame(rows), window_days=90).set_index("area_id")["confidence"]
    assert confidence["a"] == pytest.approx(10 / 14)
    assert confidence["b"] == pytest.approx(1 / 5)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcdef"),
            st.integers(0, 200),
            st.none() | st.floats(0, 100),
            st.none() | st.floats(0, 100),
            st.none() | st.integers(0, 10_000),
        ),
        max_size=40,
    )
)
def test_every_area_gets_a_number_within_0_and_100(
    rows: list[Snapshot],
) -> None:
    scored = heat(frame(rows), window_days=90)
    assert sorted(scored["area_id"]) == sorted({row[0] for row in rows})
    assert scored["heat_score"].between(0, 100).all()


def test_bands_cover_the_scale() -> None:
    assert [band(cut) for cut, _ in BANDS] == [name for _, name in BANDS]
