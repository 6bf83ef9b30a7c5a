"""Price forecast of areas: a random walk whose drift borrows strength from all areas."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

__all__ = ["Forecast", "forecast"]

Floats = npt.NDArray[np.float64]

PRIOR_MONTHS = 12.0  # An area's own drift counts as much as the common one after a year of changes.
MIN_SIGMA = 0.005  # Half a per cent a month: below that, a short history looks calmer than it can be.


@dataclass(frozen=True, slots=True)
class Forecast:
    """Prices ahead: `mean` [areas, h]; `lower` and `upper` [levels, areas, h]."""

    mean: Floats
    lower: Floats
    upper: Floats


def forecast(panel: Floats, horizon: int, levels: Sequence[float] = (0.8,)) -> Forecast:
    """Forecast monthly prices of areas that share a market.

    Parameters
    ----------
    panel : float64[areas, months]
        Prices > 0; NaN where a month is missing.
    horizon : int
        Months ahead.
    levels : sequence of float
        Probabilities of the central intervals.

    Returns
    -------
    Forecast
        An area without any price gets NaN.

    Notes
    -----
    Log changes between known months are divided by the months between them. The drift of an area is
    ``(n d + k d0) / (n + k)`` with its own mean change d over n changes, the mean d0 of all changes and
    k = 12; the monthly deviation is pooled the same way. The interval at h months is
    ``exp(log p + h drift ± z sqrt(h s^2 + h^2 s^2 / (n + k)))``: the walk itself and the doubt in the drift.
    """
    if horizon < 1:
        raise ValueError("horizon must be at least one month")
    logs = np.log(np.asarray(panel, dtype=np.float64))
    last, changes = _last_and_changes(logs)
    n = np.array([len(c) for c in changes], dtype=np.float64)
    every = np.concatenate(changes) if len(changes) else np.empty(0)
    common = float(every.mean()) if every.size else 0.0
    spread = max(float(every.std()), MIN_SIGMA) if every.size else MIN_SIGMA
    own = np.array([c.mean() if len(c) else common for c in changes])
    drift = (n * own + PRIOR_MONTHS * common) / (n + PRIOR_MONTHS)
    squares = np.array([((c - c.mean()) ** 2).sum() if len(c) else 0.0 for c in changes])
    sigma = np.sqrt((squares + PRIOR_MONTHS * spread**2) / (n + PRIOR_MONTHS))
    steps = np.arange(1, horizon + 1, dtype=np.float64)
    middle = last[:, None] + drift[:, None] * steps
    wide = sigma[:, None] * np.sqrt(steps + steps**2 / (n + PRIOR_MONTHS)[:, None])
    z = norm.ppf(0.5 + np.asarray(levels) / 2)[:, None, None]
    return Forecast(np.exp(middle), np.exp(middle - z * wide), np.exp(middle + z * wide))


def _last_and_changes(logs: Floats) -> tuple[Floats, list[Floats]]:
    """Return the last known log price of each area and its changes a month."""
    last = np.full(len(logs), np.nan)
    changes: list[Floats] = []
    for i, row in enumerate(logs):
        known = np.flatnonzero(~np.isnan(row))
        if known.size:
            last[i] = row[known[-1]]
        changes.append(np.diff(row[known]) / np.diff(known))
    return last, changes
