"""`estate bench heat`: our heat from raw columns, beside Realtor.com's published scores.

Their scores are compared with, never given to `heat()`. A rank move is the change of an area's place between two
months; Spearman correlations are taken across areas, month by month, and averaged.
"""

import numpy as np
import pandas as pd

from benchmarks.panels import drawn, read_hotness, wide
from benchmarks.report import Options, Report
from estate.market.analytics.heat import heat

__all__ = ["TARGETS", "bench"]

RAW = ["area_id", "observed_on", "price", "sales", "days_on_market", "views_per_listing"]
AHEAD = 6
TREND_FROM = 12  # Months before which there is no change in a year.

TARGETS: dict[str, tuple[str, float]] = {
    "scarcity_max_error": ("<=", 1e-6),
    "demand_max_rank_error": ("<=", 1 + 1e-6),
    "mean_rank_move": ("<=", 10),
    "speed_spearman": (">=", 0.64),
    "trend_spearman": (">=", 0.10),
}
QUICK_TARGETS: dict[str, tuple[str, float]] = {
    "scarcity_max_error": ("<=", 1e-6),
    "demand_max_rank_error": ("<=", 1 + 1e-6),
    "speed_spearman": (">", 0),
}


def bench(options: Options) -> Report:
    """Run the bench."""
    frame = _drawn(options.seed) if options.quick else read_hotness(options.data)
    raw = frame.assign(sales=np.nan)[RAW]
    ours = heat(raw, history=True)
    both = ours.merge(frame, on=["area_id", "observed_on"], suffixes=("", "_theirs"), validate="one_to_one")
    step = 100 / (both.groupby("observed_on")["area_id"].transform("size") - 1)
    metrics = {
        "scarcity_max_error": float((both["scarcity_score"] - both["supply_score"]).abs().max()),
        "demand_max_rank_error": float(((both["demand_score"] - both["demand_score_theirs"]).abs() / step).max()),
        **_use(wide(both, "heat_score"), wide(both, "heat_trend"), frame),
        "trend_positive_share": float((_by_month(wide(both, "heat_trend"), _growth(frame))[TREND_FROM:] > 0).mean()),
    }
    level = wide(both, "hotness_score")
    peers = {"Realtor.com": _use(level, level, frame)}
    data = "drawn in the same shape" if options.quick else "Realtor.com metro history"
    targets = QUICK_TARGETS if options.quick else TARGETS
    return Report("heat", options.seed, len(both), data, metrics, targets, peers)


def _use(level: pd.DataFrame, trend: pd.DataFrame, frame: pd.DataFrame) -> dict[str, float]:
    """Return how steady a level is and what the two foretell."""
    days = wide(frame, "days_on_market")
    moves = level.rank().diff(axis=1).abs()
    return {
        "mean_rank_move": float(np.nanmean(moves.to_numpy())),
        "speed_spearman": float(np.nanmean(_by_month(level, -days.shift(-AHEAD, axis=1)))),
        "trend_spearman": float(np.nanmean(_by_month(trend, _growth(frame))[TREND_FROM:])),
    }


def _growth(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the growth of the price in the six months to come."""
    logs = np.log(wide(frame, "price"))
    return logs.shift(-AHEAD, axis=1) - logs


def _by_month(signal: pd.DataFrame, outcome: pd.DataFrame) -> np.ndarray:
    """Return Spearman's correlation across areas of each month that has both."""
    known = signal.notna() & outcome.notna()
    x, y = signal.where(known).rank(), outcome.where(known).rank()
    values = x.corrwith(y).to_numpy(dtype=np.float64)
    return np.asarray(values[: signal.shape[1] - AHEAD])


def _drawn(seed: int) -> pd.DataFrame:
    """Draw a history and write the published scores beside it, by counting as Realtor.com does."""
    frame = drawn(np.random.default_rng(seed), areas=40, months=30)
    groups = frame.groupby("observed_on")
    frame["supply_score"] = groups["days_on_market"].transform(_share_above)
    frame["demand_score"] = groups["views_per_listing"].transform(lambda views: _share_above(-views))
    frame["hotness_score"] = (frame["supply_score"] + frame["demand_score"]) / 2
    return frame


def _share_above(values: pd.Series) -> np.ndarray:
    """Return for each value the share of the others that are strictly greater, in per cent."""
    numbers = values.to_numpy()
    return np.asarray(100 * (numbers[None, :] > numbers[:, None]).sum(axis=1) / (len(numbers) - 1))
