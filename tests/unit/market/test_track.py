"""The intervals of a track record cover what they estimate, also where months overlap."""

import numpy as np
import pytest

from estate.market.analytics.track import LEVEL, coverage_interval, skill_interval


@pytest.mark.parametrize(("months_ahead", "origins"), [(1, 12), (3, 24)])
def test_the_interval_of_the_skill_covers_it(months_ahead: int, origins: int) -> None:
    rng = np.random.default_rng(1)
    window = np.ones(months_ahead)
    covered = []
    for _ in range(400):
        fortune = rng.gamma(2.0, 1.0, size=(2, origins + months_ahead - 1)) * np.array([[0.7], [1.0]])
        ours, naive = (np.convolve(row, window, "valid").tolist() for row in fortune)
        lower, upper = skill_interval(ours, naive, origins / months_ahead)
        covered.append(lower <= 0.3 <= upper)
    assert np.mean(covered) > LEVEL - 0.05


@pytest.mark.parametrize("origins", [6, 24])
def test_the_interval_of_a_coverage_covers_it_where_all_areas_share_the_fortune_of_their_month(origins: int) -> None:
    held = np.random.default_rng(2).random((400, origins)) < 0.8
    ends = [coverage_interval(share, origins) for share in held.mean(axis=1)]
    assert np.mean([lower <= 0.8 <= upper for lower, upper in ends]) > LEVEL - 0.02


def test_an_interval_that_always_or_never_held_is_not_certain_to() -> None:
    least = 0.05 ** (1 / 6)
    assert list(coverage_interval(1.0, 6)) == pytest.approx([least, 1.0])
    assert list(coverage_interval(0.0, 6)) == pytest.approx([0.0, 1 - least])
