"""Reads delimited text record by record, so that no quotation mark swallows what stands behind it."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import clevercsv

from estate.intake.analytics.cells import Record

__all__ = ["DELIMITERS", "Dialect", "records", "records_of", "sniff"]

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_CHARACTERS = 20_000
MAX_LINES = 100  # Of one record: an address has some, a paragraph a few more.
WIDTH_SAMPLE = 200
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")
_STATED = re.compile(r"sep=(.)[\r\n]")
_BROKEN = re.compile("[\ud800-\udfff]")
_FOREIGN = re.compile(r"[^\x00-\x7f]")
"""No delimiter or quotation mark is among these, and the sniffer's time grows with the square of a run of them."""
csv.field_size_limit(2**31 - 1)  # A long cell is refused by name where its field is known.
UNCLOSED = "has a quotation mark that opens or closes nothing"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How cells are told apart, and why it is so."""

    delimiter: str
    quote: str
    why: str


def sniff(text: str) -> Dialect:
    """Find delimiter and quotation mark from the first lines."""
    if (stated := _STATED.match(text)) is not None:
        return Dialect(stated[1], '"', "The file states its delimiter in its first line.")
    sample = text[:SAMPLE_CHARACTERS]
    if len(text) > SAMPLE_CHARACTERS:
        sample = sample[: max(sample.rfind("\n"), sample.rfind("\r")) + 1] or sample
    sample = _FOREIGN.sub("a", sample).replace("\0", "?")
    try:
        found = clevercsv.Sniffer().sniff(sample, delimiters=DELIMITERS)
    except clevercsv.Error:
        found = None
    if found is None or found.delimiter not in DELIMITERS:
        return Dialect(",", '"', "Nothing in the first lines tells cells apart.")
    quote = "'" if found.quotechar == "'" and '"' not in sample else '"'
    return Dialect(found.delimiter, quote, "The first lines are most regular when read like this.")


def records(text: str, encoding: str, dialect: Dialect) -> Iterator[Record]:
    """Yield every record with its line and its bytes.

    A quoted cell may hold line breaks where the record then is as wide as most are. Otherwise its first line is
    refused alone, and the next line starts the next record.
    """
    return records_of(_LINE.findall(text), encoding, dialect)


def records_of(lines: Iterable[str], encoding: str, dialect: Dialect) -> Iterator[Record]:
    """Yield every record of some lines, as `records` does; few of them are held at a time."""
    rest = iter(lines)
    ahead = list(islice(rest, WIDTH_SAMPLE))
    width = _usual_width(ahead, dialect)
    at = 0
    while ahead:
        cells, taken = _record(ahead, width, dialect)
        whole = "".join(ahead[:taken])
        refusal = _refusal(whole, cells, encoding)
        raw = whole.encode(encoding, "surrogatepass" if encoding.startswith("utf-16") else "surrogateescape")
        yield Record(at + 1, tuple(cells or _split(ahead[0], dialect)), raw, refusal)
        at += taken
        del ahead[:taken]
        ahead += islice(rest, taken)


def _refusal(whole: str, cells: list[str] | None, encoding: str) -> str | None:
    if _BROKEN.search(whole):
        return f"holds bytes that are not {encoding}"
    if "\0" in whole:
        return "holds a NUL character"
    return UNCLOSED if cells is None else None


def _usual_width(lines: Sequence[str], dialect: Dialect) -> int:
    widths = Counter(len(cells) for line in lines if (cells := _read([line], dialect)[0]) and any(cells))
    return widths.most_common(1)[0][0] if widths else 0


def _record(lines: Sequence[str], width: int, dialect: Dialect) -> tuple[list[str] | None, int]:
    """Return the cells of the first record, None where a quotation mark is amiss, and how many lines it has."""
    cells, taken = _read(lines[:MAX_LINES], dialect)
    return (cells, taken) if taken == 1 or (cells is not None and len(cells) == width) else (None, 1)


def _read(lines: Sequence[str], dialect: Dialect) -> tuple[list[str] | None, int]:
    """Return the cells of the first record and its lines; None where quotation marks do not close it."""
    if dialect.quote not in lines[0]:
        return _split(lines[0], dialect), 1
    reader = csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, doublequote=True, strict=True)
    try:
        return next(reader), reader.line_num
    except csv.Error:
        return None, 1


def _split(text: str, dialect: Dialect) -> list[str]:
    return text.rstrip("\r\n").split(dialect.delimiter)
