"""The ratio study follows the IAAO formulas; PRB is a slope with its sign."""

import numpy as np
import pytest

from estate.property.analytics.ratio_study import ratio_study


def test_figures_by_hand() -> None:
    study = ratio_study([90.0, 200.0, 330.0], [100.0, 200.0, 300.0])
    assert (study.n, study.median_ratio) == (3, 1.0)
    assert study.mean_ratio == pytest.approx(1.0)
    assert study.weighted_mean_ratio == pytest.approx(620 / 600)
    assert study.cod == pytest.approx(100 * (0.1 + 0 + 0.1) / 3)
    assert study.prd == pytest.approx(600 / 620)
    x = np.log2([95.0, 200.0, 315.0])
    assert study.prb == pytest.approx(np.polyfit(x, [-0.1, 0.0, 0.1], 1)[0])


def test_frozen_answers_worked_out_in_fractions() -> None:
    """Ratios 15/17, 1 and 17/15; the proxies of value are 64, 128 and 256, so that PRB needs no table of logarithms."""
    study = ratio_study([60.0, 128.0, 272.0], [68.0, 128.0, 240.0])
    assert study.cod == pytest.approx(6400 / 765, abs=1e-12)
    assert study.prd == pytest.approx(83_821 / 87_975, abs=1e-12)
    assert study.prb == pytest.approx(32 / 255, abs=1e-12)
    # The residuals are 2, -4 and 2 parts in 765: a standard error of sqrt(12) / 765, with t(0.975, 1) = 12.7062.
    assert study.prb_upper - study.prb == pytest.approx(12.7062047 * 12**0.5 / 765, abs=1e-8)
    assert (study.median_ratio, study.mean_ratio) == pytest.approx((1.0, 769 / 765))


@pytest.mark.parametrize("slope", [-0.08, 0.0, 0.08])
def test_prb_is_the_change_of_the_ratio_when_the_value_doubles(slope: float) -> None:
    rng = np.random.default_rng(7)
    price = np.exp(rng.normal(13, 0.5, 4_000))
    ratio = 1 + slope * (np.log2(price) - np.log2(price).mean()) + rng.normal(0, 0.01, price.size)
    study = ratio_study(0.9 * ratio * price, price)
    assert study.prb == pytest.approx(slope, abs=0.01)
    assert study.prb_lower < study.prb < study.prb_upper
    assert study.median_ratio == pytest.approx(0.9, abs=0.01)
    assert (study.prd > 1.005) == (slope < 0)
    assert (study.prd < 0.995) == (slope > 0)


def test_the_level_changes_neither_dispersion_nor_bias() -> None:
    rng = np.random.default_rng(1)
    price = np.exp(rng.normal(13, 0.5, 200))
    estimate = price * np.exp(rng.normal(0, 0.1, 200))
    one, two = ratio_study(estimate, price), ratio_study(2 * estimate, price)
    assert (two.cod, two.prd, two.prb) == pytest.approx((one.cod, one.prd, one.prb))


def test_equal_values_have_no_slope() -> None:
    assert np.isnan(ratio_study([1.0, 1.0, 1.0], [1.0, 1.0, 1.0]).prb)


@pytest.mark.parametrize(
    ("estimate", "price"),
    [
        ([1.0, 2.0], [1.0, 2.0]),
        ([1.0, 2.0, 3.0], [1.0, 2.0]),
        ([1.0, 2.0, np.nan], [1.0] * 3),
        ([1.0, 2.0, 0.0], [1.0] * 3),
    ],
)
def test_what_is_not_a_sale_is_refused(estimate: list[float], price: list[float]) -> None:
    with pytest.raises(ValueError, match="estimate"):
        ratio_study(estimate, price)
