"""Absolute figures beside the heat, which is relative: how much is sold, and how long what is for sale would last."""

import pandas as pd

__all__ = ["companions"]

WINDOW_MONTHS = 6  # The usual window of months of supply; shorter ones follow the season.


def companions(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the absolute figures of each area.

    Parameters
    ----------
    frame : DataFrame
        One row an area and month: ``area_id``, ``observed_on``, ``sales``, ``inventory``, ``days_on_market``.

    Returns
    -------
    DataFrame
        By area: ``sales_per_month`` (mean of the six months up to its newest with sales, or of those since its first;
        a month without any row had none), ``months_of_supply`` (newest inventory over that), ``days_on_market``
        (newest); NaN where unknown, and no months of supply where nothing was sold.
    """
    rows = frame.sort_values("observed_on")
    sales = _sales_per_month(rows)
    newest = rows.groupby("area_id").tail(WINDOW_MONTHS).groupby("area_id")[["inventory", "days_on_market"]].last()
    return pd.DataFrame(
        {
            "sales_per_month": sales,
            "months_of_supply": newest["inventory"] / sales.where(sales > 0),
            "days_on_market": newest["days_on_market"],
        }
    )


def _sales_per_month(rows: pd.DataFrame) -> pd.Series:
    """Leave out the months that tell something else only: how much was sold in them is not known."""
    day = pd.to_datetime(rows["observed_on"])
    months = rows[["area_id"]].assign(sales=rows["sales"].astype(float), month=day.dt.year * 12 + day.dt.month)
    told = months.dropna(subset="sales").groupby("area_id")["month"]
    ends = pd.DataFrame({"first": told.min(), "last": told.max()})
    ends["first"] = ends["first"].clip(lower=ends["last"] - WINDOW_MONTHS + 1)
    recent = months.join(ends, on="area_id").query("first <= month <= last").groupby("area_id")
    untold = recent.size() - recent["sales"].count()
    return recent["sales"].sum() / (ends["last"] - ends["first"] + 1 - untold)
