"""Turns any table into numbers: what kind each column is, learned once, then applied to every later row."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

__all__ = ["Columns", "learn_columns"]

Floats = NDArray[np.float64]

MISSING_WORDS = frozenset({"", "select", "na", "n/a", "nan", "none", "null", "unknown", "?", "-"})
"""What forms and exports write where nobody answered."""
NUMERIC_SHARE = 0.95
DATE_SHARE = 0.9
DATES_TRIED = 200
"""Reading what is no date is slow, and a few hundred words tell."""
IDENTIFIER_SHARE = 0.9
"""A column of words that hardly ever repeat names its row; it cannot speak of another one."""
MIN_TEXT_WORDS = 3.0
MAX_LEVELS = 60
MIN_LEVEL_COUNT = 1
QUANTILES = 65
FAR = 5.0
"""Values further out than so many spreads are read as this far: one mistyped number must not decide a score."""
SPIKE_SHARE = 0.15
MAX_TERMS = 500
SIDE = 0.5
"""The place and the spike of a number refine its standard score; half a scale makes them dearer to use."""


class _Column(Protocol):
    @property
    def name(self) -> str: ...

    def linear(self, values: pd.Series) -> Floats: ...

    def tree(self, values: pd.Series) -> Floats: ...


@dataclass(frozen=True, slots=True)
class _Number:
    """A number: its clipped standard score, its place among the known ones, its frequent value, and whether unknown."""

    name: str
    centre: float
    spread: float
    quantiles: Floats
    spike: float | None
    is_date: bool = False

    def read(self, values: pd.Series) -> Floats:
        return _days(values) if self.is_date else _numbers(values)

    def linear(self, values: pd.Series) -> Floats:
        number = self.read(values)
        known = ~np.isnan(number)
        filled = np.where(known, number, self.centre)
        score = np.clip((filled - self.centre) / self.spread, -FAR, FAR)
        low = np.searchsorted(self.quantiles, filled, side="left")
        high = np.searchsorted(self.quantiles, filled, side="right")
        place = np.where(known, ((low + high) / (2 * len(self.quantiles)) - 0.5) * 12**0.5, 0.0)
        spike = np.zeros(len(number)) if self.spike is None else (known & (number == self.spike)).astype(float)
        return np.column_stack([score, SIDE * place, SIDE * spike, (~known).astype(float)])

    def tree(self, values: pd.Series) -> Floats:
        return self.read(values)


@dataclass(frozen=True, slots=True)
class _Category:
    """One of a few words; unknown and never seen are levels of their own."""

    name: str
    levels: tuple[str, ...]

    def codes(self, values: pd.Series) -> NDArray[np.int64]:
        found = pd.Index(self.levels).get_indexer(_words(values).to_numpy(dtype=object))
        return np.asarray(found, dtype=np.int64)

    def linear(self, values: pd.Series) -> Floats:
        codes = self.codes(values)
        return np.asarray(codes[:, None] == np.arange(len(self.levels)), dtype=np.float64)

    def tree(self, values: pd.Series) -> Floats:
        codes = self.codes(values).astype(np.float64)
        return np.where(codes < 0, np.nan, codes)


@dataclass(frozen=True, slots=True, eq=False)
class _Text:
    """Free text: its weighted terms; trees see its length alone."""

    name: str
    terms: TfidfVectorizer

    def linear(self, values: pd.Series) -> Floats:
        return np.asarray(self.terms.transform(values.fillna("").astype(str)).toarray(), dtype=np.float64)

    def tree(self, values: pd.Series) -> Floats:
        return np.asarray(values.fillna("").astype(str).str.count(r"\w+"), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The columns that say something, in the order of the table.

    Parameters
    ----------
    parts : sequence
        One reader a column; a column that is constant or names its row has none.
    """

    parts: Sequence[_Column]

    @property
    def names(self) -> list[str]:
        """Names of the columns in use."""
        return [part.name for part in self.parts]

    def linear(self, frame: pd.DataFrame) -> Floats:
        """Return the design of an additive model, float64[n, features]."""
        blocks = [part.linear(_column(frame, part.name)) for part in self.parts]
        return np.column_stack([np.empty((len(frame), 0)), *blocks])

    def tree(self, frame: pd.DataFrame) -> Floats:
        """Return one number a column for trees, float64[n, columns]; NaN where unknown."""
        blocks = [part.tree(_column(frame, part.name)) for part in self.parts]
        return np.column_stack([np.empty((len(frame), 0)), *blocks])

    @property
    def categorical(self) -> NDArray[np.bool_]:
        """Mark which columns of `tree` are codes of categories."""
        return np.array([isinstance(part, _Category) for part in self.parts], dtype=bool)

    @property
    def owner(self) -> NDArray[np.int64]:
        """Return which column each feature of `linear` belongs to."""
        widths = [part.linear(pd.Series([None])).shape[1] for part in self.parts]
        return np.repeat(np.arange(len(widths)), np.array(widths, dtype=np.int64))

    def falling(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """Mark the features of `linear` that rise with a number of one of these columns."""
        rises = [True, True, False, False]
        marks = [
            np.array(rises) & (part.name in names) if isinstance(part, _Number) else np.zeros(width, dtype=bool)
            for part, width in zip(self.parts, np.bincount(self.owner, minlength=len(self.parts)), strict=True)
        ]
        return np.concatenate([np.empty(0, dtype=bool), *marks])

    def unknown(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """Mark what is not known, bool[n, columns]."""
        marks = [_unknown(_column(frame, part.name), part) for part in self.parts]
        return np.column_stack([np.empty((len(frame), 0), dtype=bool), *marks])


def learn_columns(frame: pd.DataFrame, text_columns: Sequence[str], decreasing: Sequence[str] = ()) -> Columns:
    """Decide from the rows what each column is and how it is read.

    The frequent value of a number that must not raise the score is not told apart: a weight of its own would let the
    score rise on the way to it or away from it.
    """
    parts = [_learn(frame[name], str(name), str(name) in text_columns) for name in frame.columns]
    return Columns([_without_spike(part) if part.name in decreasing else part for part in parts if part is not None])


def _without_spike(part: _Column) -> _Column:
    return replace(part, spike=None) if isinstance(part, _Number) else part


def _learn(values: pd.Series, name: str, is_text: bool) -> _Column | None:
    if is_text:
        return _learn_text(values, name)
    if pd.api.types.is_datetime64_any_dtype(values):
        return _learn_number(_days(values), name, is_date=True)
    words = _words(values)
    known = words[words != ""]
    if known.nunique() < 2 and (len(known) == len(words) or known.empty):
        return None
    numbers = _numbers(known)
    if np.mean(~np.isnan(numbers)) >= NUMERIC_SHARE:
        return _learn_number(_numbers(values), name)
    if (
        known.str.contains(r"\d[-/:.]\d", regex=True).mean() > DATE_SHARE
        and (~np.isnan(_days(known.iloc[:: 1 + len(known) // DATES_TRIED]))).mean() > DATE_SHARE
    ):
        return _learn_number(_days(values), name, is_date=True)
    if known.nunique() > IDENTIFIER_SHARE * len(known) and len(known) > MAX_LEVELS / 2:
        wordy = known.str.count(r"\w+").mean() >= MIN_TEXT_WORDS
        return _learn_text(values, name) if wordy and known.str.contains(" ").mean() > DATE_SHARE else None
    counts = words.value_counts()
    counts = counts[counts >= MIN_LEVEL_COUNT]
    levels = sorted(counts.index, key=lambda word: (-counts[word], word))[:MAX_LEVELS]
    return _Category(name, tuple(levels)) if levels else None


def _learn_number(numbers: Floats, name: str, is_date: bool = False) -> _Column | None:
    known = numbers[~np.isnan(numbers)]
    if not len(known) or (known.min() == known.max() and len(known) == len(numbers)):
        return None
    if np.unique(known).size > IDENTIFIER_SHARE * len(numbers) and _counts_up(known):
        return None
    values, counts = np.unique(known, return_counts=True)
    spike = float(values[np.argmax(counts)]) if counts.max() > SPIKE_SHARE * len(known) and len(values) > 2 else None
    spread = float(np.std(np.clip(known, *np.quantile(known, [0.01, 0.99])))) or float(np.std(known)) or 1.0
    return _Number(
        name, float(np.median(known)), spread, np.quantile(known, np.linspace(0, 1, QUANTILES)), spike, is_date
    )


def _counts_up(known: Floats) -> bool:
    """Tell whether whole numbers run through the rows like a serial number."""
    if len(known) < MAX_LEVELS or not np.equal(np.mod(known, 1), 0).all():
        return False
    steps = np.diff(known)
    return bool(max((steps > 0).mean(), (steps < 0).mean()) > IDENTIFIER_SHARE)


def _learn_text(values: pd.Series, name: str) -> _Column | None:
    terms = TfidfVectorizer(min_df=5, max_df=0.8, sublinear_tf=True, max_features=MAX_TERMS)
    try:
        return _Text(name, terms.fit(values.fillna("").astype(str)))
    except ValueError:  # No term is said often enough.
        return None


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    return frame[name] if name in frame else pd.Series([None] * len(frame), index=frame.index, dtype=object)


def _words(values: pd.Series) -> pd.Series:
    """Return the values as words, "" where nothing was answered."""
    words = values.astype(object).where(values.notna(), "").astype(str).str.strip()
    return words.mask(words.str.casefold().isin(MISSING_WORDS), "")


def _numbers(values: pd.Series) -> Floats:
    if pd.api.types.is_bool_dtype(values):
        return np.asarray(values, dtype=np.float64)
    if not pd.api.types.is_numeric_dtype(values):
        values = _words(values).str.replace(r"[,\s%]", "", regex=True)
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _days(values: pd.Series) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas warns of the guessed format of each odd date
        moments = pd.to_datetime(values, errors="coerce", utc=True)
    days: Any = (moments - pd.Timestamp("1970-01-01", tz="UTC")) / pd.Timedelta(days=1)
    return np.asarray(days.to_numpy(dtype=np.float64, na_value=np.nan))


def _unknown(values: pd.Series, part: _Column) -> NDArray[np.bool_]:
    if isinstance(part, _Number):
        return np.isnan(part.read(values))
    return np.asarray(_words(values) == "", dtype=bool)
