"""Values from many sales: a stack of learners over columns, comparables and group levels, calibrated out of fold."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from estate.property.analytics.stacked_prices import Stack, fit_stack
from estate.property.analytics.value_interval import Calibration, Equity, calibrate, equity

__all__ = ["LearnedValue"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class LearnedValue:
    """The stack, the stretch that takes out its bias, and its errors.

    Parameters
    ----------
    varied : bool[p]
        Features that differ between sales; the others are left out.
    """

    varied: Bools
    stack: Stack
    equity: Equity
    calibration: Calibration

    @classmethod
    def fit(
        cls, features: Floats, place: Bools, base: Floats, level: Floats, fold: Ints, seed: int
    ) -> "LearnedValue | None":
        """Learn from sales; None where no feature differs between them, so that there is nothing to learn from.

        Parameters
        ----------
        features : float64[n, p]
            NaN for what is not known; of each sale, made without its own price.
        place : bool[p]
            Which features are places.
        base, level : float64[n]
            Log price, at the prices of one day, as the part that goes with size and the rest, which is learned.
        fold : int[n]
            Which sales are judged together by a model of the others.
        """
        varied = np.array([len(np.unique(column[np.isfinite(column)])) > 1 for column in features.T])
        if not varied.any():
            return None
        features = features[:, varied]
        stack = fit_stack(features, level, place[varied], fold, seed)
        even = equity(base + stack.out_of_fold, base + level)
        value = even.apply(base + stack.out_of_fold)
        errors = calibrate(np.column_stack([features, value]), base + level - value, fold, seed)
        return cls(varied, stack, even, errors)

    def ends(self, features: Floats, base: Floats, level: float) -> tuple[Floats, Floats, Floats]:
        """Return log values with the ends of their intervals, float64[n] each."""
        features = features[:, self.varied]
        value = self.equity.apply(base + self.stack.predict(features))
        low, high = self.calibration.ends(np.column_stack([features, value]), level)
        return value, value + low, value + high
