"""`estate bench qualification`: lead scores against plain peers, with many outcomes and with few.

On the X Education file only the intake fields are read: what a representative writes after contact is left out
(`leads.AFTER_CONTACT`). Any other CSV works with `--target`.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks import scoring
from benchmarks.leads import Leads, Split, generated_leads, read_leads, splits
from benchmarks.peers.lead_scores import PEERS, Scorer, fitted_ridge
from benchmarks.report import Options, Report
from estate.intelligence.outcome_model import OutcomeModel

__all__ = ["bench"]

Floats = NDArray[np.float64]

OURS = "estate"
FROZEN = "time:0.7"
SIZES, DRAWS, TESTED = (30, 50, 100), 200, 1_000
TIMED = 1_000
TRAINED = (1_000, 10_000, 100_000)

COMPARED = {"auc_minus_best_peer_lower": (">=", -0.002), "log_loss_minus_best_peer_upper": ("<=", 0.002)}
SMALL = {
    "auc_minus_ridge_lower": (">=", 0.0),
    "log_loss_minus_ridge_upper": ("<", 0.0),
    "log_loss_minus_base_upper": ("<", 0.0),
    "worse_than_base_share": ("<=", 0.05),
}


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """What everyone said of the rows of one split."""

    won: Floats
    scores: Mapping[str, Floats]


def bench(options: Options) -> Report:
    """Run the bench on the file, or on generated leads when it runs small."""
    leads = generated_leads(600, options.seed) if options.quick and options.data is None else read_leads(options)
    sizes, draws = ((30,), 6) if options.quick else (SIZES, DRAWS)
    shown = [_scored(leads, split) for split in splits(leads, options.split or FROZEN, options.seed)]
    compared = shown
    if options.split is None and not options.quick:
        compared = [_scored(leads, split) for split in splits(leads, "rolling", options.seed)]
    train = splits(leads, FROZEN, options.seed)[0]
    metrics: dict[str, Any] = {**_figures(shown, OURS), **_against_peers(compared, options.seed)}
    metrics["small_n"] = {str(n): _small(leads, train, n, draws, options.seed) for n in sizes if n < len(train.train)}
    if compared is not shown:
        metrics.update({f"frozen_{name}": value for name, value in _against_peers(shown, options.seed).items()})
        metrics["origins"] = {f"{i}": _figures([one], OURS) for i, one in enumerate(compared, start=1)}
        metrics["times"] = _times(leads)
    peers = {name: {**_figures(shown, name), "rolling_auc": _mean_auc(compared, name)} for name in PEERS}
    rows = sum(len(one.won) for one in shown)
    return Report("qualification", options.seed, rows, leads.source, metrics, _targets(options, metrics), peers)


def _targets(options: Options, metrics: Mapping[str, Any]) -> dict[str, tuple[str, float]]:
    if options.quick:
        return {"auc": (">=", 0.6)}
    targets = dict(COMPARED)
    targets.update({f"frozen_{name}": goal for name, goal in COMPARED.items() if f"frozen_{name}" in metrics})
    return targets | {f"small_n.{n}.{name}": goal for n in metrics["small_n"] for name, goal in SMALL.items()}


def _ours(frame: pd.DataFrame, won: Floats, rows: pd.DataFrame) -> Floats:
    order = pd.Timestamp("2020-01-01", tz="UTC") + pd.to_timedelta(np.arange(len(won)), unit="h")
    return OutcomeModel().fit(frame, won, as_of=order).predict_proba(rows)


def _scored(leads: Leads, split: Split) -> Scored:
    past, won, rows = leads.frame.iloc[split.train], leads.won[split.train], leads.frame.iloc[split.test]
    scorers: dict[str, Scorer] = {OURS: _ours, **PEERS}
    return Scored(leads.won[split.test], {name: scorer(past, won, rows) for name, scorer in scorers.items()})


def _figures(scored: Sequence[Scored], name: str) -> dict[str, float]:
    """Return the mean of each measure over the splits."""
    measures: dict[str, Callable[[Floats, Floats], float]] = {
        "auc": scoring.auc,
        "brier": scoring.brier,
        "log_loss": scoring.log_loss,
        "ece": scoring.calibration_error,
        "lift_at_20": scoring.lift,
    }
    return {
        key: float(np.mean([measure(one.won, one.scores[name]) for one in scored])) for key, measure in measures.items()
    }


def _mean_auc(scored: Sequence[Scored], name: str) -> float:
    return float(np.mean([scoring.auc(one.won, one.scores[name]) for one in scored]))


def _against_peers(scored: Sequence[Scored], seed: int) -> dict[str, float]:
    """Return the interval ends of our differences to the best peer, each measure to its own best."""
    best_auc = max(PEERS, key=lambda name: _mean_auc(scored, name))
    losses = {name: [scoring.row_losses(one.won, one.scores[name]) for one in scored] for name in (OURS, *PEERS)}
    best_loss = min(PEERS, key=lambda name: float(np.concatenate(losses[name]).mean()))

    def difference(counts: list[Floats]) -> Floats:
        drawn = [
            scoring.resampled_auc(one.won, one.scores[OURS], count)
            - scoring.resampled_auc(one.won, one.scores[best_auc], count)
            for one, count in zip(scored, counts, strict=True)
        ]
        return np.asarray(np.mean(drawn, axis=0), dtype=np.float64)

    gaps = [ours - peer for ours, peer in zip(losses[OURS], losses[best_loss], strict=True)]
    return {
        "auc_minus_best_peer": _mean_auc(scored, OURS) - _mean_auc(scored, best_auc),
        "auc_minus_best_peer_lower": scoring.bootstrap_ends([one.won for one in scored], seed, difference)[0],
        "log_loss_minus_best_peer": float(np.concatenate(gaps).mean()),
        "log_loss_minus_best_peer_upper": scoring.bootstrap_ends(gaps, seed)[1],
    }


def _small(leads: Leads, split: Split, n: int, draws: int, seed: int) -> dict[str, float]:
    """Learn from a few leads, drawn again and again, and foretell the same later ones each time."""
    rng = np.random.default_rng([seed, n])
    test = rng.choice(split.test, min(TESTED, len(split.test)), replace=False)
    won, rows = leads.won[test], leads.frame.iloc[test]
    found: dict[str, list[float]] = {key: [] for key in ("auc", "ridge_auc", "loss", "ridge_loss", "base_loss")}
    for _ in range(draws):
        few = rng.choice(split.train, n, replace=False)
        past, outcome = leads.frame.iloc[few], leads.won[few]
        ours = OutcomeModel().fit(past, outcome).predict_proba(rows)
        peer = PEERS["ridge logistic"](past, outcome, rows)
        base = PEERS["base rate"](past, outcome, rows)
        said = (scoring.auc(won, ours), scoring.auc(won, peer), *(scoring.log_loss(won, s) for s in (ours, peer, base)))
        for key, value in zip(found, said, strict=True):
            found[key].append(value)
    auc, ridge_auc, loss, ridge_loss, base_loss = (np.array(values) for values in found.values())
    return {
        "auc": float(auc.mean()),
        "log_loss": float(loss.mean()),
        "ridge_auc": float(ridge_auc.mean()),
        "ridge_log_loss": float(ridge_loss.mean()),
        "base_log_loss": float(base_loss.mean()),
        "auc_minus_ridge_lower": scoring.bootstrap_ends([auc - ridge_auc], seed)[0],
        "log_loss_minus_ridge_upper": scoring.bootstrap_ends([loss - ridge_loss], seed)[1],
        "log_loss_minus_base_upper": scoring.bootstrap_ends([loss - base_loss], seed)[1],
        "worse_than_base_share": float((loss > base_loss).mean()),
    }


def _times(leads: Leads) -> dict[str, float]:
    """Time scoring of 1,000 leads against a scikit-learn pipeline on the same fields, and training at growing sizes."""
    model, pipeline = OutcomeModel().fit(leads.frame, leads.won), fitted_ridge(leads.frame, leads.won)
    rows = leads.frame.sample(TIMED, replace=True, random_state=0)
    ours = _seconds(lambda: model.predict_proba(rows))
    peer = _seconds(lambda: pipeline(rows))
    times = {"score_1000_seconds": ours, "score_1000_ratio": ours / peer}
    for size in TRAINED:
        drawn = np.random.default_rng(0).integers(0, len(leads), size)
        frame, won = leads.frame.iloc[drawn], leads.won[drawn]
        times[f"train_{size}_seconds"] = _seconds(lambda: OutcomeModel().fit(frame, won), repeats=1)  # noqa: B023
    return times


def _seconds(work: Callable[[], object], repeats: int = 3) -> float:
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)
