"""The price index finds a trend that is there, leads it on until it fades, and is flat where there is none."""

import numpy as np
import pytest

from estate.property.analytics.price_index import FADE, WEEK, fit_index


def test_without_a_trend_it_stays_flat() -> None:
    rng = np.random.default_rng(3)
    index = fit_index(rng.uniform(0, 365, 2_000), rng.normal(0, 0.15, 2_000))
    assert np.abs(index.at(np.array([0.0, 100.0, 200.0, 365.0]))).max() < 0.02
    assert index.spread(np.array([300.0]))[0] == 0


def test_a_rising_market_is_followed_and_led_on_a_little() -> None:
    rng = np.random.default_rng(4)
    days = rng.uniform(0, 365, 8_000)
    true = np.where(days > 250, 0.001 * (days - 250), 0.0)
    index = fit_index(days, true + rng.normal(0, 0.15, days.size))
    assert index.at(np.array([365.0]))[0] - index.at(np.array([100.0]))[0] == pytest.approx(0.115, abs=0.03)
    soon, late, end = (index.at(np.array([day]))[0] for day in (379.0, 2_500.0, 5_000.0))
    assert 0 < soon < late
    assert end == pytest.approx(late, abs=1e-3)
    assert end == pytest.approx(index.trend * FADE / (1 - FADE), abs=1e-6)
    assert index.length == WEEK


def test_the_farther_ahead_the_less_is_known() -> None:
    rng = np.random.default_rng(4)
    days = rng.uniform(0, 365, 4_000)
    index = fit_index(days, 0.0005 * days + 0.05 * np.sin(days / 20) + rng.normal(0, 0.1, days.size))
    spread = index.spread(np.array([360.0, 380.0, 450.0]))
    assert 0 <= spread[0] < spread[1] < spread[2]


def test_residuals_without_spread_give_a_flat_index_that_is_not_certain() -> None:
    index = fit_index(np.arange(60.0), np.zeros(60))
    assert index.at(np.array([0.0, 30.0, 400.0])).tolist() == [0.0, 0.0, 0.0]
    assert 0 < index.spread(np.array([400.0]))[0] < 0.05


@pytest.mark.parametrize("n", [0, 1, 49])
def test_few_sales_have_no_path(n: int) -> None:
    index = fit_index(np.linspace(0, 300, n), np.linspace(0, 1, n))
    assert index.at(np.array([0.0, 400.0])).tolist() == [0.0, 0.0]
    assert not index.is_path


def test_without_a_path_what_is_known_ends_on_the_mean_day() -> None:
    index = fit_index(np.array([0.0, 100.0, 200.0]), np.zeros(3), yearly_drift=0.1)
    assert index.spread(np.array([50.0, 100.0, 100 + 365.25, 100 + 730.5])) == pytest.approx([0, 0, 0.1, 0.2])
