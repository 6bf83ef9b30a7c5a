"""Time to sell: chances that follow known hazards under censoring, and fall back on the pooled curve."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from estate.property.analytics.kaplan_meier import kaplan_meier
from estate.property.analytics.survival import TimeToSell, fit

Floats = npt.NDArray[np.float64]
DAYS = np.array([30.0, 60.0, 90.0])


def observed(rate: Floats, seed: int) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Draw sales at daily rates, about three in ten of them censored; no day is drawn from the global state."""
    rng = np.random.default_rng(seed)
    sale, seen = rng.exponential(1 / rate), rng.exponential(140, len(rate))
    return np.minimum(sale, seen), sale <= seen


def market(n: int, seed: int) -> tuple[pd.DataFrame, Floats]:
    """Draw listings and their daily rates: a slope, a category and a value that is missing each change it."""
    rng = np.random.default_rng(seed)
    over, kind = rng.normal(0, 1, n), rng.choice(["flat", "villa"], n)
    photos = np.where(rng.random(n) < 0.3, np.nan, 10.0)
    rate = np.exp(-0.6 * over - 0.7 * (kind == "villa") - 0.5 * np.isnan(photos)) / 50
    return pd.DataFrame({"over": over, "kind": kind, "photos": photos}), rate


@pytest.fixture(scope="module")
def model() -> TimeToSell:
    frame, rate = market(3_000, 1)
    return fit(frame, *observed(rate, 2))


def test_without_columns_the_pooled_curve_meets_the_truth() -> None:
    days, sold = observed(np.full(5_000, 1 / 60), 3)
    predicted = fit(pd.DataFrame(index=range(5_000)), days, sold).predict(pd.DataFrame(index=range(2)))
    assert predicted.shape == (2, 3)
    assert predicted[0] == pytest.approx(1 - np.exp(-DAYS / 60), abs=0.03)


def test_a_chance_of_nothing_has_no_sign() -> None:
    frame = pd.DataFrame({"kind": ["flat", "villa"] * 20})
    chances = fit(frame, np.arange(20.0, 60.0), np.ones(40)).predict(frame[:1], (5,))
    assert repr(float(chances[0, 0])) == "0.0"


def test_chances_meet_known_hazards_under_censoring(model: TimeToSell) -> None:
    frame, rate = market(1_000, 4)
    error = np.abs(model.predict(frame) - (1 - np.exp(-rate[:, None] * DAYS)))
    assert error.mean() < 0.03


def test_hazards_may_cross() -> None:
    rng = np.random.default_rng(5)
    fast = np.repeat([1.0, 0.0], 2_000)
    shape = np.where(fast == 1, 0.6, 2.0)
    sale, seen = 60 * rng.exponential(size=4_000) ** (1 / shape), rng.exponential(200, 4_000)
    crossing = fit(pd.DataFrame({"fast": fast}), np.minimum(sale, seen), sale <= seen)
    predicted = crossing.predict(pd.DataFrame({"fast": [1.0, 0.0]}), days=(15, 60, 120))
    true = 1 - np.exp(-((np.array([15, 60, 120]) / 60) ** np.array([[0.6], [2.0]])))
    assert predicted == pytest.approx(true, abs=0.06)


def test_chances_grow_with_the_days_and_stay_within_their_interval(model: TimeToSell) -> None:
    frame, _ = market(50, 6)
    days = range(0, 400, 10)
    chances = model.predict(frame, days)
    lower, upper = model.interval(frame, days)
    assert (np.diff(chances, axis=1) >= 0).all()
    assert ((chances >= 0) & (chances < 1)).all()
    assert ((lower <= chances) & (chances <= upper)).all()


def young(mean_days: float, old: int, rng: np.random.Generator) -> TimeToSell:
    """Fit a portfolio of 100 listings, all but some of them put up within 40 days, that sell at a constant rate."""
    age = np.concatenate([rng.uniform(1, 40, 100 - old), rng.uniform(60, 120, old)])
    sale = rng.exponential(mean_days, 100)
    return fit(pd.DataFrame(index=range(100)), np.minimum(sale, age), sale <= age)


@pytest.mark.parametrize("old", [0, 5, 15, 25])
def test_intervals_of_a_young_portfolio_hold_the_truth_as_often_as_they_say(old: int) -> None:
    rng = np.random.default_rng(13)
    true = 1 - np.exp(-DAYS / 150)
    held = []
    for _ in range(200):
        lower, upper = young(150, old, rng).interval(pd.DataFrame(index=[0]))
        held.append((lower[0] <= true) & (true <= upper[0]))
    assert (np.mean(held, axis=0) > 0.86).all(), "0.9, less two standard errors"


def test_one_old_sale_says_nothing_of_days_that_nobody_else_saw() -> None:
    days = np.concatenate([np.arange(5.0, 15.0), np.full(89, 20.0), [60.0]])
    model = fit(pd.DataFrame(index=range(100)), days, np.isin(np.arange(100), [*range(10), 99]))
    own = pd.DataFrame(index=[0])
    assert model.watched == 20
    assert model.predict(own)[0] == pytest.approx([0.1] * 3)
    lower, upper = model.interval(own)
    assert lower[0] == pytest.approx([model.interval(own, (20,))[0][0, 0]] * 3)
    assert upper[0].tolist() == [1, 1, 1]
    assert model.median_days(own) == [None]


def test_a_fast_market_that_was_seen_to_the_end_is_known_after_its_last_sale() -> None:
    model = fit(pd.DataFrame(index=range(20)), np.arange(1.0, 21.0), np.ones(20))
    lower, upper = model.interval(pd.DataFrame(index=[0]))
    assert (lower > 0.8).all()
    assert (upper < 1).all()


def test_few_sales_stay_near_the_pooled_curve() -> None:
    frame = pd.DataFrame({"kind": ["flat"] * 6 + ["villa"] * 6})
    days = np.array([10, 12, 14, 16, 18, 20, 70, 75, 80, 85, 90, 95], dtype=np.float64)
    flat, villa = fit(frame, days, np.ones(12)).predict(pd.DataFrame({"kind": ["flat", "villa"]}), days=(50,))[:, 0]
    pooled = kaplan_meier(days, np.ones(12)).sold_by(50)[0]
    assert villa < pooled < flat
    assert max(flat - pooled, pooled - villa) < 0.25  # By their own curves: 1 and 0, a half away.


def test_a_column_that_says_nothing_moves_nothing() -> None:
    days, sold = observed(np.full(2_000, 1 / 60), 7)
    noise = pd.DataFrame({"noise": np.random.default_rng(8).normal(size=2_000)})
    predicted = fit(noise, days, sold).predict(noise)
    assert np.abs(predicted - predicted.mean(axis=0)).mean() < 0.01


def test_a_new_value_an_absent_column_and_one_never_seen_are_defined(model: TimeToSell) -> None:
    frame, _ = market(20, 9)
    usual = model.predict(frame)
    assert model.predict(frame.assign(unheard_of="x")) == pytest.approx(usual)
    new = model.predict(frame.assign(kind="castle"))
    assert np.isfinite(new).all()
    absent = model.predict(frame.drop(columns="photos"))
    assert absent == pytest.approx(model.predict(frame.assign(photos=np.nan)))


def test_the_same_data_give_the_same_model() -> None:
    frame, rate = market(800, 10)
    first, second = (fit(frame, *observed(rate, 11)).predict(frame) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("sold", [0, 1])
def test_one_listing_is_enough_to_answer(sold: int) -> None:
    frame = pd.DataFrame({"kind": [None], "size": [np.nan]})
    alone = fit(frame, [20.0], [sold])
    assert alone.predict(frame, days=(10,))[0, 0] == 0
    assert 0 <= alone.predict(frame)[0, 0] < 1
    assert alone.median_days(frame) == [None if not sold else 20.0]


def test_no_listings_leave_everything_open() -> None:
    frame = pd.DataFrame({"segment": pd.Series([], dtype=object)})
    nothing = fit(frame, [], [])
    own = pd.DataFrame({"segment": ["ready"]})
    assert (nothing.pooled.n, nothing.pooled.sold, nothing.median_days(own)) == (0, 0, [None])
    assert nothing.interval(own, (30,))[1][0, 0] == 1


@pytest.mark.parametrize(("days", "rows"), [([-1.0, 2.0], 2), ([np.nan, 1.0], 2), ([1.0], 2), ([1.0, 2.0], 3)])
def test_bad_durations_and_rows_are_refused(days: list[float], rows: int) -> None:
    with pytest.raises(ValueError, match="duration"):
        fit(pd.DataFrame({"x": np.zeros(rows)}), days, [1, 0])


def test_a_column_that_is_empty_is_learned_without() -> None:
    frame, rate = market(2_000, 8)
    days, sold = observed(rate, 8)
    predicted = fit(frame.assign(empty=np.nan), days, sold).predict(frame.assign(empty=np.nan))
    assert np.isfinite(predicted).all()
