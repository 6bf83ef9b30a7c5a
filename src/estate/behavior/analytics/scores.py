"""The score statistics of many terms at once, after adjustment: how much each would improve the model of winning."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["Features", "Scores", "fit"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RIDGE = 0.1  # Of the adjusted columns; keeps a level where all were won finite and is nothing beside ten units.
STEPS = 25
NOTHING = 1e-9  # Information where the data cannot tell.
CHUNK = 1_000  # Terms whose sums over clusters are in memory at a time.


@dataclass(frozen=True, eq=False, slots=True)
class Features:
    """Who said what, less what would be expected from the time of watching alone: said - watch @ expected.

    Parameters
    ----------
    said : sparse matrix[n, v]
        1 where a unit holds a term.
    watch : sparse matrix[n, b]
        1 in the band of exposure of each unit; no bands when exposure is not known.
    expected : float64[b, v]
        Chance of each term in each band if it had no effect.
    """

    said: sparse.csc_matrix
    turned: sparse.csr_matrix
    watch: sparse.csr_matrix
    expected: Floats

    @classmethod
    def of(cls, said: sparse.csr_matrix, watch: sparse.csr_matrix, expected: Floats) -> "Features":
        """Prepare both orders of the matrix, one for columns and one for sums."""
        return cls(said.tocsc(), said.T.tocsr(), watch, expected)

    def sums(self, weights: Floats) -> Floats:
        """Return featuresᵀ @ weights for float64[n, k]."""
        total: Floats = self.turned @ weights
        return total - self.expected.T @ (self.watch.T @ weights) if self.watch.shape[1] else total

    def squares(self, weights: Floats) -> Floats:
        """Return the weighted sum of squares of each feature."""
        total: Floats = self.turned @ weights
        if not self.watch.shape[1]:
            return total
        weighted = self.watch.multiply(weights[:, None])
        within = (self.turned @ weighted).toarray().T
        size = np.asarray(weighted.sum(axis=0)).ravel()
        result: Floats = total + (self.expected * (self.expected * size[:, None] - 2 * within)).sum(axis=0)
        return result

    def column(self, j: int) -> Floats:
        """Return one feature as float64[n]."""
        said: Floats = self.said[:, [j]].toarray().ravel()
        return said - self.watch @ self.expected[:, j] if self.watch.shape[1] else said

    def weigh(self, effect: Floats) -> Floats:
        """Return features @ effect, float64[n]."""
        total: Floats = self.said @ effect
        return total - self.watch @ (self.expected @ effect) if self.watch.shape[1] else total

    def rows(self, rows: Ints) -> "Features":
        """Return the features of some units."""
        return Features.of(self.said.tocsr()[rows], self.watch[rows], self.expected)


@dataclass(frozen=True, eq=False, slots=True)
class Scores:
    """A quadratic view of the likelihood in the effects of v terms.

    Parameters
    ----------
    score, information : float64[v]
        Slope and curvature at no effect, after the adjustment; score / information estimates the log odds ratio.
    """

    features: Features
    score: Floats
    information: Floats
    noise: Floats
    weight: Floats
    residual: Floats
    nuisance: Floats
    inverse: Floats
    lean: Floats

    def cross(self, j: int) -> Floats:
        """Return the information that each term shares with one of them, float64[v]."""
        x = self.features.column(j) * self.weight
        shared = self.features.sums(x) - self.lean @ (self.nuisance.T @ x)
        result: Floats = shared / np.sqrt(self.noise * self.noise[j])
        return result


def fit(
    features: Features,
    won: Floats,
    nuisance: Floats,
    clusters: tuple[sparse.csr_matrix, ...] = (),
    offset: Floats | None = None,
) -> Scores:
    """Fit the adjusted columns by logistic regression and take the scores of all terms.

    Parameters
    ----------
    won : float64[n]
        1 or 0.
    nuisance : float64[n, k]
        What is adjusted for.
    clusters : sparse matrices[groups, n]
        Groups of units whose outcomes may go together beyond the adjustment.
    offset : float64[n], optional
        Log odds that terms are held to add: the quadratic view is then taken there.

    Notes
    -----
    With w = p(1 - p) and X̃ the features less their projection on the nuisance columns under w, score = X̃ᵀ(won - p)
    and information = X̃ᵀwX̃ (Rao's efficient score). Clusters divide both by the design effect 1 + ρ(m - 1)
    of Moulton (1986), in which ρ, the correlation of residuals within clusters, is estimated from the data.
    """
    extra = np.zeros(len(won)) if offset is None else offset
    p, inverse = _logistic(won, nuisance, extra)
    weight = np.maximum(p * (1 - p), 1e-6)
    response = won - p + weight * extra
    v = features.said.shape[1]
    if len(np.unique(won)) < 2:
        none = np.zeros(v)
        lean = np.zeros((v, nuisance.shape[1]))
        return Scores(features, none, np.full(v, NOTHING), none + 1, weight, won - p, nuisance, inverse, lean)
    shared = features.sums(nuisance * weight[:, None])
    lean = shared @ inverse
    score = features.sums(response) - lean @ (nuisance.T @ response)
    free = len(won) / max(len(won) - nuisance.shape[1], 1)  # The levels were fitted to these very units.
    information = np.maximum(features.squares(weight) - (lean * shared).sum(axis=1), NOTHING) * free
    noise = _noise(features, weight, won - p, clusters)
    return Scores(features, score / noise, information / noise, noise, weight, response, nuisance, inverse, lean)


def _logistic(won: Floats, columns: Floats, offset: Floats) -> tuple[Floats, Floats]:
    ridge = np.full(columns.shape[1], RIDGE)
    ridge[0] = 1e-6
    effects = np.zeros(columns.shape[1])
    rate = np.clip(won.mean() if len(won) else 0.5, 1e-3, 1 - 1e-3)
    effects[0] = np.log(rate / (1 - rate))
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(columns @ effects + offset, -30, 30)))
        inverse = np.linalg.inv((columns * np.maximum(p * (1 - p), 1e-6)[:, None]).T @ columns + np.diag(ridge))
        step = inverse @ (columns.T @ (won - p) - ridge * effects)
        effects = effects + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-6:
            break
    return p, np.asarray(inverse, dtype=np.float64)


def _noise(features: Features, weight: Floats, residual: Floats, clusters: tuple[sparse.csr_matrix, ...]) -> Floats:
    """Return the design effect of each term, at least 1."""
    v = features.said.shape[1]
    extra = np.zeros(v)
    root = np.sqrt(weight)
    mean = features.sums(weight) / weight.sum() if len(weight) else np.zeros(v)
    for groups in clusters:
        pairs = float((np.asarray(groups.sum(axis=1)) ** 2).sum() - groups.sum())
        if pairs:
            together = groups @ (residual / root)
            alone = groups @ (residual / root) ** 2
            rho = min(max(float((together**2).sum() - alone.sum()) / pairs, 0.0), 1.0)
            extra += rho * _company(features, groups, root, mean) if rho else 0.0
    result: Floats = np.maximum(1 + extra, 1)
    return result


def _company(features: Features, groups: sparse.csr_matrix, root: Floats, mean: Floats) -> Floats:
    """Return m - 1 of each term: with how many other units' worth of it each unit is in a cluster."""
    weighted = sparse.csr_matrix(groups.multiply(root[None, :]))
    member = np.asarray(groups.sum(axis=0)).ravel()
    total = np.asarray(weighted.sum(axis=1)).ravel()
    said = features.said
    within = np.empty(said.shape[1])
    for start in range(0, said.shape[1], CHUNK):
        part = slice(start, start + CHUNK)
        sums = (weighted @ said[:, part]).toarray() - total[:, None] * mean[part]
        within[part] = (sums**2).sum(axis=0)
    in_group = features.turned @ (root**2 * member)
    own = in_group * (1 - 2 * mean) + mean**2 * (root**2 * member).sum()
    whole = features.turned @ root**2 * (1 - 2 * mean) + mean**2 * (root**2).sum()
    result: Floats = np.maximum(within - own, 0) / np.maximum(whole, 1e-9)
    return result
