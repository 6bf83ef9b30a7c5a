"""Two plain ways to predict the time to sell: a Kaplan-Meier curve for each group, and Cox's regression."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["cox", "curves_by_group"]

Floats = npt.NDArray[np.float64]

LEAST = 20
RIDGE = 1.0
STEPS = 25


def curves_by_group(train: pd.DataFrame, days: Floats, sold: Floats, test: pd.DataFrame, at: Sequence[float]) -> Floats:
    """Return P(sold by each day) by the curve of the listing's categories; a group of few has the curve of all."""
    columns = [c for c in train if train[c].dtype == object]
    groups = train[columns].astype(str).agg("|".join, axis=1).to_numpy()
    wanted = test[columns].astype(str).agg("|".join, axis=1).to_numpy()
    everything = _curve(days, sold, at)
    curves = {g: _curve(days[groups == g], sold[groups == g], at) for g in set(groups) if (groups == g).sum() >= LEAST}
    return np.array([curves.get(group, everything) for group in wanted])


def _curve(days: Floats, sold: Floats, at: Sequence[float]) -> list[float]:
    when = np.unique(days[sold > 0])
    survival = np.cumprod([1 - ((days == t) & (sold > 0)).sum() / (days >= t).sum() for t in when])
    return [1 - float(survival[k - 1]) if (k := int(np.searchsorted(when, t, side="right"))) else 0.0 for t in at]


def cox(train: pd.DataFrame, days: Floats, sold: Floats, test: pd.DataFrame, at: Sequence[float]) -> Floats:
    """Return P(sold by each day) by a proportional-hazards regression with a small ridge (Breslow's ties).

    Numbers enter as they are, standardised, a missing one as the mean; categories as one column each.
    """
    both = pd.get_dummies(pd.concat([train, test], ignore_index=True), dummy_na=True, dtype=float)
    both = both.fillna(both.mean())
    spread = both.std().replace(0.0, 1.0)
    x = ((both - both.mean()) / spread).to_numpy(np.float64)
    known, wanted = x[: len(train)], x[len(train) :]
    order = np.argsort(-days, kind="stable")
    beta = _newton(known[order], days[order], sold[order])
    risk = np.exp(known @ beta)
    when = np.unique(days[sold > 0])
    steps = [sold[days == t].sum() / risk[days >= t].sum() for t in when]
    hazard = np.concatenate([[0.0], np.cumsum(steps)])[np.searchsorted(when, at, side="right")]
    return np.asarray(1 - np.exp(-np.exp(wanted @ beta)[:, None] * hazard[None, :]), dtype=np.float64)


def _newton(x: Floats, days: Floats, sold: Floats) -> Floats:
    """Maximise the partial likelihood over rows ordered from the longest time to the shortest."""
    last = np.searchsorted(-days, -days, side="right") - 1  # Everybody at risk stands up to here.
    events = np.flatnonzero(sold)
    beta = np.zeros(x.shape[1])
    for _ in range(STEPS):
        weight = np.exp(x @ beta)
        total = np.cumsum(weight)[last]
        mean = np.cumsum(weight[:, None] * x, axis=0)[last] / total[:, None]
        # Σ over sales of the covariance among those at risk, by how often each row is at risk in a sale.
        share = np.zeros(len(x))
        np.add.at(share, last[events], 1 / total[events])
        often = np.cumsum(share[::-1])[::-1] * weight
        hessian = x.T @ (often[:, None] * x) - mean[events].T @ mean[events] + RIDGE * np.eye(x.shape[1])
        step = np.linalg.solve(hessian, (x[events] - mean[events]).sum(axis=0) - RIDGE * beta)
        beta += step
        if np.abs(step).max() < 1e-8:
            break
    return beta
