"""Ratio study of valuations against sale prices, as the IAAO Standard on Ratio Studies defines it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import linregress, t

__all__ = ["RatioStudy", "ratio_study"]

MIN_SALES = 3  # The slope's standard error needs one degree of freedom.


@dataclass(frozen=True, slots=True)
class RatioStudy:
    """How level and how uniform valuations are.

    Parameters
    ----------
    n : int
        Sales.
    median_ratio, mean_ratio, weighted_mean_ratio : float
        Level: of estimate / price; the weighted mean is the ratio of the sums.
    cod : float
        Coefficient of dispersion, per cent; 5 to 15 is good.
    prd : float
        Price-related differential; 0.98 to 1.03 is good, above it the dear ones are valued too low.
    prb, prb_lower, prb_upper : float
        Price-related bias and its 95 % interval: by how much the ratio changes when the value doubles, as a
        part of the median ratio; within ±0.05 is good, negative means that the dear ones are valued too low.
    """

    n: int
    median_ratio: float
    mean_ratio: float
    weighted_mean_ratio: float
    cod: float
    prd: float
    prb: float
    prb_lower: float
    prb_upper: float


def ratio_study(estimate: npt.ArrayLike, sale_price: npt.ArrayLike) -> RatioStudy:
    """Compare estimates with the prices that were paid.

    Parameters
    ----------
    estimate, sale_price : float64[n]
        Both > 0 and in one currency, n >= 3. Nothing is trimmed.

    Returns
    -------
    RatioStudy
        The figures.

    Raises
    ------
    ValueError
        When the arrays differ in length, have under three sales or hold anything but positive numbers.

    Notes
    -----
    With r = estimate / price and m its median: ``COD = 100 mean|r - m| / m``, ``PRD = mean(r) / (sum of
    estimates / sum of prices)``, and PRB is the *slope* of the regression of ``(r - m) / m`` on
    ``log2((estimate / m + price) / 2)``. NaN where all values are equal.
    """
    value, price = np.asarray(estimate, dtype=np.float64), np.asarray(sale_price, dtype=np.float64)
    if value.ndim != 1 or value.shape != price.shape or len(value) < MIN_SALES:
        raise ValueError("a ratio study needs at least three estimates, each with its sale price")
    if not (np.isfinite(value).all() and np.isfinite(price).all() and (value > 0).all() and (price > 0).all()):
        raise ValueError("estimates and sale prices must be positive numbers")
    ratio = value / price
    median, mean = float(np.median(ratio)), float(ratio.mean())
    weighted = float(value.sum() / price.sum())
    slope, error = _bias(ratio, median, value, price)
    reach = float(t.ppf(0.975, len(value) - 2)) * error
    return RatioStudy(
        n=len(value),
        median_ratio=median,
        mean_ratio=mean,
        weighted_mean_ratio=weighted,
        cod=100 * float(np.abs(ratio - median).mean()) / median,
        prd=mean / weighted,
        prb=slope,
        prb_lower=slope - reach,
        prb_upper=slope + reach,
    )


Floats = npt.NDArray[np.float64]


def _bias(ratio: Floats, median: float, value: Floats, price: Floats) -> tuple[float, float]:
    """Return slope and standard error."""
    size = np.log2((value / median + price) / 2)
    if np.ptp(size) == 0:
        return float("nan"), float("nan")
    line = linregress(size, (ratio - median) / median)
    return float(line.slope), float(line.stderr)
