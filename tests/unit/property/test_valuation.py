"""A value rests on comparables while sales are few and on learners once they are many, with an honest interval."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from estate.property.analytics.comparables import MIN_COMPARABLES
from estate.property.analytics.ratio_study import ratio_study
from estate.property.analytics.sale_features import PRIOR_SALES, Encoder, group_levels
from estate.property.analytics.valuation import MIN_BOOSTED, ValuationModel
from estate.property.analytics.value_interval import ALLOWED_BIAS, equity

DAY = np.datetime64("2026-06-30")


def frame(n: int, area: str = "a", size: float = 100.0, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"area": [area] * n, "size": [size] * n} | {k: [v] * n for k, v in columns.items()})


def fitted(sales: pd.DataFrame, price: object, sold_on: object = DAY, **roles: Any) -> ValuationModel:
    days = np.broadcast_to(np.asarray(sold_on, "datetime64[D]"), len(sales))
    return ValuationModel(area="area", size="size", **roles).fit(sales, np.asarray(price, float), days)


def town(n: int, seed: int = 5) -> tuple[pd.DataFrame, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Draw homes whose prices hang on place, size, text and time, with noise of 10 %."""
    rng = np.random.default_rng(seed)
    homes = pd.DataFrame({"lat": 25 + 0.2 * rng.random(n), "lon": 55 + 0.2 * rng.random(n)})
    homes["size"] = np.exp(rng.normal(4.6, 0.35, n))
    homes["view"] = pd.Series(rng.choice(["sea", "street", ""], n)).replace("", None)
    homes["area"] = (20 * (homes["lat"] - 25)).astype(int).astype(str)
    days = np.sort(rng.integers(0, 300, n))
    level = 0.4 * np.sin(25 * (homes["lat"] - 25)) + 0.15 * (homes["view"] == "sea") + 0.0005 * days
    price = np.exp(9 + level + 0.8 * np.log(homes["size"]) + rng.normal(0, 0.1, n))
    return homes, price.to_numpy(), np.datetime64("2025-01-01") + days.astype("timedelta64[D]")


# Few sales


def test_equal_comparables_give_their_price_adjusted_to_size() -> None:
    model = fitted(frame(6), [100_000.0] * 6)
    result = model.predict(frame(1, size=110.0), DAY)
    assert result.value[0] == pytest.approx(110_000)
    assert (result.n[0], result.abstained[0]) == (6, False)


@pytest.mark.parametrize("n", [MIN_COMPARABLES, 60, MIN_BOOSTED - 1, MIN_BOOSTED])
def test_sales_without_any_spread_give_their_price_with_an_interval(n: int) -> None:
    model = fitted(frame(n), [100_000.0] * n, DAY - np.arange(n).astype("timedelta64[D]"))
    result = model.predict(frame(1), DAY)
    assert result.value[0] == pytest.approx(100_000)
    assert 0.95 < result.lower[0] / 100_000 < 0.99
    assert 1.01 < result.upper[0] / 100_000 < 1.05


def test_adjustments_bring_each_comparable_to_the_home() -> None:
    found = fitted(frame(6), np.arange(6) + 100_000.0).comparables(frame(1, size=110.0), DAY)
    assert found.sale[0, :6].tolist() == list(range(6))
    assert (found.sale[0, 6:] == -1).all()
    assert found.size_adjustment[0, :6] == pytest.approx([1.1] * 6)
    assert found.time_adjustment[0, :6] == pytest.approx([1.0] * 6)
    assert found.adjusted[0, :6] == pytest.approx(1.1 * (np.arange(6) + 100_000))
    assert np.isnan(found.adjusted[0, 6:]).all()


def test_positions_are_those_of_the_frame_also_where_sales_are_left_out() -> None:
    model = fitted(frame(7), [np.nan, 0.0, 5.0, 5.0, 5.0, 5.0, 5.0])
    assert sorted(model.comparables(frame(1), DAY).sale[0, :5].tolist()) == [2, 3, 4, 5, 6]


def test_below_five_comparables_it_abstains() -> None:
    assert MIN_COMPARABLES == 5
    for n in range(5):
        result = fitted(frame(n), [100.0] * n).predict(frame(1), DAY)
        assert result.abstained.tolist() == [True]
        assert result.n.tolist() == [n]
        assert np.isnan([result.value[0], result.lower[0], result.upper[0]]).all()


@pytest.mark.parametrize(
    "unit", [frame(1, area="elsewhere"), frame(1, size=np.nan), frame(1, size=0.0)], ids=["area", "nan", "zero"]
)
def test_without_area_or_size_it_abstains(unit: pd.DataFrame) -> None:
    assert fitted(frame(9), [100.0] * 9).predict(unit, DAY).abstained.tolist() == [True]


def test_a_thin_area_is_drawn_to_the_level_of_the_others() -> None:
    sales = pd.concat([frame(40, "a"), frame(5, "b")], ignore_index=True)
    model = fitted(sales, [100.0] * 40 + [200.0] * 5)
    assert 150 < model.predict(frame(1, "b"), DAY).value[0] < 200
    assert model.predict(frame(1, "a"), DAY).value[0] == pytest.approx(100, rel=0.02)


def test_the_interval_of_few_sales_holds_what_it_promises() -> None:
    rng = np.random.default_rng(11)
    inside = []
    for _ in range(8):
        homes = pd.DataFrame({"area": rng.integers(0, 5, 300).astype(str), "size": np.exp(rng.normal(4.6, 0.3, 300))})
        price = homes["size"] * 1000 * np.exp(rng.normal(0, 0.1, 300))
        result = fitted(homes[:150], price[:150]).predict(homes[150:], DAY)
        inside.append(((result.lower <= price[150:]) & (price[150:] <= result.upper)).mean())
    assert np.mean(inside) == pytest.approx(0.8, abs=0.04)


@pytest.mark.parametrize("n", [MIN_COMPARABLES, 20, 60, MIN_BOOSTED - 1])
def test_the_older_few_sales_are_the_less_is_known(n: int) -> None:
    price = 100_000 * np.exp(np.random.default_rng(1).normal(0, 0.1, n))
    days = DAY - np.arange(n) % 28
    widths = []
    for age in (0, 365, 3 * 365):
        model = fitted(frame(n), price, days - age)
        assert model.follows_prices == (n >= 50)
        result = model.predict(frame(1), DAY)
        widths.append(np.log(result.upper[0] / result.lower[0]))
    assert widths[0] < widths[1] < widths[2] / 1.5


def test_the_interval_of_sales_of_two_years_ago_holds_what_it_promises() -> None:
    rng = np.random.default_rng(12)
    inside = []
    for _ in range(300):
        growth, days = rng.normal(0, 0.1), DAY - 730 - rng.integers(0, 365, 20)
        level = 11.5 + growth * (days - DAY).astype(int) / 365 + rng.normal(0, 0.1, 20)
        result = fitted(frame(20), np.exp(level), days).predict(frame(1), DAY)
        inside.append(result.lower[0] <= np.exp(11.5 + rng.normal(0, 0.1)) <= result.upper[0])
    assert np.mean(inside) == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize("areas", [["a"], ["a", "b"]])
def test_rising_prices_of_one_area_or_two_are_followed(areas: list[str]) -> None:
    bias = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        homes = pd.DataFrame({"area": np.resize(areas, 150), "size": rng.uniform(60, 200, 150)})
        days = np.sort(rng.integers(0, 3 * 365, 150))
        price = 10_000 * homes["size"] * np.exp(0.2 * days / 365 + rng.normal(0, 0.03, 150))
        model = fitted(homes, price, DAY - 3 * 365 + days.astype("timedelta64[D]"))
        bias.append(model.predict(frame(1, size=100), DAY).value[0] / (1_000_000 * np.exp(0.6)) - 1)
    assert -0.027 < np.mean(bias) < 0  # The index follows prices that only ever rise with a delay.


# Many sales


@pytest.fixture(scope="module")
def learned() -> tuple[ValuationModel, pd.DataFrame, Any, Any]:
    homes, price, days = town(1_200)
    model = fitted(homes[:900], price[:900], days[:900], lat="lat", lon="lon")
    return model, homes[900:], price[900:], days[900:]


def test_learners_come_near_the_noise_and_use_text(learned: tuple[ValuationModel, pd.DataFrame, Any, Any]) -> None:
    model, homes, price, days = learned
    result = model.predict(homes, days)
    assert not result.abstained.any()
    assert np.median(np.abs(result.value / price - 1)) < 0.09  # The noise alone makes 0.067.
    sea, street = (model.predict(homes.assign(view=view), days).value for view in ("sea", "street"))
    assert np.median(sea / street) == pytest.approx(np.exp(0.15), abs=0.06)


def test_their_interval_holds_what_it_promises(learned: tuple[ValuationModel, pd.DataFrame, Any, Any]) -> None:
    model, homes, price, days = learned
    shares = []
    for level in (0.5, 0.8):
        result = model.predict(homes, days, level=level)
        assert ((result.lower < result.value) & (result.value < result.upper)).all()
        shares.append(((result.lower <= price) & (price <= result.upper)).mean())
    assert shares == pytest.approx([0.5, 0.8], abs=0.08)


def test_the_same_seed_gives_the_same_values_and_no_price_beyond_the_fit_is_needed() -> None:
    homes, price, days = town(MIN_BOOSTED + 20)
    one, two = (fitted(homes, price, days).predict(homes[:5], days[-1]).value for _ in range(2))
    assert one.tolist() == two.tolist()


def test_what_was_never_seen_is_still_valued(learned: tuple[ValuationModel, pd.DataFrame, Any, Any]) -> None:
    model, homes, _, days = learned
    strange = homes[:3].assign(view="moon", area="new")
    result = model.predict(strange, days[:3])
    assert np.isfinite(result.value).all()
    far = model.predict(strange.assign(lat=60.0), days[:3])
    assert far.abstained.all()


def test_without_size_and_place_it_still_learns_from_the_columns() -> None:
    homes, price, days = town(700)
    plain = homes.rename(columns={"lat": "a", "lon": "b", "size": "c"}).drop(columns="area")
    result = ValuationModel().fit(plain[:600], price[:600], days[:600]).predict(plain[600:], days[600:])
    assert np.median(np.abs(result.value / price[600:] - 1)) < 0.11
    assert not result.abstained.any()


def test_a_home_without_a_place_stands_in_the_middle_of_its_area() -> None:
    homes, price, days = town(700)
    some = homes.assign(lat=homes["lat"].where(np.arange(700) % 5 > 0))
    model = fitted(some[:600], price[:600], days[:600], lat="lat", lon="lon")
    result = model.predict(some[600:], days[600:])
    assert not result.abstained.any()
    assert np.median(np.abs(result.value / price[600:] - 1)) < 0.11


# Parts


def test_levels_of_groups_are_shrunk_and_never_of_the_row_itself() -> None:
    known = pd.Series(["a"] * 10 + ["b"] * 90)
    level = np.r_[np.ones(10), np.zeros(90)]
    share = 10 / (10 + PRIOR_SALES)
    asked = group_levels(known, level, pd.Series(["a", "new"]))
    assert asked == pytest.approx([0.1 + 0.9 * share, 0.1])


def test_columns_are_sorted_into_numbers_and_groups() -> None:
    table = pd.DataFrame({"zip": [1, 2, 3, 3], "built": pd.to_datetime(["2020-01-02", None, "2020-01-03", None])})
    table["pool"], table["same"], table["view"], table["address"] = (
        [True, False, True, True],
        1,
        list("xyxy"),
        list("abcd"),
    )
    encoder = Encoder.fit(table, "zip")
    assert (encoder.numbers, encoder.texts) == (("zip", "built", "pool"), ("view", "zip"))
    assert encoder.values(table)[0].tolist() == [1.0, 18_263.0, 1.0]
    assert np.isnan(encoder.values(table)[1, 1])


@pytest.mark.parametrize("lean", [0.8, 1.0, 1.2])
def test_equity_leaves_at_most_half_of_the_allowed_bias(lean: float) -> None:
    rng = np.random.default_rng(6)
    price = rng.normal(13, 0.5, 3_000)
    value = 13 + lean * (price - 13) + rng.normal(0, 0.02, price.size)
    before = ratio_study(np.exp(value), np.exp(price)).prb
    after = ratio_study(np.exp(equity(value, price).apply(value)), np.exp(price)).prb
    assert abs(after) <= max(ALLOWED_BIAS, 0) + 1e-3
    assert (after == before) == (abs(before) <= ALLOWED_BIAS)
