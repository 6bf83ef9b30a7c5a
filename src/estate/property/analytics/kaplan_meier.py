"""Kaplan-Meier curves, in which units still for sale or withdrawn are censored, not lost."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

__all__ = ["LEVEL", "Curve", "kaplan_meier", "watched_until"]

Floats = npt.NDArray[np.float64]

LEVEL = 0.9
ROUNDING = 1e-9
LEFT = 0.5
"""Where all that are left are sold on one day, half a unit stays: nothing is sold for certain, least of all by few."""


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
        Greenwood's sum of ``d / (n (n - d))``.
    last_seen : float64[n]
        Day of each unit's sale, or until which it was seen, ascending.
    sold : int
        Sales among the units.
    """

    days: Floats
    survival: Floats
    hazard_variance: Floats
    last_seen: Floats
    sold: int

    @property
    def n(self) -> int:
        """How many units there are."""
        return len(self.last_seen)

    def sold_by(self, days: float) -> tuple[float, float, float]:
        """Return P(sold within `days`) with its 90 % interval.

        Notes
        -----
        The interval is the complementary log-log one, which stays in [0, 1]; before the first sale it is that of no
        sale among the units still seen. After the last sale the curve stays where it is: beyond the observed days
        the result is a lower bound.
        """
        i = int(np.searchsorted(self.days, days, side="right")) - 1
        if i < 0:
            seen = self.n - int(np.searchsorted(self.last_seen, days, side="left"))
            return 0.0, 0.0, 1.0 - (1.0 - LEVEL) ** (1.0 / seen) if seen else 1.0
        s, variance = float(self.survival[i]), float(self.hazard_variance[i])
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
    before it (Kaplan and Meier 1958); who is censored on the day of a sale was at risk in it. Where the last ones
    are all sold, half a unit counts as left.

    Examples
    --------
    >>> kaplan_meier([10, 20, 30], [True, False, True]).survival.round(3).tolist()
    [0.667, 0.333]
    """
    time, event = _checked(duration, sold)
    days, deaths = np.unique(time[event], return_counts=True)
    last_seen = np.sort(time)
    at_risk = len(time) - np.searchsorted(last_seen, days, side="left")
    left = np.maximum(at_risk - deaths, LEFT)
    survival = np.cumprod(left / at_risk, dtype=np.float64)
    variance = np.cumsum((at_risk - left) / (at_risk * left), dtype=np.float64)
    return Curve(days, survival, variance, last_seen, int(event.sum()))


def watched_until(duration: npt.ArrayLike, sold: npt.ArrayLike, least: int) -> float:
    """Return the last day until which enough units were watched, infinite where they were to the end.

    Parameters
    ----------
    least : int
        Units that are enough; all of them where there are fewer.

    Notes
    -----
    A unit that is sold was watched to its end; only censoring takes units out of sight. How many would be seen had none
    been sold is n times the reverse Kaplan-Meier estimate, in which the censored are the events (Schemper and Smith
    1996, "A note on quantifying follow-up in studies of failure time").

    Examples
    --------
    >>> watched_until([10, 20, 30, 40], [True, False, False, False], least=2)
    30.0
    """
    time, event = _checked(duration, sold)
    order = np.lexsort((~event, time))
    at_risk = np.arange(len(time), 0, -1)
    watched = len(time) * np.cumprod(np.where(event[order], 1.0, 1.0 - 1.0 / at_risk))
    below = np.flatnonzero(watched < min(least, len(time)) - ROUNDING)
    return float(time[order[below[0]]]) if below.size else float(np.inf)


def _checked(duration: npt.ArrayLike, sold: npt.ArrayLike) -> tuple[Floats, npt.NDArray[np.bool_]]:
    time, event = np.asarray(duration, dtype=np.float64), np.asarray(sold, dtype=bool)
    if time.shape != event.shape or not np.isfinite(time).all() or (time < 0).any():
        raise ValueError("durations are finite, not negative, and each has its outcome")
    return time, event
