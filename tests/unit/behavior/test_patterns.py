"""Groups are found where terms keep company, and none in noise."""

import numpy as np
import pytest

from estate.behavior.analytics.next_step import next_steps
from estate.behavior.analytics.patterns import group


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def world(seed: int, units: int, groups: int) -> tuple[list[list[str]], list[float], np.ndarray]:
    """Draw units of which each group prefers four terms of its own; group 0 wins more often."""
    draw = np.random.default_rng(seed)
    sequences, outcomes, truth = [], [], []
    for _ in range(units):
        own = int(draw.integers(-1, groups)) if groups else -1
        terms = [
            f"g{own}-{draw.integers(4)}" if own >= 0 and draw.random() < 0.6 else f"n{draw.integers(40)}"
            for _ in range(draw.integers(4, 15))
        ]
        sequences.append(terms)
        outcomes.append(float(draw.random() < (0.8 if own == 0 else 0.3)))
        truth.append(own)
    return sequences, outcomes, np.array(truth)


def test_planted_groups_are_found_with_their_terms_and_units() -> None:
    sequences, outcomes, truth = world(1, 400, 3)
    report = group(sequences, outcomes, rng=rng())
    assert {frozenset(g.terms) for g in report.groups} == {frozenset(f"g{i}-{j}" for j in range(4)) for i in range(3)}
    assert ((report.labels >= 0) == (truth >= 0)).mean() > 0.85
    assert [g.size for g in report.groups] == [int((report.labels == i).sum()) for i in range(3)]
    assert all(g.stability >= 0.75 for g in report.groups)


def test_a_group_that_wins_has_a_lift_above_one() -> None:
    sequences, outcomes, _ = world(2, 600, 3)
    by_first = {g.terms[0].partition("-")[0]: g for g in group(sequences, outcomes, rng=rng()).groups}
    assert by_first["g0"].lower > 1
    assert by_first["g1"].lift < 1


def test_noise_has_no_groups() -> None:
    assert sum(bool(group(*world(seed, 250, 0)[:2], rng=rng()).groups) for seed in range(15)) == 0


def test_open_units_belong_to_groups_but_enter_no_rate() -> None:
    sequences, outcomes, _ = world(4, 300, 2)
    outcomes[:100] = [np.nan] * 100
    for found in group(sequences, outcomes, rng=rng()).groups:
        assert found.size == found.n_won + found.n_lost + found.n_open
        assert found.n_open > 0


@pytest.mark.parametrize("sequences", [[], [["a"]], [["a", "b"]] * 3, [[]] * 10])
def test_too_little_to_group(sequences: list[list[str]]) -> None:
    report = group(sequences, [1.0] * len(sequences), rng=rng())
    assert (report.groups, report.labels.tolist()) == ([], [-1] * len(sequences))


def test_the_next_step_follows_the_frequencies_of_the_present_one() -> None:
    steps = next_steps({("visit", "won"): 80, ("visit", "lost"): 20, ("call", "visit"): 100}, "visit")
    assert [s.step for s in steps] == ["won", "lost", "visit"]
    assert steps[0].probability == pytest.approx((80 + 10 * 80 / 201) / 110)
    assert steps[0].lower < steps[0].probability < steps[0].upper
    assert [s.n for s in steps] == [80, 20, 0]


def test_a_step_never_seen_is_followed_by_what_follows_any() -> None:
    counts = {("visit", "won"): 30, ("call", "lost"): 10}
    assert [s.step for s in next_steps(counts, "new")] == ["won", "lost"]
    assert sum(s.probability for s in next_steps(counts, None)) == pytest.approx(40 / 41)
    assert next_steps({}, None) == []
