"""By how much the hazard of each listing differs from the pooled one, in each stretch of time on the market."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

from estate.property.analytics.hazard_columns import Columns

__all__ = ["HazardRatio"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PRIOR_EFFECTS = 1.0
PRIOR_SQUARES = 0.1
"""Before any data an effect has a standard deviation of about 0.3: a hazard a third higher or lower."""
MOST_PRECISION = 1e6
ROUNDS = 40
TOLERANCE = 1e-4
GREATEST_STEP = 2.0

TREES = (0, 10, 20, 40, 80, 120)
"""How many trees may stand on the regression; folds decide."""
FOLDS = 3
TREES_FROM = 300
"""Sales, and different rows, below which trees would only fit noise."""
RATE = 0.08
LEAVES = 8
LEAST_IN_LEAF = 40
LEAF_PENALTY = 20.0
BINS = 63


@dataclass(frozen=True, slots=True)
class _Cells:
    """Rows by stretches: how many were sold in it, and how many would be at the pooled hazard."""

    row: Ints
    stretch: Ints
    sold: Floats
    expected: Floats


@dataclass(frozen=True, slots=True)
class HazardRatio:
    """A ridge regression of the log hazard ratio, and trees for what joins and bends beyond it.

    Parameters
    ----------
    columns : Columns
        How a frame is read.
    stretches : int
        Into how many the time on the market is divided.
    effects : float64[p]
        Of the regression's columns.
    covariance : float64[p, p]
        Of the effects, by Laplace's approximation; it leaves the doubt about the trees out.
    trees : HistGradientBoostingRegressor or None
        Multiplies the ratio further.

    Notes
    -----
    With the time of every listing measured in pooled cumulative hazard, a sale is a Poisson event whose rate is the
    ratio r (Laird and Olivier 1981; Friedman 1982): log r = a_j + x b + x c z_j + x d (z_j² - mean) in stretch j at
    position z_j in [-1, 1]. Each column of the data has precisions of its own for its straight, bent and
    changing effects, found by the evidence (MacKay 1992) under a weak prior; without evidence r goes to 1 and
    the prediction to the pooled curve.
    """

    columns: Columns
    stretches: int
    effects: Floats
    covariance: Floats
    trees: HistGradientBoostingRegressor | None

    @classmethod
    def fit(cls, frame: pd.DataFrame, expected: Floats, sold_in: Ints) -> "HazardRatio":
        """Fit.

        Parameters
        ----------
        expected : float64[n, k]
            Pooled cumulative hazard that each listing went through in each stretch.
        sold_in : int64[n]
            The stretch of its sale; -1 for none.
        """
        columns, k = Columns.of(frame), expected.shape[1]
        design, groups = _design(columns, frame, k)
        cells = _cells(expected, sold_in)
        effects, covariance = _ridge(design(cells.row, cells.stretch), groups, cells)
        ratio = cls(columns, k, effects, covariance, None)
        different = len(np.unique(columns.codes(frame)[0], axis=0))
        if not len(columns.numbers) or min((sold_in >= 0).sum(), different) < TREES_FROM:
            return ratio
        return ratio._with_trees(frame, cells)

    def log_ratio(self, frame: pd.DataFrame) -> Floats:
        """Return log r: float64[n, k]."""
        row, stretch = _every(len(frame), self.stretches)
        linear = _design(self.columns, frame, self.stretches)[0](row, stretch) @ self.effects
        if self.trees is not None:
            linear = linear + np.log(self.trees.predict(_features(self.columns, frame, row, stretch)))
        return linear.reshape(len(frame), self.stretches)

    def variance(self, frame: pd.DataFrame, weights: Floats) -> Floats:
        """Return the variance of Σ weight · log r over the stretches for each row: float64[n].

        Parameters
        ----------
        weights : float64[n, k]
        """
        row, stretch = _every(len(frame), self.stretches)
        cells = _design(self.columns, frame, self.stretches)[0](row, stretch)
        slope = (cells * weights.reshape(-1, 1)).reshape(len(frame), self.stretches, -1).sum(axis=1)
        return np.asarray(np.einsum("ij,jk,ik->i", slope, self.covariance, slope), dtype=np.float64)

    def _with_trees(self, frame: pd.DataFrame, cells: _Cells) -> "HazardRatio":
        """Add as many trees as folds of listings ask for."""
        linear = np.exp(self.log_ratio(frame)[cells.row, cells.stretch])
        features = _features(self.columns, frame, cells.row, cells.stretch)
        categories = [*self.columns.codes(frame)[1], False]
        losses = np.zeros(len(TREES))
        for fold in range(FOLDS):
            held = cells.row % FOLDS == fold
            model = _boosted(max(TREES), categories, features[~held], cells, linear, ~held)
            staged = [np.ones(held.sum()), *model.staged_predict(features[held])]
            losses += [_loss(cells.sold[held], cells.expected[held] * linear[held] * staged[n]) for n in TREES]
        best = TREES[int(np.argmin(losses))]
        every = np.ones(len(features), dtype=bool)
        trees = _boosted(best, categories, features, cells, linear, every) if best else None
        return HazardRatio(self.columns, self.stretches, self.effects, self.covariance, trees)


def _every(n: int, k: int) -> tuple[Ints, Ints]:
    return np.repeat(np.arange(n), k), np.tile(np.arange(k), n)


def _shapes(k: int) -> tuple[Floats, Floats]:
    """Return the two ways in which an effect may change over the stretches: steadily, and there and back."""
    z = np.linspace(-1.0, 1.0, k) if k > 1 else np.zeros(1)
    return z, z**2 - np.mean(z**2)


class _Design:
    """Columns of the regression for chosen rows and stretches."""

    def __init__(self, linear: Floats, bends: Floats, k: int) -> None:
        self._rows = np.hstack([linear, bends])
        self._linear = linear
        self._k = k

    def __call__(self, row: Ints, stretch: Ints) -> Floats:
        own = np.eye(self._k)[stretch]
        changing = [self._linear[row] * shape[stretch][:, None] for shape in _shapes(self._k)]
        return np.hstack([own, self._rows[row], *changing])


def _design(columns: Columns, frame: pd.DataFrame, k: int) -> tuple[_Design, Ints]:
    """Return the design and the group of each of its columns, which shares one precision."""
    linear, straight = columns.linear(frame)
    bends, bent = columns.bends(frame)
    step = len(columns.numbers) + len(columns.levels)
    changing = [1 + 2 * step + straight, 1 + 3 * step + straight]
    groups = np.concatenate([np.zeros(k), 1 + straight, 1 + step + bent, *changing]).astype(np.int64)
    return _Design(linear, bends, k), np.unique(groups, return_inverse=True)[1].astype(np.int64)


def _features(columns: Columns, frame: pd.DataFrame, row: Ints, stretch: Ints) -> Floats:
    return np.column_stack([columns.codes(frame)[0][row], stretch.astype(np.float64)])


def _cells(expected: Floats, sold_in: Ints) -> _Cells:
    """Keep the stretches that a listing was seen in."""
    row, stretch = np.nonzero(expected > 0)
    return _Cells(row, stretch, (sold_in[row] == stretch).astype(np.float64), expected[row, stretch])


def _ridge(x: Floats, groups: Ints, cells: _Cells) -> tuple[Floats, Floats]:
    """Return the effects at the greatest posterior and their covariance; the precisions are found on the way."""
    effects = np.zeros(x.shape[1])
    precision = np.full(groups.max() + 1, PRIOR_EFFECTS / PRIOR_SQUARES)
    covariance = np.diag(1 / precision[groups])
    for _ in range(ROUNDS):
        mean = cells.expected * np.exp(np.clip(x @ effects, -30, 30))
        hessian = x.T @ (mean[:, None] * x) + np.diag(precision[groups])
        covariance = np.linalg.inv(hessian)
        step = covariance @ (x.T @ (cells.sold - mean) - precision[groups] * effects)
        effects = effects + step * min(1.0, GREATEST_STEP / max(np.abs(step).max(), 1e-12))
        found = np.bincount(groups, 1 - precision[groups] * np.diag(covariance))
        squares = np.bincount(groups, effects**2)
        precision = np.clip((found + PRIOR_EFFECTS) / (squares + PRIOR_SQUARES), 0, MOST_PRECISION)
        if np.abs(step).max() < TOLERANCE:
            break
    return effects, covariance


def _boosted(
    trees: int, categories: list[bool], features: Floats, cells: _Cells, linear: Floats, chosen: npt.NDArray[np.bool_]
) -> HistGradientBoostingRegressor:
    """Fit trees to what the regression leaves: sales over the sales that it expects, weighted with these."""
    expected = (cells.expected * linear)[chosen]
    model = HistGradientBoostingRegressor(
        loss="poisson",
        learning_rate=RATE,
        max_iter=trees,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=LEAST_IN_LEAF,
        l2_regularization=LEAF_PENALTY,
        max_bins=BINS,
        categorical_features=categories,
        early_stopping=False,
        random_state=0,
    )
    known = np.where(np.isnan(features).all(axis=0), 0.0, features)  # A constant, which no tree splits.
    model.fit(known, cells.sold[chosen] / expected, sample_weight=expected)
    return model


def _loss(sold: Floats, expected: Floats) -> float:
    return float((expected - sold * np.log(expected)).sum())
