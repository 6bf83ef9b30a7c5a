"""Reads a table of sales from any CSV: prices, days, features, and which of these are area, size and place."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.report import DataMissing, Options

__all__ = ["Roles", "Sales", "generated_sales", "read_sales", "roles_of"]

Floats = NDArray[np.float64]

KING_COUNTY = "kc_house_data.csv"
IDENTIFIERS = ("id", "unnamed: 0", "index", "transaction_id", "parcelnumber")
NAMES: dict[str, tuple[str, ...]] = {
    "lat": ("lat", "latitude", "lattitude"),
    "lon": ("long", "lon", "lng", "longitude", "longtitude"),
    "size": (
        "sqft_living",
        "area_sqm",
        "living_area",
        "size_sqm",
        "size",
        "sqm",
        "sqft",
        "gr_liv_area",
        "grlivarea",
        "square_feet",
        "square_meters",
        "floor_area",
        "building_area",
        "buildingarea",
        "procedure_area",
        "m2",
        "surface",
        "total_area",
        "area",
    ),
    "area": (
        "area_id",
        "area_name",
        "zipcode",
        "zip_code",
        "zip",
        "postal_code",
        "postcode",
        "neighborhood",
        "neighbourhood",
        "suburb",
        "district",
        "locality",
        "community",
        "town",
        "city",
        "region",
        "county",
        "area",
    ),
}
"""How the columns of a role are usually called; `--roles` says it where this guesses wrong."""
SALES_AN_AREA = 5
KNOWN_SHARE = 0.98
PLACED_SHARE = 0.7  # A home without a place is put in the middle of its area.
MONTHS = 12


@dataclass(frozen=True, slots=True)
class Roles:
    """Columns of area, size and place; None where a table has none."""

    area: str | None = None
    size: str | None = None
    lat: str | None = None
    lon: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Sales:
    """Sales in the order of time: features, float64[n] prices, datetime64[n] days, roles, and where they are from."""

    frame: pd.DataFrame
    price: Floats
    sold_on: NDArray[np.datetime64]
    roles: Roles
    source: str

    def __len__(self) -> int:
        return len(self.price)


def read_sales(options: Options) -> Sales:
    """Read the table that the options name.

    Raises
    ------
    DataMissing
        When there is no such file, or it lacks a column.
    """
    table, name = _table(options.data), options.data.name if options.data else ""
    price, date = options.price or "price", options.date or "date"
    _demand(table, (price, date, *options.features))
    features = list(options.features) or [
        column for column in table if column not in (price, date) and column.lower() not in IDENTIFIERS
    ]
    paid, days = pd.to_numeric(table[price], errors="coerce"), _days(table[date])
    usable = (paid > 0) & days.notna()
    order = days[usable].sort_values(kind="stable").index
    frame = table.loc[order, features].reset_index(drop=True)
    roles = Roles(**dict(options.roles)) if options.roles else roles_of(frame)
    _demand(table, tuple(column for column in (roles.area, roles.size, roles.lat, roles.lon) if column))
    left_out = f", {len(table) - len(order):,} without price or day left out" if len(order) < len(table) else ""
    return Sales(frame, paid[order].to_numpy(float), days[order].to_numpy(), roles, f"{name}{left_out}; {roles}")


def _table(path: Path | None) -> pd.DataFrame:
    if path is not None and path.is_dir():
        path = path / KING_COUNTY
    if path is None or not path.is_file():
        raise DataMissing(
            "valuation needs a CSV of sales: --data FILE, with --price, --date and --features where its columns are "
            f"not called price and date. The figures of the documentation are those of {KING_COUNTY}, King County."
        )
    return pd.read_csv(path, low_memory=False)


def _demand(table: pd.DataFrame, columns: tuple[str, ...]) -> None:
    missing = [column for column in columns if column not in table]
    if missing:
        raise DataMissing(f"The file has no column {', '.join(missing)}.")


def _days(column: pd.Series) -> pd.Series:
    """Return the days of a column of text, of numbers like 20150131, or of years.

    Where the first of two numbers is ever above 12, it is the day.
    """
    if pd.api.types.is_numeric_dtype(column):
        whole = column.astype("Int64").astype(str)
        return pd.to_datetime(whole, format="%Y" if column.max() < 10_000 else "%Y%m%d", errors="coerce")
    first = pd.to_numeric(column.astype(str).str.extract(r"^(\d{1,2})[/.-]")[0])
    read = pd.to_datetime(column, errors="coerce", format="mixed", utc=True, dayfirst=bool(first.max() > MONTHS))
    return read.dt.tz_localize(None).dt.normalize()


def roles_of(frame: pd.DataFrame) -> Roles:
    """Guess the roles of columns by their names, and by what is in them."""
    found: dict[str, str] = {}
    for role, names in NAMES.items():
        by_name = {str(column).lower().replace(" ", "_"): str(column) for column in frame}
        fitting = [by_name[n] for n in names if n in by_name and by_name[n] not in found.values()]
        fitting = [column for column in fitting if _may_be(role, frame[column])]
        if fitting:
            found[role] = fitting[0]
    if "lat" not in found or "lon" not in found:
        found.pop("lat", None), found.pop("lon", None)
    return Roles(**found)


def _may_be(role: str, column: pd.Series) -> bool:
    """Return whether nearly every row has a value that suits the role."""
    if role == "area":
        suits, enough = column.notna(), 1 < column.nunique() <= len(column) / SALES_AN_AREA
    else:
        suits, enough = column.notna(), bool(pd.api.types.is_numeric_dtype(column))
        if role == "size" and enough:
            suits = column > 0
    return bool(enough and suits.mean() >= (PLACED_SHARE if role in ("lat", "lon") else KNOWN_SHARE))


def generated_sales(n: int, seed: int) -> Sales:
    """Draw sales of a year whose log price is known but for noise of 10 %."""
    rng = np.random.default_rng(seed)
    lat, lon = 25 + 0.2 * rng.random(n), 55 + 0.2 * rng.random(n)
    day, size = np.sort(rng.integers(0, 365, n)), np.exp(rng.normal(4.6, 0.35, n))
    rooms = np.clip(np.round(size / 45 + rng.normal(0, 0.6, n)), 0, None)
    place = 0.3 * np.sin(25 * (lat - 25)) + 0.3 * np.cos(25 * (lon - 55))
    log_price = 9 + place + 0.85 * np.log(size) + 0.03 * rooms + 0.08 * day / 365 + rng.normal(0, 0.1, n)
    frame = pd.DataFrame({"lat": lat, "lon": lon, "size": size, "rooms": rooms})
    frame["area"] = [f"{int(20 * a)}-{int(20 * b)}" for a, b in zip(lat - 25, lon - 55, strict=True)]
    days = np.datetime64("2025-01-01") + day.astype("timedelta64[D]")
    return Sales(frame, np.exp(log_price), days, Roles("area", "size", "lat", "lon"), f"drawn: {n:,} sales of a year")
