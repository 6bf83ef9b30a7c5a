"""How far values are off, and which way: conformal intervals with a learned scale, and vertical equity."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from sklearn.ensemble import HistGradientBoostingRegressor

from estate.property.analytics.ratio_study import ratio_study

__all__ = ["Calibration", "Equity", "calibrate", "equity"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

ALLOWED_BIAS = 0.025
"""Price-related bias that is left in: half of what the IAAO standard recommends at most. The best guess of a price
always leans to the middle a little, and leaning out of it costs accuracy."""
MAX_STRETCH = 0.3
SMALLEST_ERROR = 1e-3
SCALE = {"loss": "gamma", "max_iter": 80, "learning_rate": 0.06, "max_leaf_nodes": 8, "min_samples_leaf": 40}


@dataclass(frozen=True, slots=True)
class Equity:
    """A stretch of log values about their centre."""

    centre: float
    stretch: float

    def apply(self, log_value: Floats) -> Floats:
        """Return log values without the bias."""
        return np.asarray(log_value + self.stretch * (log_value - self.centre), dtype=np.float64)


def equity(log_value: Floats, log_price: Floats) -> Equity:
    """Find the stretch that leaves at most half of the bias that the standard allows.

    Parameters
    ----------
    log_value, log_price : float64[n]
        Of sales that the values were not fitted to.
    """
    centre = float(np.median(log_value))

    def bias(stretch: float) -> float:
        return ratio_study(np.exp(Equity(centre, stretch).apply(log_value)), np.exp(log_price)).prb

    found = bias(0.0)
    if not abs(found) > ALLOWED_BIAS:
        return Equity(centre, 0.0)
    goal = float(np.copysign(ALLOWED_BIAS, found))
    end = float(np.copysign(MAX_STRETCH, -found))
    if (bias(end) - goal) * (found - goal) > 0:
        return Equity(centre, end)
    return Equity(centre, float(brentq(lambda stretch: bias(stretch) - goal, 0.0, end, xtol=1e-4)))


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Errors in units of their expected size, ascending, and the models of that size."""

    errors: Floats
    scales: tuple[HistGradientBoostingRegressor, ...]

    def ends(self, features: Floats, level: float) -> tuple[Floats, Floats]:
        """Return by how much the log price may lie under and over the log value, float64[n] each."""
        size = np.mean([scale.predict(features) for scale in self.scales], axis=0)
        tail, n = (1 - level) / 2, len(self.errors)
        low = self.errors[max(int(np.floor(tail * (n + 1))) - 1, 0)]
        high = self.errors[min(int(np.ceil((1 - tail) * (n + 1))) - 1, n - 1)]
        return np.asarray(low * size), np.asarray(high * size)


def calibrate(features: Floats, error: Floats, fold: Ints, seed: int) -> Calibration:
    """Learn the size of errors, and how many times that size they reach.

    Parameters
    ----------
    features : float64[n, p]
        What the size of an error may depend on.
    error : float64[n]
        Log price less log value, of sales that the value was not fitted to.
    fold : int[n]
        A sale's expected size of error comes from other folds.

    Notes
    -----
    Cross-conformal prediction with a normalised score (Vovk, 2015; Lei et al., 2018, section 5.2).
    """
    size, scales = np.empty(len(error)), []
    for f in np.unique(fold):
        out = fold == f
        scale = HistGradientBoostingRegressor(**SCALE, early_stopping=False, random_state=seed)
        scales.append(scale.fit(features[~out], np.maximum(np.abs(error[~out]), SMALLEST_ERROR)))
        size[out] = scale.predict(features[out])
    return Calibration(np.sort(error / size), tuple(scales))
