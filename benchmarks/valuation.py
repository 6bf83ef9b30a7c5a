"""`estate bench valuation`: fair values against plain peers, on the last tenth of the sales and on random fifths.

Five seeds: by date they draw what the models draw by chance; at random they draw the split as well. Each figure is
the mean over the seeds. The difference in MdAPE is paired: a draw of the bootstrap takes the same rows for both.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.sale_prices import PEERS
from benchmarks.report import Options, Report
from benchmarks.sales import Sales, generated_sales, read_sales
from estate.property.analytics.ratio_study import ratio_study
from estate.property.analytics.valuation import ValuationModel

__all__ = ["TARGETS", "bench"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OURS = "ours"
SEEDS, QUICK_SALES = 5, 460
BY_DATE, AT_RANDOM = 0.1, 0.2
LEVEL = 0.8
DRAWS = 2_000

TARGETS: dict[str, tuple[str, float]] = {
    "mdape_minus_best_peer_upper": ("<", 0.0),
    "prd_lowest": (">=", 0.98),
    "prd_highest": ("<=", 1.03),
    "prb_largest": ("<=", 0.05),
    "coverage_80_lowest": (">=", 0.78),
    "coverage_80_highest": ("<=", 0.82),
    "random_mape": ("<=", 10.6),
    "abstained_share": ("<=", 0.01),
}
QUICK_TARGETS: dict[str, tuple[str, float]] = {"mdape": ("<=", 10.0), "prd_highest": ("<=", 1.03)}


@dataclass(frozen=True, slots=True, eq=False)
class Valued:
    """What everyone said of the same rows: values by name, prices, and our intervals."""

    price: Floats
    values: Mapping[str, Floats]
    inside: float
    half_width: float
    abstained: float
    seconds: float


def bench(options: Options) -> Report:
    """Run the bench on the file, or on generated sales when it runs small."""
    quick = options.quick and options.data is None
    sales = generated_sales(QUICK_SALES, options.seed) if quick else read_sales(options)
    seeds = [options.seed + i for i in range(1 if options.quick else SEEDS)]
    cut = round(len(sales) * (1 - BY_DATE))
    rows = np.arange(len(sales))
    by_date = [_valued(sales, rows[:cut], rows[cut:], seed) for seed in seeds]
    at_random = [_valued(sales, *_drawn(len(sales), seed), seed) for seed in ([] if options.quick else seeds)]
    figures = [_figures(one.values[OURS], one.price) for one in by_date]
    metrics: dict[str, Any] = {**_mean(figures), **_extremes(figures, by_date), **_difference(by_date, options.seed)}
    metrics |= {"half_width": float(np.mean([one.half_width for one in by_date]))}
    metrics |= {"abstained_share": float(np.mean([one.abstained for one in (*by_date, *at_random)]))}
    metrics |= {"fit_seconds": float(np.mean([one.seconds for one in by_date]))}
    if at_random:
        metrics |= _random(at_random, OURS) | {
            "random_coverage_80": float(np.mean([one.inside for one in at_random])),
        }
        metrics["seeds"] = _by_seed(seeds, by_date, at_random)
    peers = {
        name: _mean([_figures(one.values[name], one.price) for one in by_date]) | _random(at_random, name)
        for name in PEERS
    }
    n = sum(len(one.price) for one in (*by_date, *at_random))
    return Report(
        "valuation", options.seed, n, sales.source, metrics, QUICK_TARGETS if options.quick else TARGETS, peers
    )


def _drawn(n: int, seed: int) -> tuple[Ints, Ints]:
    """Deal rows into four fifths to learn from and one to value, each in the order of time."""
    order = np.random.default_rng(seed).permutation(n)
    cut = round(n * (1 - AT_RANDOM))
    return np.sort(order[:cut]), np.sort(order[cut:])


def _part(sales: Sales, rows: Ints) -> Sales:
    frame = sales.frame.iloc[rows].reset_index(drop=True)
    return Sales(frame, sales.price[rows], sales.sold_on[rows], sales.roles, sales.source)


def _valued(sales: Sales, train: Ints, test: Ints, seed: int) -> Valued:
    past, now, roles = _part(sales, train), _part(sales, test), sales.roles
    started = time.process_time()
    model = ValuationModel(area=roles.area, size=roles.size, lat=roles.lat, lon=roles.lon, seed=seed)
    model.fit(past.frame, past.price, past.sold_on)
    seconds = time.process_time() - started
    said = model.predict(now.frame, now.sold_on, level=LEVEL)
    kept = ~said.abstained
    price = now.price[kept]
    inside = (said.lower[kept] <= price) & (price <= said.upper[kept])
    width = (said.upper[kept] - said.lower[kept]) / said.value[kept] / 2
    values = {OURS: said.value[kept]} | {name: peer(past, now, seed)[kept] for name, peer in PEERS.items()}
    shares = float(inside.mean()), 100 * float(np.median(width)), float(said.abstained.mean())
    return Valued(price, values, *shares, seconds)


def _figures(value: Floats, price: Floats) -> dict[str, float]:
    error, study = _errors(value, price), ratio_study(value, price)
    measures = {"mdape": float(np.median(error)), "mape": float(error.mean())}
    return measures | {"cod": study.cod, "prd": study.prd, "prb": study.prb, "median_ratio": study.median_ratio}


def _errors(value: Floats, price: Floats) -> Floats:
    return np.asarray(100 * np.abs(value / price - 1), dtype=np.float64)


def _mean(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([one[name] for one in figures])) for name in figures[0]}


def _extremes(figures: Sequence[Mapping[str, float]], valued: Sequence[Valued]) -> dict[str, float]:
    """Return the worst seed of what must lie between two values."""
    inside = [one.inside for one in valued]
    return {
        "coverage_80": float(np.mean(inside)),
        "prd_lowest": min(one["prd"] for one in figures),
        "prd_highest": max(one["prd"] for one in figures),
        "prb_largest": max(abs(one["prb"]) for one in figures),
        "coverage_80_lowest": min(inside),
        "coverage_80_highest": max(inside),
    }


def _difference(valued: Sequence[Valued], seed: int) -> dict[str, float]:
    """Return our MdAPE less the best peer's, and the upper end of its 90 % interval."""
    errors = {name: np.stack([_errors(one.values[name], one.price) for one in valued]) for name in (OURS, *PEERS)}
    best = min(PEERS, key=lambda name: float(np.median(errors[name], axis=1).mean()))
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(DRAWS):
        rows = rng.integers(0, errors[OURS].shape[1], errors[OURS].shape[1])
        ours, theirs = (np.median(errors[name][:, rows], axis=1).mean() for name in (OURS, best))
        drawn.append(ours - theirs)
    observed = np.median(errors[OURS], axis=1).mean() - np.median(errors[best], axis=1).mean()
    return {
        "mdape_minus_best_peer": float(observed),
        "mdape_minus_best_peer_upper": float(np.quantile(drawn, 0.95)),
    }


def _random(valued: Sequence[Valued], name: str) -> dict[str, float]:
    if not valued:
        return {}
    found = _mean([_figures(one.values[name], one.price) for one in valued])
    return {"random_mape": found["mape"], "random_mdape": found["mdape"]}


def _by_seed(seeds: Sequence[int], by_date: Sequence[Valued], at_random: Sequence[Valued]) -> dict[str, Any]:
    rows = {}
    for seed, dated, drawn in zip(seeds, by_date, at_random, strict=True):
        rows[str(seed)] = {
            **_figures(dated.values[OURS], dated.price),
            "coverage_80": dated.inside,
            "random_mape": _figures(drawn.values[OURS], drawn.price)["mape"],
        }
    spread = {name: np.array([row[name] for row in rows.values()]) for name in next(iter(rows.values()))}
    rows["standard error"] = {name: float(v.std(ddof=1) / np.sqrt(len(v))) for name, v in spread.items()}
    return rows
