"""Finds the terms that go with winning or losing, and says how far each can be trusted."""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.stats import norm

from estate.behavior.analytics.adjustment import codes, design, membership
from estate.behavior.analytics.exposure import chance_by_exposure
from estate.behavior.analytics.lift import Margins
from estate.behavior.analytics.scores import Features, Scores, fit
from estate.behavior.analytics.selection import OVERLAP, WORTH_FOLLOWING, Support, support
from estate.behavior.analytics.shrinkage import Prior, fit_prior, mixed, share_of
from estate.behavior.analytics.stratified import false_discovery
from estate.behavior.analytics.terms import nested, runs

__all__ = ["Trigger", "TriggerReport", "discover"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MIN_INFORMATION = 1.0  # Variance of the wins among units with the term; below, the normal approximation fails.
MIN_AGENTS = 2  # What one agent alone says cannot be told from that agent.
GLOBAL_LEVEL = 0.05  # Unless something stands out at this level (Simes), nothing is proven at all.
LARGE_EFFECT = 1.2  # Log odds. A term in which even this would not stand out only thins out the test of the others.
LONGER = -1.1  # Log of how much less a term with one more word is believed in: it may hold the cause, and chance words.
MAX_FALSE = 0.6  # Chance of being false, as the exploration sees it, beyond which a term is not proven.
CAUTION = 0.4
"""The exploration overstates the false share; of planted words this part of it was measured (`decisions/0011`)."""
RIVAL = 0.5
SAME_UNITS = 0.5


PROVEN = Prior(0.5)  # Size of effects that are worth proving.


@dataclass(frozen=True, slots=True)
class Trigger:
    """What is known of one term; every count is of closed units.

    Parameters
    ----------
    log_odds : float
        Log odds ratio of winning with against without the term, adjusted for the strata and shrunk.
    lift, lower, upper : float
        P(won | said) / P(won | not said) that follows from it, with its 90 % interval.
    q : float
        Share of false ones among all terms at least as well supported; 1 where no test was possible.
    n_with, n_without : int
        Units in which it was said, and not.
    n_agents : int
        Agents in whose units it was said; 0 when agents are not known.
    held_out_lift : float or None
        The lift, not shrunk, in a random half of the units; None where it was never said. All units chose and
        ranked the terms, so among the first ones it overstates.
    win_rate_with, win_rate_without : float
        The two probabilities whose ratio is the lift: estimates as it is, not shares of what was won.
    """

    term: str
    log_odds: float
    lift: float
    lower: float
    upper: float
    q: float
    n_with: int
    n_without: int
    n_agents: int
    held_out_lift: float | None
    win_rate_with: float
    win_rate_without: float


@dataclass(frozen=True, slots=True)
class TriggerReport:
    """What an analysis found.

    Parameters
    ----------
    proven, candidates : list of Trigger
        Terms that passed the test, and the others that were said in a closed unit; the strongest first, whether they
        go with winning or losing.
    n_won, n_lost, n_open : int
        Units seen; open ones are not counted as lost.
    """

    proven: list[Trigger]
    candidates: list[Trigger]
    n_won: int
    n_lost: int
    n_open: int
    known: Mapping[str, Trigger]
    unseen: Trigger

    def estimate(self, term: str) -> Trigger:
        """Return what is known of any term; for one never heard that is the prior."""
        return self.known.get(term) or replace(self.unseen, term=term)


def discover(
    conversations: Sequence[Collection[str]],
    outcomes: ArrayLike,
    *,
    length: ArrayLike | None = None,
    strata: Sequence[Hashable] | None = None,
    agents: Sequence[Hashable] | None = None,
    clients: Sequence[Hashable] | None = None,
    exposure: ArrayLike | None = None,
    max_false_share: float = 0.10,
    rng: np.random.Generator,
) -> TriggerReport:
    """Find the terms whose presence in a unit goes with winning or losing it, beyond what else is known.

    Parameters
    ----------
    conversations : sequence of collections of str, length m
        The terms of each unit (a deal or a conversation); repetitions within a unit do not count.
    outcomes : float[m]
        1 won, 0 lost, NaN open. Open units are censored: they enter no rate.
    length : float[m], optional
        How much was said in each unit. Who talks longer says more of every word, so only units of like length
        are compared.
    strata : sequence, optional
        A label, as the stage, whose levels win differently.
    agents, clients : sequence, optional
        Who led each unit, and with whom; None for nobody. An agent with enough units has a level of its own; what
        units of one agent or client have in common beyond it counts as one piece of evidence, not as many.
    exposure : float[m], optional
        For how long each unit was watched: in a short time fewer terms are heard.
    max_false_share : float
        Expected share of false ones among the proven.
    rng : numpy.random.Generator
        Drives the exploration and draws the half of `held_out_lift`.

    Returns
    -------
    TriggerReport
        A term is proven when its q-value is at most `max_false_share`, (where there are so many) `MIN_AGENTS`
        agents said it, and something stands out at all (Simes at `GLOBAL_LEVEL`). A term too rare to show a
        `LARGE_EFFECT` is not tested.

    Notes
    -----
    `adjustment`, `scores` (evidence of each term), `selection` (which of the terms that travel together have an
    effect of their own), `shrinkage` (sizes). Log odds and lift of a term are those given the proven others.
    """
    outcome = np.asarray(outcomes, dtype=float)
    closed = ~np.isnan(outcome)
    vocabulary = sorted(set().union(*conversations))
    said = _matrix(conversations, vocabulary)[closed]
    won = outcome[closed]
    labels = [_closed(given, closed) for given in (strata, agents, clients)]
    watch, expected = chance_by_exposure(said, _numbers(exposure, closed))
    features = Features.of(said, watch, expected)
    nuisance = design(len(won), _numbers(length, closed), labels[0], labels[1])
    clusters = tuple(membership(given) for given in labels[1:] if given is not None)
    scores = fit(features, won, nuisance, clusters)
    n_with = np.diff(features.said.indptr).astype(np.int64)
    n_agents, agents_needed = _agents(said, labels[1])
    testable = _testable(n_with, won, scores) & (n_agents >= agents_needed)
    q = np.ones(len(vocabulary))
    if _stands_out(scores, testable):
        again = partial(_at, features, won, nuisance, clusters)
        for term, share in _explored(scores, again, vocabulary, np.flatnonzero(testable), rng).items():
            q[term] = share
    proven = np.flatnonzero(q <= max_false_share)
    measured = _measured(scores, proven)
    half = np.sort(rng.permutation(len(won))[: len(won) // 2])
    held_out = fit(features.rows(half), won[half], nuisance[half])
    margins = Margins(len(won), float(won.sum()))
    bulk = (scores.information >= MIN_INFORMATION) & (q > max_false_share)
    prior = fit_prior(measured[0][bulk], measured[1][bulk])
    large = np.zeros(len(vocabulary))
    large[proven] = share_of(PROVEN, prior, len(proven) / max(int(testable.sum()), 1), *(m[proven] for m in measured))
    shrunk = mixed(large, PROVEN.posterior(*measured), prior.posterior(*measured))
    triggers = _triggers(vocabulary, shrunk, margins, held_out.score / held_out.information, q, n_with, n_agents)
    shown = _ranked([triggers[term] for term in proven])
    others = _ranked([t for t, unproven in zip(triggers, q > max_false_share, strict=True) if unproven and t.n_with])
    return TriggerReport(
        proven=shown,
        candidates=_apart(shown, others, dict(zip(vocabulary, _units(features.said), strict=True))),
        n_won=int(won.sum()),
        n_lost=int(len(won) - won.sum()),
        n_open=int((~closed).sum()),
        known=dict(zip(vocabulary, triggers, strict=True)),
        unseen=_unseen(prior, margins),
    )


def _matrix(conversations: Sequence[Collection[str]], vocabulary: Sequence[str]) -> sparse.csr_matrix:
    column = {term: i for i, term in enumerate(vocabulary)}
    rows = [set(terms) for terms in conversations]
    columns = np.fromiter((column[term] for terms in rows for term in terms), dtype=np.int64)
    ends = np.cumsum([0, *map(len, rows)])
    return sparse.csr_matrix((np.ones(len(columns)), columns, ends), shape=(len(rows), len(vocabulary)))


def _closed(labels: Sequence[Hashable] | None, closed: Bools) -> list[Hashable] | None:
    return None if labels is None else [label for label, used in zip(labels, closed, strict=True) if used]


def _numbers(given: ArrayLike | None, closed: Bools) -> Floats | None:
    return None if given is None else np.asarray(given, dtype=float)[closed]


def _agents(said: sparse.csr_matrix, agents: Sequence[Hashable] | None) -> tuple[Ints, int]:
    """Return how many agents said each term, and how many are needed."""
    if agents is None:
        return np.zeros(said.shape[1], dtype=np.int64), 0
    led = [(row, agent) for row, agent in enumerate(agents) if agent is not None]
    code = codes([agent for _, agent in led])
    n = int(code.max(initial=-1)) + 1
    rows = np.array([row for row, _ in led], dtype=np.int64)
    leads = sparse.csr_matrix((np.ones(len(led)), (code, rows)), shape=(n, said.shape[0]))
    pairs = (leads @ said).tocsc()
    return np.diff(pairs.indptr).astype(np.int64), min(MIN_AGENTS, n)


def _testable(n_with: Ints, won: Floats, scores: Scores) -> Bools:
    """Tell for which terms a large effect would stand out among all terms that could be tested."""
    share, rate = n_with / max(len(won), 1), won.mean() if len(won) else 0.0
    information = len(won) * share * (1 - share) * rate * (1 - rate)
    possible = (scores.information >= MIN_INFORMATION) & (information > 0)
    least = (norm.isf(GLOBAL_LEVEL / 2 / max(int(possible.sum()), 1)) / LARGE_EFFECT) ** 2
    # With few units none is that frequent: then what a quarter of them hold is tested all the same.
    result: Bools = possible & (information >= min(least, len(won) * rate * (1 - rate) * 3 / 16))
    return result


def _stands_out(scores: Scores, testable: Bools) -> bool:
    """Tell whether anything at all goes with winning: Simes' test, with a correction for continuity."""
    excess = np.maximum(np.abs(scores.score[testable]) - 0.5, 0)
    p = 2 * norm.sf(excess / np.sqrt(scores.information[testable]))
    return bool(false_discovery(p).min(initial=1.0) <= GLOBAL_LEVEL)


def _explored(
    scores: Scores, again: Callable[[Floats], Scores], vocabulary: Sequence[str], terms: Ints, rng: np.random.Generator
) -> dict[int, float]:
    """Return the q-value of each term that has a fair chance of an effect, of nested ones only the likeliest.

    The quadratic view of the likelihood is first taken where no term has an effect, then where the first
    exploration put them.
    """
    belief = np.array([LONGER * vocabulary[term].count(" ") for term in terms.tolist()])
    effect = np.zeros(len(vocabulary))
    effect[terms] = support(scores, terms, belief, rng).effect
    found = support(again(effect), terms, belief, rng)
    false = _false_chances(found, scores, terms, [vocabulary[term] for term in terms.tolist()])
    running = np.cumsum(list(false.values())) / np.arange(1, len(false) + 1)
    return {
        int(terms[term]): CAUTION * share if false[term] <= MAX_FALSE else 1.0
        for term, share in zip(false, running.tolist(), strict=True)
    }


def _false_chances(found: Support, scores: Scores, terms: Ints, names: Sequence[str]) -> dict[int, float]:
    """Return the chance that neither a term nor another form of it has an effect, by rising chance.

    Forms are longer and shorter ones, and terms that cannot be told apart from it.

    A term whose effect becomes half as likely once one further up has one, is that one's rival and not listed.
    """
    likely = np.flatnonzero(found.chance > WORTH_FOLLOWING)
    forms = [likely[family] for family in _forms(scores, terms[likely], [names[term] for term in likely.tolist()])]
    sure = [found.any_of(family.tolist()) for family in forms]
    chance = np.array([found.visits @ each for each in sure])
    chances: dict[int, float] = {}
    shown: list[int] = []
    for place in np.lexsort((-found.chance[likely], -np.round(chance, 3))):
        rivals = (found.visits @ (sure[place] * sure[other]) < RIVAL * chance[place] * chance[other] for other in shown)
        nested_in_one = any(likely[place] in forms[other] for other in shown)
        if not nested_in_one and not any(rivals):
            chances[int(likely[place])] = 1 - float(chance[place])
            shown.append(int(place))
    return chances


def _forms(scores: Scores, terms: Ints, names: Sequence[str]) -> list[Ints]:
    if not len(terms):
        return []
    shared = np.column_stack([scores.cross(term) for term in terms])[terms]
    own = scores.information[terms]
    same = shared**2 > (1 - OVERLAP) * np.outer(own, own)
    same |= np.array([[nested(one, other) for other in names] for one in names])
    return [np.flatnonzero(row) for row in same]


def _measured(scores: Scores, proven: Ints) -> tuple[Floats, Floats]:
    """Return the effect of each term beside the proven others, and its sampling variance."""
    score, information = scores.score.copy(), scores.information.copy()
    if len(proven):
        shared = np.column_stack([scores.cross(term) for term in proven])
        inverse = np.linalg.inv(shared[proven] + 1e-6 * np.eye(len(proven)))
        score -= shared @ (inverse @ scores.score[proven])
        information -= np.einsum("ij,ij->i", shared @ inverse, shared)
        score[proven] = (inverse @ scores.score[proven]) / np.diag(inverse)
        information[proven] = 1 / np.diag(inverse)
    # What cannot be told apart from a proven term has that one's effect, not none.
    told = information > OVERLAP * scores.information
    score, information = np.where(told, score, scores.score), np.where(told, information, scores.information)
    return score / information, 1 / information


def _at(
    features: Features,
    won: Floats,
    nuisance: Floats,
    clusters: tuple[sparse.csr_matrix, ...],
    effect: Floats,
) -> Scores:
    return fit(features, won, nuisance, clusters, features.weigh(effect))


def _units(said: sparse.csc_matrix) -> list[frozenset[int]]:
    ends = said.indptr.tolist()
    return [frozenset(said.indices[i:j].tolist()) for i, j in pairwise(ends)]


def _apart(proven: Sequence[Trigger], ranked: Sequence[Trigger], units: Mapping[str, frozenset[int]]) -> list[Trigger]:
    """Leave out a longer or shorter form of a term further up that is mostly said in the same units."""
    listed: dict[str, list[str]] = {}
    kept = []
    for trigger in [*proven, *ranked]:
        own = units[trigger.term]
        forms = {form for run in runs(trigger.term) for form in listed.get(run, ()) if nested(trigger.term, form)}
        if not any(len(own & units[form]) >= SAME_UNITS * len(own | units[form]) for form in forms):
            kept.append(trigger)
            for run in runs(trigger.term):
                listed.setdefault(run, []).append(trigger.term)
    return kept[len(proven) :]


def _triggers(
    vocabulary: Sequence[str],
    shrunk: tuple[Floats, Floats],
    margins: Margins,
    held_out: Floats,
    q: Floats,
    n_with: Ints,
    n_agents: Ints,
) -> list[Trigger]:
    shown = margins.lift(*shrunk, n_with)
    again = np.divide(*margins.rates(held_out, n_with))
    heard = n_with > 0
    columns = (shown.log_odds, shown.value, shown.lower, shown.upper, q, n_with, margins.n - n_with, n_agents)
    rates = (shown.rate_with, shown.rate_without)
    return [
        Trigger(term, *values, again_lift if said else None, *both)  # type: ignore[call-arg]
        for term, values, again_lift, said, both in zip(
            vocabulary,
            zip(*(column.tolist() for column in columns), strict=True),
            again.tolist(),
            heard.tolist(),
            zip(*(column.tolist() for column in rates), strict=True),
            strict=True,
        )
    ]


def _unseen(prior: Prior, margins: Margins) -> Trigger:
    nothing, none = np.zeros(1), np.zeros(1, dtype=np.int64)
    known = (nothing, np.full(1, prior.variance))
    return _triggers([""], known, margins, nothing, np.ones(1), none, none)[0]


def _ranked(triggers: Sequence[Trigger]) -> list[Trigger]:
    return sorted(triggers, key=lambda t: (-abs(t.log_odds), -t.n_with, t.term))
