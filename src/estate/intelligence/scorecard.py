r"""A documented score card that outcomes move: Bayesian logistic regression around a prior card.

With x the features of a case on their documented scales, less the centre c_j of each (0 before any deal has closed,
then the mean of the past cases, with as many neutral ones as the card is worth), 0 for an unknown one, and
w = (base, weights):

* score = 1 / (1 + exp(−w·x))
* prior: w ~ N(card, I / λ) with λ = W · b (1 − b): the card weighs as much as W outcomes at its base rate b
* estimate: the maximum of Σ_i u_i log p(y_i | x_i, w) − λ/2 · |w − card|², by Newton's method; with no
  outcome it is the card
* interval: logistic(w·x ± z·se), se² = x'Cx + Σ_unknown w_j² s_j², C the inverse Hessian (Laplace
  approximation) and s_j the spread of an unknown feature

Source: Gelman et al., Bayesian Data Analysis, 3rd ed., §16.3 and §4.1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from estate.core.stats import expit, logit

__all__ = [
    "LEVEL",
    "LIKE_DISTANCE",
    "MIN_OUTCOMES",
    "Cases",
    "Explanation",
    "Feature",
    "FittedCard",
    "Missing",
    "ScoreCard",
    "fit",
    "prior_only",
]

LEVEL = 0.9
MIN_OUTCOMES = 30
"""Below 30 closed deals learned scores are no better than the base rate in public data: the answer says so."""
LIKE_DISTANCE = 0.25
"""An eighth of a scale from -1 to 1, on average over the features: two such cases read alike to a person."""
LIKE_FEATURES = 2
"""Fewer features known in both cases say too little to call them alike."""
UNKNOWN_SPREAD = 0.5
"""Standard deviation that an unknown feature is taken to have, as a share of half its range."""
NEWTON_STEPS = 50
CONVERGED = 1e-10

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Feature:
    """One line of the card.

    Parameters
    ----------
    name : str
        Key of the feature.
    points : float
        Prior log-odds for one unit of the feature.
    lower, upper : float
        Ends of its scale; 0 lies between and is neutral.
    ask : str
        What to find out when it is unknown.
    sign : {"any", "never_positive"}
        ``never_positive`` keeps the weight at or below 0, whatever the outcomes say.
    """

    name: str
    points: float
    lower: float
    upper: float
    ask: str
    sign: Literal["any", "never_positive"] = "any"


@dataclass(frozen=True, slots=True)
class ScoreCard:
    """The documented prior.

    Parameters
    ----------
    base_rate : float
        Share of cases that is won when nothing is known, in (0, 1).
    features : tuple of Feature
        Lines of the card.
    weight : float
        Outcomes that the card is worth.
    """

    base_rate: float
    features: tuple[Feature, ...]
    weight: float

    @property
    def mean(self) -> Floats:
        """Prior mean of (base, weights), float64[1 + features]."""
        return np.array([logit(self.base_rate), *(f.points for f in self.features)])

    @property
    def precision(self) -> float:
        """Prior precision of every weight."""
        return self.weight * self.base_rate * (1 - self.base_rate)


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """Closed cases to learn from.

    Parameters
    ----------
    features : float64[rows, features]
        NaN where unknown.
    won : float64[rows]
        1 or 0.
    weights : float64[rows]
        Weight of each row; the rows of one deal sum to 1.
    deals : int64[rows]
        Which deal a row belongs to.
    usual : float64[rows, features] or None
        The features without regard to when they were written. Only their means are used, as centres: base and
        weights would otherwise count twice what is known now and was not known of the past cases.
    """

    features: Floats
    won: Floats
    weights: Floats
    deals: NDArray[np.int64]
    usual: Floats | None = None

    @classmethod
    def none(cls, width: int) -> "Cases":
        """Return no cases of `width` features."""
        return cls(np.empty((0, width)), np.empty(0), np.empty(0), np.empty(0, dtype=np.int64))

    @property
    def n(self) -> int:
        """Number of deals."""
        return len(np.unique(self.deals))

    def centres(self, neutral: float) -> Floats:
        """Return the weighted mean of each feature where it is known, with `neutral` cases at 0 beside them."""
        usual = self.features if self.usual is None else self.usual
        weights = self.weights[:, None] * ~np.isnan(usual)
        centres: Floats = (weights * np.nan_to_num(usual)).sum(axis=0) / (weights.sum(axis=0) + neutral)
        return centres


@dataclass(frozen=True, slots=True)
class Missing:
    """An unknown feature and the scores at the ends of its scale."""

    feature: Feature
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """A score with everything that it stands on.

    ``base_logit`` plus the sum of ``contributions`` is logit(score).
    """

    score: float
    lower: float
    upper: float
    n: int
    base_logit: float
    contributions: Mapping[str, float]
    missing: tuple[Missing, ...]
    like_cases: int
    like_won: int


@dataclass(frozen=True, slots=True, eq=False)
class FittedCard:
    """The card after it has seen outcomes.

    Parameters
    ----------
    card : ScoreCard
        The prior.
    weights : float64[1 + features]
        Base and weights.
    covariance : float64[1 + features, 1 + features]
        Of the weights.
    centres : float64[features]
        What the usual case shows.
    cases : Cases
        What it learned from.
    """

    card: ScoreCard
    weights: Floats
    covariance: Floats
    centres: Floats
    cases: Cases

    def predict(self, features: Floats) -> Floats:
        """Return the scores float64[rows] of features float64[rows, features]; NaN is unknown."""
        return _logistic(_design(features - self.centres) @ self.weights)

    def interval(self, features: Floats, level: float = LEVEL) -> Floats:
        """Return the intervals of the scores, float64[rows, 2]."""
        design = _design(features - self.centres)
        unknown = np.isnan(features) * (self.weights[1:] * self._spreads()) ** 2
        variance = np.einsum("ij,jk,ik->i", design, self.covariance, design) + unknown.sum(axis=1)
        reach = float(norm.ppf((1 + level) / 2)) * np.sqrt(variance)
        centre = design @ self.weights
        return np.column_stack([_logistic(centre - reach), _logistic(centre + reach)])

    def explain(self, case: Sequence[float | None]) -> Explanation:
        """Explain one case, features in the order of the card, None where unknown."""
        row = np.array([[np.nan if value is None else value for value in case]])
        lower, upper = self.interval(row)[0]
        parts = np.nan_to_num(row[0] - self.centres) * self.weights[1:]
        base = float(self.weights[0])
        score = expit(base + float(parts.sum()))
        like = self._like(row[0])
        return Explanation(
            score=score,
            lower=min(float(lower), score),
            upper=max(float(upper), score),
            n=self.cases.n,
            base_logit=base,
            contributions={f.name: float(p) for f, p in zip(self.card.features, parts, strict=True)},
            missing=self._missing(case, base + float(parts.sum())),
            like_cases=len(np.unique(self.cases.deals[like])),
            like_won=len(np.unique(self.cases.deals[like & (self.cases.won == 1)])),
        )

    def _spreads(self) -> Floats:
        return np.array([UNKNOWN_SPREAD * (f.upper - f.lower) / 2 for f in self.card.features])

    def _like(self, row: Floats) -> NDArray[np.bool_]:
        """Mark the rows whose root mean square gap over the features known in both is `LIKE_DISTANCE` at most."""
        gap = self.cases.features - row
        shared = (~np.isnan(gap)).sum(axis=1)
        distance = np.sqrt(np.nansum(gap**2, axis=1) / np.maximum(shared, 1))
        like: NDArray[np.bool_] = (shared >= LIKE_FEATURES) & (distance <= LIKE_DISTANCE)
        return like

    def _missing(self, case: Sequence[float | None], at: float) -> tuple[Missing, ...]:
        """Rank the unknown features by the width between the scores at the ends of their scales."""
        found = []
        lines = zip(self.card.features, self.weights[1:].tolist(), self.centres.tolist(), case, strict=True)
        for feature, weight, centre, value in lines:
            if value is None:
                ends = sorted(expit(at + weight * (end - centre)) for end in (feature.lower, feature.upper))
                found.append(Missing(feature, *ends))
        return tuple(sorted(found, key=lambda m: (m.lower - m.upper, m.feature.name)))


def prior_only(card: ScoreCard) -> FittedCard:
    """Return the card as it is before any outcome."""
    return fit(card, Cases.none(len(card.features)))


def fit(card: ScoreCard, cases: Cases) -> FittedCard:
    """Update the card with closed cases.

    A weight that may not be positive and would be is held at 0 and the others are fitted again; as the
    objective is concave, one such weight is then exactly at the constrained maximum.
    """
    centres = cases.centres(card.weight)
    known = _Known(_design(cases.features - centres), cases.won, cases.weights)
    free = np.ones(len(card.features) + 1, dtype=bool)
    weights = _maximise(card, known, free)
    bound = np.array([False, *(f.sign == "never_positive" for f in card.features)])
    while (wrong := bound & free & (weights > 0)).any():
        free &= ~wrong
        weights = _maximise(card, known, free)
    covariance: Floats = np.linalg.inv(_hessian(card, known, weights)).astype(np.float64)
    return FittedCard(card, weights, covariance, centres, cases)


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """Closed cases as the fit sees them: centred, with a column of ones."""

    design: Floats
    won: Floats
    weights: Floats


def _maximise(card: ScoreCard, known: _Known, free: NDArray[np.bool_]) -> Floats:
    """Maximise the log posterior over the free weights, the others held at 0, by damped Newton steps."""
    weights = np.where(free, card.mean, 0.0)
    best = _log_posterior(card, known, weights)
    for _ in range(NEWTON_STEPS):
        gradient = _gradient(card, known, weights)[free]
        step = np.zeros_like(weights)
        step[free] = np.linalg.solve(_hessian(card, known, weights)[np.ix_(free, free)], gradient)
        if float(gradient @ step[free]) < CONVERGED:
            break
        size = 1.0
        while (value := _log_posterior(card, known, weights + size * step)) < best and size > CONVERGED:
            size /= 2
        weights, best = weights + size * step, value
    return weights


def _log_posterior(card: ScoreCard, known: _Known, weights: Floats) -> float:
    eta = known.design @ weights
    fitted = known.weights * (known.won * eta - np.logaddexp(0.0, eta))
    return float(fitted.sum() - card.precision / 2 * ((weights - card.mean) ** 2).sum())


def _gradient(card: ScoreCard, known: _Known, weights: Floats) -> Floats:
    miss = known.weights * (known.won - _logistic(known.design @ weights))
    gradient: Floats = known.design.T @ miss - card.precision * (weights - card.mean)
    return gradient


def _hessian(card: ScoreCard, known: _Known, weights: Floats) -> Floats:
    """Return the negative Hessian of the log posterior."""
    p = _logistic(known.design @ weights)
    curvature = known.weights * p * (1 - p)
    hessian: Floats = (known.design * curvature[:, None]).T @ known.design + card.precision * np.eye(len(weights))
    return hessian


def _design(features: Floats) -> Floats:
    return np.column_stack([np.ones(len(features)), np.nan_to_num(features)])


def _logistic(eta: Floats) -> Floats:
    p: Floats = np.exp(-np.logaddexp(0.0, -eta))
    return p
