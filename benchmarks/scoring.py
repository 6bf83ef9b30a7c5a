"""Measures of scores against outcomes, and paired bootstrap intervals of their differences."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["auc", "bootstrap_ends", "brier", "calibration_error", "lift", "log_loss", "resampled_auc", "row_losses"]

Floats = NDArray[np.float64]

DRAWS = 2_000
BINS = 10
EDGE = 1e-6


def row_losses(won: Floats, score: Floats) -> Floats:
    """Return the log-loss of each row; scores are kept 1e-6 off 0 and 1."""
    share = np.clip(score, EDGE, 1 - EDGE)
    return np.asarray(-(won * np.log(share) + (1 - won) * np.log(1 - share)), dtype=np.float64)


def log_loss(won: Floats, score: Floats) -> float:
    """Return the mean log-loss."""
    return float(row_losses(won, score).mean())


def brier(won: Floats, score: Floats) -> float:
    """Return the mean squared error."""
    return float(((won - score) ** 2).mean())


def auc(won: Floats, score: Floats) -> float:
    """Return the chance that a won row is scored above a lost one, ties halved."""
    return float(resampled_auc(won, score, np.ones((1, len(won))))[0])


def resampled_auc(won: Floats, score: Floats, counts: Floats) -> Floats:
    """Return the AUC of each resample, float64[draws], of how often each row is drawn, float64[draws, n]."""
    order = np.argsort(score, kind="stable")
    counts, won, ranked = counts[:, order], won[order], score[order]
    start = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    lost = np.add.reduceat(counts * (1 - won), start, axis=1)
    gained = np.add.reduceat(counts * won, start, axis=1)
    below = np.cumsum(lost, axis=1) - lost / 2
    pairs = lost.sum(axis=1) * gained.sum(axis=1)
    found = np.divide((gained * below).sum(axis=1), pairs, out=np.full(len(counts), 0.5), where=pairs > 0)
    return np.asarray(found, dtype=np.float64)


def calibration_error(won: Floats, score: Floats) -> float:
    """Return the expected calibration error over ten bins of equal width (Naeini et al. 2015)."""
    which = np.minimum((score * BINS).astype(np.int64), BINS - 1)
    gaps = [abs(won[which == k].mean() - score[which == k].mean()) * (which == k).mean() for k in np.unique(which)]
    return float(sum(gaps))


def lift(won: Floats, score: Floats, share: float = 0.2) -> float:
    """Return the share won among the best-scored fifth over the share won of all."""
    best = np.argsort(-score, kind="stable")[: max(1, round(share * len(won)))]
    return float(won[best].mean() / max(won.mean(), EDGE))


def bootstrap_ends(
    values: Sequence[Floats], seed: int, statistic: Callable[[list[Floats]], Floats] | None = None
) -> tuple[float, float]:
    """Return the two-sided 90 % bootstrap interval of a mean over blocks that are resampled apart.

    Parameters
    ----------
    values : sequence of float64[n]
        One block, or several.
    statistic : callable or None
        Takes one array of counts [draws, n] a block; the mean over all rows when absent.
    """
    rng = np.random.default_rng(seed)
    counts = [rng.multinomial(len(v), np.full(len(v), 1 / len(v)), DRAWS).astype(np.float64) for v in values]
    total = sum(len(v) for v in values)
    drawn = statistic(counts) if statistic else sum(c @ v for c, v in zip(counts, values, strict=True)) / total
    low, high = np.quantile(drawn, [0.05, 0.95])
    return float(low), float(high)
