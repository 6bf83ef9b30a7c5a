"""The score card: what it says without outcomes, how outcomes move it, and what it can never do."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estate.core.stats import logit
from estate.intelligence.cards import CLOSING, QUALIFICATION
from estate.intelligence.scorecard import Cases, Feature, FittedCard, ScoreCard, fit, prior_only

CARD = ScoreCard(
    0.2,
    (
        Feature("ready", 0.5, -1, 1, "Ask."),
        Feature("wrong_sign", 0.5, -1, 1, "Ask."),
        Feature("over", -1.0, 0, 1, "Ask.", sign="never_positive"),
    ),
    20.0,
)
TRUTH = np.array([-0.5, 1.2, -1.0, -2.0])


def draw(rng: np.random.Generator, n: int, truth: np.ndarray = TRUTH) -> Cases:
    features = np.column_stack([rng.uniform(-1, 1, (n, 2)), rng.uniform(0, 1, n)])
    chance = 1 / (1 + np.exp(-truth[0] - features @ truth[1:]))
    won = (rng.random(n) < chance).astype(float)
    return Cases(features, won, np.ones(n), np.arange(n))


def test_without_outcomes_it_is_the_card() -> None:
    explained = prior_only(CARD).explain([0.5, -1.0, 0.25])
    assert explained.base_logit == pytest.approx(logit(0.2))
    assert explained.contributions == pytest.approx({"ready": 0.25, "wrong_sign": -0.5, "over": -0.25})
    assert (explained.n, explained.like_cases) == (0, 0)
    assert explained.upper - explained.lower > 0.3


def test_outcomes_move_it_towards_the_truth() -> None:
    rng = np.random.default_rng(7)
    fitted = fit(CARD, draw(rng, 4000))
    found = fitted.weights - np.array([fitted.weights[1:] @ fitted.centres, 0, 0, 0])
    assert np.sign(found).tolist() == np.sign(TRUTH).tolist()
    assert found == pytest.approx(TRUTH, abs=0.35)


def test_scores_get_closer_to_the_true_chance_with_more_outcomes() -> None:
    rng = np.random.default_rng(11)
    fresh = draw(rng, 2000)
    chance = 1 / (1 + np.exp(-TRUTH[0] - fresh.features @ TRUTH[1:]))

    def error(n: int) -> float:
        draws = [fit(CARD, draw(rng, n)).predict(fresh.features) for _ in range(5)]
        return float(np.mean([np.abs(p - chance).mean() for p in draws]))

    errors = [float(np.abs(prior_only(CARD).predict(fresh.features) - chance).mean()), error(30), error(300)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.06


def test_interval_narrows_with_outcomes() -> None:
    rng = np.random.default_rng(3)
    case = np.array([[0.4, -0.3, 0.2]])
    few, many = fit(CARD, draw(rng, 50)), fit(CARD, draw(rng, 2000))
    assert np.ptp(many.interval(case)) < 0.5 * np.ptp(few.interval(case))


def test_interval_covers_as_often_as_it_says_when_the_card_is_fair() -> None:
    rng = np.random.default_rng(13)
    card = replace(CARD, features=tuple(replace(f, sign="any") for f in CARD.features))
    hits = 0
    for _ in range(200):
        truth = rng.normal(card.mean, card.precision**-0.5)
        case = rng.uniform(0, 1, (1, 3))
        low, high = fit(card, draw(rng, 60, truth)).interval(case)[0]
        hits += low <= 1 / (1 + np.exp(-truth[0] - float(case[0] @ truth[1:]))) <= high
    assert 0.85 <= hits / 200 <= 0.95


def test_a_weight_that_may_not_be_positive_never_is() -> None:
    perverse = np.array([-0.5, 0.0, 0.0, 3.0])
    fitted = fit(CARD, draw(np.random.default_rng(5), 800, perverse))
    assert fitted.weights[3] == 0.0
    prices = np.column_stack([np.zeros((11, 2)), np.linspace(0, 1, 11)])
    assert (np.diff(fitted.predict(prices)) <= 0).all()


def test_an_unknown_feature_widens_the_interval_and_is_listed_by_its_reach() -> None:
    card = prior_only(CARD)
    known, unknown = card.explain([0.0, 0.0, 0.0]), card.explain([None, 0.0, None])
    assert unknown.score == pytest.approx(known.score)
    assert unknown.upper - unknown.lower > known.upper - known.lower
    reaches = [m.upper - m.lower for m in unknown.missing]
    assert {m.feature.name for m in unknown.missing} == {"ready", "over"}
    assert reaches == sorted(reaches, reverse=True)


def test_removing_a_contribution_changes_the_score_by_the_stated_amount() -> None:
    fitted = fit(CARD, draw(np.random.default_rng(2), 200))
    whole, without = fitted.explain([0.8, 0.5, 0.1]), fitted.explain([None, 0.5, 0.1])
    assert logit(whole.score) - logit(without.score) == pytest.approx(whole.contributions["ready"], abs=1e-9)


def test_the_usual_case_scores_the_base_though_it_was_not_known_in_time() -> None:
    """What the past cases show now centres the features; what they showed then is all that is learned from."""
    n = 200
    won, unknown = np.arange(n) % 4 == 0, np.full((n, 3), np.nan)
    cases = Cases(unknown, won.astype(float), np.ones(n), np.arange(n), usual=np.tile([0.5, -0.5, 0.3], (n, 1)))
    fitted = fit(CARD, cases)
    assert fitted.weights[1:] == pytest.approx(CARD.mean[1:])
    assert fitted.explain([0.5, -0.5, 0.3]).score == pytest.approx(0.25, abs=0.01)


def test_rows_of_one_deal_count_as_one_outcome() -> None:
    one = Cases(np.zeros((1, 3)), np.ones(1), np.ones(1), np.zeros(1, dtype=np.int64))
    split = Cases(np.zeros((4, 3)), np.ones(4), np.full(4, 0.25), np.zeros(4, dtype=np.int64))
    assert fit(CARD, split).weights == pytest.approx(fit(CARD, one).weights)
    assert fit(CARD, split).explain([0, 0, 0]).n == 1


def test_like_cases_are_those_within_the_stated_distance() -> None:
    features = np.array([[0.5, 0.5, np.nan], [0.6, 0.4, 0.0], [-0.9, 0.5, 0.0], [0.5, np.nan, np.nan]])
    cases = Cases(features, np.array([1.0, 0, 1, 1]), np.ones(4), np.arange(4))
    explained = fit(CARD, cases).explain([0.5, 0.5, None])
    assert (explained.like_cases, explained.like_won) == (2, 1)


@given(st.integers(0, 10_000), st.integers(0, 120), st.data())
@settings(max_examples=40, deadline=None)
def test_contributions_sum_to_the_score_and_the_interval_holds_it(seed: int, n: int, data: st.DataObject) -> None:
    fitted = fit(CARD, draw(np.random.default_rng(seed), n))
    value = st.none() | st.floats(-1, 1)
    case = [data.draw(value), data.draw(value), data.draw(st.none() | st.floats(0, 1))]
    explained = fitted.explain(case)
    assert abs(explained.base_logit + sum(explained.contributions.values()) - logit(explained.score)) <= 1e-9
    assert 0 <= explained.lower <= explained.score <= explained.upper <= 1
    assert all(m.lower <= explained.score <= m.upper for m in explained.missing)


@pytest.mark.parametrize("card", [QUALIFICATION, CLOSING])
def test_the_documented_cards_are_usable_as_they_are(card: ScoreCard) -> None:
    fitted: FittedCard = prior_only(card)
    nothing = fitted.explain([None] * len(card.features))
    assert nothing.score == pytest.approx(card.base_rate)
    best = fitted.explain([f.upper if f.points > 0 else f.lower for f in card.features])
    assert nothing.upper < best.score < 0.999
    assert all(f.lower <= 0 <= f.upper for f in card.features)
