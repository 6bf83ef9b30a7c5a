"""Which terms have an effect of their own: the posterior over sets of terms, explored by births and deaths."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from estate.behavior.analytics.scores import Scores

__all__ = ["OVERLAP", "WORTH_FOLLOWING", "Support", "support"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EFFECT = 0.7  # Log odds of a term worth showing: about that by which a lift of 1.4 at even chances comes.
EFFECT_SPREAD = 0.3
STEPS = 600
SETTLING = 100
OVERLAP = 0.2  # Of its information a term must keep beside another, else the two cannot be told apart.
WORTH_FOLLOWING = 0.02  # Chance from which on a term is looked at together with its longer and shorter forms.


@dataclass(frozen=True, eq=False, slots=True)
class Support:
    """What the exploration found out.

    Parameters
    ----------
    chance : float64[v]
        Posterior probability that a term has an effect of its own.
    effect : float64[v]
        Posterior mean of its log odds, 0 where it was never in the set.
    visits : float64[s], chances : float64[s, v]
        Share of time spent in each visited set, and the probability of every term given the rest of that set.
    """

    chance: Floats
    effect: Floats
    visits: Floats
    chances: Floats

    def any_of(self, terms: Sequence[int]) -> Floats:
        """Return in each visited set the probability that at least one of some terms has an effect, float64[s]."""
        result: Floats = 1 - np.prod(1 - self.chances[:, list(terms)], axis=1)
        return result


class _State:
    """A set of terms with signs, and what each birth and death would change."""

    def __init__(self, scores: Scores, terms: Ints, belief: Floats) -> None:
        self.scores, self.terms, self.belief = scores, terms, belief
        self.score, self.information = scores.score[terms], scores.information[terms]
        self.members: list[int] = []
        self.signs = np.zeros(0)
        self.shared = np.zeros((len(terms), 0))
        self.known: dict[int, Floats] = {}

    def add(self, j: int, sign: float) -> None:
        if j not in self.known:
            self.known[j] = self.scores.cross(int(self.terms[j]))[self.terms]
        self.members.append(j)
        self.signs = np.append(self.signs, sign)
        self.shared = np.column_stack([self.shared, self.known[j]])

    def remove(self, place: int) -> None:
        del self.members[place]
        self.signs = np.delete(self.signs, place)
        self.shared = np.delete(self.shared, place, axis=1)


def support(scores: Scores, terms: Ints, belief: Floats, rng: np.random.Generator) -> Support:
    """Explore which terms have an effect of their own.

    Parameters
    ----------
    scores : Scores
        Evidence on every term.
    terms : int64[t]
        Which of them may have an effect; results are in this order.
    belief : float64[t]
        Log of how much each is believed in beforehand, beside the others.
    rng : numpy.random.Generator
        Draws the path.

    Notes
    -----
    Spike and slab on the quadratic view of the likelihood: a term is in the set with either sign, its log odds
    then normal around ±`EFFECT`, and the number of terms is beta-binomial, so that the more terms the more
    evidence each needs (Scott and Berger 2010). Sets change by births and deaths in continuous time, and are
    weighted by the time spent in them (Stephens 2000; Zanella and Roberts 2019); probabilities are averaged over
    what a set says of every term, not counted (Rao-Blackwell).
    """
    return _explore(_State(scores, terms, belief), rng)


def _explore(state: _State, rng: np.random.Generator) -> Support:
    v = len(state.terms)
    precision = 1 / EFFECT_SPREAD**2
    pull = precision * EFFECT
    effect = np.zeros(v)
    visits, chances = [], []
    for step in range(STEPS):
        k = len(state.members)
        inverse = np.linalg.inv(state.shared[state.members] + precision * np.eye(k))
        mean, spread = inverse @ (state.score[state.members] + pull * state.signs), np.diag(inverse)
        score = state.score - state.shared @ mean
        information = state.information - np.einsum("ij,ij->i", state.shared @ inverse, state.shared)
        gone = (state.shared**2 / state.information[state.members] > (1 - OVERLAP) * state.information[:, None]).any(
            axis=1
        )
        birth = _evidence(score, np.maximum(information, 1e-9)) + np.log((k + 1) / max(v - k, 1)) + state.belief
        birth[:, gone] = -50.0
        birth[:, state.members] = -np.inf
        alone = (
            _evidence(mean / spread - pull * state.signs, 1 / spread - precision)
            + np.log(max(k, 1) / (v - k + 1))
            + state.belief[state.members]
        )
        dies = np.exp(np.minimum(-alone[(state.signs < 0).astype(int), np.arange(k)], 0))
        births = np.exp(np.minimum(birth, 0)).ravel()
        rate = births.sum() + dies.sum()
        if step >= SETTLING:
            chance = _probability(birth)
            chance[state.members] = _probability(alone)
            effect[state.members] += mean / rate
            visits.append(1 / rate)
            chances.append(chance)
        drawn = rng.random() * rate
        if drawn < births.sum():
            place = min(int(np.searchsorted(np.cumsum(births), drawn)), 2 * v - 1)
            state.add(place % v, 1.0 if place < v else -1.0)
        else:
            state.remove(min(int(np.searchsorted(np.cumsum(dies), drawn - births.sum())), k - 1))
    share = np.array(visits) / sum(visits)
    table = np.array(chances)
    return Support(share @ table, effect / sum(visits), share, table)


def _evidence(score: Floats, information: Floats) -> Floats:
    precision = 1 / EFFECT_SPREAD**2
    signs = np.array([[1.0], [-1.0]])
    gain = (score + signs * precision * EFFECT) ** 2 / (information + precision) - precision * EFFECT**2
    result: Floats = (gain - np.log1p(information / precision)) / 2 - np.log(2)
    return result


def _probability(log_odds: Floats) -> Floats:
    result: Floats = 1 / (1 + np.exp(-np.logaddexp(log_odds[0], log_odds[1])))
    return result
