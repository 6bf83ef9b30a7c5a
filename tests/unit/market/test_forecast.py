"""The forecast finds what areas share, and its interval covers what comes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from estate.market.analytics.conformal import half_widths, random_walk
from estate.market.analytics.forecast import forecast


def walks(rng: np.random.Generator, areas: int, months: int, drift: float, sigma: float) -> np.ndarray:
    steps = rng.normal(drift, sigma, size=(areas, months))
    return np.asarray(1e6 * np.exp(np.cumsum(steps, axis=1)))


def test_a_known_drift_is_found() -> None:
    panel = walks(np.random.default_rng(1), areas=50, months=36, drift=0.01, sigma=0.02)
    result = forecast(panel, 12)
    grown = np.log(result.mean[:, -1] / panel[:, -1]) / 12
    assert grown.mean() == pytest.approx(0.01, abs=3 * 0.02 / np.sqrt(50 * 35))


def test_a_shared_season_is_found_also_for_an_area_too_young_to_show_one() -> None:
    season = np.exp(0.1 * np.sin(2 * np.pi * np.arange(48) / 12))
    panel = walks(np.random.default_rng(3), areas=40, months=48, drift=0.0, sigma=0.001) * season
    panel[0, :32] = np.nan
    result = forecast(panel[:, :36], 12)
    assert np.abs(np.log(result.mean / panel[:, 36:])).max() < 0.06


def test_an_excursion_of_one_month_is_expected_to_end() -> None:
    rng = np.random.default_rng(4)
    panel = 1e6 * np.exp(rng.normal(0, 0.03, size=(100, 40)))
    result = forecast(panel, 1)
    assert np.abs(np.log(result.mean[:, 0] / 1e6)).mean() < 0.5 * np.abs(np.log(panel[:, -1] / 1e6)).mean()


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_interval_covers_as_often_as_it_says(level: float) -> None:
    panel = walks(np.random.default_rng(2), areas=400, months=48, drift=0.005, sigma=0.03)
    result = forecast(panel[:, :36], 12, levels=(level,))
    ahead = panel[:, 36:]
    share = ((ahead >= result.lower[0]) & (ahead <= result.upper[0])).mean(axis=0)
    assert np.all(share > level - 0.07), share
    # Later steps have seen few months that do not overlap, and are wide on purpose.
    assert np.all(np.abs(share[:6] - level) < 0.07), share


def test_shocks_that_all_areas_share_widen_the_interval() -> None:
    rng = np.random.default_rng(5)
    covered = []
    for _ in range(30):
        panel = walks(rng, areas=20, months=48, drift=0.0, sigma=0.005)
        panel *= np.exp(np.cumsum(rng.normal(0, 0.02, 48)))
        result = forecast(panel[:, :42], 6)
        covered.append(((panel[:, 42:] >= result.lower[0]) & (panel[:, 42:] <= result.upper[0])).mean())
    assert 0.7 < np.mean(covered) < 0.95


@pytest.mark.parametrize("silent", [1, 6, 12, 24])
def test_the_interval_covers_areas_that_stopped_reporting(silent: int) -> None:
    rng = np.random.default_rng(6)
    covered = []
    for _ in range(10):
        panel = walks(rng, areas=40, months=54, drift=0.0, sigma=0.02)
        panel *= np.exp(np.cumsum(rng.normal(0.003, 0.005, 54)))
        past, ahead = panel[:, :48].copy(), panel[:10, 48:]
        past[:10, -silent:] = np.nan
        result = forecast(past, 6)
        covered.append(((ahead >= result.lower[0, :10]) & (ahead <= result.upper[0, :10])).mean(axis=0))
    share = np.mean(covered, axis=0)
    assert np.all((share > 0.72) & (share < 0.98)), share


def test_an_interval_is_as_wide_as_others_get_when_the_silence_has_passed() -> None:
    panel = walks(np.random.default_rng(7), areas=30, months=40, drift=0.0, sigma=0.02)
    panel[0, -2:] = np.nan
    result = forecast(panel, 6)
    width = np.log(result.upper[0] / result.mean)
    ratio = width[0, :4] / width[1, 2:]
    assert ratio == pytest.approx(np.full(4, ratio[0]))


def test_a_gap_is_bridged_and_an_empty_area_abstains() -> None:
    panel = np.array([[100.0, np.nan, 121.0], [np.nan, np.nan, np.nan]])
    result = forecast(panel, 1)
    assert result.mean[0, 0] > 121.0
    assert np.isnan(result.mean[1, 0])


@given(
    arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 30)), elements=st.floats(1, 1e9) | st.just(np.nan))
)
@settings(max_examples=50, deadline=None)
def test_any_panel_gets_ordered_intervals_or_none(panel: np.ndarray) -> None:
    result = forecast(panel, 3, levels=(0.8, 0.95))
    known = np.isfinite(panel).any(axis=1)
    assert np.isnan(result.mean[~known]).all()
    mean, lower, upper = result.mean[known], result.lower[:, known], result.upper[:, known]
    assert (lower <= mean).all()
    assert (mean <= upper).all()


def test_a_step_without_past_errors_is_wider_than_the_one_before() -> None:
    untested = random_walk(5, 4, (0.8,))
    assert np.all(np.diff(half_widths(np.full((5, 3, 4), np.nan), untested, (0.8,))) > 0)
    tried_at_the_first = np.where(np.arange(4) == 0, 9.0, np.full((20, 3, 4), np.nan))
    assert half_widths(tried_at_the_first, untested, (0.8,)) == pytest.approx(9 * untested / untested[0, 0])


def test_past_errors_too_few_for_the_level_make_no_interval_narrower_than_that_of_a_random_walk() -> None:
    untested = random_walk(5, 1, (0.8,))
    widths = [half_widths(np.full((origins, 1, 1), 0.01), untested, (0.8,))[0, 0] for origins in (3, 4)]
    assert widths == pytest.approx([untested[0, 0], 0.01])


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize(("areas", "months"), [(1, 3), (1, 6), (1, 14), (1, 20), (2, 6), (8, 6)])
def test_the_interval_of_a_short_history_covers_what_comes(areas: int, months: int, every: int) -> None:
    rng = np.random.default_rng(8)
    covered = []
    for _ in range(60):
        panel = walks(rng, areas, months * every + 12, drift=0.004, sigma=0.02)
        past, ahead = panel[:, : (months - 1) * every + 1].copy(), panel[:, (months - 1) * every + 1 :][:, :12]
        past[:, np.arange(past.shape[1]) % every != 0] = np.nan
        result = forecast(past, 12)
        covered.append(((ahead >= result.lower[0]) & (ahead <= result.upper[0])).mean(axis=0))
    share = np.mean(covered, axis=0)
    assert np.all(share > 0.67), share


@pytest.mark.parametrize(("panel", "horizon"), [(np.ones((1, 3)), 0), (np.ones((2, 0)), 1), (-np.ones((1, 3)), 1)])
def test_nonsense_is_refused(panel: np.ndarray, horizon: int) -> None:
    with pytest.raises(ValueError, match=r"horizon|panel|prices"):
        forecast(panel, horizon)
