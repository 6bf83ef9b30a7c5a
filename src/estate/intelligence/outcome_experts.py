"""The learners that an outcome model combines: additive ones for few outcomes, trees when there are many."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier

__all__ = ["Additive", "Boosted", "Data", "Expert", "Forest", "Plan", "experts_for", "spread"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FOREST_FROM, FOREST_UNTIL = 80, 2_000
"""Bagged trees help once a leaf can hold a few of each outcome, and boosting has replaced them by the end."""
BOOSTED_FROM, DEEPER_FROM = 250, 2_000
FOREST_FEATURES = 300
"""Trees over many hundred rare terms are slow and find nothing that the additive learners do not."""
STRENGTHS = (0.1, 0.3, 1.0)
"""Prior variances of an additive weight, from a cautious model to a trusting one."""
WORDY_STRENGTHS = (0.01, 0.05, 0.3)
"""The same where texts bring hundreds of terms, of which few say anything."""
ONLY_STRENGTH = 0.3
FLAT = 0.02
"""Shares closer than this to 0 or 1 are beyond what a handful of trees can know."""


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Rows as the experts see them.

    Parameters
    ----------
    linear, tree : float64[n, features], float64[n, columns]
        See `Columns`.
    card : float64[n, lines]
        Log-odds that each line of the prior card gives.
    """

    linear: Floats
    tree: Floats
    card: Floats

    def take(self, rows: NDArray[np.int64] | Bools) -> "Data":
        """Return some of the rows."""
        return Data(self.linear[rows], self.tree[rows], self.card[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What is the same for every fit of one model.

    Parameters
    ----------
    base_logit, base_precision : float
        Prior of the intercept.
    card_precision : float64[lines]
        Prior precision of each line's multiplier around 1.
    falling : bool[features]
        Features whose weight must not be positive.
    categorical : bool[columns]
        Columns of `Data.tree` that hold codes.
    falling_columns : bool[columns]
        Columns of `Data.tree` that must not raise the score.
    """

    base_logit: float
    base_precision: float
    card_precision: Floats
    falling: Bools
    categorical: Bools
    falling_columns: Bools


class Expert(Protocol):
    """A learner of log-odds."""

    def fit(self, data: Data, won: Floats, weights: Floats, plan: Plan) -> "Expert":
        """Learn from closed cases."""
        ...

    def logit(self, data: Data) -> Floats:
        """Return log-odds, float64[n]."""
        ...


@dataclass(slots=True, eq=False)
class Additive:
    r"""Penalised logistic regression around the prior card.

    Notes
    -----
    Maximises :math:`\sum_i u_i \log p(y_i | x_i) - \frac{\pi_0}{2} (b - b_0)^2 - \sum_j \frac{\pi_j}{2} (m_j - 1)^2
    - \frac{1}{2 s} |w|^2` with :math:`\operatorname{logit} p = b + \sum_j m_j c_j(x) + w \cdot z(x)`: without
    outcomes it is the card. A line of the card may fade, not turn: :math:`m_j \ge 0`.
    """

    strength: float
    weights: Floats = field(init=False)

    def fit(self, data: Data, won: Floats, weights: Floats, plan: Plan) -> "Additive":
        """Learn from closed cases."""
        design = _design(data)
        centre = np.concatenate([[plan.base_logit], np.ones(data.card.shape[1]), np.zeros(data.linear.shape[1])])
        precision = np.concatenate(
            [[plan.base_precision], plan.card_precision, np.full(data.linear.shape[1], 1 / self.strength)]
        )
        bounds = [(None, None)] + [(0, None)] * data.card.shape[1] + [(None, 0.0 if f else None) for f in plan.falling]

        def loss(beta: Floats) -> tuple[float, Floats]:
            eta, off = design @ beta, beta - centre
            value = weights @ (np.logaddexp(0, eta) - won * eta) + 0.5 * precision @ off**2
            return float(value), design.T @ (weights * (expit(eta) - won)) + precision * off

        bounded = bool(plan.falling.any()) or data.card.shape[1] > 0
        found = minimize(
            loss,
            centre,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds if bounded else None,
            options={"maxiter": 500, "ftol": 1e-10, "gtol": 1e-6 * max(1.0, weights.sum() ** 0.5)},
        )
        self.weights = found.x
        return self

    def logit(self, data: Data) -> Floats:
        """Return log-odds, float64[n]."""
        return np.asarray(_design(data) @ self.weights, dtype=np.float64)

    def covariance(self, known: Data, weights: Floats, plan: Plan) -> Floats:
        """Return the Laplace covariance of base, lines and weights, given what it was fitted on."""
        design, share = _design(known), expit(self.logit(known))
        precision = np.concatenate(
            [[plan.base_precision], plan.card_precision, np.full(known.linear.shape[1], 1 / self.strength)]
        )
        hessian = (design * (weights * share * (1 - share))[:, None]).T @ design + np.diag(precision)
        return np.asarray(np.linalg.inv(hessian), dtype=np.float64)


@dataclass(slots=True, eq=False)
class Forest:
    """Extremely randomised trees (Geurts et al. 2006) on the additive features."""

    trees: int = 60
    leaf: int = 5
    model: ExtraTreesClassifier = field(init=False)

    def fit(self, data: Data, won: Floats, weights: Floats, plan: Plan) -> "Forest":
        """Learn from closed cases."""
        limits = -plan.falling.astype(int) if plan.falling.any() else None
        self.model = ExtraTreesClassifier(
            self.trees, min_samples_leaf=self.leaf, max_features=0.5, random_state=0, monotonic_cst=limits
        ).fit(data.linear, won, weights)
        return self

    def logit(self, data: Data) -> Floats:
        """Return log-odds, float64[n].

        The trees are asked directly: what `predict_proba` checks anew for each is most of its time for a few rows.
        """
        rows = np.ascontiguousarray(data.linear, dtype=np.float32)
        won = np.mean([tree.tree_.predict(rows)[:, 1] for tree in self.model.estimators_], axis=0)
        share = np.clip(won, FLAT, 1 - FLAT)
        return np.asarray(np.log(share / (1 - share)), dtype=np.float64)


@dataclass(slots=True, eq=False)
class Boosted:
    """Boosted trees on histograms (Ke et al. 2017), small and many."""

    leaves: int
    rate: float = 0.04
    rounds: int = 250
    model: HistGradientBoostingClassifier = field(init=False)

    def fit(self, data: Data, won: Floats, weights: Floats, plan: Plan) -> "Boosted":
        """Learn from closed cases; a column that is empty in all of them is a constant, which no tree splits."""
        known = np.where(np.isnan(data.tree).all(axis=0), 0.0, data.tree)
        self.model = HistGradientBoostingClassifier(
            learning_rate=self.rate,
            max_iter=self.rounds,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=20,
            l2_regularization=5.0,
            max_features=0.5,
            categorical_features=plan.categorical if plan.categorical.any() else None,
            monotonic_cst=-plan.falling_columns.astype(int) if plan.falling_columns.any() else None,
            early_stopping=False,
            random_state=0,
        ).fit(known, won, None if (weights == 1).all() else weights)  # Weights make its bins slow.
        return self

    def logit(self, data: Data) -> Floats:
        """Return log-odds, float64[n]."""
        return np.asarray(self.model.decision_function(data.tree), dtype=np.float64)


def experts_for(n: int, columns: int, features: int) -> Sequence[Expert]:
    """Return new learners that suit a number of outcomes."""
    strengths = STRENGTHS if features <= FOREST_FEATURES else WORDY_STRENGTHS
    experts: list[Expert] = [Additive(strength) for strength in strengths]
    if columns and FOREST_FROM <= n < FOREST_UNTIL and features <= FOREST_FEATURES:
        experts.append(Forest())
    if columns and n >= BOOSTED_FROM:
        experts.append(Boosted(leaves=6))
    if columns and n >= DEEPER_FROM:
        experts.append(Boosted(leaves=16))
    return experts


def spread(data: Data, covariance: Floats) -> Floats:
    """Return the standard deviation of the log-odds of each row, from a covariance of an additive learner."""
    rows = _design(data)
    return np.asarray(np.sqrt(np.einsum("ij,jk,ik->i", rows, covariance, rows, optimize=True)), dtype=np.float64)


def _design(data: Data) -> Floats:
    return np.column_stack([np.ones(len(data.linear)), data.card, data.linear])
