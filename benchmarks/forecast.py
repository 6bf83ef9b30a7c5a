"""`estate bench forecast`: our pooled forecast beside naive ones and the mean of three models an area.

Every month from the 36th that leaves the horizon is an origin; one fit an origin serves both horizons. MASE12 of an
area is its mean absolute error over months 1 to h, divided by its mean absolute change in 12 months before the
origin; the figure is the mean over areas and origins. Coverage counts months 1 to h. Nothing is kept between runs.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from rich.console import Console

from benchmarks.panels import drawn, read_hotness, read_wide, wide
from benchmarks.peers.local_models import naive, seasonal_naive, three_models
from benchmarks.report import Options, Report
from estate.market.analytics.forecast import forecast

__all__ = ["TARGETS", "bench"]

Floats = npt.NDArray[np.float64]
Peer = Callable[[Floats, int, int], Floats]

FIRST_ORIGIN = 36
HORIZONS = (6, 12)
SEASON = 12
LEVEL = 0.8
OURS = "ours"
SLOW = "mean of AutoETS, AutoARIMA, Theta"
PEERS: dict[str, Peer] = {"naive": naive, "seasonal naive": seasonal_naive, SLOW: three_models}
QUICK_PEERS: dict[str, Peer] = {"naive": naive, "seasonal naive": seasonal_naive}

TARGETS: dict[str, tuple[str, float]] = {
    "skill_6": ("<=", 0.92),
    "skill_12": ("<=", 0.95),
    "coverage80_6_error": ("<=", 0.03),
    "coverage80_12": (">=", 0.72),
    "seconds_ratio": ("<=", 0.02),
}
QUICK_TARGETS: dict[str, tuple[str, float]] = {"skill_6": ("<=", 1.0), "skill_12": ("<=", 1.0)}


@dataclass(slots=True)
class Tally:
    """What one forecaster did at each origin: MASE12 and seconds."""

    mase: dict[int, dict[int, float]] = field(default_factory=lambda: {h: {} for h in HORIZONS})
    seconds: dict[int, float] = field(default_factory=dict)

    def mean(self, horizon: int) -> float:
        """Return the mean over origins."""
        return float(np.mean(list(self.mase[horizon].values())))


def bench(options: Options) -> Report:
    """Run the bench."""
    panel, data = _panel(options)
    peers = QUICK_PEERS if options.quick else PEERS
    tallies = {name: Tally() for name in (OURS, *peers)}
    coverage: dict[int, dict[int, float]] = {h: {} for h in HORIZONS}
    forecasts = 0
    for origin in range(FIRST_ORIGIN, panel.shape[1] - min(HORIZONS) + 1):
        past, ahead = panel[:, :origin], panel[:, origin : origin + max(HORIZONS)]
        started = time.process_time()
        ours = forecast(past, max(HORIZONS), (LEVEL,), SEASON)
        tallies[OURS].seconds[origin] = time.process_time() - started
        means = {OURS: ours.mean}
        for name, peer in peers.items():
            started = time.process_time()
            means[name] = peer(past, max(HORIZONS), SEASON)
            tallies[name].seconds[origin] = time.process_time() - started
        for h in (h for h in HORIZONS if h <= ahead.shape[1]):
            for name, mean in means.items():
                tallies[name].mase[h][origin] = _mase(mean, ahead[:, :h], past)
            inside = (ours.lower[0, :, :h] <= ahead[:, :h]) & (ahead[:, :h] <= ours.upper[0, :, :h])
            known = np.isfinite(ahead[:, :h]) & np.isfinite(ours.mean[:, :h])
            coverage[h][origin] = float(inside[known].mean())
            forecasts += int(known.sum())
        _say(origin, tallies)
    return _report(options, forecasts, data, tallies, coverage)


def _panel(options: Options) -> tuple[Floats, str]:
    if options.quick:
        frame = drawn(np.random.default_rng(options.seed), areas=60, months=52)
        return wide(frame, "price").to_numpy(dtype=np.float64), "drawn: 60 areas × 52 months"
    if options.wide is not None:
        panel = read_wide(options.wide)
        return panel, f"{options.wide.name}: {panel.shape[0]} areas × {panel.shape[1]} months"
    panel = wide(read_hotness(options.data), "price").to_numpy(dtype=np.float64)
    return panel, f"Realtor.com metro history: {panel.shape[0]} areas × {panel.shape[1]} months"


def _mase(mean: Floats, ahead: Floats, past: Floats) -> float:
    """Return MASE12 over areas whose scale and future are known."""
    changes = np.abs(past[:, SEASON:] - past[:, :-SEASON])
    errors = np.abs(mean[:, : ahead.shape[1]] - ahead)
    usable = np.isfinite(changes).any(axis=1) & np.isfinite(errors).any(axis=1)
    scale = np.nanmean(changes[usable], axis=1)
    ratios = np.nanmean(errors[usable], axis=1)[scale > 0] / scale[scale > 0]
    return float(ratios.mean())


def _say(origin: int, tallies: Mapping[str, Tally]) -> None:
    """Tell who waits for a long run how it goes, on standard error."""
    parts = [f"{name} {tally.mase[6][origin]:.3f} ({tally.seconds[origin]:.1f} s)" for name, tally in tallies.items()]
    Console(stderr=True).print(f"origin {origin}: {', '.join(parts)}", highlight=False)


def _report(
    options: Options,
    forecasts: int,
    data: str,
    tallies: Mapping[str, Tally],
    coverage: Mapping[int, Mapping[int, float]],
) -> Report:
    ours = tallies[OURS]
    others = {name: tally for name, tally in tallies.items() if name != OURS}
    best = min(others, key=lambda name: others[name].mean(6))
    seconds = {name: sum(tally.seconds.values()) for name, tally in tallies.items()}
    metrics = {f"mase_{h}": ours.mean(h) for h in HORIZONS}
    metrics |= {f"skill_{h}": ours.mean(h) / min(tally.mean(h) for tally in others.values()) for h in HORIZONS}
    metrics |= {f"coverage80_{h}": float(np.mean(list(coverage[h].values()))) for h in HORIZONS}
    metrics["coverage80_6_error"] = abs(metrics["coverage80_6"] - LEVEL)
    metrics |= {"seconds": seconds[OURS], "seconds_ratio": seconds[OURS] / max(seconds[best], 1e-9)}
    by_origin = {
        str(origin): {
            **{f"coverage {h}": value[origin] for h, value in coverage.items() if origin in value},
            **{f"ours {h}": ours.mase[h][origin] for h in HORIZONS if origin in ours.mase[h]},
            **{f"{best} {h}": others[best].mase[h][origin] for h in HORIZONS if origin in others[best].mase[h]},
        }
        for origin in coverage[6]
    }
    peers = {
        name: {f"mase_{h}": tally.mean(h) for h in HORIZONS} | {"seconds": seconds[name]}
        for name, tally in others.items()
    }
    targets = QUICK_TARGETS if options.quick else TARGETS
    return Report("forecast", options.seed, forecasts, data, {**metrics, "origins": by_origin}, targets, peers)
