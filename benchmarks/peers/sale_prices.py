"""Plain peers of a valuation: LightGBM on the raw features, with and without the day of sale; the area's median."""

from collections.abc import Callable, Mapping

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.sales import Roles, Sales

__all__ = ["FLOOR", "PEERS", "Valuer"]

Floats = NDArray[np.float64]
Valuer = Callable[[Sales, Sales, int], Floats]
FLOOR = "area median"


def area_median(past: Sales, rows: Sales, seed: int) -> Floats:
    """Multiply the median price per unit of size of a row's area by its size."""
    known, asked = _size(past, past.roles), _size(rows, past.roles)
    rate = past.price / known
    overall = float(np.nanmedian(rate))
    if past.roles.area is None:
        return np.asarray(overall * asked, dtype=np.float64)
    medians = pd.Series(rate).groupby(past.frame[past.roles.area].to_numpy()).median()
    return np.asarray(rows.frame[past.roles.area].map(medians).fillna(overall) * asked, dtype=np.float64)


def _size(sales: Sales, roles: Roles) -> Floats:
    if roles.size is None:
        return np.ones(len(sales))
    return np.asarray(sales.frame[roles.size].to_numpy(dtype=np.float64, na_value=np.nan))


def plain_trees(past: Sales, rows: Sales, seed: int) -> Floats:
    """Fit LightGBM to the log price."""
    return _trees(_columns(past, rows), past, seed)


def trees_with_day(past: Sales, rows: Sales, seed: int) -> Floats:
    """Fit LightGBM to the log price, with the day of sale as one more feature."""
    columns = _columns(past, rows)
    columns["day of sale"] = np.concatenate([s.sold_on.astype("datetime64[D]").astype(float) for s in (past, rows)])
    return _trees(columns, past, seed)


def _columns(past: Sales, rows: Sales) -> pd.DataFrame:
    """Return the features of both, text as categories."""
    both = pd.concat([past.frame, rows.frame], ignore_index=True)
    texts = [name for name in both if not pd.api.types.is_numeric_dtype(both[name])]
    return both.astype(dict.fromkeys(texts, "category"))


def _trees(columns: pd.DataFrame, past: Sales, seed: int) -> Floats:
    columns.columns = pd.Index([f"c{i}" for i in range(columns.shape[1])])  # LightGBM refuses some names.
    model = lightgbm.LGBMRegressor(
        n_estimators=1_500,
        learning_rate=0.03,
        subsample=0.8,
        subsample_freq=1,
        colsample_bytree=0.8,
        n_jobs=1,
        random_state=seed,
        verbose=-1,
    )
    model.fit(columns.iloc[: len(past)], np.log(past.price))
    return np.exp(np.asarray(model.predict(columns.iloc[len(past) :]), dtype=np.float64))


PEERS: Mapping[str, Valuer] = {
    "LightGBM": plain_trees,
    "LightGBM with the day": trees_with_day,
    FLOOR: area_median,
}
