"""Groups units by terms that keep company: what is said together more often than length alone explains."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.stats import norm

from estate.behavior.analytics.lift import Margins
from estate.behavior.analytics.shrinkage import fit_prior
from estate.behavior.analytics.stratified import false_discovery, length_bands, score_test

__all__ = ["PatternGroup", "PatternReport", "group"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MIN_UNITS = 5  # A term in fewer units has no company to speak of.
MAX_TERMS = 150  # The most frequent ones; pairs grow with the square.
LINK_LEVEL = 0.01  # Expected share of false ones among the linked pairs.
LINK_LOG_ODDS = float(np.log(2))  # Weaker company is real in large data and still no pattern.
CLUSTER_CUT = 0.5  # In a group, more than half of the pairs between any two parts are linked.
RESAMPLES = 20
MIN_STABILITY = 0.75  # Mean Jaccard likeness to the group found again; below, clusters are accidents (Hennig 2007).
NAME_TERMS = 3
NAME_LENGTH = 120


@dataclass(frozen=True, slots=True)
class PatternGroup:
    """Terms that go together, and the units that show at least two of them.

    Parameters
    ----------
    name : str
        Its most frequent terms.
    terms : tuple of str
        All its terms, the most frequent first; no term is in two groups.
    size, n_won, n_lost, n_open : int
        Units in the group, and by outcome.
    stability : float
        Mean Jaccard likeness of its terms to the best match over bootstrap resamples, in [0, 1].
    lift, lower, upper : float
        P(won | in the group) / P(won | not in it) among closed units of like length, shrunk, with its 90 % interval.
    """

    name: str
    terms: tuple[str, ...]
    size: int
    n_won: int
    n_lost: int
    n_open: int
    stability: float
    lift: float
    lower: float
    upper: float


@dataclass(frozen=True, eq=False, slots=True)
class PatternReport:
    """What the grouping found.

    Parameters
    ----------
    labels : int64[m]
        Position in `groups` of each unit's group; -1 for none.
    groups : list of PatternGroup
        The largest first; empty when nothing is stable.
    """

    labels: Ints
    groups: list[PatternGroup]


def group(sequences: Sequence[Sequence[str]], outcomes: ArrayLike, *, rng: np.random.Generator) -> PatternReport:
    """Find groups of terms that are said together, and the units that belong to them.

    Parameters
    ----------
    sequences : sequence of sequences of str, length m
        The terms of each unit; which terms matters, their order does not.
    outcomes : float[m]
        1 won, 0 lost, NaN open.
    rng : numpy.random.Generator
        Draws the resamples by which stability is judged.

    Notes
    -----
    Two terms are linked when they share units more often than chance within bands of like length (score test,
    Benjamini-Hochberg at `LINK_LEVEL`, log odds above `LINK_LOG_ODDS`). Average linkage over the links gives the
    groups; those that bootstrap resamples do not find again are dropped, so that noise gives none.
    """
    outcome = np.asarray(outcomes, dtype=float)
    vocabulary, said = _frequent(sequences)
    bands = length_bands(np.array([len(set(terms)) for terms in sequences], dtype=float))
    found = _clusters(_links(said, bands))
    again = [_clusters(_links(said[pick], bands[pick])) for pick in _resamples(len(said), rng) if found]
    stable = [(members, s) for members in found if (s := _stability(members, again)) >= MIN_STABILITY]
    labels = _labels(said, [members for members, _ in stable])
    groups = _describe(vocabulary, stable, labels, outcome, bands)
    order = sorted(range(len(groups)), key=lambda i: (-groups[i].size, groups[i].name))
    place = {old: new for new, old in enumerate(order)} | {-1: -1}
    return PatternReport(
        np.array([place[label] for label in labels.tolist()], dtype=np.int64), [groups[i] for i in order]
    )


def _frequent(sequences: Sequence[Sequence[str]]) -> tuple[list[str], Floats]:
    """Return the terms that are frequent enough and float64[units, terms], 1 where a unit has a term."""
    units: dict[str, list[int]] = {}
    for row, terms in enumerate(sequences):
        for term in set(terms):
            units.setdefault(term, []).append(row)
    often = sorted((t for t in units if len(units[t]) >= MIN_UNITS), key=lambda t: (-len(units[t]), t))[:MAX_TERMS]
    said = np.zeros((len(sequences), len(often)))
    for column, term in enumerate(often):
        said[units[term], column] = 1
    return often, said


def _links(said: Floats, bands: Ints) -> Bools:
    """Return bool[terms, terms]: which pairs keep company."""
    shape = (said.shape[1], said.shape[1])
    excess, variance = np.zeros(shape), np.zeros(shape)
    for band in np.unique(bands):
        rows = said[bands == band]
        n, count = len(rows), rows.sum(axis=0)
        excess += rows.T @ rows - np.outer(count, count) / n
        variance += np.outer(count * (n - count), count * (n - count)) / max(n**2 * (n - 1), 1)
    upper = np.triu_indices(len(excess), 1)
    spread = np.maximum(variance[upper], 1e-12)
    q = false_discovery(norm.sf((excess[upper] - 0.5) / np.sqrt(spread)))
    links = np.zeros(shape, dtype=bool)
    links[upper] = (q <= LINK_LEVEL) & (excess[upper] >= LINK_LOG_ODDS * spread)
    return links | links.T


def _clusters(links: Bools) -> list[frozenset[int]]:
    if len(links) < 2:
        return []
    tree = linkage(squareform(1.0 - links, checks=False), "average")
    labels = fcluster(tree, CLUSTER_CUT, "distance")
    members = [frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)]
    return [cluster for cluster in members if len(cluster) > 1]


def _resamples(n: int, rng: np.random.Generator) -> list[Ints]:
    return [rng.integers(0, n, n) for _ in range(RESAMPLES)]


def _stability(members: frozenset[int], again: Sequence[list[frozenset[int]]]) -> float:
    best = [max((len(members & o) / len(members | o) for o in others), default=0.0) for others in again]
    return float(np.mean(best))


def _labels(said: Floats, clusters: Sequence[frozenset[int]]) -> Ints:
    """Give each unit the group most of whose terms it has, at least two; the earlier one at a tie."""
    labels = np.full(len(said), -1, dtype=np.int64)
    if not clusters:
        return labels
    shown = np.column_stack([said[:, sorted(members)].sum(axis=1) for members in clusters])
    best = shown.argmax(axis=1)
    enough = shown[np.arange(len(said)), best] >= 2
    labels[enough] = best[enough]
    return labels


def _describe(
    vocabulary: Sequence[str],
    stable: Sequence[tuple[frozenset[int], float]],
    labels: Ints,
    outcome: Floats,
    bands: Ints,
) -> list[PatternGroup]:
    closed = ~np.isnan(outcome)
    member = (labels[:, None] == np.arange(len(stable))).astype(float)
    measured = score_test(sparse.csr_matrix(member[closed]), outcome[closed], bands[closed])
    margins = Margins(int(closed.sum()), float(outcome[closed].sum()))
    prior = fit_prior(measured.log_odds, measured.variance)
    lift = margins.lift(*prior.posterior(measured.log_odds, measured.variance), measured.n_with)
    groups = []
    for i, (columns, stability) in enumerate(stable):
        terms = tuple(vocabulary[column] for column in sorted(columns))
        results = outcome[labels == i]
        groups.append(
            PatternGroup(
                name=" + ".join(terms[:NAME_TERMS])[:NAME_LENGTH].rstrip(),
                terms=terms,
                size=len(results),
                n_won=int((results == 1).sum()),
                n_lost=int((results == 0).sum()),
                n_open=int(np.isnan(results).sum()),
                stability=stability,
                lift=float(lift.value[i]),
                lower=float(lift.lower[i]),
                upper=float(lift.upper[i]),
            )
        )
    return groups
