"""In which part of a sale an agent is strong: deals passed against those expected, stage by stage."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from estate.agent.analytics.ranking import MIN_DEALS, rank

__all__ = ["PARTS", "STAGES", "Part", "skill_parts"]

Id = TypeVar("Id", bound=Hashable)
Floats = npt.NDArray[np.float64]

STAGES = ("new", "qualified", "viewing", "negotiation", "won")
PARTS = {"qualify": 1, "show": 2, "negotiate": 3, "close": 4}
"""Each part leads from the stage before to the one of this place in `STAGES`."""
STRATA = 3  # Thirds of the clients' chances: enough to tell easy from hard, and full in a small brokerage.


@dataclass(frozen=True, slots=True)
class Part(Generic[Id]):
    """One agent in one part of the sale.

    Parameters
    ----------
    agent_id : hashable
        Whose.
    part : str
        A key of `PARTS`.
    n, passed : int
        Closed deals that got to the part, and those that passed it.
    expected : float
        Those that the average agent would have passed with such clients.
    score, lower, upper : float
        Passed over expected, shrunk, with its 90 % interval; 1 is average.
    """

    agent_id: Id
    part: str
    n: int
    passed: int
    expected: float
    score: float
    lower: float
    upper: float

    @property
    def enough(self) -> bool:
        """Whether there are deals enough to speak of the part."""
        return self.n >= MIN_DEALS


def skill_parts(agent_ids: Sequence[Id], furthest: npt.NDArray[np.int64], chances: Floats) -> dict[Id, list[Part[Id]]]:
    """Judge agents part by part.

    Parameters
    ----------
    agent_ids : sequence [n]
        The agent of each closed deal.
    furthest : int64[n]
        Place in `STAGES` that the deal got to: 4 when it was won.
    chances : float64[n]
        What the client led to expect, in [0, 1].

    Returns
    -------
    dict
        Parts of each agent in the order of `PARTS`; a part that no deal of the agent got to is absent.

    Notes
    -----
    Indirect standardisation: the share of all deals that pass, within thirds of the clients' chances, summed over the
    agent's deals. Observed and expected are shrunk as those of whole deals are (`ranking.rank`).
    """
    found: dict[Id, list[Part[Id]]] = {agent_id: [] for agent_id in agent_ids}
    strata = _strata(chances)
    for part, place in PARTS.items():
        at_risk = np.flatnonzero(furthest >= place - 1)
        passed = (furthest[at_risk] >= place).astype(np.float64)
        expected = _expected(passed, strata[at_risk])
        for one in _judged(part, [agent_ids[i] for i in at_risk.tolist()], passed, expected):
            found[one.agent_id].append(one)
    return found


def _strata(chances: Floats) -> npt.NDArray[np.int64]:
    cuts = np.quantile(chances, np.linspace(0, 1, STRATA + 1)[1:-1]) if len(chances) else np.empty(0)
    return np.searchsorted(cuts, chances, side="right").astype(np.int64)


def _expected(passed: Floats, strata: npt.NDArray[np.int64]) -> Floats:
    """Return the share that passes in the stratum of each deal."""
    n = np.bincount(strata, minlength=STRATA)
    share = np.bincount(strata, passed, minlength=STRATA) / np.maximum(n, 1)
    return np.asarray(share[strata], dtype=np.float64)


def _judged(part: str, agents: Sequence[Id], passed: Floats, expected: Floats) -> list[Part[Id]]:
    order = list(dict.fromkeys(agents))
    numbers = {agent: i for i, agent in enumerate(order)}
    which = np.array([numbers[agent] for agent in agents], dtype=np.int64)
    n, wins, hoped = (np.bincount(which, weights, len(order)) for weights in (None, passed, expected))
    totals = {agent: (int(n[i]), int(wins[i]), float(hoped[i])) for i, agent in enumerate(order)}
    return [
        Part(place.agent_id, part, *totals[place.agent_id], place.score, place.lower, place.upper)
        for place in rank(order, wins, hoped, n)
    ]
