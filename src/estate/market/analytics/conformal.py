"""Intervals from a model's own past errors, when those of one month resemble each other."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import t

__all__ = ["half_widths", "random_walk"]

Floats = npt.NDArray[np.float64]


def random_walk(changes: int, horizon: int, levels: Sequence[float]) -> Floats:
    """Return how wide the interval of a random walk with drift must be at each step.

    Parameters
    ----------
    changes : int
        From how many changes its drift and its scale are known.
    horizon : int
        Steps ahead.
    levels : sequence of float
        Probabilities of the central intervals.

    Returns
    -------
    float64[levels, horizon]
        In units of the mean absolute change.

    Notes
    -----
    The variance at step h is ``h + h² / changes`` times that of a change: the walk's own and that of its drift,
    which is continued for h steps.
    """
    steps = np.arange(1, horizon + 1)
    deviation = np.sqrt(np.pi / 2 * steps * (1 + steps / changes))  # Of a normal change: sqrt(pi / 2) mean absolutes.
    return np.outer(t.ppf(0.5 + np.array(levels) / 2, changes), deviation)


def half_widths(errors: Floats, untested: Floats, levels: Sequence[float]) -> Floats:
    """Return how wide an interval must be at each step.

    Parameters
    ----------
    errors : float64[origins, areas, horizon]
        Scaled errors of forecasts made in the past, in order of time; NaN where what came is not known.
    untested : float64[levels, horizon]
        The width, in the same scale, before any past error is known.
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
    (hierarchical conformal prediction: Dunn, Wasserman and Ramdas, 2023). Where the origins would be too few for the
    level even if none overlapped, the width is also no less than that of the step before, grown as `untested` grows;
    at the first step, than `untested`.
    """
    return np.array([_completed(errors, row, level) for row, level in zip(untested, levels, strict=True)])


def _completed(errors: Floats, untested: Floats, level: float) -> Floats:
    complete: list[float] = []
    for h, width in enumerate(untested):
        served = _served(errors[:, :, h], level)
        n = len(served)
        if level * (n + 1) > n:
            least = complete[-1] * width / untested[h - 1] if h else width
        else:
            least = complete[-1] if h else 0.0
        complete.append(max(least, _quantile(served, level, h + 1)))
    return np.array(complete)


def _served(errors: Floats, level: float) -> Floats:
    """Return the width that would have served each origin of which errors are known."""
    seen = errors[np.isfinite(errors).any(axis=1)]
    return np.asarray(np.nanquantile(np.abs(seen), level, axis=1))


def _quantile(served: Floats, level: float, step: int) -> float:
    """Return the width that served enough origins, 0 without any."""
    return float(np.quantile(served, min(1.0, level * (1 + step / len(served))))) if len(served) else 0.0
