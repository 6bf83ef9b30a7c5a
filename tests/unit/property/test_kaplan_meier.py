"""A Kaplan-Meier curve: what is still for sale is censored, not unsold for ever."""

import numpy as np
import pytest

from estate.property.analytics.kaplan_meier import kaplan_meier, watched_until

# Freireich's remission times under 6-MP (weeks; 0 = censored), the usual worked example of the method.
WEEKS = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
SOLD = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]


def test_the_curve_by_hand() -> None:
    curve = kaplan_meier(WEEKS, SOLD)
    assert curve.days.tolist() == [6, 7, 10, 13, 16, 22, 23]
    steps = np.cumprod([18 / 21, 16 / 17, 14 / 15, 11 / 12, 10 / 11, 6 / 7, 5 / 6])
    assert curve.survival == pytest.approx(steps)
    assert (curve.n, curve.sold) == (21, 9)
    assert curve.median_days() == 23


def test_greenwoods_variance_and_the_interval_by_hand() -> None:
    curve = kaplan_meier(WEEKS, SOLD)
    variance = 3 / (21 * 18) + 1 / (17 * 16) + 1 / (15 * 14)
    assert curve.hazard_variance[2] == pytest.approx(variance)
    p, lower, upper = curve.sold_by(12)
    s = 18 / 21 * 16 / 17 * 14 / 15
    reach = 1.6448536 * np.sqrt(variance) / abs(np.log(s))
    assert (p, lower, upper) == pytest.approx((1 - s, 1 - s ** np.exp(-reach), 1 - s ** np.exp(reach)))


def test_a_censored_unit_was_at_risk_on_the_day_of_a_sale() -> None:
    assert kaplan_meier([30, 30], [1, 0]).survival.tolist() == [0.5]


def test_counting_censored_units_as_unsold_would_be_wrong() -> None:
    durations = [10.0] * 10 + [5.0] * 90
    sold = [1] * 10 + [0] * 90
    assert kaplan_meier(durations, sold).sold_by(30)[0] == 0.95


def test_a_last_unit_that_is_sold_does_not_make_a_sale_near_certain() -> None:
    curve = kaplan_meier([5.0] * 10 + [20.0] * 89 + [60.0], [1] * 10 + [0] * 89 + [1])
    p, lower, upper = curve.sold_by(60)
    assert p == pytest.approx(0.55)
    assert upper - lower > 0.7


@pytest.mark.parametrize("n", [10, 20, 100, 1_000])
def test_where_every_unit_is_sold_the_lower_end_is_about_the_exact_one(n: int) -> None:
    lower = kaplan_meier(range(1, n + 1), np.ones(n)).sold_by(n)[1]
    assert lower == pytest.approx(0.05 ** (1 / n), abs=0.02), "Clopper and Pearson 1934, of n sold out of n"


def test_a_day_without_a_sale_rests_on_the_units_that_were_seen_so_long() -> None:
    curve = kaplan_meier([2.0] * 90 + [50.0] * 10, [0] * 90 + [1] * 10)
    assert [curve.sold_by(day)[2] for day in (1, 30)] == pytest.approx([1 - 0.1 ** (1 / 100), 1 - 0.1 ** (1 / 10)])


def test_units_are_watched_until_censoring_takes_them_out_of_sight() -> None:
    assert watched_until(WEEKS, SOLD, 10) == 25  # 21 units times the chance of being seen: 11.1, and 8.9 after it.
    assert watched_until(WEEKS, np.ones(21), 10) == np.inf
    assert watched_until([5.0] * 10 + [20.0] * 90, [1] * 10 + [0] * 90, 10) == 20
    assert watched_until([], [], 10) == np.inf


def test_before_the_first_sale_nothing_is_sold_and_chances_only_grow() -> None:
    curve = kaplan_meier(WEEKS, SOLD)
    chances = [curve.sold_by(day)[0] for day in range(0, 60)]
    assert chances[5] == 0
    assert chances == sorted(chances)
    assert all(low <= p <= high for p, low, high in map(curve.sold_by, range(60)))


def test_no_units_make_an_empty_curve() -> None:
    curve = kaplan_meier([], [])
    assert (curve.n, curve.sold, curve.median_days()) == (0, 0, None)


@pytest.mark.parametrize("durations", [[-1.0, 2.0], [np.nan, 1.0], [1.0]])
def test_bad_durations_are_refused(durations: list[float]) -> None:
    with pytest.raises(ValueError, match="durations"):
        kaplan_meier(durations, [1, 0])
