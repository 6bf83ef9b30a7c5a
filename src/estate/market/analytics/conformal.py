"""Intervals from a model's own past errors, when those of one month resemble each other."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

__all__ = ["half_widths"]

Floats = npt.NDArray[np.float64]


def half_widths(errors: Floats, horizon: int, levels: Sequence[float]) -> Floats:
    """Return how wide an interval must be at each step.

    Parameters
    ----------
    errors : float64[origins, areas, horizon]
        Scaled errors of forecasts made in the past, in order of time; NaN where what came is not known.
    horizon : int
        Steps ahead.
    levels : sequence of float
        Probabilities of the central intervals.

    Returns
    -------
    float64[levels, horizon]
        In units of the scale; never narrower at a later step.

    Notes
    -----
    All areas share the fortune of their month, so the unit of evidence is the origin, not the error. Per origin,
    the `level` quantile over areas of the absolute error is the width that would have served it. The width given
    is a quantile of these over origins at ``min(1, level * (1 + 1 / K))``: the usual finite-sample correction of
    split conformal prediction, with K = origins / step, since errors of overlapping windows are no new evidence
    (hierarchical conformal prediction: Dunn, Wasserman and Ramdas, 2023). A step without any past error gets the
    width of the step before, grown as a random walk; the first such step that of a normal walk.
    """
    found = [[_width(errors[:, :, h], h + 1, level) for h in range(horizon)] for level in levels]
    return np.array([_completed(row, level) for row, level in zip(found, levels, strict=True)])


def _width(errors: Floats, step: int, level: float) -> float:
    """Return the width that served enough origins, NaN without any."""
    seen = errors[np.isfinite(errors).any(axis=1)]
    if not len(seen):
        return np.nan
    served = np.nanquantile(np.abs(seen), level, axis=1)
    return float(np.quantile(served, min(1.0, level * (1 + step / len(served)))))


def _completed(widths: Sequence[float], level: float) -> Floats:
    complete: list[float] = []
    for h, width in enumerate(widths):
        before = complete[-1] if complete else 0.0
        if np.isfinite(width):
            complete.append(max(width, before))
        elif h:
            complete.append(before * np.sqrt((h + 1) / h))
        else:
            # The scale is a mean absolute change, which a normal deviation exceeds by sqrt(pi / 2).
            complete.append(float(norm.ppf(0.5 + level / 2) * np.sqrt(np.pi / 2)))
    return np.array(complete)
