"""Triggers are found where they were planted, and not where they were not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from estate.behavior.analytics.stratified import false_discovery, length_bands, score_test
from estate.behavior.analytics.triggers import discover

Said = list[list[str]]
Floats = NDArray[np.float64]
PLANTED = {"t0": 1.2, "t1": -1.2, "t2": 1.2, "t3": -1.2}


def talk(seed: int, units: int, terms: int = 100, length_effect: float = 0.0) -> tuple[Said, Floats, Floats]:
    """Draw units in which the `PLANTED` terms move the log odds of winning."""
    rng = np.random.default_rng(seed)
    length = rng.integers(5, 60, units).astype(float)
    said = rng.random((units, terms)) < 1 - np.exp(-0.01 * length)[:, None]
    effects = np.array([PLANTED.get(f"t{i}", 0.0) for i in range(terms)])
    logit = said @ effects - 0.3 + length_effect * (length - 30)
    won = (rng.random(units) < 1 / (1 + np.exp(-logit))).astype(float)
    return [[f"t{i}" for i in np.flatnonzero(row)] for row in said], won, length


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_planted_terms_are_proven_with_the_right_sign_and_size() -> None:
    said, won, length = talk(1, 1500)
    report = discover(said, won, length=length, rng=rng())
    proven = {t.term: t for t in report.proven}
    assert PLANTED.keys() <= proven.keys()
    for term, effect in PLANTED.items():
        assert proven[term].log_odds == pytest.approx(effect, abs=0.45)
        assert (proven[term].lift > 1) == (effect > 0)
        assert proven[term].lower < proven[term].lift < proven[term].upper
    assert len(proven) <= len(PLANTED) + 1


def test_shuffled_outcomes_prove_almost_nothing() -> None:
    shown = 0
    for seed in range(40):
        said, won, length = talk(seed, 300)
        shuffled = np.random.default_rng(1000 + seed).permutation(won)
        shown += bool(discover(said, shuffled, length=length, rng=rng()).proven)
    assert shown <= 4


def test_a_neutral_term_is_not_proven_because_winners_talk_longer() -> None:
    said, won, length = talk(3, 3000, terms=10, length_effect=0.08)
    naive = discover(said, won, rng=rng()).estimate("t9").log_odds
    adjusted = discover(said, won, length=length, rng=rng())
    assert naive > 0.3
    assert abs(adjusted.estimate("t9").log_odds) < 0.2
    assert "t9" not in {t.term for t in adjusted.proven}


def test_a_group_within_which_units_are_compared_takes_its_effect_away() -> None:
    easy, hard = [["easy"]] * 90 + [["x"]] * 10, [["easy"]] * 10 + [["x"]] * 90
    won = [1.0] * 80 + [0.0] * 20 + [1.0] * 20 + [0.0] * 80
    strata = ["good"] * 100 + ["bad"] * 100
    mixed = np.random.default_rng(0).permutation(100)
    outcome = np.concatenate([np.array(won)[:100][mixed], np.array(won)[100:][mixed]])
    (naive,) = discover(easy + hard, outcome, rng=rng()).proven  # "easy" or "x": the one is where the other is not.
    assert abs(naive.log_odds) > 0.5
    assert abs(discover(easy + hard, outcome, strata=strata, rng=rng()).estimate("easy").log_odds) < 0.3


@pytest.mark.parametrize("units", [30, 3000])
def test_a_term_in_one_conversation_is_never_proven(units: int) -> None:
    said: Said = [["common"] if i % 2 else [] for i in range(units)]
    said[0] = ["once"]
    report = discover(said, [float(i == 0) for i in range(units)], rng=rng())
    assert "once" not in {t.term for t in report.proven}
    once = report.estimate("once")
    assert (once.n_with, once.n_without, once.q) == (1, units - 1, 1.0)


def test_what_one_agent_alone_says_is_not_proven() -> None:
    said = [["mine"], ["x"]] * 30
    outcome = [1.0, 0.0] * 30
    one = discover(said, outcome, agents=["a", "b"] * 30, rng=rng())
    two = discover(said, outcome, agents=["a", "b", "b", "a"] * 15, rng=rng())
    assert [t.term for t in one.proven] == []
    assert [t.n_agents for t in two.proven] == [2]  # The one is said where the other is not: they are one finding.


def test_open_units_are_censored_not_lost() -> None:
    said, won, length = talk(5, 400)
    open_too = discover(said + [["t0"]] * 200, [*won, *[np.nan] * 200], length=[*length, *[9.0] * 200], rng=rng())
    closed = discover(said, won, length=length, rng=rng())
    assert open_too.n_open == 200
    assert open_too.estimate("t0").log_odds == pytest.approx(closed.estimate("t0").log_odds)


def test_lift_is_the_ratio_of_the_win_rates() -> None:
    said, won, _ = talk(6, 500)
    for trigger in discover(said, won, rng=rng()).candidates:
        assert trigger.lift == pytest.approx(trigger.win_rate_with / trigger.win_rate_without)
        assert 0 < trigger.win_rate_without < 1
        assert trigger.lower <= trigger.lift <= trigger.upper


def test_shown_lifts_keep_their_size_in_new_data() -> None:
    said, won, length = talk(8, 2000)
    first = discover(said[:1000], won[:1000], length=length[:1000], rng=rng())
    again = discover(said[1000:], won[1000:], length=length[1000:], rng=rng())
    shown = [abs(t.log_odds) for t in first.proven]
    found = [np.sign(t.log_odds) * again.estimate(t.term).log_odds for t in first.proven]
    assert 0.7 < np.mean(shown) / np.mean(found) < 1.4


def test_a_part_of_a_longer_term_in_the_same_units_is_not_listed_beside_it() -> None:
    report = discover([["payment plan", "plan"], ["view"]] * 20, [1.0, 0.0] * 20, rng=rng())
    listed = {t.term for t in [*report.proven, *report.candidates]}
    assert listed == {"payment plan", "view"}
    assert report.estimate("plan").n_with == 20


def test_a_term_never_heard_has_the_prior() -> None:
    said, won, _ = talk(9, 100)
    unseen = discover(said, won, rng=rng()).estimate("never")
    assert (unseen.term, unseen.log_odds, unseen.lift, unseen.n_with, unseen.q) == ("never", 0.0, 1.0, 0, 1.0)
    assert unseen.lower < 1 < unseen.upper


@pytest.mark.parametrize("outcomes", [[], [np.nan] * 4, [1.0] * 4, [0.0] * 4])
def test_no_comparison_is_possible(outcomes: list[float]) -> None:
    report = discover([["a"], ["b"], ["a"], []][: len(outcomes)], outcomes, length=[1.0] * len(outcomes), rng=rng())
    assert report.proven == []
    assert all(t.log_odds == 0 for t in report.candidates)


def test_the_same_input_gives_the_same_report_in_any_order_of_terms() -> None:
    said, won, length = talk(10, 200)
    backwards = [row[::-1] for row in said]
    assert discover(said, won, length=length, rng=rng()) == discover(backwards, won, length=length, rng=rng())


def test_the_score_test_agrees_with_a_table_worked_by_hand() -> None:
    # 8 of 10 won with, 5 of 15 without: E = 10·13/25, V = 10·15·13·12 / (25²·24).
    from scipy import sparse

    rows = [(1, 1)] * 8 + [(1, 0)] * 2 + [(0, 1)] * 5 + [(0, 0)] * 10
    said = sparse.csr_matrix(np.array([[float(s)] for s, _ in rows]))
    pooled = score_test(said, np.array([float(w) for _, w in rows]), np.zeros(25, dtype=np.int64))
    excess, variance = 8 - 5.2, 23400 / 15000
    assert pooled.log_odds[0] == pytest.approx(excess / variance)
    assert pooled.variance[0] == pytest.approx(1 / variance)
    assert pooled.p[0] == pytest.approx(0.0656, abs=5e-4)  # Two-sided normal tail of (2.8 - 0.5) / sqrt(1.56).


def test_q_values_never_fall_below_their_p_values() -> None:
    p = np.random.default_rng(0).random(50)
    q = false_discovery(p)
    assert (q >= p - 1e-12).all()
    assert (q[np.argsort(p)] == np.sort(q)).all()


def test_bands_hold_units_of_like_length() -> None:
    length = np.repeat([1.0, 2.0, 3.0], 40)
    bands = length_bands(length)
    assert [len(set(length[bands == band])) for band in np.unique(bands)] == [1, 1, 1]
