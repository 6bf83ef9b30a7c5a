"""`estate bench survival`: time to sell against the truth, on listings whose hazards are known.

Three worlds: hazards that are proportional; effects that are curved, joined and told by a value that is missing; and
hazards that cross, since haste wears off and price cuts come late. In each, 30 % of the listings are censored:
withdrawn or still for sale. The oracle knows the true chances. The figure of a metric is that of the worst world, a
mean over the seeds.

Where hazards cross, no one score of a listing is right at all times, and Harrell's C may put a wrong model above the
oracle. The C-index therefore asks, of each pair of which the first was sold within 90 days, whether the one sold had
the greater hazard in the 30 days around its sale; with proportional hazards that is Harrell's C. Harrell's own, by the
chance within 90 days, stands beside it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.peers.time_to_sell import cox, curves_by_group
from benchmarks.report import Options, Report
from estate.property.analytics import survival

__all__ = ["TARGETS", "bench"]

Floats = npt.NDArray[np.float64]
Predict = Callable[[pd.DataFrame, Floats, Floats, pd.DataFrame], Floats]

LISTINGS, QUICK_LISTINGS = 4_000, 1_000
SEEDS, QUICK_SEEDS = 5, 1
CENSORED = 0.30
DAYS = (30, 60, 90)
BINS = 10
CUT_DAY = 45.0
"""When sellers who asked too much begin to cut, in the world of crossing hazards."""

TARGETS: dict[str, tuple[str, float]] = {"c_index_gap": ("<=", 0.02), "calibration_error": ("<=", 0.03)}
QUICK_TARGETS: dict[str, tuple[str, float]] = {"c_index_gap": ("<=", 0.06), "calibration_error": ("<=", 0.06)}
"""Fewer listings and one seed: wide enough that only a broken model misses them."""


@dataclass(frozen=True, slots=True)
class Listings:
    """Drawn listings: what is known of them, what happened, and their true chances."""

    frame: pd.DataFrame
    days: Floats
    sold: Floats
    chance: Floats
    """P(sold within `DAYS`), float64[n, 3]."""


def _ours(train: pd.DataFrame, days: Floats, sold: Floats, test: pd.DataFrame) -> Floats:
    return survival.fit(train, days, sold).predict(test, DAYS)


METHODS: Mapping[str, Predict] = {
    "estate": _ours,
    "Kaplan-Meier by group": partial(curves_by_group, at=DAYS),
    "Cox": partial(cox, at=DAYS),
}


def bench(options: Options) -> Report:
    """Run the bench."""
    n, seeds = (QUICK_LISTINGS, QUICK_SEEDS) if options.quick else (LISTINGS, SEEDS)
    runs: dict[str, dict[str, list[dict[str, float]]]] = {name: {w: [] for w in WORLDS} for name in METHODS}
    for seed in range(options.seed, options.seed + seeds):
        for number, (world, hazards) in enumerate(WORLDS.items()):
            rng = np.random.default_rng([seed, number])
            train, test = _listings(hazards, n, rng), _listings(hazards, n, rng)
            for name, predict in METHODS.items():
                chance = predict(train.frame, train.days, train.sold, test.frame)
                runs[name][world].append(_measured(test, chance))
    shown = {name: _worst(by_world) for name, by_world in runs.items()}
    detail = {
        f"{name}, {world}": _spread(found) for name, by_world in runs.items() for world, found in by_world.items()
    }
    metrics = {**shown.pop("estate"), "runs": detail}
    data = f"generated: {len(WORLDS)} worlds × {seeds} seeds, {n:,} listings to learn from and as many to predict"
    targets = QUICK_TARGETS if options.quick else TARGETS
    return Report("survival", options.seed, 2 * n * seeds * len(WORLDS), data, metrics, targets, shown)


def _measured(test: Listings, chance: Floats) -> dict[str, float]:
    return {
        "c_index_gap": c_index(test, hazards_between(test.chance)) - c_index(test, hazards_between(chance)),
        "calibration_error": calibration_error(chance, test.chance),
        "harrell_gap": harrell(test, test.chance[:, -1]) - harrell(test, chance[:, -1]),
    }


def _worst(by_world: Mapping[str, list[dict[str, float]]]) -> dict[str, float]:
    means = [pd.DataFrame(runs).mean() for runs in by_world.values()]
    return {str(key): float(value) for key, value in pd.DataFrame(means).max().items()}


def _spread(runs: list[dict[str, float]]) -> dict[str, float]:
    found = pd.DataFrame(runs)
    errors = (found.std(ddof=1) / np.sqrt(len(found))).add_suffix(" se") if len(found) > 1 else pd.Series(dtype=float)
    return {str(key): float(value) for key, value in pd.concat([found.mean(), errors]).items()}


def hazards_between(chance: Floats) -> Floats:
    """Return the hazard that lies between the horizons: float64[n, horizons]."""
    passed = -np.log1p(-np.minimum(chance, 1 - 1e-12))
    return np.diff(passed, axis=1, prepend=0.0)


def c_index(listings: Listings, hazards: Floats) -> float:
    """Return the share of known pairs in which the listing sold first had the greater hazard where it was sold.

    Parameters
    ----------
    hazards : float64[n, horizons]
        Between the horizons `DAYS`; pairs whose first sale came after the last of them are left out.
    """
    stretch = np.searchsorted(DAYS, listings.days, side="left")
    counts = [_pairs(listings, hazards[:, k], stretch == k) for k in range(len(DAYS))]
    return sum(right for right, _ in counts) / sum(known for _, known in counts)


def harrell(listings: Listings, score: Floats) -> float:
    """Return Harrell's C: of the pairs whose order is known, the share in which the earlier sale scores higher."""
    right, known = _pairs(listings, score, np.ones(len(score), dtype=bool))
    return right / known


def _pairs(listings: Listings, score: Floats, first: npt.NDArray[np.bool_]) -> tuple[float, int]:
    """Count the pairs that a chosen listing's sale opens, and those in the right order; equal scores count a half."""
    right, known = 0.0, 0
    for i in np.flatnonzero(first & (listings.sold > 0)):
        later = score[listings.days > listings.days[i]]
        known += len(later)
        right += float((score[i] > later).sum() + 0.5 * (score[i] == later).sum())
    return right, known


def calibration_error(predicted: Floats, true: Floats) -> float:
    """Return the worst over the horizons of Σ share · |mean predicted − mean true chance|, over bins of the predicted.

    Parameters
    ----------
    predicted, true : float64[n, horizons]
    """
    errors = []
    for said, is_so in zip(predicted.T, true.T, strict=True):
        bins = np.array_split(np.argsort(said, kind="stable"), BINS)
        errors.append(sum(len(b) / len(said) * abs(said[b].mean() - is_so[b].mean()) for b in bins))
    return float(max(errors))


# Worlds

Cumulative = Callable[[pd.DataFrame, Floats], Floats]
"""Cumulative hazard of each listing at its own day."""


def _listings(hazards: Cumulative, n: int, rng: np.random.Generator) -> Listings:
    frame = _frame(n, rng)
    sale = _sale_days(hazards, frame, rng.exponential(size=n))
    end = rng.weibull(1.5, n)  # In units that `_scale` finds, so that the wanted share is censored.
    seen = end * _scale(sale, end)
    sold = sale <= seen
    chance = np.column_stack([1 - np.exp(-hazards(frame, np.full(n, float(day)))) for day in DAYS])
    return Listings(frame, np.ceil(np.minimum(sale, seen)), sold.astype(float), chance)


def _frame(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw what is known of listings; a tenth to a fifth of two columns is not stated."""
    photos = np.where(rng.random(n) < 0.15, np.nan, rng.poisson(12, n))
    kinds = np.array(["apartment", "villa", "townhouse", None], dtype=object)
    return pd.DataFrame(
        {
            "segment": rng.choice(["ready", "off_plan"], n, p=[0.6, 0.4]),
            "unit_type": kinds[rng.choice(4, n, p=[0.5, 0.2, 0.2, 0.1])],
            "bedrooms": rng.integers(0, 6, n),
            "price_to_value": np.exp(rng.normal(0.03, 0.12, n)),
            "area_sqm": np.exp(rng.normal(4.7, 0.5, n)),
            "photos": photos,
            "floor": rng.integers(0, 40, n),
        }
    )


def _sale_days(hazards: Cumulative, frame: pd.DataFrame, target: Floats) -> Floats:
    """Find the day by which each listing has used up its share of hazard, by bisection on the log of the day."""
    low, high = np.full(len(frame), -5.0), np.full(len(frame), 12.0)
    for _ in range(40):
        middle = (low + high) / 2
        under = hazards(frame, np.exp(middle)) < target
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return np.asarray(np.exp(high), dtype=np.float64)


def _scale(sale: Floats, end: Floats) -> float:
    """Return the unit of `end` at which the wanted share of listings ends before its sale."""
    return float(np.quantile(sale / end, 1 - CENSORED))


def _proportional(frame: pd.DataFrame, days: Floats) -> Floats:
    eta = -5.0 * np.log(frame["price_to_value"]) - 0.4 * (np.log(frame["area_sqm"]) - 4.7)
    eta += 0.35 * (frame["segment"] == "ready") + frame["unit_type"].map({"villa": -0.5, "townhouse": 0.3}).fillna(0)
    return np.asarray((days / 75) ** 1.2 * np.exp(eta), dtype=np.float64)


def _curved(frame: pd.DataFrame, days: Floats) -> Floats:
    rooms, over = frame["bedrooms"], np.log(frame["price_to_value"])
    eta = -0.9 * np.abs(rooms - 2) + 0.6 - 25 * np.maximum(over, 0) ** 1.5
    eta += np.where(frame["segment"] == "ready", 0.02, -0.02) * (frame["floor"] - 20)
    eta += np.where(frame["photos"].isna(), -0.8, 0.5 * np.tanh((frame["photos"] - 10) / 4))
    return np.asarray((days / 70) ** 0.9 * np.exp(eta), dtype=np.float64)


def _crossing(frame: pd.DataFrame, days: Floats) -> Floats:
    shape = np.where(frame["segment"] == "ready", 0.75, 1.7)
    over = np.log(frame["price_to_value"])
    late = np.maximum(days - CUT_DAY, 0) / 60 * np.exp(4.0 * over)
    eta = -4.0 * over + frame["unit_type"].map({"villa": -0.6}).fillna(0)
    return np.asarray((days / 80) ** shape * np.exp(eta) + late, dtype=np.float64)


WORLDS: Mapping[str, Cumulative] = {"proportional": _proportional, "curved": _curved, "crossing": _crossing}
