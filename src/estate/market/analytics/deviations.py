"""How areas leave and rejoin the shared path: one regression for all of them, a horizon each."""

import numpy as np
import numpy.typing as npt

__all__ = ["PooledRegression", "features", "own_seasons"]

Floats = npt.NDArray[np.float64]

WINDOWS = (2, 3, 6, 12)  # Months whose mean the last value is held against: prices of few sales revert to it.
SEASONAL_WINDOWS = (1, 3, 6)  # Months whose seasonal part is known to be in the last values.
PATTERNS = 3  # Seasons differ by climate: a few patterns are common to many areas, the rest is mostly noise.
RIDGE = 0.1  # Of each feature's own sum of squares: the means of 2, 3, 6 and 12 months are near twins.
CLIP = 3.0  # Deviations: prices of few sales have long tails.


def own_seasons(deviations: Floats, season: int) -> Floats:
    """Return how the year of each area differs from the shared one.

    Parameters
    ----------
    deviations : float64[areas, months]
        Log price minus the shared path.
    season : int
        Months in a year.

    Returns
    -------
    float64[areas, season]
        Mean change by month of the year, shrunk as if one more year had shown none, kept to the three strongest
        patterns across areas (truncated singular value decomposition); 0 before there is a whole year.
    """
    effects = np.zeros((len(deviations), season))
    changes = np.diff(deviations, axis=1)
    if changes.shape[1] < season:
        return effects
    changes = changes - changes.mean(axis=1, keepdims=True)
    for month in range(season):
        of_month = changes[:, (month - 1) % season :: season]
        effects[:, month] = of_month.sum(axis=1) / (of_month.shape[1] + 1)
    effects -= effects.mean(axis=1, keepdims=True)
    left, strength, right = np.linalg.svd(effects, full_matrices=False)
    return np.asarray((left[:, :PATTERNS] * strength[:PATTERNS]) @ right[:PATTERNS])


def features(deviations: Floats, seasons: Floats, horizon: int) -> Floats:
    """Describe each area at its last month, for every horizon.

    Returns
    -------
    float64[horizon, areas, features]
        Means of the last 2, 3, 6 and 12 months against the last; the change in a year; that of the half-year
        mean; the seasonal part of the last 1, 3 and 6 months; and of the months to come.
    """
    months, season = deviations.shape[1], seasons.shape[1]
    last = deviations[:, -1]
    a_year_ago = deviations[:, max(months - 1 - season, 0)]
    half = deviations[:, -6:].mean(axis=1) - deviations[:, max(months - season - 6, 0) : max(months - season, 1)].mean(
        axis=1
    )
    fixed = [deviations[:, -k:].mean(axis=1) - last for k in WINDOWS]
    fixed += [last - a_year_ago, half]
    fixed += [seasons[:, (months - 1 - np.arange(k)) % season].sum(axis=1) for k in SEASONAL_WINDOWS]
    to_come = np.cumsum(seasons[:, (months + np.arange(horizon)) % season], axis=1)
    shared = np.broadcast_to(np.column_stack(fixed), (horizon, len(last), len(fixed)))
    return np.concatenate([shared, to_come.T[:, :, None]], axis=2)


class PooledRegression:
    """Ridge regression without intercept, fed month by month through its normal equations."""

    def __init__(self) -> None:
        self._squares: Floats | None = None
        self._products: Floats | None = None
        self._furthest = 0.0

    def add(self, x: Floats, y: Floats) -> None:
        """Take what came (`y` [areas]) of areas once described (`x` [areas, features])."""
        if not len(y):
            return
        limit = CLIP * 1.4826 * float(np.median(np.abs(y)))
        self._furthest = max(self._furthest, limit)
        products = x.T @ np.clip(y, -limit, limit)
        squares = x.T @ x
        self._squares = squares if self._squares is None else self._squares + squares
        self._products = products if self._products is None else self._products + products

    def predict(self, x: Floats) -> Floats:
        """Return the expected change [areas], none larger than what it learned from; 0 before anything was seen."""
        if self._squares is None or self._products is None:
            return np.zeros(len(x))
        scale = np.sqrt(np.diag(self._squares)) + 1e-9
        system = self._squares / np.outer(scale, scale) + RIDGE * np.eye(len(scale))
        change = x @ (np.linalg.solve(system, self._products / scale) / scale)
        return np.asarray(np.clip(change, -self._furthest, self._furthest))
