"""Heat of areas: where demand is high and homes are scarce, compared with what is known of the others by then."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

__all__ = ["BANDS", "MONTHS_NEEDED", "NEUTRAL", "band", "drivers", "heat"]

BANDS = ((70.0, "very hot"), (55.0, "hot"), (44.0, "balanced"), (28.0, "cool"), (0.0, "cold"))
"""Cuts of the five bands, from above; the same cuts as the best-known public index publishes."""

NEUTRAL = 50.0  # What an area without peers or without a signal gets: no evidence either way.
MEMORY = 0.6  # What last month's score keeps: a half-life of six weeks, about a three-month mean.
TREND_MONTHS = 12  # A year, so that seasons cancel.
MONTHS_NEEDED = 2 * TREND_MONTHS + 1  # Older months weigh less than a thousandth.
MIN_TREND_MONTHS = 3  # A shorter change is the noise of a month.
TREND_SLACK_MONTHS = 2  # What was known longer before the year is no change in a year.
PRIOR_MONTHS = 3.0  # Fewer months than this say less about an area than its peers do.
PRIOR_PEERS = 10.0  # Among few areas a rank moves in large steps.

DEMAND = {"views_per_listing": 1, "demand_score": 1, "sales": 1}
SCARCITY = {"days_on_market": -1, "months_of_supply": -1, "supply_score": -1}
"""Signals in the order in which they are preferred, and whether more of it is hotter."""
READ = {"demand_signal": "demand_score", "supply_signal": "scarcity_score"}
TIES = {"demand_score": "average", "scarcity_score": "min"}


def band(score: float) -> str:
    """Name the band of a score.

    Examples
    --------
    >>> band(70.0), band(43.9)
    ('very hot', 'cool')
    """
    return next(name for cut, name in BANDS if score >= cut)


def heat(frame: pd.DataFrame, history: bool = False) -> pd.DataFrame:
    """Score areas by demand and scarcity against their peers.

    Parameters
    ----------
    frame : DataFrame
        One row an area and month: ``area_id``, ``observed_on`` (any day of the month), ``price``, ``sales``;
        ``days_on_market``, ``views_per_listing``, ``inventory``, ``demand_score`` and ``supply_score`` (a high
        value means plenty for sale) are used when present. Nulls are allowed; of several rows of one month the
        means count.
    history : bool
        Return every month of an area that tells a signal, instead of its newest; all of an area that tells none.

    Returns
    -------
    DataFrame
        ``area_id``, ``observed_on``, ``demand_score``, ``scarcity_score``, ``heat_score`` (all in [0, 100]),
        ``heat_band``, ``heat_trend`` (points, NaN before three months and after a gap), ``n`` (months behind it),
        ``confidence``, ``peers``, ``signals`` (how many of the two are known), ``demand_signal`` and
        ``supply_signal`` (the columns read); sorted by month, then hottest first.

    Notes
    -----
    Among the N areas whose signal is known by that month, ``demand = 100 * #(areas with less demand) / (N - 1)``
    and ``scarcity = 100 * #(areas with more supply) / (N - 1)``: the formula behind Realtor.com's hotness, whose
    "supply score" is our scarcity. Each area stands with the newest signal that it has by then: areas report a
    month on different days, and silence is no change. Areas tied in demand share the middle of their places, since
    views are published rounded and a tie is one of rounding; areas tied in supply share the lowest.

    Demand is read from views per listing, else the stated demand score, else sales; supply from days on market,
    else months of supply (inventory / sales), else the stated supply score: the first that half of the rows with
    any of the three have. A month that tells neither, a price alone, is no evidence and is left out. Without
    `history`, the newest row of every area is compared as of the last month. Heat is the exponentially weighted
    mean over the area's months, newest first with weights 0.4, 0.24, …, of the mean of the two: a listing's noise
    fades, a lasting change does not. The trend is heat less the heat of 12 months before, or of the oldest month
    when that is at least 3 months away; where that month tells nothing, less that of one or two months earlier, and
    unknown where neither tells. Confidence is ``n / (n + 3) * (N - 1) / (N + 9) * signals / 2``, with the
    smaller N of the two signals, which is ``peers``.
    """
    months = _months(frame)
    if months.empty:
        return pd.DataFrame(columns=["area_id", "observed_on", "heat_score", "heat_band", "heat_trend"])
    columns = _signals(months)
    months = _telling(months, [column for column, _ in columns.values()])
    signals = {name: months[column] * sign for name, (column, sign) in columns.items()}
    newest = ~months.duplicated("area_id", keep="last")
    as_of = months["month"].where(history | ~newest, months["month"].max())
    scored = _scored(months, signals, as_of)
    read = {name: columns[part][0] if part in columns else None for name, part in READ.items()}
    return _named((scored if history else scored[newest]).assign(**read))


def drivers(demand: float, scarcity: float, score: float, *, n: int, signals: int) -> dict[str, float]:
    """Split a heat score into the points of its three drivers, which sum to it less 50.

    Parameters
    ----------
    demand, scarcity, score : float
        Of one row of `heat`.
    n, signals : int
        Of the same row.

    Examples
    --------
    >>> drivers(80.0, 60.0, 70.0, n=1, signals=2)
    {'demand': 15.0, 'scarcity': 5.0, 'earlier months': 0.0}
    """
    newest = (1 - MEMORY) / (1 - MEMORY**n) / max(signals, 1)
    parts = {"demand": newest * (demand - NEUTRAL), "scarcity": newest * (scarcity - NEUTRAL)}
    return parts | {"earlier months": score - NEUTRAL - sum(parts.values())}


def _months(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row an area and month, in order of time, with every number column as float."""
    day = pd.to_datetime(frame["observed_on"])
    wanted = ["sales", "inventory", *DEMAND, *SCARCITY]
    numbers = {name: frame[name].astype(float) for name in dict.fromkeys(wanted) if name in frame.columns}
    table = pd.DataFrame({"area_id": frame["area_id"], "month": day.dt.year * 12 + day.dt.month, "observed_on": day})
    table = table.assign(**numbers)
    how = {"observed_on": "max", **dict.fromkeys(numbers, "mean")}
    if table.duplicated(["area_id", "month"]).any():
        table = table.groupby(["area_id", "month"], as_index=False, sort=False).agg(how)
    if {"inventory", "sales"} <= numbers.keys():
        table["months_of_supply"] = table["inventory"] / table["sales"].where(table["sales"] > 0)
    return table.sort_values("month", kind="stable", ignore_index=True)


def _signals(months: pd.DataFrame) -> dict[str, tuple[str, int]]:
    """Choose for demand and for scarcity the first signal that half of the rows with any have, else the fullest."""
    chosen = {}
    for name, known in (("demand_score", DEMAND), ("scarcity_score", SCARCITY)):
        told = months[[column for column in known if column in months]].dropna(how="all")
        shares = told.notna().mean()
        if shares.max() > 0:
            best = str((shares >= 0.5).idxmax() if (shares >= 0.5).any() else shares.idxmax())
            chosen[name] = (best, known[best])
    return chosen


def _telling(months: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Leave out the months of an area that tell none of the signals, unless it has no other."""
    tells = months[list(columns)].notna().any(axis=1)
    return months[tells | ~tells.groupby(months["area_id"]).transform("any")].reset_index(drop=True)


def _scored(months: pd.DataFrame, signals: dict[str, pd.Series], as_of: pd.Series) -> pd.DataFrame:
    """Compare each row with all areas as they were known in the month `as_of`."""
    parts = pd.DataFrame(np.nan, index=months.index, columns=list(TIES))
    peers = np.full(len(months), np.nan)
    for name, values in signals.items():
        known = months.assign(known=values).pivot(index="month", columns="area_id", values="known").ffill()
        at = known.index.get_indexer(as_of), known.columns.get_indexer(months["area_id"])
        areas = known.count(axis=1)
        ranks = _rank(known, areas, TIES[name])
        parts[name] = ranks.to_numpy()[at]
        peers = np.fmin(peers, ranks.mask(ranks.notna(), areas, axis=0).to_numpy()[at])
    scored = months[["area_id", "month", "observed_on"]].join(parts.fillna(NEUTRAL))
    scored["level"] = parts.mean(axis=1).fillna(NEUTRAL)
    scored["signals"] = parts.notna().sum(axis=1)
    scored["peers"] = np.where(np.isnan(peers), 1, peers).astype(int)
    return _steadied(scored)


def _rank(known: pd.DataFrame, areas: pd.Series, ties: str) -> pd.DataFrame:
    """Return 100 * (place - 1) / (N - 1), counted from below; NaN where unknown, or where nobody is a peer."""
    others = areas - 1
    return (100.0 * (known.rank(axis=1, method=ties) - 1.0)).div(others.where(others > 0), axis=0)


def _steadied(scored: pd.DataFrame) -> pd.DataFrame:
    """Add the heat score, its trend and the number of months, along each area's own months."""
    groups = scored.groupby("area_id", sort=False)
    by_area = groups["level"].ewm(alpha=1 - MEMORY)
    scored["heat_score"] = by_area.mean().reset_index(level=0, drop=True).clip(0, 100)
    scored["n"] = groups.cumcount() + 1
    first = groups["month"].transform("first")
    then = np.maximum(scored["month"] - TREND_MONTHS, first)
    past = scored[["area_id", "month", "heat_score"]].rename(columns={"month": "then", "heat_score": "before"})
    wanted = pd.DataFrame({"area_id": scored["area_id"], "then": then, "row": scored.index})
    found = pd.merge_asof(wanted.sort_values("then"), past, on="then", by="area_id", tolerance=TREND_SLACK_MONTHS)
    before = found.set_index("row")["before"]
    enough = scored["month"] - then >= MIN_TREND_MONTHS
    scored["heat_trend"] = (scored["heat_score"] - before).where(enough)
    return scored


def _named(scored: pd.DataFrame) -> pd.DataFrame:
    scored = scored.assign(
        heat_band=[band(score) for score in scored["heat_score"]],
        confidence=scored["n"]
        / (scored["n"] + PRIOR_MONTHS)
        * (scored["peers"] - 1)
        / (scored["peers"] - 1 + PRIOR_PEERS)
        * scored["signals"]
        / 2,
        _tie=scored["area_id"].astype(str),
    )
    ordered = scored.sort_values(["observed_on", "heat_score", "_tie"], ascending=[True, False, True])
    return ordered.drop(columns=["_tie", "month", "level"]).reset_index(drop=True)
