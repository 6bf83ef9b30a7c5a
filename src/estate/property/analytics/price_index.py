"""A market's price path: what is left of log prices after the homes' own features, smoothed over time and led on."""

from dataclasses import dataclass, field
from itertools import product

import numpy as np
import numpy.typing as npt

__all__ = ["LEAST_SPREAD", "PriceIndex", "fit_index"]

Floats = npt.NDArray[np.float64]

WEEK = 7.0
MAX_PERIODS = 400
MIN_SALES = 50  # Under it a path is mostly noise: prices are taken as they are.
LEAST_SPREAD = 0.01
"""Standard deviation in log price that a sale is believed to have at least: equal ones were agreed or rounded."""
FADE = 0.97
"""Of a trend, what is left of it a week later: half in five months (damped trend: Gardner and McKenzie, 1985)."""
LEVEL_STEPS = (0.0, 0.002, 0.005, 0.01)
TREND_STEPS = (0.0, 0.0005, 0.001, 0.002, 0.004)
"""Standard deviations of a week's surprise in level and in trend, in log price; the likelihood chooses."""
FIRST_TREND = 0.001  # Standard deviation of the weekly trend before anything is seen: 5 % a year.
YEAR_DAYS = 365.25


@dataclass(frozen=True, slots=True)
class PriceIndex:
    """Log price level by day.

    Parameters
    ----------
    days : float64[m]
        Middles of the periods, ascending.
    level : float64[m]
        Smoothed log level, 0 at the end.
    trend : float
        Trend of a period at the end.
    fade : float
        What is left of the trend a period later.
    length : float
        Days of a period.
    end_variance, step : float64[2, 2]
        Of level and trend: how well they are known at the end, and what a period adds.
    yearly_drift : float
        Standard deviation of what a year after the end adds beside that, in log price.
    """

    days: Floats
    level: Floats
    trend: float = 0.0
    fade: float = FADE
    length: float = WEEK
    end_variance: Floats = field(default_factory=lambda: np.zeros((2, 2)))
    step: Floats = field(default_factory=lambda: np.zeros((2, 2)))
    yearly_drift: float = 0.0

    @property
    def is_path(self) -> bool:
        """Whether a path was learned; without one, prices are as they were on the mean day of the sales."""
        return len(self.days) > 1

    def spread(self, days: Floats) -> Floats:
        """Return the standard deviation of what the level does between the end and some days; 0 before the end."""
        after = np.maximum(days - self.days[-1], 0.0)
        ahead = np.ceil(after / self.length).astype(np.int64)
        move, variance = _move(self.fade), self.end_variance
        path = [0.0]
        for _ in range(min(int(ahead.max(initial=0)), MAX_PERIODS)):
            variance = move @ variance @ move.T + self.step
            path.append(float(variance[0, 0]))
        learned = np.sqrt(np.array(path)[np.minimum(ahead, len(path) - 1)])
        return np.asarray(np.hypot(learned, self.yearly_drift * after / YEAR_DAYS))

    def at(self, days: Floats) -> Floats:
        """Return the log level on some days; past the end the trend goes on and fades."""
        ahead = np.maximum((days - self.days[-1]) / self.length, 0.0)
        led_on = self.trend * self.fade * (1 - self.fade**ahead) / (1 - self.fade)
        return np.asarray(np.interp(days, self.days, self.level) + led_on, dtype=np.float64)


def fit_index(days: Floats, residual: Floats, yearly_drift: float = 0.0) -> PriceIndex:
    """Learn the price path from what features leave unexplained.

    Parameters
    ----------
    days : float64[n]
        Days of sale, from any origin.
    residual : float64[n]
        Log price less what is expected of the home without its time.
    yearly_drift : float
        As in `PriceIndex`.

    Returns
    -------
    PriceIndex
        Without a path under fifty sales or within two periods; it then ends on the mean day of the sales.

    Notes
    -----
    Weekly means follow a level with a damped trend (Harvey, *Forecasting, Structural Time Series Models and the
    Kalman Filter*, 1989); a period is longer than a week where the sales span more than 400 of them. The two
    variances are the most likely of a grid, and the level is the Rauch-Tung-Striebel smoother's.
    """
    span = float(np.ptp(days)) if len(days) else 0.0
    length = max(WEEK, span / MAX_PERIODS)
    if len(days) < MIN_SALES or span < 2 * length:
        return PriceIndex(np.array([days.mean() if len(days) else 0.0]), np.zeros(1), yearly_drift=yearly_drift)
    period = ((days.max() - days) / length).astype(np.int64)
    period = period.max() - period
    count = np.bincount(period)
    centred = residual - np.median(residual)
    mean = np.bincount(period, np.clip(centred, *np.quantile(centred, (0.01, 0.99)))) / np.maximum(count, 1)
    noise = np.where(count, max(residual.std(), LEAST_SPREAD) ** 2 / np.maximum(count, 1), np.inf)
    fade, scale = FADE ** (length / WEEK), np.sqrt(length / WEEK)
    runs = [_Filter(mean, noise, fade, a * scale, b * scale) for a, b in product(LEVEL_STEPS, TREND_STEPS)]
    best = max(runs, key=lambda run: run.log_likelihood)
    level = best.smoothed()
    middles = days.max() - length * (len(mean) - 1 - np.arange(len(mean)) + 0.5)
    trend = float(best.after[-1][1])
    return PriceIndex(middles, level - level[-1], trend, fade, length, best.spread, best.surprise, yearly_drift)


def _move(fade: float) -> Floats:
    """Return how a period moves level and trend."""
    return np.array([[1.0, fade], [0.0, fade]])


class _Filter:
    """Kalman filter of a level with a damped trend; periods without sales have infinite noise."""

    def __init__(self, mean: Floats, noise: Floats, fade: float, level_step: float, trend_step: float) -> None:
        self._move = _move(fade)
        self.surprise = np.diag([level_step**2, trend_step**2])
        state, spread = np.zeros(2), np.diag([1.0, FIRST_TREND**2])
        self.log_likelihood = 0.0
        self.after: list[Floats] = []
        self._before: list[Floats] = []
        self._spread_after: list[Floats] = []
        self._spread_before: list[Floats] = []
        for seen, variance in zip(mean, noise, strict=True):
            state, spread = self._move @ state, self._move @ spread @ self._move.T + self.surprise
            self._before.append(state)
            self._spread_before.append(spread)
            if np.isfinite(variance):
                total, miss = spread[0, 0] + variance, seen - state[0]
                self.log_likelihood -= 0.5 * (np.log(total) + miss**2 / total)
                gain = spread[:, 0] / total
                state, spread = state + gain * miss, spread - np.outer(gain, spread[0])
            self.after.append(state)
            self._spread_after.append(spread)
        self.spread = spread

    def smoothed(self) -> Floats:
        """Return the level of each period as seen from the end."""
        state = self.after[-1]
        found = [state[0]]
        for t in range(len(self.after) - 2, -1, -1):
            back = self._spread_after[t] @ self._move.T @ np.linalg.pinv(self._spread_before[t + 1])
            state = self.after[t] + back @ (state - self._before[t + 1])
            found.append(state[0])
        return np.array(found[::-1])
