"""Finds the row that names the columns, and the rows that hold no record: titles, blanks, headers again, totals."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from estate.intake.analytics.cells import Cell, Record, is_long, normal, plain
from estate.intake.analytics.targets import KINDS, header_words

__all__ = ["Header", "find_header", "no_record"]

SEARCHED, USUAL = 30, 500
_KNOWN = frozenset[str]().union(*map(header_words, KINDS))
_IN_BRACKETS = re.compile(r"[(\[].*?[)\]]")
_TOTAL = re.compile(r"(grand |sub ?|overall )?totals?|sum|count|average|(ال)?(اجمالي|مجموع)( الكلي| العام)?")
_TOTAL_LIKE = re.compile("total|sum|count|average|جمالي|جموع", re.IGNORECASE)
_DATA = re.compile(r"\+?[\d٠-٩][\d٠-٩ .,:/()\-]*|\S+@\S+\.\S+")
_NUMERIC = re.compile(r"[^\d]{0,8}[\d٠-٩][\d٠-٩ .,٬٫]*[^\d]{0,8}")


@dataclass(frozen=True, slots=True)
class Header:
    """The names of the columns.

    Parameters
    ----------
    line : int
        Where they stand; 0 when the file has no header.
    names : tuple of str
        One a column, each different.
    why : str
        What tells that it is this row.
    bare : tuple of str
        Its cells as they stand, without empty ones.
    """

    line: int
    names: tuple[str, ...]
    why: str
    bare: tuple[str, ...] = ()


def find_header(records: Sequence[Record], stated: int | None) -> Header:
    """Find the header among the first records.

    Parameters
    ----------
    stated : int or None
        Its line as a person said it, 0 for none; None to look for it.
    """
    width = _usual_width(records)
    if stated is not None:
        return _named(next((r for r in records if r.line == stated), None), width, "Somebody said so.")
    ranked = [(known, -at) for at, record in enumerate(records[:SEARCHED]) if (known := _known(record.cells))]
    if ranked and (best := max(ranked))[0] >= (1 if width == 1 else 2):
        return _named(records[-best[1]], width, f"{best[0]} of its cells are names of fields.")
    for record in records[:SEARCHED]:
        if _is_wide_text(record.cells, width):
            return _named(record, width, "It is the first row of words only.")
    return _named(None, width, "No row has words only.")


def _usual_width(records: Sequence[Record]) -> int:
    """Return how many columns most records reach that reach several."""
    widths = Counter(_width(record.cells) for record in records[:USUAL])
    several = Counter({width: n for width, n in widths.items() if width > 1})
    return (several or widths or Counter([0])).most_common(1)[0][0]


def _width(cells: Sequence[Cell]) -> int:
    """Return how many columns a row reaches."""
    return max((at for at, cell in enumerate(cells, 1) if plain(cell)), default=0)


def _known(cells: Sequence[Cell]) -> int:
    """Count the cells that are known names, in a row that holds no data."""
    texts = [plain(cell) for cell in cells if plain(cell)]
    if any(map(_is_data, texts)):
        return 0
    return sum(not is_long(text) and normal(_IN_BRACKETS.sub(" ", text)) in _KNOWN for text in texts)


def _is_wide_text(cells: Sequence[Cell], width: int) -> bool:
    texts = [plain(cell) for cell in cells if plain(cell)]
    wide = len(texts) >= max(1, min(2, width), 0.6 * width)
    return wide and len(set(texts)) == len(texts) and not any(map(_is_data, texts))


def _is_data(text: str) -> bool:
    """Tell what is no name of a column: a number, a day, an e-mail address, or a long text."""
    return is_long(text) or _DATA.fullmatch(text) is not None


def _named(record: Record | None, width: int, why: str) -> Header:
    if record is None:
        return Header(0, tuple(f"Column {number}" for number in range(1, width + 1)), why)
    width = max(width, _width(record.cells))
    cells = [*record.cells[:width], *[None] * (width - len(record.cells))]
    names = _each_different([" ".join(plain(cell).split()) or f"Column {at}" for at, cell in enumerate(cells, 1)])
    return Header(record.line, names, why, tuple(text for cell in cells if (text := plain(cell))))


def _each_different(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names, with a number behind one that is taken."""
    taken: dict[str, int] = {}
    for name in names:
        again = taken.get(name, 0) + 1
        while again > 1 and f"{name} ({again})" in taken:
            again += 1
        taken[name] = again
        if again > 1:
            taken[f"{name} ({again})"] = 1
    return tuple(taken)


def no_record(record: Record, header: Header) -> str | None:
    """Say why a row holds no record; None where it may hold one."""
    texts = [plain(cell) for cell in record.cells]
    filled = [text for text in texts if text]
    if not filled:
        return "blank"
    if record.line < header.line:
        return "title"
    if header.line and tuple(filled) == header.bare:
        return "header again"
    return "total" if _is_total(filled, len(header.names)) else None


def _is_total(filled: Sequence[str], width: int) -> bool:
    """Tell a row of totals: one cell says so, the others are numbers, and most cells are empty or numbers."""
    if width < 2 or len(filled) > max(2, width - 1) or not any(map(_TOTAL_LIKE.search, filled)):
        return False
    words = [text for text in filled if not _NUMERIC.fullmatch(text)]
    if len(words) != 1:
        return False
    said = normal(re.sub(r"[\d٠-٩.,:]+", " ", words[0]))
    return _TOTAL.fullmatch(said) is not None
