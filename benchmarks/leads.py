"""Reads a table of leads from any CSV, and cuts it into what is learned from and what is foretold."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from benchmarks.report import DataMissing, Options

__all__ = ["Leads", "Split", "generated_leads", "read_leads", "splits"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

X_EDUCATION_TARGET, X_EDUCATION_TIME = "Converted", "Lead Number"
AFTER_CONTACT = (
    "Tags",
    "Lead Quality",
    "Lead Profile",
    "Last Activity",
    "Last Notable Activity",
    "Asymmetrique Activity Index",
    "Asymmetrique Profile Index",
    "Asymmetrique Activity Score",
    "Asymmetrique Profile Score",
)
"""Columns of the X Education file that a representative writes after contact; all others are intake fields."""
YES, NO = {"1", "1.0", "true", "yes", "y", "t"}, {"0", "0.0", "false", "no", "n", "f"}
ORIGINS = (0.5, 0.6, 0.7, 0.8, 0.9)
FROZEN = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class Leads:
    """Leads in the order of time: the fields, float64[n] of won 0 or 1, and where they are from."""

    frame: pd.DataFrame
    won: Floats
    source: str

    def __len__(self) -> int:
        return len(self.won)


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Row numbers to learn from and to foretell."""

    name: str
    train: Ints
    test: Ints


def read_leads(options: Options) -> Leads:
    """Read the file of `--data`, its separator and encoding found out.

    Raises
    ------
    DataMissing
        When there is no file, or no such column, or the outcome is not yes or no.
    """
    if options.data is None or not options.data.is_file():
        raise DataMissing("qualification needs a CSV of leads: --data leads_xeducation/Leads.csv, or any with --target")
    frame = _read_csv(options.data)
    known = X_EDUCATION_TARGET in frame and options.target in (None, X_EDUCATION_TARGET)
    known = known and set(AFTER_CONTACT) <= set(frame)
    target = options.target or (X_EDUCATION_TARGET if known else None)
    time_column = options.time_column or (X_EDUCATION_TIME if known and X_EDUCATION_TIME in frame else None)
    for column in (target, time_column, *options.drop):
        if column is not None and column not in frame:
            raise DataMissing(f"{options.data.name} has no column {column!r}; it has: {', '.join(frame)}")
    if target is None:
        raise DataMissing("say which column holds the outcome: --target COLUMN")
    if time_column is not None:
        frame = frame.iloc[np.argsort(_moments(frame[time_column]), kind="stable")]
    won = _outcomes(frame[target])
    closed = ~np.isnan(won)
    dropped = {target, time_column, *options.drop, *(AFTER_CONTACT if known else ())} - {None}
    fields = frame.loc[closed].drop(columns=[c for c in frame if c in dropped]).reset_index(drop=True)
    return Leads(fields, won[closed], f"{options.data.name}: {fields.shape[1]} fields of {closed.sum():,} leads")


def splits(leads: Leads, kind: str, seed: int) -> list[Split]:
    """Return the splits that `time:SHARE`, `cv:FOLDS` or `rolling` names.

    Raises
    ------
    ValueError
        When it names none.
    """
    name, _, number = kind.partition(":")
    rows = np.arange(len(leads))
    if name == "time":
        cut = round(float(number or FROZEN) * len(rows))
        return [Split(kind, rows[:cut], rows[cut:])]
    if name == "cv":
        folds = StratifiedKFold(int(number or 5), shuffle=True, random_state=seed).split(rows, leads.won)
        return [Split(f"fold {k}", train, test) for k, (train, test) in enumerate(folds, start=1)]
    if name == "rolling":
        return list(_rolling(rows))
    raise ValueError(f"--split is time:0.7, cv:5 or rolling, not {kind!r}")


def _rolling(rows: Ints) -> Iterator[Split]:
    for origin in ORIGINS:
        cut, end = round(origin * len(rows)), round((origin + 0.1) * len(rows))
        yield Split(f"origin {origin:.0%}", rows[:cut], rows[cut:end])


def generated_leads(n: int, seed: int) -> Leads:
    """Make leads of the same shape, for a run without data: numbers, words and gaps, some of which tell."""
    rng = np.random.default_rng(seed)
    visits, minutes = rng.poisson(3, n), rng.gamma(1.0, 8.0, n) * (rng.random(n) < 0.7)
    source = rng.choice(["web", "call", "referral", "fair"], n, p=[0.5, 0.25, 0.15, 0.1])
    occupation = rng.choice(np.array(["employed", "student", None], dtype=object), n, p=[0.4, 0.3, 0.3])
    effect = pd.Series(source).map({"web": -0.5, "call": 0.0, "referral": 1.5, "fair": 0.5}).to_numpy()
    eta = -1.5 + 0.9 * np.log1p(minutes) - 0.2 * visits + effect + 1.2 * (occupation == "employed")
    frame = pd.DataFrame(
        {"visits": visits, "minutes": minutes, "source": source, "occupation": occupation, "noise": rng.normal(size=n)}
    )
    return Leads(frame, (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(np.float64), f"{n:,} generated leads")


def _read_csv(path: Path) -> pd.DataFrame:
    text = _decoded(path.read_bytes())
    sample = text[:65_536]
    try:
        separator = csv.Sniffer().sniff(sample, delimiters=",;\t|").delimiter
    except csv.Error:
        first = sample.partition("\n")[0]
        separator = max(",;\t|", key=first.count)
    header = sample.partition("\n")[0]
    if separator not in header:
        separator = max(",;\t|", key=header.count)
    return pd.read_csv(io.StringIO(text), sep=separator, low_memory=False, skipinitialspace=True)


def _decoded(raw: bytes) -> str:
    encodings: Sequence[str] = ("utf-8-sig", "cp1252", "latin-1")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ("utf-16", *encodings)
    for encoding in encodings:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def _moments(values: pd.Series) -> Floats:
    """Return numbers that sort like the values: numbers as they are, else moments; unreadable ones come first."""
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.notna().mean() < 0.5:
        numbers = pd.to_datetime(values, errors="coerce", utc=True, format="mixed").astype("int64").astype(float)
    return np.asarray(numbers.fillna(-np.inf), dtype=np.float64)


def _outcomes(values: pd.Series) -> Floats:
    words = values.astype(object).where(values.notna(), "").astype(str).str.strip().str.casefold()
    odd = set(words) - YES - NO - {""}
    if odd:
        raise DataMissing(f"column {values.name!r} must be 0/1, true/false or yes/no, not {sorted(odd)[0]!r}")
    return np.where(words.isin(YES), 1.0, np.where(words.isin(NO), 0.0, np.nan))
