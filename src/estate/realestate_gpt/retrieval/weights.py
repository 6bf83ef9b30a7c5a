"""The weights of a ranking: how much each leg of the search counts, and each layer for each topic."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from estate.realestate_gpt.records import Key

__all__ = ["DEFAULT", "Weights", "fused", "weighted"]

Scores = Mapping[Key, float]


@dataclass(frozen=True, slots=True)
class Weights:
    """One version of the table that ranks.

    Parameters
    ----------
    legs : mapping
        ``lexical`` and ``dense`` to their share in the fused score.
    layers : mapping
        Topic to layer to the factor of its records' scores; 1 where nothing stands.
    """

    legs: Mapping[str, float] = field(default_factory=lambda: {"lexical": 0.95, "dense": 0.05})
    layers: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def factor(self, intent: str, layer: str) -> float:
        """Return the factor of a layer for a topic."""
        return self.layers.get(intent, {}).get(layer, 1.0)

    def as_json(self) -> dict[str, Any]:
        """Return the weights as they are stored."""
        return {"legs": dict(self.legs), "layers": {intent: dict(by) for intent, by in self.layers.items()}}


DEFAULT = Weights()
"""Before anything was learned: words lead, since a name or number that is met exactly is rarely wrong."""


def fused(lexical: Scores, dense: Scores, weights: Weights) -> dict[Key, float]:
    """Join two legs by the weighted sum of their scores, each divided by its best.

    Notes
    -----
    A convex combination of normalised scores (Bruch, Gai and Ingber, 2023): unlike a sum of ranks it keeps how
    much better the first is than the next, so that an unsure leg does not overrule a sure one.
    """
    sums: dict[Key, float] = {}
    for name, scores in (("lexical", lexical), ("dense", dense)):
        top = max(scores.values(), default=0.0)
        for key, score in scores.items():
            sums[key] = sums.get(key, 0.0) + weights.legs[name] * max(score, 0.0) / (top or 1.0)
    return sums


def weighted(scores: Scores, weights: Weights, intent: str) -> list[tuple[Key, float]]:
    """Multiply scores by the factor of their layer; best first, ties by key."""
    found = ((key, score * weights.factor(intent, key[0])) for key, score in scores.items())
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))
