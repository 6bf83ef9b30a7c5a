"""Columns of homes as numbers: what is numeric as it is, what is text as shares of evidence from other sales."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Encoder", "group_levels", "log_size"]

Floats = npt.NDArray[np.float64]

PRIOR_SALES = 10.0
"""Sales that the whole market's level counts for in that of a group: one with ten sales stands half way."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """Which columns of a frame are numbers, and the groups of the others.

    Parameters
    ----------
    numbers : tuple of str
        Columns of numbers, truth values and times that vary.
    texts : tuple of str
        Columns of groups.
    """

    numbers: tuple[str, ...]
    texts: tuple[str, ...]

    @classmethod
    def fit(cls, frame: pd.DataFrame, area: str | None) -> "Encoder":
        """Sort the columns of a frame; `area` is a group also where it is written as a number.

        Text that hardly ever repeats, such as an address, says nothing of other homes and is left out.
        """
        usable = [str(name) for name in frame if frame[name].nunique() > 1]
        texts = [name for name in usable if not _is_number(frame[name]) and 2 * frame[name].nunique() <= len(frame)]
        if area is not None and area in usable and area not in texts:
            texts.append(area)
        return cls(tuple(name for name in usable if _is_number(frame[name])), tuple(texts))

    def values(self, frame: pd.DataFrame) -> Floats:
        """Return the columns of numbers, float64[n, p]; times as days."""
        columns = [_numbers(frame[name]) for name in self.numbers]
        return np.stack(columns, axis=1) if columns else np.empty((len(frame), 0))


def _is_number(column: pd.Series) -> bool:
    kinds = pd.api.types
    return bool(kinds.is_numeric_dtype(column) or kinds.is_bool_dtype(column) or kinds.is_datetime64_any_dtype(column))


def _numbers(column: pd.Series) -> Floats:
    if pd.api.types.is_datetime64_any_dtype(column):
        column = (column - pd.Timestamp(0, tz=column.dt.tz)) / pd.Timedelta(days=1)
    found = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(found), found, np.nan)


def log_size(frame: pd.DataFrame, size: str | None) -> Floats:
    """Return log sizes, NaN where there is none; 0 for all without a column of sizes."""
    if size is None:
        return np.zeros(len(frame))
    found = frame[size].to_numpy(dtype=np.float64, na_value=np.nan)
    return np.log(np.where(found > 0, found, np.nan))


def group_levels(known: pd.Series, level: Floats, asked: pd.Series) -> Floats:
    """Return the mean level of each asked row's group among known sales, shrunk to that of all of them.

    Parameters
    ----------
    known, asked : Series
        Groups of sales with a level, and of the rows to answer for; of training sales, no row may be in both.
    level : float64[n]
        Of the known sales.
    """
    overall = float(level.mean())
    sums = pd.Series(level - overall).groupby(known.astype(str).to_numpy()).agg(["sum", "count"])
    shrunk = overall + sums["sum"] / (sums["count"] + PRIOR_SALES)
    return np.asarray(shrunk.reindex(asked.astype(str).to_numpy()).fillna(overall), dtype=np.float64)
