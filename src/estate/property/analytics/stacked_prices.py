"""A smooth price surface and boosted trees on what it misses, each judged by sales that it was not fitted to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from scipy.stats import norm
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import KFold
from sklearn.preprocessing import QuantileTransformer

__all__ = ["Stack", "Surface", "fit_stack", "fit_surface", "folds", "quick_expectation"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

FOLDS = 8
LANDMARKS = 1_500
SURFACE_SALES = 30_000  # More are thinned out evenly: the landmarks can follow no more, and memory is bounded.
CHUNK = 10_000
PLACE_WEIGHT = 2.5  # Prices change over a shorter way in place than in other features.
WIDTH = 0.4  # Of the kernel: exp(-WIDTH * mean squared difference), in standard deviations.
RIDGE, JITTER = 1.0, 1e-4
LINEAR = 0.3  # Weight of the linear part beside the kernels.
FREEDOM, SMALLEST_SCALE = 4.0, 1e-6  # Of the t distribution that errors are taken to have.
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


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A smooth function of features: kernels around landmarks, and a linear part, on normal scores.

    Parameters
    ----------
    landmarks : float64[m, p]
        Normal scores.
    coefficients : float64[m + p]
        Of the kernels and of the scores.
    """

    scores: QuantileTransformer
    weight: Floats
    landmarks: Floats
    middle: float
    coefficients: Floats

    def predict(self, features: Floats) -> Floats:
        """Return the surface, float64[n], of float64[n, p] with NaN for what is not known."""
        parts = (features[i : i + CHUNK] for i in range(0, len(features), CHUNK))
        found = [self.middle + self.basis(part) @ self.coefficients for part in parts]
        return np.concatenate(found) if found else np.empty(0)

    def basis(self, features: Floats) -> Floats:
        """Return what the coefficients are of, float64[n, m + p]."""
        normal = _normal(self.scores, self.weight, features)
        return np.hstack([rbf_kernel(normal, self.landmarks, WIDTH / features.shape[1]), LINEAR * normal])


def fit_surface(features: Floats, target: Floats, place: Bools, fold: Ints, seed: int) -> tuple[Surface, Floats]:
    """Fit a surface to sales, and for each fold one to the others.

    Returns
    -------
    surface : Surface
        Of all sales.
    out_of_fold : float64[n]
        Of each sale, by the surface of the other folds.

    Notes
    -----
    Kernel ridge regression on a subset of regressors (Rasmussen and Williams, 2006, section 8.3.1). Sums of
    products are kept by fold, so that leaving one out is a subtraction. Sales far from the surface are given less
    weight, as errors of a t distribution would be (Lange, Little and Taylor, 1989).
    """
    named = [np.flatnonzero(fold == f) for f in np.unique(fold)]
    step = -(-len(target) // SURFACE_SALES)
    kept = [rows[::step] for rows in named]
    surface = _unfitted(features[np.concatenate(kept)], place, float(np.median(target)), seed)
    bases = [surface.basis(features[rows]) for rows in kept]
    wanted = [target[rows] - surface.middle for rows in kept]
    penalty = _penalty(surface)
    weights = [np.ones(len(rows)) for rows in kept]
    _, without = _solutions(bases, wanted, weights, penalty)
    weights = _robust([y - x @ c for y, x, c in zip(wanted, bases, without, strict=True)])
    whole, without = _solutions(bases, wanted, weights, penalty)
    said = np.empty(len(target))
    for rows, coefficients in zip(named, without, strict=True):
        said[rows] = replace(surface, coefficients=coefficients).predict(features[rows])
    return replace(surface, coefficients=whole), said


def _unfitted(features: Floats, place: Bools, middle: float, seed: int) -> Surface:
    """Choose normal scores and landmarks."""
    n = len(features)
    scores = QuantileTransformer(output_distribution="normal", n_quantiles=min(500, n), random_state=seed)
    scores.fit(features)
    weight = np.where(place, PLACE_WEIGHT, 1.0)
    chosen = np.random.default_rng(seed).choice(n, min(LANDMARKS, n // 2), replace=False)
    return Surface(scores, weight, _normal(scores, weight, features[chosen]), middle, np.empty(0))


def _normal(scores: QuantileTransformer, weight: Floats, features: Floats) -> Floats:
    normal = np.clip(scores.transform(features), -EDGE, EDGE)
    return np.asarray(np.nan_to_num(normal) * weight, dtype=np.float64)


def _penalty(surface: Surface) -> Floats:
    m, p = surface.landmarks.shape
    penalty = RIDGE * np.eye(m + p)
    penalty[:m, :m] = RIDGE * (rbf_kernel(surface.landmarks, gamma=WIDTH / p) + JITTER * np.eye(m))
    return penalty


def _solutions(
    bases: Sequence[Floats], wanted: Sequence[Floats], weights: Sequence[Floats], penalty: Floats
) -> tuple[Floats, list[Floats]]:
    """Return the coefficients of all folds, and of all but each."""
    products = [x.T @ (w[:, None] * x) for x, w in zip(bases, weights, strict=True)]
    sums = [x.T @ (w * y) for x, w, y in zip(bases, weights, wanted, strict=True)]
    whole, total = penalty + np.sum(products, axis=0), np.sum(sums, axis=0)
    without = [_solved(whole - product, total - part) for product, part in zip(products, sums, strict=True)]
    return _solved(whole, total), without


def _robust(errors: Sequence[Floats]) -> list[Floats]:
    scale = np.median(np.abs(np.concatenate(errors))) / norm.ppf(0.75)
    return [(FREEDOM + 1) / (FREEDOM + (error / max(scale, SMALLEST_SCALE)) ** 2) for error in errors]


def _solved(products: Floats, sums: Floats) -> Floats:
    return np.asarray(cho_solve(cho_factor(products), sums), dtype=np.float64)


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
    surface, smooth = fit_surface(features, target, place, fold, seed)
    trees = int(np.clip(len(target) // SALES_A_TREE, MIN_TREES, MAX_TREES))
    joined, boosters, said = np.column_stack([features, smooth]), [], np.empty(len(target))
    for f in np.unique(fold):
        out = fold == f
        booster = HistGradientBoostingRegressor(**TREES, max_iter=trees, random_state=seed + int(f))
        boosters.append(booster.fit(joined[~out], target[~out] - smooth[~out]))
        said[out] = smooth[out] + booster.predict(joined[out])
    return Stack(surface, tuple(boosters), said)


def quick_expectation(features: Floats, target: Floats, fold: Ints, seed: int) -> Floats:
    """Return what a hundred trees, fitted to the other folds, expect of each row."""
    said = np.empty(len(target))
    for f in np.unique(fold):
        out = fold == f
        model = HistGradientBoostingRegressor(max_iter=100, max_features=0.5, early_stopping=False, random_state=seed)
        said[out] = model.fit(features[~out], target[~out]).predict(features[out])
    return said
