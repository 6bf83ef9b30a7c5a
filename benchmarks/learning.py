"""`estate bench learning`: does the ranking get better by what simulated users say, and never worse.

In each world (seeds 1000·S to 1000·S + 19) layers are of different use for each topic, which the frozen weights do not
know. Users look from the top down, judge what they look at and err in 20 % of it; what they say goes through
`counterfactual.propose`, as in production, every 100 events, and is taken when the proposal is beyond doubt. Judged
are lists for questions that nobody gave an opinion on.

It measures the method, not a loop of the product: these users judge the list that the weights order; those of the
product judge the sentences of a reply, which the weights do not order (`learning.judged_by`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.beir import ndcg
from benchmarks.report import Options, Report
from estate.realestate_gpt.counterfactual import Judged, propose
from estate.realestate_gpt.records import LAYERS, Key
from estate.realestate_gpt.retrieval.weights import DEFAULT, Weights, weighted

__all__ = ["TARGETS", "bench"]

WORLDS, EVENTS, CHECKED = 20, 2_000, 300
QUICK_WORLDS, QUICK_EVENTS, QUICK_CHECKED = 3, 800, 60
TOPICS = ("market", "unit", "price", "objection", "next_step", "general")
CANDIDATES, SHOWN, EVERY = 30, 10, 100
USERS, NOISE = 40, 0.2
ENEMIES, ENEMY_SHARE = 3, 0.2
USE_SPREAD, BASE = 0.9, -1.6
BIAS = 1.0
OTHER_BIASES = (0.5, 1.5)
DRAWS = 2_000

TARGETS: dict[str, tuple[str, float]] = {
    "ndcg_gain_lower": (">", 0),
    "worst_drop": (">=", -0.01),
    "kept_under_attack": (">=", 0.8),
}
QUICK_TARGETS = {name: TARGETS[name] for name in ("ndcg_gain_lower", "worst_drop")}

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Query:
    """Candidates for one question: their layer, how well they fit by words, and whether they are needed."""

    intent: str
    scores: dict[Key, float]
    needed: frozenset[Key]


@dataclass(frozen=True, slots=True)
class Setting:
    """How the users of a run behave."""

    bias: float = BIAS
    enemies: bool = False


def bench(options: Options) -> Report:
    """Run the bench."""
    worlds, events, checked = (
        (QUICK_WORLDS, QUICK_EVENTS, QUICK_CHECKED) if options.quick else (WORLDS, EVENTS, CHECKED)
    )
    seeds = [1_000 * options.seed + world for world in range(worlds)]

    def runs(setting: Setting) -> Floats:
        return np.array([_run(seed, events, checked, setting) for seed in seeds])

    plain, attacked = runs(Setting()), runs(Setting(enemies=True))
    gains = plain[:, -1]
    drawn = gains[np.random.default_rng(options.seed).integers(0, worlds, (DRAWS, worlds))].mean(axis=1)
    metrics: dict[str, Any] = {
        "ndcg_gain": float(gains.mean()),
        "ndcg_gain_lower": float(np.quantile(drawn, 0.05)),
        "ndcg_gain_standard_error": float(gains.std(ddof=1) / np.sqrt(worlds)),
        "worst_drop": float(plain.min()),
        "kept_under_attack": float(attacked[:, -1].mean() / gains.mean()),
        "worst_drop_under_attack": float(attacked.min()),
        "mean_gain_by_events": {
            f"{EVERY * (i + 1):,}": float(gain) for i, gain in enumerate(plain.mean(axis=0)) if i % 4 == 3
        },
    }
    if not options.quick:
        metrics["gain_when_users_look_otherwise"] = {
            f"1 / rank^{bias}": _figures(runs(Setting(bias=bias))) for bias in OTHER_BIASES
        }
    data = f"generated: {worlds} worlds × {events:,} events of {USERS} users, {NOISE:.0%} noise, looks fall as 1 / rank"
    targets = QUICK_TARGETS if options.quick else TARGETS
    return Report("learning", options.seed, worlds * USERS, data, metrics, targets)


def _figures(gains: Floats) -> dict[str, float]:
    return {"ndcg_gain": float(gains[:, -1].mean()), "worst_drop": float(gains.min())}


def _run(seed: int, events: int, checked: int, setting: Setting) -> Floats:
    """Return the gain over the frozen weights after each batch of events."""
    rng = np.random.default_rng(seed)
    use = rng.normal(0, USE_SPREAD, (len(TOPICS), len(LAYERS)))
    held_out = [_query(rng, use) for _ in range(checked)]
    frozen = _quality(held_out, DEFAULT)
    present, judged, gains = DEFAULT, list[Judged](), list[float]()
    for number in range(events):
        judged.append(_event(rng, _query(rng, use), present, setting))
        if (number + 1) % EVERY == 0:
            proposal = propose(judged, present, rng)
            if proposal is not None and proposal.is_better:
                present = proposal.weights
            gains.append(_quality(held_out, present) - frozen)
    return np.array(gains)


def _query(rng: np.random.Generator, use: Floats) -> Query:
    topic = int(rng.integers(len(TOPICS)))
    layer = rng.integers(0, len(LAYERS), CANDIDATES)
    fit = rng.normal(size=CANDIDATES)
    needed = rng.random(CANDIDATES) < 1 / (1 + np.exp(-(BASE + fit + use[topic, layer])))
    keys: list[Key] = [(LAYERS[one], str(i)) for i, one in enumerate(layer)]
    scores = dict(zip(keys, np.exp(0.5 * fit).tolist(), strict=True))
    return Query(
        TOPICS[topic], scores, frozenset(key for key, is_needed in zip(keys, needed, strict=True) if is_needed)
    )


def _event(rng: np.random.Generator, query: Query, present: Weights, setting: Setting) -> Judged:
    """Show a list to somebody and return what they said of it."""
    shown = [key for key, _ in weighted(query.scores, present, query.intent)[:SHOWN]]
    is_enemy = setting.enemies and rng.random() < ENEMY_SHARE
    account = f"enemy {rng.integers(ENEMIES)}" if is_enemy else f"user {rng.integers(USERS)}"
    looked = rng.random(SHOWN) < np.arange(1, SHOWN + 1) ** -setting.bias
    errs = rng.random(SHOWN) < NOISE
    needed = np.array([key in query.needed for key in shown])
    liked = ~needed if is_enemy else looked & (needed ^ errs)
    return Judged(
        account,
        query.intent,
        tuple(layer for layer, _ in shown),
        tuple(query.scores[key] for key in shown),
        tuple(map(float, liked)),
    )


def _quality(queries: Sequence[Query], weights: Weights) -> float:
    asked = [query for query in queries if query.needed]
    orders = ([key for key, _ in weighted(query.scores, weights, query.intent)] for query in asked)
    return float(
        np.mean([ndcg(order, dict.fromkeys(query.needed, 1)) for order, query in zip(orders, asked, strict=True)])
    )
