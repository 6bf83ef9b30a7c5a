"""How well scores foretold outcomes: overall, and by band."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from estate.core.stats import proportion

__all__ = ["by_band", "measures", "row_losses"]

Floats = NDArray[np.float64]

EDGE = 1e-6


def row_losses(won: Floats, score: Floats) -> Floats:
    """Return the log-loss of each row, float64[n]; scores are kept 1e-6 off 0 and 1."""
    share = np.clip(score, EDGE, 1 - EDGE)
    return np.asarray(-(won * np.log(share) + (1 - won) * np.log(1 - share)), dtype=np.float64)


def measures(won: Floats, score: Floats) -> dict[str, float | None]:
    """Return n, share won, AUC, Brier score, log-loss, and the log-loss of saying the share won to everybody.

    The AUC is the chance that a won case was scored above a lost one (Mann-Whitney); None where one kind is absent.
    """
    n = len(won)
    if not n:
        return dict.fromkeys(("n", "share_won", "auc", "brier", "log_loss", "base_log_loss"), None) | {"n": 0}
    wins = float(won.sum())
    auc = None
    if 0 < wins < n:
        auc = (float(rankdata(score)[won == 1].sum()) - wins * (wins + 1) / 2) / (wins * (n - wins))
    return {
        "n": n,
        "share_won": wins / n,
        "auc": auc,
        "brier": float(((won - score) ** 2).mean()),
        "log_loss": float(row_losses(won, score).mean()),
        "base_log_loss": float(row_losses(won, np.full(n, wins / n)).mean()),
    }


def by_band(won: Floats, score: Floats, cuts: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return for each band n, the mean score, and the share won with its 90 % interval (Jeffreys); best band first."""
    bands = []
    top = np.inf
    for band, cut in sorted(cuts.items(), key=lambda item: -item[1]):
        inside = (score >= cut) & (score < top)
        top = cut
        n, wins = int(inside.sum()), int(won[inside].sum())
        share = proportion(wins, n) if n else None
        bands.append(
            {
                "band": band,
                "n": n,
                "won": wins,
                "mean_score": float(score[inside].mean()) if n else None,
                "share_won": wins / n if n else None,
                "lower": share and share.lower,
                "upper": share and share.upper,
            }
        )
    return bands
