"""Kaplan-Meier curves, in which units still for sale or withdrawn are censored, not lost."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

__all__ = ["LEVEL", "Curve", "kaplan_meier"]

Floats = npt.NDArray[np.float64]

LEVEL = 0.9


@dataclass(frozen=True, slots=True)
class Curve:
    """Share still for sale by day.

    Parameters
    ----------
    days : float64[k]
        Days with a sale, ascending.
    survival : float64[k]
        Share not yet sold just after each.
    hazard_variance : float64[k]
        Greenwood's sum of ``d / (n (n - d))``; infinite where everything is sold.
    n, sold : int
        Units, and sales among them.
    """

    days: Floats
    survival: Floats
    hazard_variance: Floats
    n: int
    sold: int

    def sold_by(self, days: float) -> tuple[float, float, float]:
        """Return P(sold within `days`) with its 90 % interval.

        Notes
        -----
        The interval is the complementary log-log one, which stays in [0, 1]. After the last sale the curve
        stays where it is: beyond the observed days the result is a lower bound.
        """
        i = int(np.searchsorted(self.days, days, side="right")) - 1
        if i < 0:
            return 0.0, 0.0, 1.0 - (1.0 - LEVEL) ** (1.0 / self.n) if self.n else 1.0
        s, variance = float(self.survival[i]), float(self.hazard_variance[i])
        if s <= 0 or not np.isfinite(variance):
            return 1.0, (1.0 - LEVEL) ** (1.0 / self.n), 1.0
        reach = float(norm.ppf(0.5 + LEVEL / 2)) * np.sqrt(variance) / abs(np.log(s))
        return 1 - s, float(1 - s ** np.exp(-reach)), float(1 - s ** np.exp(reach))

    def median_days(self) -> float | None:
        """Return the day by which half is sold; None when the curve does not come down to a half."""
        below = np.flatnonzero(self.survival <= 0.5)
        return float(self.days[below[0]]) if below.size else None


def kaplan_meier(duration: npt.ArrayLike, sold: npt.ArrayLike) -> Curve:
    """Estimate the share that is still for sale, by days on the market.

    Parameters
    ----------
    duration : float64[n]
        Days from listing to sale, or to the last day seen; >= 0.
    sold : bool[n]
        Whether the unit was sold then; otherwise it is censored.

    Notes
    -----
    ``S(t) = prod over sale days u <= t of 1 - d(u) / n(u)``, with d(u) sold on day u and n(u) at risk just
    before it (Kaplan and Meier 1958); who is censored on the day of a sale was at risk in it.

    Examples
    --------
    >>> kaplan_meier([10, 20, 30], [True, False, True]).survival.round(3).tolist()
    [0.667, 0.0]
    """
    time, event = np.asarray(duration, dtype=np.float64), np.asarray(sold, dtype=bool)
    if time.shape != event.shape or not np.isfinite(time).all() or (time < 0).any():
        raise ValueError("durations are finite, not negative, and each has its outcome")
    days, deaths = np.unique(time[event], return_counts=True)
    at_risk = len(time) - np.searchsorted(np.sort(time), days, side="left")
    survival = np.cumprod(1 - deaths / at_risk, dtype=np.float64)
    with np.errstate(divide="ignore"):
        variance = np.cumsum(deaths / (at_risk * (at_risk - deaths)))
    return Curve(days, survival, variance, len(time), int(event.sum()))
