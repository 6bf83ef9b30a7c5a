"""The forecast of closings follows the pace of an agent, borrows from the others, and its interval holds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estate.agent.analytics.closings import expected_closings

histories = st.lists(st.tuples(st.integers(0, 60), st.floats(1, 2_000)), min_size=1, max_size=20)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(histories, st.floats(1, 120))
def test_the_interval_is_ordered_and_the_forecast_positive(history: list[tuple[int, float]], horizon: float) -> None:
    won, days = zip(*history, strict=True)
    for forecast in expected_closings(won, days, horizon_days=horizon):
        assert forecast.expected > 0
        assert 0 <= forecast.lower <= forecast.upper
        assert forecast.upper >= forecast.expected - 1


def test_an_agent_without_history_gets_the_pace_of_the_others() -> None:
    *_, new = expected_closings([12, 12, 12, 0], [360, 360, 360, 0])
    assert (new.n, new.days) == (0, 0)
    assert new.expected == pytest.approx(1, rel=0.05)


def test_a_short_history_is_pulled_to_the_others_and_a_long_one_is_not() -> None:
    won, days = [4, 48] + [12] * 20, [30, 360] + [360] * 20
    short, long, *_ = expected_closings(won, days)
    assert 1 < short.expected < long.expected < 4


def test_twice_the_horizon_is_twice_the_deals() -> None:
    one, two = (expected_closings([10, 3], [300, 300], horizon_days=h)[0].expected for h in (30, 60))
    assert two == pytest.approx(2 * one)


def test_forecasts_are_right_on_average_and_nine_intervals_in_ten_hold_what_came() -> None:
    rng = np.random.default_rng(11)
    hits, bias = [], []
    for _ in range(10):
        pace = rng.gamma(4, 1 / 120, 200)
        days = rng.uniform(20, 400, 200)
        came = rng.poisson(pace * 30)
        forecasts = expected_closings(rng.poisson(pace * days), days)
        bias.append(sum(f.expected for f in forecasts) / (30 * pace.sum()))
        hits += [f.lower <= k <= f.upper for f, k in zip(forecasts, came, strict=True)]
    assert np.mean(bias) == pytest.approx(1, abs=0.03)
    assert 0.89 < np.mean(hits) < 0.985  # Whole numbers: an interval holds at least its level.


@pytest.mark.parametrize(("won", "days"), [([1], [-1]), ([-1], [1]), ([1, 2], [1]), ([0], [0]), ([float("inf")], [1])])
def test_impossible_numbers_are_refused(won: list[float], days: list[float]) -> None:
    with pytest.raises(ValueError, match="must"):
        expected_closings(won, days)
