"""Panels that the market benchmarks read or draw."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.report import DataMissing

__all__ = ["drawn", "read_hotness", "read_wide", "wide"]

NEEDS = (
    "This benchmark needs Realtor.com's monthly metro hotness history as CSV:\n"
    "  --data PATH/realtor_hotness_metro_201708_202206.csv   (a file, or a folder that holds one such file)"
)
PATTERN = "*realtor_hotness*.csv"
COLUMNS = {
    "cbsa_code": "area_id",
    "median_days_on_market": "days_on_market",
    "ldp_unique_viewers_per_property_vs_us": "views_per_listing",
    "median_listing_price": "price",
}
THEIRS = ("supply_score", "demand_score", "hotness_score")


def read_hotness(data: Path | None) -> pd.DataFrame:
    """Read the history: one row an area and month, with our names for raw columns and theirs for their scores.

    Raises
    ------
    DataMissing
        When there is no such file.
    """
    found = sorted(data.rglob(PATTERN)) if data is not None and data.is_dir() else [data]
    if len(found) != 1 or found[0] is None or not found[0].is_file():
        raise DataMissing(NEEDS)
    frame = pd.read_csv(found[0], dtype=str, encoding="utf-8-sig")
    month = frame["month_date_yyyymm"].str.strip()
    frame = frame[month.str.fullmatch(r"\d{6}").fillna(False)]  # The last line may be a footnote.
    numbers = [name for name in (*COLUMNS, *THEIRS) if name != "cbsa_code"]
    result = frame[numbers].apply(pd.to_numeric, errors="coerce")
    result["cbsa_code"] = frame["cbsa_code"].str.strip()
    result["observed_on"] = pd.to_datetime(frame["month_date_yyyymm"].str.strip() + "01", format="%Y%m%d")
    return result.rename(columns=COLUMNS).sort_values(["observed_on", "area_id"], ignore_index=True)


def wide(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return areas × months of one column; a month that nobody reported is a column of NaN."""
    table = frame.pivot(index="area_id", columns="observed_on", values=column)
    return table.reindex(columns=pd.date_range(table.columns.min(), table.columns.max(), freq="MS"))


def read_wide(path: Path) -> npt.NDArray[np.float64]:
    """Read an areas × months CSV: the first column names the area, a header the months.

    Raises
    ------
    DataMissing
        When the file is not there.
    """
    if not path.is_file():
        raise DataMissing(f"There is no file {path}.")
    table = pd.read_csv(path, index_col=0, encoding="utf-8-sig").apply(pd.to_numeric, errors="coerce")
    numbers = table.dropna(axis=1, how="all").to_numpy(dtype=np.float64)
    return np.where(numbers > 0, numbers, np.nan)


def drawn(rng: np.random.Generator, areas: int, months: int) -> pd.DataFrame:
    """Draw a history of the same shape: a shared seasonal path, areas that leave it slowly, and noise."""
    time = np.arange(months)
    shared = 0.004 * time + 0.05 * np.sin(2 * np.pi * time / 12) + np.cumsum(rng.normal(0, 0.004, months))
    own = np.cumsum(rng.normal(0, 0.006, (areas, months)), axis=1)
    speed = rng.normal(0, 0.3, (areas, 1)) + 5 * own + 0.15 * np.sin(2 * np.pi * time / 12)
    logs = 12.5 + rng.normal(0, 0.4, (areas, 1)) + shared + np.roll(own, 3, axis=1) + rng.normal(0, 0.01, own.shape)
    days = np.exp(4 - speed + rng.normal(0, 0.1, own.shape))
    views = np.exp(speed + rng.normal(0, 0.2, own.shape))
    area, month = np.indices(own.shape)
    return pd.DataFrame(
        {
            "area_id": [f"area-{i:03}" for i in area.ravel()],
            "observed_on": pd.date_range("2017-08-01", periods=months, freq="MS")[month.ravel()],
            "price": np.exp(logs).ravel(),
            "days_on_market": days.ravel(),
            "views_per_listing": views.ravel(),
        }
    ).sort_values(["observed_on", "area_id"], ignore_index=True)
