"""Finds the terms that go with winning or losing, and says how far each can be trusted."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from estate.behavior.analytics.lift import Margins
from estate.behavior.analytics.shrinkage import Prior, fit_prior
from estate.behavior.analytics.stratified import NO_NEWS, Pooled, false_discovery, length_bands, score_test
from estate.behavior.analytics.terms import longest

__all__ = ["Trigger", "TriggerReport", "discover"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MIN_INFORMATION = 1.0  # Variance of the wins among units with the term; below, the normal approximation fails.
MIN_AGENTS = 2  # What one agent alone says cannot be told from that agent.
GLOBAL_LEVEL = 0.05  # Unless something stands out at this level (Simes), nothing is proven at all.


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
        The lift, not shrunk, in a random half of the units; None where it was not said there.
    win_rate_with, win_rate_without : float
        The two probabilities whose ratio is the lift.
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
        Terms that passed the test, and the others; each by falling lift.
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
    max_false_share: float = 0.10,
    rng: np.random.Generator,
) -> TriggerReport:
    """Compare the win rate of the units in which a term was said with that of the others.

    Parameters
    ----------
    conversations : sequence of collections of str, length m
        The terms of each unit (a deal or a conversation); repetitions within a unit do not count.
    outcomes : float[m]
        1 won, 0 lost, NaN open. Open units are censored: they enter no rate.
    length : float[m], optional
        How much was said in each unit. Who talks longer says more of every word, so units are only compared
        with others of like length.
    strata : sequence, optional
        Group within which alone units are compared.
    agents : sequence, optional
        Who led each unit; None for nobody.
    max_false_share : float
        Expected share of false ones among the proven.
    rng : numpy.random.Generator
        Draws the half that is held out.

    Returns
    -------
    TriggerReport
        A term is proven when its q-value is at most `max_false_share`, (where there are so many) `MIN_AGENTS`
        agents said it, and it points the same way in both random halves. A term that fewer than five units
        hold, or more where wins are rare, is not tested (`MIN_INFORMATION`).

    Notes
    -----
    Odds ratio and test of each term as in `stratified`, Benjamini-Hochberg q-values over the terms that can be
    tested, a Simes test at `GLOBAL_LEVEL` before any of them; log odds shrunk as in `shrinkage`.
    """
    outcome = np.asarray(outcomes, dtype=float)
    closed = ~np.isnan(outcome)
    vocabulary = sorted(set().union(*conversations))
    said = _matrix(conversations, vocabulary)[closed]
    won = outcome[closed]
    stratum = _strata(length, strata, closed)
    pooled = score_test(said, won, stratum)
    halves = _halves(said, won, stratum, rng)
    n_agents, agents_needed = _agents(said, agents, closed)
    kept = _distinct(vocabulary, said)
    often = pooled.variance <= 1 / MIN_INFORMATION
    testable = kept & often
    q = _q_values(pooled.p, testable)
    steady = (np.sign(halves[0].log_odds) == np.sign(halves[1].log_odds)) & (n_agents >= agents_needed)
    proven = testable & steady & (q <= max_false_share) & (q.min(initial=1.0) <= GLOBAL_LEVEL)
    margins = Margins(len(won), float(won.sum()))
    prior = fit_prior(pooled.log_odds[often], pooled.variance[often])
    triggers = _triggers(vocabulary, pooled, prior, margins, halves[1], q, n_agents)
    return TriggerReport(
        proven=_ranked(triggers, proven),
        candidates=_ranked(triggers, kept & ~proven),
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


def _strata(length: ArrayLike | None, strata: Sequence[Hashable] | None, closed: Bools) -> Ints:
    """Return the number of each unit's combination of the given group and band of length."""
    codes = np.zeros(int(closed.sum()), dtype=np.int64)
    if strata is not None:
        codes = _codes([s for s, used in zip(strata, closed, strict=True) if used])
    if length is not None:
        bands = length_bands(np.asarray(length, dtype=float)[closed])
        codes = codes * (bands.max(initial=0) + 1) + bands
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)


def _codes(labels: Sequence[Hashable]) -> Ints:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels], dtype=np.int64)


def _halves(said: sparse.csr_matrix, won: Floats, stratum: Ints, rng: np.random.Generator) -> tuple[Pooled, Pooled]:
    half = rng.permutation(len(won)) % 2 == 0
    first, second = np.flatnonzero(half), np.flatnonzero(~half)
    return (
        score_test(said[first], won[first], stratum[first]),
        score_test(said[second], won[second], stratum[second]),
    )


def _agents(said: sparse.csr_matrix, agents: Sequence[Hashable] | None, closed: Bools) -> tuple[Ints, int]:
    """Return how many agents said each term, and how many are needed."""
    if agents is None:
        return np.zeros(said.shape[1], dtype=np.int64), 0
    led = [(row, agent) for row, agent in enumerate(np.array(agents, dtype=object)[closed]) if agent is not None]
    code = _codes([agent for _, agent in led])
    n = int(code.max(initial=-1)) + 1
    leads = sparse.csr_matrix(
        (np.ones(len(led)), (code, np.array([row for row, _ in led], dtype=np.int64))), shape=(n, said.shape[0])
    )
    return np.asarray(((leads @ said) > 0).sum(axis=0)).ravel().astype(np.int64), min(MIN_AGENTS, n)


def _distinct(vocabulary: Sequence[str], said: sparse.csr_matrix) -> Bools:
    """Tell which terms to list: a part of a longer term said in the very same units says nothing of its own."""
    columns = said.tocsc()
    columns.sort_indices()
    same: dict[bytes, list[str]] = {}
    for i, term in enumerate(vocabulary):
        units = columns.indices[columns.indptr[i] : columns.indptr[i + 1]]
        same.setdefault(units.tobytes(), []).append(term)
    listed = {term for units, terms in same.items() for term in (longest(terms) if units else terms)}
    return np.array([term in listed for term in vocabulary], dtype=bool)


def _q_values(p: Floats, testable: Bools) -> Floats:
    q = np.ones(len(p))
    q[testable] = false_discovery(p[testable])
    return q


def _triggers(
    vocabulary: Sequence[str],
    pooled: Pooled,
    prior: Prior,
    margins: Margins,
    held_out: Pooled,
    q: Floats,
    n_agents: Ints,
) -> list[Trigger]:
    shown = margins.lift(prior, pooled.log_odds, pooled.variance, pooled.n_with)
    again = np.divide(*margins.rates(held_out.log_odds, pooled.n_with))
    return [
        Trigger(
            term=term,
            log_odds=float(shown.log_odds[i]),
            lift=float(shown.value[i]),
            lower=float(shown.lower[i]),
            upper=float(shown.upper[i]),
            q=float(q[i]),
            n_with=int(pooled.n_with[i]),
            n_without=int(margins.n - pooled.n_with[i]),
            n_agents=int(n_agents[i]),
            held_out_lift=float(again[i]) if held_out.n_with[i] else None,
            win_rate_with=float(shown.rate_with[i]),
            win_rate_without=float(shown.rate_without[i]),
        )
        for i, term in enumerate(vocabulary)
    ]


def _unseen(prior: Prior, margins: Margins) -> Trigger:
    nothing = Pooled(np.zeros(1), np.full(1, NO_NEWS), np.ones(1), np.zeros(1, dtype=np.int64))
    return _triggers([""], nothing, prior, margins, nothing, nothing.p, nothing.n_with)[0]


def _ranked(triggers: Sequence[Trigger], chosen: Bools) -> list[Trigger]:
    listed = [trigger for trigger, wanted in zip(triggers, chosen, strict=True) if wanted]
    return sorted(listed, key=lambda t: (-t.lift, -t.n_with, t.term))
