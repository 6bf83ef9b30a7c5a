"""`estate bench patterns`: whether planted groups of client behaviour are recovered, and none is claimed on noise.

The clients of the sample world keep their own events, but for terms that travel along with another one there: such
pairs are groups too, of which a client may be in several. Half of them, in three groups, also take four to eight steps
of their group's journey, in any order and among their own; which group a client is in is never told. For noise every
event is redrawn from the pooled frequencies, and the number of each client's events is kept.
"""

import datetime as dt
from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from benchmarks.report import Options, Report
from estate.behavior.analytics.patterns import group
from estate.sample.phrases import TERMS
from estate.sample.world import generate

__all__ = ["TARGETS", "bench"]

JOURNEYS = (
    ("brochure download", "mortgage calculator", "bank pre-approval", "rate comparison"),
    ("school search", "commute map", "neighbourhood guide", "weekend viewing"),
    ("yield calculator", "tenant demand report", "resale history", "fund transfer question"),
)
TRAVELLERS = frozenset(term.text for term in TERMS if term.follows)
PLANTED_SHARE = 0.5
SCALE = 5
STEPS = (4, 9)
SEEDS = 5
NOISE_RUNS = 100
NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)

TARGETS: dict[str, tuple[str, float]] = {"planted_ari": (">=", 0.75), "noise_group_runs": ("<=", 9)}

Sequences = list[list[str]]


def bench(options: Options) -> Report:
    """Run the bench; `planted_ari` is the mean over worlds, each label counted, that of no group too."""
    seeds, noise_runs = (1, 5) if options.quick else (SEEDS, NOISE_RUNS)
    aris, clients, noisy = [], 0, 0
    for seed in range(options.seed, options.seed + seeds):
        rng = np.random.default_rng((seed, 0))
        sequences, outcomes = _clients(seed)
        planted, truth = _plant(sequences, rng)
        aris.append(float(adjusted_rand_score(truth, group(planted, outcomes, rng=rng).labels)))
        clients = len(sequences)
    for run in range(noise_runs):
        rng = np.random.default_rng((options.seed, 1, run))
        noisy += bool(group(_redrawn(planted, rng), outcomes, rng=rng).groups)
    metrics: dict[str, Any] = {
        "planted_ari": float(np.mean(aris)),
        "planted_ari_se": float(np.std(aris) / np.sqrt(len(aris))),
        "noise_group_runs": noisy,
        "noise_runs": noise_runs,
    }
    return Report("patterns", options.seed, clients, f"sample world, {seeds} seeds", metrics, TARGETS)


def _clients(seed: int) -> tuple[Sequences, NDArray[np.float64]]:
    """Return the events of each client of a sample world in the order of time, and whether the client bought."""
    wanted = {"deals", "behavior_events"}
    tables: dict[str, list[Any]] = {n: list(rows) for n, rows in generate(SCALE, seed, NOW).tables() if n in wanted}
    steps: defaultdict[Any, list[str]] = defaultdict(list)
    for event in sorted(tables["behavior_events"], key=lambda row: (row["time_of_event"], row["event_id"])):
        step = event["trigger_word"] or event["metadata"]["type"]
        if step not in TRAVELLERS:
            steps[event["client_id"]].append(step)
    ended: defaultdict[Any, list[str | None]] = defaultdict(list)
    for deal in tables["deals"]:
        ended[deal["client_id"]].append(deal["outcome"])
    clients = sorted(steps)
    return [steps[client] for client in clients], np.array([_outcome(ended[client]) for client in clients])


def _outcome(ended: list[str | None]) -> float:
    return 1.0 if "won" in ended else 0.0 if "lost" in ended else float("nan")


def _plant(sequences: Sequences, rng: np.random.Generator) -> tuple[Sequences, NDArray[np.int64]]:
    truth = np.where(rng.random(len(sequences)) < PLANTED_SHARE, rng.integers(0, len(JOURNEYS), len(sequences)), -1)
    planted = []
    for own, journey in zip(sequences, truth.tolist(), strict=True):
        steps = list(own)
        for _ in range(rng.integers(*STEPS) if journey >= 0 else 0):
            steps.insert(int(rng.integers(0, len(steps) + 1)), str(rng.choice(JOURNEYS[journey])))
        planted.append(steps)
    return planted, truth.astype(np.int64)


def _redrawn(sequences: Sequences, rng: np.random.Generator) -> Sequences:
    pool = np.array([step for steps in sequences for step in steps])
    return [rng.choice(pool, len(steps)).tolist() for steps in sequences]
