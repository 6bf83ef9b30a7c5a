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
        By area: ``sales_per_month`` (mean of its newest six rows), ``months_of_supply`` (newest inventory over
        that), ``days_on_market`` (newest); NaN where unknown, and no months of supply where nothing was sold.
    """
    groups = frame.sort_values("observed_on").groupby("area_id")
    recent = groups.tail(WINDOW_MONTHS).groupby("area_id")
    sales = recent["sales"].mean()
    newest = recent[["inventory", "days_on_market"]].last()
    return pd.DataFrame(
        {
            "sales_per_month": sales,
            "months_of_supply": newest["inventory"] / sales.where(sales > 0),
            "days_on_market": newest["days_on_market"],
        }
    )
