r"""What is true in the sample world, kept aside so that tests can ask whether the analytics find it.

A deal of agent a, client c and unit u, opened in season w, in whose conversations the set S of terms is said:

    logit P(won) = BASE + 1 · skill_a + 0.8 · readiness_c − 3 · over_budget + 0.6 · in_target_area
                   − 0.4 · bedroom_gap + 0.3 · w + Σ_{term ∈ S} log_odds(term)

with over_budget = clip(price_u / true budget_c − 1, 0, 0.6), bedroom_gap = min(2, |bedrooms_u − wanted|) and
w = cos(2π · month / 12), 1 in January. Deals that are still running at `now` are open: their outcome is not
drawn from a different law, it is only not seen (the length of a deal depends on the client's decision speed).

What misleads a naive count:

* longer talk for stronger clients: every term, neutral ones too, is said more often by who would win anyway
* neutral terms that travel along with an effective one (`Term.follows`) or with good agents (`skill_slope`)
* hard clients go to better agents (`estate.sample.people`), so raw win rates hide skill
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from estate.sample import phrases
from estate.sample.draws import Floats

__all__ = ["BASE", "COLUMNS", "WEIGHTS", "Truth", "coefficients"]

BASE = -0.55
WEIGHTS: Mapping[str, float] = {
    "agent_skill": 1.0,
    "client_readiness": 0.8,
    "over_budget": -3.0,
    "in_target_area": 0.6,
    "bedroom_gap": -0.4,
    "season": 0.3,
}
COLUMNS = (*WEIGHTS, *(term.text for term in phrases.TERMS))


def coefficients() -> Floats:
    """Return the true coefficient of each of `COLUMNS`."""
    return np.array([*WEIGHTS.values(), *(term.log_odds for term in phrases.TERMS)])


@dataclass(frozen=True, eq=False, slots=True)
class Truth:
    """The causes behind a generated world.

    Parameters
    ----------
    base_logit : float
        Intercept of the outcome model above.
    weights : mapping of str to float
        True coefficients of the features that are not terms.
    effects : mapping of str to float
        True log-odds of each term; 0 for a neutral one.
    speakers : mapping of str to str
        Who says each term: ``"agent"`` or ``"client"``.
    agent_skill : mapping of UUID to float
        Log-odds that the agent adds to any deal.
    client_readiness : mapping of UUID to float
        Standard normal latent strength of the client.
    client_budget : mapping of UUID to float
        Budget that the client really has, in AED.
    area_growth : mapping of UUID to float
        Drift of the log price, a year.
    area_demand : mapping of UUID to float
        Mean of the latent demand.
    deal_ids : tuple of UUID
        Deals in the order of the rows below.
    columns : tuple of str
        Names of the columns of `features`.
    features : float64[deals, columns]
        The true design, open deals included; terms are 0 or 1.
    win_probability : float64[deals]
        True chance of each deal.
    """

    base_logit: float
    weights: Mapping[str, float]
    effects: Mapping[str, float]
    speakers: Mapping[str, str]
    agent_skill: Mapping[UUID, float]
    client_readiness: Mapping[UUID, float]
    client_budget: Mapping[UUID, float]
    area_growth: Mapping[UUID, float]
    area_demand: Mapping[UUID, float]
    deal_ids: tuple[UUID, ...]
    columns: tuple[str, ...]
    features: Floats
    win_probability: Floats

    @property
    def coefficients(self) -> Floats:
        """True coefficient of each of `columns`."""
        return np.array([{**self.weights, **self.effects}[column] for column in self.columns])
