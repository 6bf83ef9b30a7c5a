"""Price forecast of areas: a pooled model of what they share and how each departs from it, with honest intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from estate.market.analytics.conformal import half_widths, random_walk
from estate.market.analytics.deviations import PooledRegression, features, own_seasons
from estate.market.analytics.shared_path import CANDIDATES, candidates, shared_path

__all__ = ["Forecast", "forecast"]

Floats = npt.NDArray[np.float64]

PRIOR_CHANGES = 12.0  # An area's own restlessness counts as much as the typical one after a year of changes.
MIN_SCALE = 0.001  # A tenth of a per cent a month: below that, a short history looks calmer than it can be.
MAX_WIDTH = 5.0  # Log price: a hundred and fifty times more or less says "unknown" and is still a number.
EQUAL = 1e-4  # Squared error with which each continuation starts: without evidence they weigh the same.


@dataclass(frozen=True, slots=True)
class Forecast:
    """Prices ahead: `mean` [areas, h]; `lower`, `upper` [levels, areas, h]; `origins`: past months it was tried at."""

    mean: Floats
    lower: Floats
    upper: Floats
    origins: int


def forecast(panel: Floats, horizon: int, levels: Sequence[float] = (0.8,), season: int = 12) -> Forecast:
    """Forecast monthly prices of areas that share a market.

    Parameters
    ----------
    panel : float64[areas, months]
        Prices > 0; NaN where a month is missing.
    horizon : int
        Months ahead.
    levels : sequence of float
        Probabilities of the central intervals.
    season : int
        Months in a year.

    Returns
    -------
    Forecast
        An area without any price gets NaN.

    Notes
    -----
    The log price of an area is the path shared by all (`shared_path`) plus its deviation. The path is continued
    in three ways, weighted by the inverse of the squared error that each has made so far in this panel; the
    deviation by a regression pooled over areas (`deviations`). The model walks through the panel month by month
    and forecasts at each with what was known then; the errors it made set the intervals (`conformal`), per area
    in units of its mean absolute monthly deviation, shrunk towards the median area's. Where they are none or too few,
    the interval is that of a random walk with drift whose changes are the median area's. Steps are counted from the
    area's own last price: one that has been silent for k months has an interval as wide as others k months later.
    """
    panel = np.asarray(panel, dtype=np.float64)
    _check(panel, horizon)
    logs = _bridged(np.log(panel))
    known = np.isfinite(panel)
    empty = ~known.any(axis=1)
    path = shared_path(logs)
    deviations = _carried(logs - path)
    growth, errors = _walk(path, deviations, known, horizon, season)
    scale = _scale(deviations, known)
    change = np.median(_scale(path + deviations, known) / scale)
    changes = max(int(known.any(axis=0).sum()) - 1, 1)
    untested = change * random_walk(changes, horizon, levels)
    widths = half_widths(errors / scale[:, None], untested, levels)
    wide = np.minimum(_since_last(widths, known) * scale[:, None], MAX_WIDTH)
    middle = (path[-1] + deviations[:, -1])[:, None] + growth
    middle[empty] = np.nan
    origins = int(np.isfinite(errors).any(axis=(1, 2)).sum())
    return Forecast(np.exp(middle), np.exp(middle - wide), np.exp(middle + wide), origins)


def _check(panel: Floats, horizon: int) -> None:
    if horizon < 1:
        raise ValueError("horizon must be at least one month")
    if panel.ndim != 2 or not panel.shape[1]:
        raise ValueError("panel must be areas by months, with at least one month")
    if not np.all(np.isnan(panel) | ((panel > 0) & np.isfinite(panel))):
        raise ValueError("prices must be positive numbers, NaN where missing")


def _bridged(logs: Floats) -> Floats:
    """Spread a change over the months of a gap evenly; nothing is added before the first or after the last price."""
    bridged = logs.copy()
    months = np.arange(logs.shape[1])
    for i in np.flatnonzero(np.isnan(logs).any(axis=1)):
        row = bridged[i]
        at = np.flatnonzero(np.isfinite(row))
        if at.size:
            inside = slice(at[0], at[-1] + 1)
            row[inside] = np.interp(months[inside], at, row[at])
    return bridged


def _carried(deviations: Floats) -> Floats:
    """Let an area move with the others before its first and after its last price; 0 when it has none."""
    carried = deviations.copy()
    for i in np.flatnonzero(np.isnan(deviations).any(axis=1)):
        row = carried[i]
        at = np.flatnonzero(np.isfinite(row))
        if at.size:
            row[: at[0]], row[at[-1] + 1 :] = row[at[0]], row[at[-1]]
        else:
            row[:] = 0.0
    return carried


def _walk(
    path: Floats, deviations: Floats, known: npt.NDArray[np.bool_], horizon: int, season: int
) -> tuple[Floats, Floats]:
    """Return growth [areas, h] after the last month, and the past errors [origins, areas, h]."""
    areas, months = deviations.shape
    regressions = [PooledRegression() for _ in range(horizon)]
    squares = np.full((CANDIDATES, horizon), EQUAL)
    described: dict[int, Floats] = {}
    continued: dict[int, Floats] = {}
    errors = np.full((months, areas, horizon), np.nan)
    growth = np.zeros((areas, horizon))
    start = min(season, months - 1)
    for now in range(start, months):
        for h in range(1, min(horizon, now - start) + 1):
            both = known[:, now] & known[:, now - h]
            came = deviations[:, now] - deviations[:, now - h]
            regressions[h - 1].add(described[now - h][h - 1, both], came[both])
            squares[:, h - 1] += (continued[now - h][:, h - 1] - (path[now] - path[now - h])) ** 2
        seen = deviations[:, : now + 1]
        described[now] = features(seen, own_seasons(seen, season), horizon)
        continued[now] = candidates(path[: now + 1], horizon, season)
        weights = (1 / squares) / (1 / squares).sum(axis=0)
        own = np.column_stack([r.predict(x) for r, x in zip(regressions, described[now], strict=True)])
        growth = (weights * continued[now]).sum(axis=0) + own
        ahead = min(horizon, months - 1 - now)
        if now >= season + season // 2:  # Before, the model knows too little to resemble today's.
            came = (path + deviations)[:, now + 1 : now + 1 + ahead] - (path[now] + deviations[:, now])[:, None]
            both = known[:, now + 1 : now + 1 + ahead] & known[:, [now]]
            errors[now, :, :ahead] = np.where(both, came - growth[:, :ahead], np.nan)
    return growth, errors


def _since_last(widths: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    """Return the width [levels, areas, h] at the steps since each area's last price, grown as a random walk beyond."""
    horizon = widths.shape[1]
    silent = known[:, ::-1].argmax(axis=1)
    steps = silent[:, None] + np.arange(1, horizon + 1)
    return np.asarray(widths[:, np.minimum(steps, horizon) - 1] * np.sqrt(np.maximum(steps / horizon, 1.0)))


def _scale(logs: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    """Return the mean absolute change of each area in a month, of k months in sqrt(k), shrunk towards the median."""
    n, total = np.zeros(len(logs)), np.zeros(len(logs))
    for i, row in enumerate(logs):
        at = np.flatnonzero(known[i])
        n[i] = max(at.size - 1, 0)
        total[i] = (np.abs(np.diff(row[at])) / np.sqrt(np.diff(at))).sum()
    typical = float(np.median(total[n > 0] / n[n > 0])) if (n > 0).any() else 0.0
    return np.asarray(np.maximum((total + PRIOR_CHANGES * typical) / (n + PRIOR_CHANGES), MIN_SCALE))
