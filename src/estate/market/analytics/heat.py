"""Heat of areas: where demand is high and supply is scarce, compared with the other areas of the same time."""

import numpy as np
import pandas as pd

__all__ = ["BANDS", "NEUTRAL", "band", "heat"]

BANDS = ((70.0, "very hot"), (55.0, "hot"), (44.0, "balanced"), (28.0, "cool"), (0.0, "cold"))
"""Cuts of the five bands, from above; the same cuts as the best-known public index publishes."""

PRIOR_SNAPSHOTS = 4.0  # Below about a month of weekly snapshots the score is mostly noise.
NEUTRAL = 50.0  # What an area without peers or without a signal gets: no evidence either way.


def band(score: float) -> str:
    """Name the band of a score.

    Examples
    --------
    >>> band(70.0), band(43.9)
    ('very hot', 'cool')
    """
    return next(name for cut, name in BANDS if score >= cut)


def heat(frame: pd.DataFrame, *, window_days: int) -> pd.DataFrame:
    """Score areas by demand and scarcity against their peers.

    Parameters
    ----------
    frame : DataFrame
        One row a snapshot: ``area_id``, ``observed_on`` (date), ``sales_volume``, ``demand_score``,
        ``supply_score``; nulls allowed.
    window_days : int
        Each area is read in the `window_days` up to its newest snapshot, and again in the window before,
        for the trend.

    Returns
    -------
    DataFrame
        One row an area, hottest first: ``area_id``, ``demand_score``, ``scarcity_score``, ``heat_score``,
        ``heat_band``, ``heat_trend`` (points, NaN without an earlier window), ``n``, ``confidence``.

    Notes
    -----
    With ranks among the N areas that have the signal, ``demand = 100 * #(areas with less demand) / (N - 1)``
    and ``scarcity = 100 * #(areas with more supply) / (N - 1)``, ties shared; demand is the mean
    ``demand_score``, or the mean ``sales_volume`` of the area where no area states one. Heat is the mean of
    the two parts that exist, 50 where none does. Confidence is ``n / (n + 4) * parts / 2``.
    """
    if frame.empty:
        return pd.DataFrame(columns=["area_id", "heat_score", "heat_band"])
    days = pd.to_datetime(frame["observed_on"])
    age = (days.groupby(frame["area_id"]).transform("max") - days).dt.days
    now = _score(frame[age < window_days])
    before = _score(frame[(age >= window_days) & (age < 2 * window_days)])["heat_score"]
    now["heat_trend"] = now["heat_score"] - before.reindex(now.index)
    now["heat_band"] = [band(score) for score in now["heat_score"]]
    ordered = now.reset_index(names="area_id")
    ordered["_tie"] = ordered["area_id"].astype(str)
    return ordered.sort_values(["heat_score", "_tie"], ascending=[False, True]).drop(columns="_tie")


def _score(frame: pd.DataFrame) -> pd.DataFrame:
    numbers = frame[["sales_volume", "demand_score", "supply_score"]].astype(float)
    groups = numbers.groupby(frame["area_id"])
    means = groups.mean()
    demand = means["demand_score"] if means["demand_score"].notna().any() else means["sales_volume"]
    parts = pd.DataFrame({"demand_score": _rank(demand), "scarcity_score": _rank(-means["supply_score"])})
    n = groups.size()
    known = parts.notna().sum(axis=1)
    scored = parts.fillna(NEUTRAL)
    scored["heat_score"] = parts.mean(axis=1).fillna(NEUTRAL)
    scored["n"] = n
    scored["confidence"] = n / (n + PRIOR_SNAPSHOTS) * known / 2
    return scored


def _rank(values: pd.Series) -> pd.Series:
    """Return 100 * (areas below) / (N - 1), ties shared; NaN where unknown, or where nobody is a peer."""
    n = int(values.notna().sum())
    if n < 2:
        return pd.Series(np.nan, index=values.index)
    return 100.0 * (values.rank(method="average") - 1.0) / (n - 1)
