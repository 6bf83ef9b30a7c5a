"""The outcome model: prior without outcomes, exact reasons, doubt, and what it must never do."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from estate.intelligence.outcome_model import OutcomeModel, ScoreCard

CARD = ScoreCard(0.2, {"visits": 0.5, "source": {"friend": 0.7}}, weight=20)
Floats = NDArray[np.float64]


def leads(n: int, seed: int = 0) -> tuple[pd.DataFrame, Floats, Floats]:
    """Return leads with every kind of column, their outcomes and their true chances."""
    rng = np.random.default_rng(seed)
    visits, over = rng.normal(size=n), rng.random(n)
    source = rng.choice(["web", "friend", "call"], n)
    chance = 1 / (1 + np.exp(-(-0.5 + visits + 0.8 * (source == "friend") - 1.5 * over)))
    frame = pd.DataFrame(
        {
            "visits": np.where(rng.random(n) < 0.1, np.nan, visits),
            "source": pd.Series(source).mask(rng.random(n) < 0.1, None),
            "over": over,
            "seen": pd.date_range("2024-01-01", periods=n, freq="h").astype(str),
            "id": [f"lead {i}" for i in range(n)],
            "same": 1,
            "said": np.where(rng.random(n) < 0.5, "call me back", "we look around"),
        }
    )
    return frame, (rng.random(n) < chance).astype(np.float64), chance


def test_without_outcomes_it_is_the_card() -> None:
    frame, _, _ = leads(3)
    model = OutcomeModel().fit(frame.iloc[:0], np.empty(0), prior=CARD)

    asked = pd.DataFrame({"visits": [0.0, 2.0, None], "source": ["web", "friend", None]})

    assert model.predict_proba(asked) == pytest.approx([0.2, 1 / (1 + 4 * np.exp(-1.7)), 0.2])
    lower, upper = model.predict_interval(asked)[0]
    assert upper - lower > 0.2


@pytest.mark.parametrize("told", ["never", "hardly"])
def test_a_line_that_the_outcomes_do_not_tell_keeps_the_doubt_of_the_card(told: str) -> None:
    frame, won, _ = leads(60)
    silent = frame[["over"]].assign(visits=np.nan if told == "never" else 0.02, source=frame["source"])
    asked = pd.DataFrame({"over": [0.5, 0.5], "visits": [0.0, 2.0], "source": ["web", "web"]})

    def doubt(model: OutcomeModel) -> Floats:
        """Return the half width of the intervals in log-odds."""
        ends = model.predict_interval(asked)
        return np.diff(np.log(ends / (1 - ends)), axis=1)[:, 0] / 2

    card, model = OutcomeModel().fit(silent.iloc[:0], np.empty(0), prior=CARD), OutcomeModel()
    plain, far = doubt(model.fit(silent, won, prior=CARD))
    assert far**2 - plain**2 <= np.diff(doubt(card) ** 2)[0] * 1.1


def test_of_nobody_nothing_is_said() -> None:
    frame, won, _ = leads(500)
    model = OutcomeModel(["said"]).fit(frame, won, prior=CARD)
    assert model.explain(frame.head(0)) == []


@pytest.mark.parametrize("n", [1, 5, 40, 500])
def test_reasons_sum_to_the_score(n: int) -> None:
    frame, won, _ = leads(n)
    model = OutcomeModel(["said"]).fit(frame, won, prior=CARD)

    strange = frame.head(3).assign(source="never seen", visits=np.inf)
    for asked in (frame.head(3), strange, strange.drop(columns="over")):
        for found in model.explain(asked):
            logit = np.log(found.score) - np.log1p(-found.score)
            assert found.base_logit + sum(found.contributions.values()) == pytest.approx(logit, abs=1e-9)
            assert found.lower <= found.score <= found.upper
            assert found.n == n


def test_open_cases_are_not_lost_ones() -> None:
    frame, won, _ = leads(60)
    alone = OutcomeModel().fit(frame.head(40), won[:40]).predict_proba(frame)

    won[40:] = np.nan

    assert OutcomeModel().fit(frame, won).predict_proba(frame) == pytest.approx(alone)


@pytest.mark.parametrize("n", [60, 500])
def test_a_higher_price_never_raises_the_score(n: int) -> None:
    frame, won, _ = leads(n)
    model = OutcomeModel(decreasing=["over"]).fit(frame, 1 - won)  # Learned from a world where it did.

    scores = model.predict_proba(frame)

    for more in (0.05, 0.4, 5.0):
        assert (model.predict_proba(frame.assign(over=frame["over"] + more)) <= scores + 1e-12).all()


@pytest.mark.parametrize("n", [40, 150, 400])
@pytest.mark.parametrize("frequent", [0.0, 0.3])
@pytest.mark.parametrize(("there", "elsewhere"), [(0.2, 0.2), (0.1, 0.4), (0.5, 0.2)])
def test_a_frequent_price_is_no_exception(n: int, frequent: float, there: float, elsewhere: float) -> None:
    rng = np.random.default_rng(3)
    over = np.where(rng.random(n) < 0.6, frequent, rng.uniform(0, 0.6, n))
    won = (rng.random(n) < np.where(over == frequent, there, elsewhere)).astype(np.float64)
    frame = pd.DataFrame({"over": over, "visits": rng.normal(size=n), "calls": rng.normal(size=n)})
    card = ScoreCard(0.2, {"over": -2.0, "visits": 0.5})
    days = np.arange(n).astype("datetime64[D]")
    model = OutcomeModel(decreasing=["over"]).fit(frame, won, as_of=days, prior=card)

    prices = np.sort(np.append(np.linspace(0, 1, 41), [0.001, 0.299, 0.301]))
    by_price = [model.predict_proba(frame.head(20).assign(over=price)) for price in prices]

    assert np.diff(by_price, axis=0).max() <= 1e-12


def test_intervals_cover_the_truth() -> None:
    inside = []
    for seed in range(4):
        frame, won, chance = leads(600, seed)
        frame = frame[["visits", "source", "over"]]
        frame = frame[frame["visits"].notna() & frame["source"].notna()]
        rows = frame.index.to_numpy()
        ends = OutcomeModel().fit(frame, won[rows]).predict_interval(frame)
        inside.append(np.mean((ends[:, 0] <= chance[rows]) & (chance[rows] <= ends[:, 1])))

    assert 0.8 <= np.mean(inside) <= 0.99


def test_the_newest_cases_rule_after_a_change() -> None:
    frame, won, _ = leads(1_000)
    frame, days = frame[["visits"]], np.arange(1_000).astype("datetime64[D]")
    won[:700] = 1 - won[:700]

    dated = OutcomeModel().fit(frame, won, as_of=days).predict_proba(frame)
    undated = OutcomeModel().fit(frame, won).predict_proba(frame)

    newest = slice(700, None)
    assert np.mean((dated - won)[newest] ** 2) < np.mean((undated - won)[newest] ** 2)


def test_it_names_what_is_worth_asking() -> None:
    frame, won, _ = leads(500)
    model = OutcomeModel().fit(frame.assign(noise=np.where(np.arange(500) % 2, 1.0, np.nan)), won)

    (found,) = model.explain(frame.head(1).assign(visits=np.nan, noise=np.nan))

    assert next(missing.column for missing in found.missing) == "visits"
    assert {missing.column for missing in found.missing} >= {"visits", "noise"}


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from([0.0, 1.0, np.nan]), max_size=14), st.integers(0, 9))
def test_any_few_outcomes_give_finite_scores(outcomes: list[float], seed: int) -> None:
    frame, _, _ = leads(len(outcomes), seed)
    asked, _, _ = leads(3, seed + 1)

    scores = OutcomeModel().fit(frame, np.array(outcomes)).predict_proba(asked)

    assert np.isfinite(scores).all()
    assert ((scores > 0) & (scores < 1)).all()


@pytest.mark.parametrize("n", [79, 80, 300, 1_100])
@pytest.mark.parametrize("rare", [0.0, 1.0])
def test_an_outcome_seen_once_is_learned_from(n: int, rare: float) -> None:
    frame, _, _ = leads(n)
    outcomes = np.where(np.arange(n) == 7, rare, 1 - rare)

    scores = OutcomeModel().fit(frame, outcomes).predict_proba(frame)

    assert ((scores > 0) & (scores < 1)).all()
    assert abs(scores.mean() - outcomes.mean()) < 0.02


def test_an_outcome_that_one_agent_alone_had_is_learned_from() -> None:
    frame, _, _ = leads(300)
    agents = np.arange(300) % 30
    won = ((agents == 4) & (np.arange(300) < 150)).astype(np.float64)

    scores = OutcomeModel().fit(frame, won, groups=agents.tolist()).predict_proba(frame)

    assert ((scores > 0) & (scores < 1)).all()


def test_a_wrong_outcome_is_refused() -> None:
    frame, _, _ = leads(2)

    with pytest.raises(ValueError, match="0, 1 or NaN"):
        OutcomeModel().fit(frame, [0.0, 2.0])
    with pytest.raises(ValueError, match="same length"):
        OutcomeModel().fit(frame, [0.0])


def test_a_column_that_is_empty_in_a_part_of_the_cases_is_learned_without() -> None:
    frame, won, _ = leads(400)
    rare = np.where(np.arange(400) == 7, 1.0, np.nan)  # Empty in every fold that leaves this case out.
    scores = OutcomeModel().fit(frame.assign(rare=rare), won).predict_proba(frame.assign(rare=rare))
    assert np.isfinite(scores).all()
