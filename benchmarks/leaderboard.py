"""`estate bench leaderboard`: finds the best agents among those who were dealt easier or harder clients.

A world: 150 agents with log-normal deal counts (median 25), case mix of standard deviation 0.5 and skill of 0.45 in
the log-odds of a win; clients differ by 0.8 within an agent's share. Expectations are what a fitted score would give:
right but for an error of a tenth an agent and a common bias.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata, spearmanr

from benchmarks.report import Options, Report
from estate.agent.analytics.ranking import rank

__all__ = ["TARGETS", "bench"]

AGENTS = 150
BEST = 15
WORLDS, QUICK_WORLDS = 300, 10
MEDIAN_DEALS, DEALS_SPREAD = 25, 0.9
MIX_SPREAD, SKILL_SPREAD, CLIENT_SPREAD = 0.5, 0.45, 0.8
BASE_LOGIT = -1.4
EXPECTED_ERROR, EXPECTED_BIAS = 0.1, 0.08

TARGETS: dict[str, tuple[str, float]] = {
    "precision_at_15": (">=", 0.42),
    "spearman": (">=", 0.57),
    "coverage_90_least": (">=", 0.87),
    "coverage_90": ("<=", 0.93),
}

Floats = NDArray[np.float64]


def bench(options: Options) -> Report:
    """Run the bench."""
    worlds = QUICK_WORLDS if options.quick else WORLDS
    found = np.array([_world(np.random.default_rng([options.seed, world])) for world in range(worlds)])
    mean, error = found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(worlds)
    metrics = {
        "precision_at_15": float(mean[0]),
        "spearman": float(mean[1]),
        "coverage_90": float(mean[2]),
        "coverage_90_least": float(mean[2]),
        "standard_error": {
            "precision_at_15": float(error[0]),
            "spearman": float(error[1]),
            "coverage_90": float(error[2]),
        },
    }
    peers = {"raw rate": {"precision_at_15": float(mean[3]), "spearman": float(mean[4])}}
    targets = {} if options.quick else TARGETS
    return Report("leaderboard", options.seed, worlds, f"{worlds} worlds of {AGENTS} agents", metrics, targets, peers)


def _world(rng: np.random.Generator) -> tuple[float, ...]:
    """Return precision, rank correlation and coverage of ours, precision and correlation of the raw rate."""
    deals = np.maximum(1, np.round(MEDIAN_DEALS * np.exp(DEALS_SPREAD * rng.normal(size=AGENTS)))).astype(int)
    skill = SKILL_SPREAD * rng.normal(size=AGENTS)
    mix = MIX_SPREAD * rng.normal(size=AGENTS)
    error = EXPECTED_BIAS + EXPECTED_ERROR * rng.normal(size=AGENTS)
    agent = np.repeat(np.arange(AGENTS), deals)
    client = BASE_LOGIT + mix[agent] + CLIENT_SPREAD * rng.normal(size=len(agent))
    won = rng.random(len(agent)) < _expit(client + skill[agent])
    wins = np.bincount(agent, won, AGENTS)
    expected = np.bincount(agent, _expit(client + error[agent]), AGENTS)
    places = {place.agent_id: place for place in rank(range(AGENTS), wins, expected, deals)}
    truth = rankdata(-skill, method="ordinal")
    ours = np.array([places[i].rank for i in range(AGENTS)])
    inside = [places[i].rank_lower <= truth[i] <= places[i].rank_upper for i in range(AGENTS)]
    raw = rankdata(-wins / deals, method="ordinal")
    return (
        float(np.mean(truth[ours <= BEST] <= BEST)),
        float(spearmanr(ours, truth).statistic),
        float(np.mean(inside)),
        float(np.mean(truth[raw <= BEST] <= BEST)),
        float(spearmanr(raw, truth).statistic),
    )


def _expit(eta: Floats) -> Floats:
    p: Floats = 1 / (1 + np.exp(-eta))
    return p
