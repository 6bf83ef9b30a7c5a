"""Turns what is known of a listing into the columns of a hazard regression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Columns"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

KNOTS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Quantiles at which the effect of a number may bend."""
EDGES = (0.01, 0.99)
"""Beyond these quantiles a number counts as the quantile: nothing is known of what lies outside."""
MOST_LEVELS = 60
"""Kept values of a category; the others are judged as the listing without one would be."""
MISSING = "\0missing"


@dataclass(frozen=True, slots=True)
class _Number:
    low: float
    high: float
    center: float
    spread: float
    knots: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """How a frame becomes columns.

    Parameters
    ----------
    numbers : mapping
        Column to how it is scaled and where it bends.
    levels : mapping
        Column to the values that get a column of their own, the most frequent first; a missing one is a value.
    """

    numbers: Mapping[str, _Number]
    levels: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> "Columns":
        """Learn the columns of a frame."""
        numeric = [name for name in frame if _is_number(frame[name])]
        numbers = {str(name): _number(_floats(frame[name])) for name in numeric}
        levels = {str(name): _levels(frame[name]) for name in frame if name not in numeric}
        return cls(numbers, levels)

    def linear(self, frame: pd.DataFrame) -> tuple[Floats, Ints]:
        """Return float64[n, q], the columns whose effect may change with time, and int64[q], the source of each."""
        parts: list[Floats] = []
        sources: list[int] = []
        for source, (name, number) in enumerate(self.numbers.items()):
            values = _floats(_column(frame, name))
            lacks = np.isnan(values)
            scaled = (np.clip(values, number.low, number.high) - number.center) / number.spread
            parts += [np.where(lacks, 0.0, scaled), lacks.astype(np.float64)]
            sources += [source, source]
        for source, (name, levels) in enumerate(self.levels.items(), start=len(self.numbers)):
            words = _words(_column(frame, name))
            parts += [(words == level).astype(np.float64) for level in levels]
            sources += [source] * len(levels)
        return _stacked(parts, len(frame)), np.array(sources, dtype=np.int64)

    def bends(self, frame: pd.DataFrame) -> tuple[Floats, Ints]:
        """Return float64[n, b], how far each number lies above its knots, and int64[b], the source of each."""
        parts: list[Floats] = []
        sources: list[int] = []
        for source, (name, number) in enumerate(self.numbers.items()):
            values = np.clip(_floats(_column(frame, name)), number.low, number.high)
            parts += [np.nan_to_num(np.maximum(values - knot, 0) / number.spread) for knot in number.knots]
            sources += [source] * len(number.knots)
        return _stacked(parts, len(frame)), np.array(sources, dtype=np.int64)

    def codes(self, frame: pd.DataFrame) -> tuple[Floats, list[bool]]:
        """Return float64[n, columns] for trees, numbers as they are and categories as codes, and which are codes."""
        parts = [_floats(_column(frame, name)) for name in self.numbers]
        for name, levels in self.levels.items():
            code = {level: float(i) for i, level in enumerate(levels)}
            parts.append(np.array([code.get(word, np.nan) for word in _words(_column(frame, name))]))
        return _stacked(parts, len(frame)), [False] * len(self.numbers) + [True] * len(self.levels)


def _column(frame: pd.DataFrame, name: str) -> "pd.Series[Any]":
    """Return a column; one that the frame does not have is missing everywhere."""
    return frame[name] if name in frame else pd.Series(np.nan, index=frame.index)


def _is_number(values: "pd.Series[Any]") -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _floats(values: "pd.Series[Any]") -> Floats:
    found = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(found), found, np.nan)


def _words(values: "pd.Series[Any]") -> npt.NDArray[np.object_]:
    words = values.astype(object).where(values.notna(), MISSING)
    return np.array([str(word) for word in words], dtype=object)


def _number(values: Floats) -> _Number:
    known = values[~np.isnan(values)]
    if not known.size:
        return _Number(0.0, 0.0, 0.0, 1.0, ())
    low, high = np.quantile(known, EDGES)
    inside = np.clip(known, low, high)
    knots = tuple(float(k) for k in np.unique(np.quantile(inside, KNOTS)) if low < k < high)
    return _Number(float(low), float(high), float(inside.mean()), float(inside.std()) or 1.0, knots)


def _levels(values: "pd.Series[Any]") -> tuple[str, ...]:
    names, counts = np.unique(_words(values).astype(str), return_counts=True)
    order = np.lexsort((names, -counts))[:MOST_LEVELS]
    return tuple(str(names[i]) for i in order)


def _stacked(parts: Sequence[Floats], n: int) -> Floats:
    return np.column_stack(parts).astype(np.float64) if parts else np.empty((n, 0))
