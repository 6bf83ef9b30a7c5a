"""Time to sell: a hazard regression around the pooled Kaplan-Meier curve."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from estate.property.analytics.hazard_ratio import HazardRatio
from estate.property.analytics.kaplan_meier import LEVEL, Curve, kaplan_meier, watched_until

__all__ = ["MIN_SOLD", "MIN_WATCHED", "TimeToSell", "fit"]

Floats = npt.NDArray[np.float64]

MIN_SOLD = 10
"""Sales below which a chance is not worth naming: the pooled curve has steps of over ten points."""
MIN_WATCHED = 10
"""Units in sight without which a day says nothing, for the same reason: beyond it one sale moves a chance too far."""
SALES_IN_STRETCH = 30
MOST_STRETCHES = 8


@dataclass(frozen=True, slots=True)
class TimeToSell:
    """Chances of a sale by day.

    Parameters
    ----------
    pooled : Curve
        Kaplan-Meier curve of all listings, each seen to `watched` at most.
    watched : float
        The last day until which `MIN_WATCHED` listings were watched; of what comes after it nothing is known.
    hazard_days, hazard : float64[m]
        Days with a sale, and the pooled cumulative hazard just after each.
    cuts : float64[k]
        The last day of each stretch of time; the last one is without end.
    ratio : HazardRatio or None
        How the hazard of a listing differs; None where nothing tells listings apart.
    """

    pooled: Curve
    watched: float
    hazard_days: Floats
    hazard: Floats
    cuts: Floats
    ratio: HazardRatio | None

    def predict(self, frame: pd.DataFrame, days: Sequence[float] = (30, 60, 90)) -> Floats:
        """Return P(sold within each number of days) for each row: float64[n, len(days)].

        Notes
        -----
        ``S(t | x) = exp(-Σ_j r_j(x) (H(min(t, c_j)) - H(min(t, c_{j-1}))))``, with H = -log of the pooled
        Kaplan-Meier curve, the ends c_j of the stretches and the hazard ratios r_j. After the day `watched` a chance
        stays where it is: it is a lower bound there.
        """
        return self._chances(self._log_ratio(frame), days)

    def interval(self, frame: pd.DataFrame, days: Sequence[float] = (30, 60, 90)) -> tuple[Floats, Floats]:
        """Return the ends of the 90 % intervals of `predict`: float64[n, len(days)] each.

        Notes
        -----
        On the scale of log(-log S), where the variance is the sum of Greenwood's for the pooled curve and that of the
        effects of the regression. After the day `watched` the upper end is 1. The doubt about the trees, which stand on
        the regression from 300 sales on, is left out: with them the interval is too narrow.
        """
        log_ratio = self._log_ratio(frame)
        ends = [self._interval(frame, log_ratio, day) for day in days]
        lower, upper = (np.array([end[i] for end in ends]).reshape(len(days), len(frame)).T for i in (0, 1))
        return lower, upper

    def median_days(self, frame: pd.DataFrame) -> list[float | None]:
        """Return for each row the day by which half are sold; None where fewer are by the day `watched`."""
        chances = self._chances(self._log_ratio(frame), self.hazard_days)
        return [float(self.hazard_days[found[0]]) if (found := np.flatnonzero(row >= 0.5)).size else None
                for row in chances]  # fmt: skip

    def _log_ratio(self, frame: pd.DataFrame) -> Floats:
        return np.zeros((len(frame), len(self.cuts))) if self.ratio is None else self.ratio.log_ratio(frame)

    def _chances(self, log_ratio: Floats, days: Sequence[float] | Floats) -> Floats:
        passed = _through(self.hazard_days, self.hazard, self.cuts, np.asarray(days, dtype=np.float64))
        return np.asarray(0.0 - np.expm1(-np.exp(log_ratio) @ passed.T), dtype=np.float64)  # -x makes -0.0 of 0.

    def _interval(self, frame: pd.DataFrame, log_ratio: Floats, day: float) -> tuple[Floats, Floats]:
        if day > self.watched:
            return self._interval(frame, log_ratio, self.watched)[0], np.ones(len(frame))
        parts = np.exp(log_ratio) * _through(self.hazard_days, self.hazard, self.cuts, np.array([day]))
        total = parts.sum(axis=1)
        chance, lower, upper = self.pooled.sold_by(day)
        if not chance or not len(frame):
            return np.full(len(frame), lower), np.full(len(frame), upper)
        effects = 0.0 if self.ratio is None else self.ratio.variance(frame, parts / total[:, None])
        reach = norm.ppf(0.5 + LEVEL / 2) * np.sqrt(self._pooled_variance(day) + effects)
        return -np.expm1(-total * np.exp(-reach)), -np.expm1(-total * np.exp(reach))

    def _pooled_variance(self, day: float) -> float:
        """Return the variance of the log of the pooled cumulative hazard."""
        i = int(np.searchsorted(self.pooled.days, day, side="right")) - 1
        return float(self.pooled.hazard_variance[i] / self.hazard[i] ** 2)


def fit(frame: pd.DataFrame, duration_days: npt.ArrayLike, sold: npt.ArrayLike) -> TimeToSell:
    """Fit the pooled curve, and by how much the hazard of a listing differs from it.

    Parameters
    ----------
    frame : DataFrame
        What is known of each listing when it is put up for sale: numbers, and categories (any other type); a value
        may be missing, and missing is then a value of its own.
    duration_days : float64[n]
        Days on the market so far, or until the sale; finite, >= 0.
    sold : 0/1[n]
        1 where the listing was sold; the others are censored.

    Raises
    ------
    ValueError
        When a duration is not finite, negative, or without its outcome.
    """
    seen, sale = np.asarray(duration_days, dtype=np.float64), np.asarray(sold, dtype=bool)
    watched = watched_until(seen, sale, MIN_WATCHED)
    if len(frame) != len(seen):
        raise ValueError("each listing has one row, one duration and one outcome")
    time, event = np.minimum(seen, watched), sale & (seen <= watched)
    pooled = kaplan_meier(time, event)
    hazard = -np.log(pooled.survival)
    cuts = _cuts(time[event])
    ratio = None
    if pooled.sold and frame.shape[1]:
        expected = _through(pooled.days, hazard, cuts, time)
        sold_in = np.where(event, np.searchsorted(cuts, time, side="left"), -1)
        ratio = HazardRatio.fit(frame.reset_index(drop=True), expected, sold_in)
    return TimeToSell(pooled, watched, pooled.days, hazard, cuts, ratio)


def _cuts(sale_days: Floats) -> Floats:
    """Divide the time so that the stretches hold about as many sales."""
    k = int(np.clip(len(sale_days) // SALES_IN_STRETCH, 1, MOST_STRETCHES))
    inner = np.unique(np.quantile(sale_days, np.arange(1, k) / k)) if k > 1 else np.empty(0)
    return np.append(inner, np.inf)


def _through(hazard_days: Floats, hazard: Floats, cuts: Floats, days: Floats) -> Floats:
    """Return the pooled cumulative hazard that lies in each stretch up to each day: float64[days, k]."""
    known = np.concatenate([[0.0], hazard])
    by = known[np.searchsorted(hazard_days, np.minimum(days[:, None], cuts[None, :]), side="right")]
    return np.diff(by, axis=1, prepend=0.0)
