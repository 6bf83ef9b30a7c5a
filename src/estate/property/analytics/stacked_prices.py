"""A smooth price surface and boosted trees on what it misses, each judged by sales that it was not fitted to."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold
from sklearn.preprocessing import QuantileTransformer

__all__ = ["Stack", "Surface", "fit_stack", "folds", "quick_expectation"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

FOLDS = 8
LANDMARKS = 1_000
SURFACE_SALES = 30_000  # More are thinned out evenly: the landmarks can follow no more, and memory is bounded.
CHUNK = 10_000
PLACE_WEIGHT = 2.5  # Prices change over a shorter way in place than in other features.
WIDTH = 0.25  # Of the kernel: exp(-WIDTH * mean squared difference), in standard deviations.
RIDGE = 0.3
EDGE = 3.0  # Standard deviations at which a feature's normal score is cut.
MIN_TREES, MAX_TREES, SALES_A_TREE = 100, 600, 25
"""The more sales, the more there is to find: fewer trees fit as well to few, and sooner."""
TREES = {
    "loss": "absolute_error",
    "learning_rate": 0.05,
    "max_leaf_nodes": 24,
    "max_features": 0.15,
    "min_samples_leaf": 15,
    "early_stopping": False,
}


def folds(n: int, seed: int) -> Ints:
    """Deal n rows into eight folds of like size by chance; return each row's fold. A few rows are each one alone."""
    fold = np.arange(n, dtype=np.intp)
    if n >= FOLDS:
        for f, (_, out) in enumerate(KFold(FOLDS, shuffle=True, random_state=seed).split(fold)):
            fold[out] = f
    return fold


class Surface:
    """Kernel ridge regression on normal scores (Nyström: Williams and Seeger, 2001), with a linear part.

    Parameters
    ----------
    place : bool[p]
        Which features are places.
    seed : int
        Of the landmarks.
    """

    def __init__(self, place: Bools, seed: int) -> None:
        self._weight = np.where(place, PLACE_WEIGHT, 1.0)
        self._seed = seed

    def fit(self, features: Floats, target: Floats) -> "Surface":
        """Learn from float64[n, p] with NaN for what is not known, and float64[n]."""
        thin = slice(None, None, -(-len(features) // SURFACE_SALES))
        features, target = features[thin], target[thin]
        n = len(features)
        self._scores = QuantileTransformer(
            output_distribution="normal", n_quantiles=min(500, n), random_state=self._seed
        ).fit(features)
        self._kernel = Nystroem(
            gamma=WIDTH / features.shape[1], n_components=min(LANDMARKS, n // 2), random_state=self._seed
        ).fit(self._normal(features))
        self._mean = float(target.mean())
        self._ridge = Ridge(RIDGE, solver="cholesky").fit(self._basis(features), target - self._mean)
        return self

    def predict(self, features: Floats) -> Floats:
        """Return the surface, float64[n]."""
        parts = (features[i : i + CHUNK] for i in range(0, len(features), CHUNK))
        found = [self._mean + self._ridge.predict(self._basis(part)) for part in parts]
        return np.concatenate(found) if found else np.empty(0)

    def _normal(self, features: Floats) -> Floats:
        scores = np.clip(self._scores.transform(features), -EDGE, EDGE)
        return np.asarray(np.nan_to_num(scores) * self._weight, dtype=np.float64)

    def _basis(self, features: Floats) -> Floats:
        normal = self._normal(features)
        return np.hstack([self._kernel.transform(normal), 0.3 * normal])


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """A surface of all sales, the boosters of each fold, and what they said of sales left out of them.

    Parameters
    ----------
    out_of_fold : float64[n]
        Of each training sale, by models that did not see it.
    """

    surface: Surface
    boosters: tuple[HistGradientBoostingRegressor, ...]
    out_of_fold: Floats

    def predict(self, features: Floats) -> Floats:
        """Return the surface plus the boosters' mean, float64[n]."""
        smooth = self.surface.predict(features)
        joined = np.column_stack([features, smooth])
        return np.asarray(smooth + np.mean([b.predict(joined) for b in self.boosters], axis=0), dtype=np.float64)


def fit_stack(features: Floats, target: Floats, place: Bools, fold: Ints, seed: int) -> Stack:
    """Fit the surface, and the trees to its out-of-fold errors by absolute loss (Wolpert, 1992; Friedman, 2001)."""
    smooth = np.empty(len(target))
    for f in np.unique(fold):
        out = fold == f
        smooth[out] = Surface(place, seed).fit(features[~out], target[~out]).predict(features[out])
    trees = int(np.clip(len(target) // SALES_A_TREE, MIN_TREES, MAX_TREES))
    joined, boosters, said = np.column_stack([features, smooth]), [], np.empty(len(target))
    for f in np.unique(fold):
        out = fold == f
        booster = HistGradientBoostingRegressor(**TREES, max_iter=trees, random_state=seed + int(f))
        boosters.append(booster.fit(joined[~out], target[~out] - smooth[~out]))
        said[out] = smooth[out] + booster.predict(joined[out])
    return Stack(Surface(place, seed).fit(features, target), tuple(boosters), said)


def quick_expectation(features: Floats, target: Floats, fold: Ints, seed: int) -> Floats:
    """Return what a hundred trees, fitted to the other folds, expect of each row."""
    said = np.empty(len(target))
    for f in np.unique(fold):
        out = fold == f
        model = HistGradientBoostingRegressor(max_iter=100, max_features=0.5, early_stopping=False, random_state=seed)
        said[out] = model.fit(features[~out], target[~out]).predict(features[out])
    return said
