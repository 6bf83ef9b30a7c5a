"""The path that all areas share: their mean growth, its seasons and its pace."""

import numpy as np
import numpy.typing as npt

__all__ = ["CANDIDATES", "candidates", "shared_path"]

Floats = npt.NDArray[np.float64]

CLIP = 4.0  # Deviations: a data error of one area must not move the market.
SEASON_PRIOR = 0.5  # A month's effect weighs as if half a year more had shown none.
FADING = ((None, 0.0), (12, 0.9), (3, 0.8))
"""Months over which the present pace is read, and what of its excess is left a month later."""
CANDIDATES = len(FADING)


def shared_path(logs: Floats) -> Floats:
    """Add up the mean monthly change over areas.

    Parameters
    ----------
    logs : float64[areas, months]
        Log prices, NaN where unknown.

    Returns
    -------
    float64[months]
        0 in the first month. A change beyond 4 robust deviations from the median of its month is clipped. The
        value of a month depends on no later one.
    """
    changes = np.diff(logs, axis=1)
    known = np.isfinite(changes)
    middle = _median(changes, known)
    spread = 1.4826 * _median(np.abs(changes - middle), known)
    clipped = np.clip(changes, middle - CLIP * spread, middle + CLIP * spread)
    mean = np.where(known, clipped, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.concatenate([[0.0], np.cumsum(mean)])


def _median(values: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    """Return the median of the known values by column, 0 where there is none."""
    middle = np.zeros(values.shape[1])
    some = known.any(axis=0)
    middle[some] = np.nanmedian(values[:, some], axis=0)
    return middle


def candidates(path: Floats, horizon: int, season: int) -> Floats:
    """Continue the path in three ways, which differ in how long the present pace lasts.

    Parameters
    ----------
    path : float64[months]
        As `shared_path` returns it; at least one month.
    horizon, season : int
        Months ahead; months in a year.

    Returns
    -------
    float64[3, horizon]
        Growth since the last month: seasonal effects, plus the mean pace of the history, plus what is left of
        the excess of the last year's, or the last quarter's, pace.
    """
    changes = np.diff(path)
    ahead = np.arange(1, horizon + 1)
    if not changes.size:
        return np.zeros((CANDIDATES, horizon))
    month = np.arange(1, len(path)) % season
    pace = changes.mean()
    effects = _seasons(changes - pace, month, season)
    trend = changes - effects[month]
    base = np.cumsum(effects[(len(path) - 1 + ahead) % season]) + pace * ahead
    return np.array([base + _excess(trend, pace, window, kept, ahead) for window, kept in FADING])


def _seasons(deviations: Floats, month: npt.NDArray[np.int_], season: int) -> Floats:
    """Return the effect of each month of the year; none before there is a whole year."""
    if len(deviations) < season:
        return np.zeros(season)
    years = np.bincount(month, minlength=season) + SEASON_PRIOR
    effects = np.bincount(month, deviations, minlength=season) / years
    return np.asarray(effects - effects.mean())


def _excess(trend: Floats, pace: float, window: int | None, kept: float, ahead: npt.NDArray[np.int_]) -> Floats:
    if window is None:
        return np.zeros(len(ahead))
    return np.asarray((trend[-window:].mean() - pace) * np.cumsum(kept**ahead))
