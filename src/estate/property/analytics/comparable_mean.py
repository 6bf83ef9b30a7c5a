"""Values from few sales: the weighted mean of adjusted comparables, drawn to the level of the area."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import t

from estate.property.analytics.comparables import MIN_COMPARABLES, MISSING, Market

__all__ = ["ComparableMean"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

CLOSE = 0.05  # Added to distances: among sales more alike than this, none counts for much more.
POOLED_SALES = 10.0
"""Sales that the market's common spread counts for beside the spread of a home's own comparables."""


@dataclass(frozen=True, slots=True)
class ComparableMean:
    """Means of comparables, with the spread of all sales about the means of theirs.

    Parameters
    ----------
    market : Market
        The sales.
    spread : float
        Standard deviation of a sale's level about the mean of its comparables; 0 where none has five.

    Notes
    -----
    The level of an area, itself shrunk to that of all areas, counts like one more comparable of mean likeness. The
    interval is that of one more draw: ``mean ± t s sqrt(1 + 1/n)``, where s² joins the comparables' variance (n - 1
    degrees of freedom) with the market's (10) and t is the quantile at both together.
    """

    market: Market
    spread: float

    @classmethod
    def fit(cls, market: Market, area_level: Floats) -> "ComparableMean":
        """Measure the spread; `area_level` float64[m] is that of each sale's area by other sales."""
        day = np.full(len(market.days), market.days.max() if len(market.days) else 0.0)
        rows, unlike = market.comparables(market.sales, day, own=True)
        mean = cls(market, 0.0)._means(rows, unlike, area_level)[0]
        error = (market.rate - mean)[(rows != MISSING).sum(axis=1) >= MIN_COMPARABLES]
        return cls(market, float(np.sqrt(np.mean(error**2))) if len(error) else 0.0)

    def ends(self, rows: Ints, unlike: Floats, area_level: Floats, level: float) -> tuple[Floats, Floats, Floats]:
        """Return log level with its interval, NaN under two comparables.

        Parameters
        ----------
        rows, unlike : [n, k]
            As `Market.comparables` gives them.
        area_level : float64[n]
            Level of each home's area.
        level : float
            Probability of the interval.
        """
        mean, variance, n = self._means(rows, unlike, area_level)
        pooled = POOLED_SALES if self.spread else 0.0
        freedom = np.maximum(n - 1 + pooled, 1)
        spread = np.sqrt(((n - 1) * variance + pooled * self.spread**2) / freedom)
        reach = t.ppf(0.5 + level / 2, freedom) * spread * np.sqrt(1 + 1 / np.maximum(n, 1))
        mean = np.where(n > 1, mean, np.nan)
        return mean, mean - reach, mean + reach

    def _means(self, rows: Ints, unlike: Floats, area_level: Floats) -> tuple[Floats, Floats, Floats]:
        """Return mean, variance of the comparables, and their number."""
        there = rows != MISSING
        n = there.sum(axis=1).astype(np.float64)
        found = np.where(there, self.market.rate[rows] if len(self.market.rate) else 0.0, 0.0)
        weight = np.where(there, 1 / (CLOSE + unlike), 0.0)
        weight /= np.maximum(weight.sum(axis=1), 1e-12)[:, None]
        mean = ((weight * found).sum(axis=1) * n + area_level) / (n + 1)
        plain = found.sum(axis=1) / np.maximum(n, 1)
        variance = (np.where(there, found - plain[:, None], 0.0) ** 2).sum(axis=1) / np.maximum(n - 1, 1)
        return mean, variance, n
