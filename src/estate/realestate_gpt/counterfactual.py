"""Learns from judged replies which layers help on which topic, and judges new weights on replies that others shaped.

A reader who looks from the top down sees the first item for sure and the r-th with probability 1 / r, so an item that
was not liked far down was perhaps not seen. What was liked is therefore set against how often it was seen (the
position-based model; Joachims, Swaminathan and Schnabel, 2017).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from estate.realestate_gpt.retrieval.weights import Weights

__all__ = ["Judged", "Proposal", "learn", "propose", "seen"]

MOST_SEEN = 10.0  # Items seen that one account may speak for, a topic: nobody outvotes the house.
MOST_HELPED = 3.0  # Likewise helpful ones: whoever praises everything says no more than who praises a little.
PRIOR_SEEN = 10.0  # Items seen that the topic's own share counts for, in each layer.
MOST_FACTOR = 3.0  # A layer never counts more than thrice as much, or less than a third.
MIN_ACCOUNTS = 4  # Fewer cannot be told from one opinion.
FOLDS = 2
DRAWS, TAIL = 1_000, 0.05


@dataclass(frozen=True, slots=True)
class Judged:
    """What one account thought of one list.

    Parameters
    ----------
    account, intent : str
        Who judged; topic of the question.
    layers : tuple of str
        Layer of each item, in the order shown.
    scores : tuple of float
        How well each item fits before its layer counts.
    helped : tuple of float
        0 to 1 for each item; an item that was not seen has not helped.
    """

    account: str
    intent: str
    layers: tuple[str, ...]
    scores: tuple[float, ...]
    helped: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """New weights, and how much nearer to the top they bring what helped than the present ones do.

    Parameters
    ----------
    weights : Weights
        Learned from all that was judged.
    gain, lower : float
        Mean change of the discount 1 / log2(1 + rank) of what helped, and the lower end of its two-sided 90 %
        interval, by bootstrap over accounts; from accounts that the judged weights were not learned from.
    n : int
        Judged lists.
    """

    weights: Weights
    gain: float
    lower: float
    n: int

    @property
    def is_better(self) -> bool:
        """Whether the gain is beyond doubt."""
        return self.lower > 0


def seen(n: int) -> NDArray[np.float64]:
    """Return the probability with which each of `n` items in a row is looked at."""
    return np.asarray(1 / np.arange(1, n + 1))


def learn(judged: Sequence[Judged], present: Weights) -> Weights:
    """Return weights whose layer factors are the share of helpful items seen, over that of the topic.

    Notes
    -----
    (H + m r) / (E + m) / r with H what helped, E what was seen, r = H / E of the whole topic and m = `PRIOR_SEEN`:
    a layer of which little was seen keeps the factor 1. No account counts for more than `MOST_SEEN` and `MOST_HELPED`.
    """
    helped: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    exposed: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    caps = _caps(judged)
    for one in judged:
        of_helped, of_seen = caps[one.account, one.intent]
        for layer, liked, looked in zip(one.layers, one.helped, seen(len(one.layers)), strict=True):
            helped[one.intent][layer] += of_helped * liked
            exposed[one.intent][layer] += of_seen * float(looked)
    layers = {intent: _factors(helped[intent], exposed[intent]) for intent in sorted(exposed)}
    return replace(present, layers={**present.layers, **layers})


def _factors(helped: Mapping[str, float], exposed: Mapping[str, float]) -> dict[str, float]:
    rate = sum(helped.values()) / sum(exposed.values())
    if not rate:
        return {}
    shares = {layer: (helped[layer] + PRIOR_SEEN * rate) / (n + PRIOR_SEEN) for layer, n in sorted(exposed.items())}
    return {layer: min(max(share / rate, 1 / MOST_FACTOR), MOST_FACTOR) for layer, share in shares.items()}


def _caps(judged: Sequence[Judged]) -> dict[tuple[str, str], tuple[float, float]]:
    """Return by what the helped and the seen items of each account on a topic are multiplied."""
    helped: defaultdict[tuple[str, str], float] = defaultdict(float)
    exposed: defaultdict[tuple[str, str], float] = defaultdict(float)
    for one in judged:
        helped[one.account, one.intent] += sum(one.helped)
        exposed[one.account, one.intent] += float(seen(len(one.layers)).sum())
    return {
        key: (MOST_HELPED / max(helped[key], MOST_HELPED), MOST_SEEN / max(exposed[key], MOST_SEEN)) for key in exposed
    }


def propose(judged: Sequence[Judged], present: Weights, rng: np.random.Generator) -> Proposal | None:
    """Learn new weights and judge them; None while too few accounts have judged anything, or none are new.

    Notes
    -----
    Accounts are parted in two; weights learned from one half are judged by the other, so that nobody confirms what
    they themselves brought in. Each account's estimate is self-normalised (SNIPS; Swaminathan and Joachims, 2015),
    and all accounts count alike.
    """
    judged = [one for one in judged if one.layers]
    accounts = sorted({one.account for one in judged})
    if len(accounts) < MIN_ACCOUNTS:
        return None
    learned = learn(judged, present)
    if learned == present:
        return None
    fold = dict(zip(accounts, rng.permutation(len(accounts)) % FOLDS, strict=True))
    moved: defaultdict[str, NDArray[np.float64]] = defaultdict(lambda: np.zeros(2))
    for number in range(FOLDS):
        weights = learn([one for one in judged if fold[one.account] != number], present)
        for one in judged:
            if fold[one.account] == number:
                moved[one.account] += _moved(one, present, weights)
    gains = np.array([change / liked for change, liked in moved.values() if liked])
    if len(gains) < MIN_ACCOUNTS:
        return None
    drawn = gains[rng.integers(0, len(gains), (DRAWS, len(gains)))].mean(axis=1)
    return Proposal(learned, float(gains.mean()), float(np.quantile(drawn, TAIL)), len(judged))


def _moved(one: Judged, present: Weights, new: Weights) -> NDArray[np.float64]:
    """Return how far up new weights bring what helped, and what helped, both over the chance that it was seen."""
    liked = np.asarray(one.helped) / seen(len(one.layers))
    return np.array([liked @ (_discounts(one, new) - _discounts(one, present)), liked.sum()])


def _discounts(one: Judged, weights: Weights) -> NDArray[np.float64]:
    """Return the discount of each item at its rank by some weights."""
    factors = np.array([weights.factor(one.intent, layer) for layer in one.layers])
    ranks = np.argsort(np.argsort(-np.asarray(one.scores) * factors, kind="stable"))
    return np.asarray(1 / np.log2(ranks + 2))
