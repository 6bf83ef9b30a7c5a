"""The forecast finds a known drift and its interval covers what comes."""

import numpy as np
import pytest

from estate.market.analytics.forecast import forecast


def walks(rng: np.random.Generator, areas: int, months: int, drift: float, sigma: float) -> np.ndarray:
    steps = rng.normal(drift, sigma, size=(areas, months))
    return np.asarray(1e6 * np.exp(np.cumsum(steps, axis=1)))


def test_a_known_drift_is_found() -> None:
    panel = walks(np.random.default_rng(1), areas=50, months=36, drift=0.01, sigma=0.02)
    result = forecast(panel, 12)
    grown = np.log(result.mean[:, -1] / panel[:, -1]) / 12
    assert grown.mean() == pytest.approx(0.01, abs=3 * 0.02 / np.sqrt(50 * 35))


def test_the_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    panel = walks(rng, areas=400, months=48, drift=0.005, sigma=0.03)
    result = forecast(panel[:, :36], 12, levels=(0.8,))
    ahead = panel[:, 36:]
    share = ((ahead >= result.lower[0]) & (ahead <= result.upper[0])).mean(axis=0)
    assert np.all(np.abs(share - 0.8) < 0.07), share


def test_a_gap_is_bridged_and_an_empty_area_abstains() -> None:
    panel = np.array([[100.0, np.nan, 121.0], [np.nan, np.nan, np.nan]])
    result = forecast(panel, 1)
    assert result.mean[0, 0] > 121.0
    assert np.isnan(result.mean[1, 0])


def test_a_horizon_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one month"):
        forecast(np.ones((1, 3)), 0)
