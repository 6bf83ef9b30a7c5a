"""`estate bench closing`: the chance that an agent closes with a client, on real dialogues and on known truth.

* Dialogues (PersuasionForGood): persuader = agent, persuadee = client, gave > 0 = won; the first five turns a side
  and the traits of both; ten folds grouped by agent; the peer is a plain logistic regression on the same.
* Sample world: the causes of every deal are columns and its true chance is known. Half of the closed deals is learned
  from, half is judged; a copy of each with the price further above the budget must never score higher.
"""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks import scoring
from benchmarks.peers.lead_scores import word_ridge
from benchmarks.report import DataMissing, Options, Report
from estate.intelligence.outcome_model import OutcomeModel
from estate.sample.deals import OPEN, WON
from estate.sample.world import generate

__all__ = ["TARGETS", "bench"]

FOLDS, TURNS = 10, 5
WORLDS, SCALE = 5, 140
"""320 deals a unit of scale: of 44,800 some 40,000 have closed, 20,000 to learn from and as many to judge."""
QUICK_SCALE = 6
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
TEXTS = ("agent_words", "client_words")
NOT_TRAITS = ["B3", "B4", "B6", "B7"]

TARGETS: dict[str, tuple[str, float]] = {
    "auc_minus_logistic_lower": (">", 0.0),
    "coverage_90_least": (">=", 0.87),
    "coverage_90": ("<=", 0.93),
    "ece": ("<=", 0.02),
    "over_budget_rises": ("==", 0),
}
QUICK_TARGETS: dict[str, tuple[str, float]] = {"over_budget_rises": ("==", 0)}

Floats = NDArray[np.float64]


def bench(options: Options) -> Report:
    """Run the bench; when it runs small, without data, on the sample world alone."""
    if options.data is None and not options.quick:
        raise DataMissing("closing needs --data: the folder of PersuasionForGood, full_dialog.csv and full_info.csv")
    metrics: dict[str, Any] = {}
    peers: dict[str, dict[str, float]] = {}
    n = 0
    if options.data is not None:
        frame, won, agents = _dialogues(options.data)
        metrics, peers = _out_of_fold(frame, won, agents, options.seed)
        n = len(won)
    scale, worlds = (QUICK_SCALE, 1) if options.quick else (SCALE, WORLDS)
    metrics |= _known_truth([_world(scale, options.seed + world) for world in range(worlds)])
    data = f"{n} dialogues; {worlds} sample worlds, the mean over them"
    return Report("closing", options.seed, n, data, metrics, QUICK_TARGETS if options.quick else TARGETS, peers)


def _dialogues(folder: Path) -> tuple[pd.DataFrame, Floats, NDArray[Any]]:
    """Read the dialogues: traits of both, and what each said in the first turns."""
    try:
        talk, info = pd.read_csv(folder / "full_dialog.csv"), pd.read_csv(folder / "full_info.csv")
    except OSError as missing:
        raise DataMissing(str(missing)) from missing
    early = talk[talk["Turn"] < TURNS].groupby(["B2", "B4"])["Unit"].agg(lambda said: " ".join(map(str, said)))
    words = early.unstack(fill_value="")
    agent, client = (info[info["B4"] == side].drop_duplicates("B2").set_index("B2") for side in (0, 1))
    ids = sorted(set(agent.index) & set(client.index) & set(words.index))
    traits = [person.loc[ids].drop(columns=NOT_TRAITS) for person in (agent, client)]
    frame = traits[0].add_prefix("agent_").join(traits[1].add_prefix("client_"))
    frame["agent_words"], frame["client_words"] = words.loc[ids, 0], words.loc[ids, 1]
    won = (client.loc[ids, "B6"] > 0).to_numpy(dtype=np.float64)
    return frame.reset_index(drop=True), won, agent.loc[ids, "B3"].astype(str).to_numpy()


def _out_of_fold(
    frame: pd.DataFrame, won: Floats, agents: NDArray[Any], seed: int
) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
    names, agent = np.unique(agents, return_inverse=True)
    fold = (np.random.default_rng(seed).permutation(len(names)) % FOLDS)[agent]
    ours, theirs = np.zeros(len(won)), np.zeros(len(won))
    for k in range(FOLDS):
        past, now = frame[fold != k], frame[fold == k]
        model = OutcomeModel(TEXTS).fit(past, won[fold != k], groups=agents[fold != k])
        ours[fold == k] = model.predict_proba(now)
        theirs[fold == k] = word_ridge(past, won[fold != k], now, TEXTS)

    def difference(drawn: list[Floats]) -> Floats:
        counts = drawn[0][:, agent]  # An agent is drawn with all dialogues.
        return scoring.resampled_auc(won, ours, counts) - scoring.resampled_auc(won, theirs, counts)

    mine, peer = ({"auc": scoring.auc(won, p), "brier": scoring.brier(won, p)} for p in (ours, theirs))
    lower, _ = scoring.bootstrap_ends([np.zeros(len(names))], seed, difference)
    return {**mine, "auc_minus_logistic_lower": lower}, {"logistic": peer}


def _world(scale: int, seed: int) -> dict[str, float]:
    """Learn from every other closed deal of a world and judge the rest by its truth."""
    world = generate(scale, seed, NOW)
    frame = pd.DataFrame(world.truth.features, columns=list(world.truth.columns))
    outcome = np.asarray(world.deals.outcome)
    won, closed = (outcome == WON).astype(np.float64), np.flatnonzero(outcome != OPEN)
    past, now = closed[::2], closed[1::2]
    opened = np.asarray(world.scene.leads.opened_at[past]).astype("datetime64[s]")
    model = OutcomeModel(decreasing=("over_budget",)).fit(frame.iloc[past], won[past], as_of=opened)
    rows, true = frame.iloc[now], world.truth.win_probability[now]
    ends, score = model.predict_interval(rows), model.predict_proba(rows)
    dearer = model.predict_proba(rows.assign(over_budget=rows["over_budget"] + 0.1))
    return {
        "coverage_90": float(np.mean((ends[:, 0] <= true) & (true <= ends[:, 1]))),
        "ece": scoring.calibration_error(won[now], score),
        "over_budget_rises": int((dearer > score + 1e-12).sum()),
        "deals": len(closed),
        "mean_width": float(np.mean(ends[:, 1] - ends[:, 0])),
        "root_mean_square_error": float(np.sqrt(np.mean((score - true) ** 2))),
    }


def _known_truth(worlds: list[dict[str, float]]) -> dict[str, Any]:
    coverage = [world["coverage_90"] for world in worlds]
    return {
        "coverage_90": float(np.mean(coverage)),
        "coverage_90_least": float(np.mean(coverage)),
        "coverage_90_standard_error": float(np.std(coverage, ddof=1) / len(worlds) ** 0.5) if len(worlds) > 1 else 0.0,
        "ece": float(np.mean([world["ece"] for world in worlds])),
        "over_budget_rises": sum(int(world["over_budget_rises"]) for world in worlds),
        "worlds": {str(i): world for i, world in enumerate(worlds, start=1)},
    }
