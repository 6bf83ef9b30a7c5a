"""A value is the median price per m² of the nearest sales, with an interval, or nothing at all."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from estate.property.analytics.valuation import MAX_COMPARABLES, MIN_COMPARABLES, ValuationModel

DAY = np.datetime64("2026-06-30")


def frame(n: int, area: str = "a", size: float = 100.0, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"area": [area] * n, "size": [size] * n} | {k: [v] * n for k, v in columns.items()})


def fitted(sales: pd.DataFrame, price: object, sold_on: object = DAY) -> ValuationModel:
    days = np.broadcast_to(np.asarray(sold_on, "datetime64[D]"), len(sales))
    return ValuationModel(area="area", size="size").fit(sales, np.asarray(price, float), days)


def test_value_and_interval_follow_the_documented_formula() -> None:
    prices = np.array([900.0, 950.0, 1000.0, 1100.0, 1300.0]) * 100
    result = fitted(frame(5), prices).predict(frame(1, size=110.0), DAY, level=0.8)
    assert result.value[0] == pytest.approx(1000 * 110)
    reach = t.ppf(0.9, 4) * np.log(prices).std(ddof=1) * np.sqrt(1 + 1 / 5)
    assert result.lower[0] == pytest.approx(110_000 * np.exp(-reach))
    assert result.upper[0] == pytest.approx(110_000 * np.exp(reach))
    assert (result.n[0], result.abstained[0]) == (5, False)


def test_below_five_comparables_it_abstains() -> None:
    result = fitted(frame(4), [100.0] * 4).predict(frame(1), DAY)
    assert MIN_COMPARABLES == 5
    assert result.abstained.tolist() == [True]
    assert np.isnan([result.value[0], result.lower[0], result.upper[0]]).all()


@pytest.mark.parametrize(
    "unit", [frame(1, area="elsewhere"), frame(1, size=np.nan), frame(1, size=0.0)], ids=["area", "nan", "zero"]
)
def test_without_area_or_size_it_abstains(unit: pd.DataFrame) -> None:
    assert fitted(frame(9), [100.0] * 9).predict(unit, DAY).abstained.tolist() == [True]


def test_later_sales_are_not_looked_at() -> None:
    sales = pd.concat([frame(5), frame(5)], ignore_index=True)
    days = [np.datetime64("2026-01-01")] * 5 + [np.datetime64("2026-12-01")] * 5
    model = fitted(sales, [100.0] * 5 + [900.0] * 5, days)
    assert model.predict(frame(1), np.datetime64("2026-06-01")).value[0] == pytest.approx(100)
    assert model.predict(frame(1), np.datetime64("2025-06-01")).abstained[0]


@pytest.mark.parametrize(("column", "mine", "theirs"), [("segment", "ready", "off_plan"), ("bedrooms", 2, 5)])
def test_sales_of_the_same_kind_come_first(column: str, mine: Any, theirs: Any) -> None:
    sales = pd.concat([frame(20, **{column: theirs}), frame(15, size=120.0, **{column: mine})], ignore_index=True)
    model = fitted(sales, [1.0] * 20 + [2400.0] * 15)
    assert model.predict(frame(1, **{column: mine}), DAY).value[0] == pytest.approx(2000)


def test_sales_of_like_size_and_near_place_come_first() -> None:
    sales = pd.concat([frame(15, size=100.0), frame(15, size=300.0)], ignore_index=True)
    model = fitted(sales, [1000.0] * 15 + [6000.0] * 15)
    assert model.predict(frame(1, size=290.0), DAY).value[0] == pytest.approx(20 * 290)
    placed = pd.concat([frame(15, lat=25.0, lon=55.0), frame(15, lat=25.1, lon=55.0)], ignore_index=True)
    near = ValuationModel(area="area", size="size", lat="lat", lon="lon").fit(
        placed, [100.0] * 15 + [300.0] * 15, np.repeat(DAY, 30)
    )
    assert near.predict(frame(1, lat=25.09, lon=55.0), DAY).value[0] == pytest.approx(300)


def test_at_most_fifteen_comparables_the_most_alike_first() -> None:
    sales = pd.DataFrame({"area": ["a"] * 40, "size": np.linspace(50, 150, 40)})
    rows = fitted(sales, sales["size"]).comparables(frame(1, size=50.0), DAY)[0]
    assert rows.tolist() == list(range(MAX_COMPARABLES))


def test_sales_without_a_price_are_left_out() -> None:
    assert fitted(frame(6), [0.0, np.nan, 1.0, 1.0, 1.0, 1.0]).predict(frame(1), DAY).abstained[0]


def test_the_interval_holds_what_it_promises() -> None:
    rng = np.random.default_rng(11)
    n = 3_000
    homes = pd.DataFrame({"area": rng.integers(0, 20, n).astype(str), "size": np.exp(rng.normal(4.6, 0.3, n))})
    price = homes["size"] * 1000 * np.exp(rng.normal(0, 0.1, n))
    days = np.repeat(np.datetime64("2026-01-01"), n)
    model = ValuationModel(area="area", size="size").fit(homes[:2000], price[:2000], days[:2000])
    result = model.predict(homes[2000:], days[2000:], level=0.8)
    inside = (result.lower <= price[2000:]) & (price[2000:] <= result.upper)
    assert not result.abstained.any()
    assert inside.mean() == pytest.approx(0.8, abs=0.04)
