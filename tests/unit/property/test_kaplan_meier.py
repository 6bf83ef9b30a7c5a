"""A Kaplan-Meier curve: what is still for sale is censored, not unsold for ever."""

import numpy as np
import pytest

from estate.property.analytics.kaplan_meier import kaplan_meier

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
    assert kaplan_meier(durations, sold).sold_by(30)[0] == 1.0


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
