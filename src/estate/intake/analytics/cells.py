"""What a cell may be, and the error of one that cannot be read."""

import re
import unicodedata
from dataclasses import dataclass

from estate.core.amounts import Unreadable

__all__ = ["Cell", "Record", "Unreadable", "is_empty", "is_long", "normal", "parted", "plain", "words_of"]

Cell = str | int | float | bool | None
"""Text from a CSV file; from a workbook also numbers and flags. Days are text in ISO form."""

LONGEST = 200
"""Characters of a number, day, phone, e-mail or name of a column; what is longer is text, and not looked at further."""
MISSING = frozenset(
    {"", "-", "--", "—", "n/a", "#n/a", "null", "nil", "unknown", "not available", "غير معروف", "لا يوجد", "غير متوفر"}
)
_ARABIC_MARKS = re.compile("[\u0610-\u061a\u0640\u064b-\u065f\u0670]")
_ONE_LETTER = str.maketrans("أإآٱىیةک", "ااااييهك")
_ESCAPED = re.compile(r"'(?=[=+\-@])")  # An apostrophe that keeps a spreadsheet from computing.
_BRACKETS = re.compile(r"[(\[].*?[)\]]")
_AS_TEXT = re.compile(r'="(.*)"', re.S)  # A formula that keeps a spreadsheet from rounding.


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file.

    Parameters
    ----------
    line : int
        Line of a CSV file that it starts on, row of a sheet, counted from 1.
    cells : tuple
        As many as were found.
    raw : bytes or None
        Its bytes, line breaks included; a workbook has none.
    refusal : str or None
        Why it cannot be told what its cells are.
    """

    line: int
    cells: tuple[Cell, ...]
    raw: bytes | None = None
    refusal: str | None = None


def plain(cell: Cell) -> str:
    """Return the text of a cell, without what protects it from spreadsheets.

    Examples
    --------
    >>> plain('="0501234567"'), plain("'+971501234567"), plain(3.0)
    ('0501234567', '+971501234567', '3')
    """
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if not isinstance(cell, str):
        return str(cell)
    text = cell.strip()
    quoted = _AS_TEXT.fullmatch(text)
    text = quoted[1] if quoted else text
    return _ESCAPED.sub("", text, count=1) if text.startswith("'") else text


def is_long(text: str) -> bool:
    """Tell whether a text is too long for anything but text; patterns would take long to say so."""
    return len(text) > LONGEST


def is_empty(cell: Cell) -> bool:
    """Tell whether a cell says nothing, or that nothing is known."""
    return plain(cell).casefold() in MISSING


def normal(text: str) -> str:
    """Return words as they are compared: without case, marks, punctuation and the variants of Arabic letters.

    Examples
    --------
    >>> normal("ownerName (AED)"), normal("رقم_الهاتف")
    ('owner name aed', 'رقم الهاتف')
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", text))
    bare = _ARABIC_MARKS.sub("", apart).translate(_ONE_LETTER).casefold()
    return " ".join(re.findall(r"[^\W_]+", bare))


def parted(header: str) -> tuple[str, str]:
    """Part a header from what stands in brackets in it.

    Examples
    --------
    >>> parted("Price (AED '000)")
    ('Price  ', "AED '000")
    """
    if is_long(header):
        return header, ""
    return _BRACKETS.sub(" ", header), " ".join(found[1:-1] for found in _BRACKETS.findall(header))


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())
