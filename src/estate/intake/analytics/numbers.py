"""Reads numbers as people write them; which mark is the decimal one is decided by the column, never by one cell."""

import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from estate.core.amounts import (
    CURRENCY_WORDS,
    MAGNITUDES,
    SHARED_CURRENCY_WORDS,
    digits,
    implied_mark,
    is_open,
    to_ascii_digits,
    without_blanks,
)
from estate.core.currencies import CURRENCIES
from estate.intake.analytics.cells import Cell, Unreadable, is_long, normal, plain

__all__ = ["Amount", "amount", "decimal_votes", "header_times", "money_parts", "money_words", "to_ascii_digits"]

Amount = tuple[Decimal, str]
"""A number, and the words around it in small letters."""

_BODY = r"[.,٫]?\d(?:[\d.,'’٬٫ ]*\d)?"
_NUMBER = re.compile(
    rf"(?P<before>[^\d]*?)(?P<sign>-?) ?(?P<body>{_BODY})(?P<after>[^\d]*(?:[mم]²?[23]²?)?[^\d]*)", re.S
)
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―", "-"))
_LOOSE_MARK = re.compile(r"[.,٫]\Z|(?<![^\W\d_])[.,٫]\s+\Z")
_LOOSE_MINUS_BEFORE = re.compile(r"(?<![^\W\d_])-|-(?![^\W\d_])")  # "- AED 5", not "off-plan 5".
_LOOSE_MINUS_BEHIND = re.compile(r"(?<![/.,])-(?![^\W\d_])")  # "5-", not "5/-" and "5,-", whole amounts, and "2-BR".
_SHORT = 3
"""Digits that may be decimals as well as an amount: "Dhs.500", unlike "Dhs.5000"."""
_TOO_LARGE = 10**15
"""Up to here a spreadsheet, and a float, names every whole number."""
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?e[+-]?\d+", re.IGNORECASE)
_HEADER_MAGNITUDES = {normal(word): times for word, times in MAGNITUDES.items()} | {
    "mil": 1_000_000,
    **dict.fromkeys(("000", "000s", "1000", "1000s", "x1000", "بالالف", "بالالاف"), 1_000),
    **dict.fromkeys(("x1000000", "بالمليون", "بالملايين"), 1_000_000),
}
_HEADER_NOISE = frozenset({"in", "of", "x"})
_NOISE = {"", "/-", "-", "only", "فقط", "approx", "=", ":"}


def amount(cell: Cell, decimal: str | None) -> Amount:
    """Read the one number of a cell.

    Parameters
    ----------
    decimal : str or None
        The decimal mark of the column; None where nothing decided it.

    Raises
    ------
    Unreadable
        When there is no number, or several, or it is open what its marks mean.

    Examples
    --------
    >>> amount("AED 1.250.000,50", ","), amount("AED .5m", ".")
    ((Decimal('1250000.50'), 'aed'), (Decimal('0.5'), 'aed m'))
    """
    number, words = _stated(cell, decimal)
    if abs(number) >= _TOO_LARGE:
        raise Unreadable("is too large")
    return number, words


def _stated(cell: Cell, decimal: str | None) -> Amount:
    """Read text by its marks, and a number of a spreadsheet to the 15 digits that one keeps."""
    if isinstance(cell, bool):
        raise Unreadable("must be a number")
    if isinstance(cell, float):
        return Decimal(f"{cell:.15g}"), ""
    if isinstance(cell, int):
        return Decimal(cell), ""
    sign, body, words = _parts(plain(cell))
    number = Decimal(digits(body, decimal))
    return (-number if sign else number), words


def _parts(text: str) -> tuple[bool, str, str]:
    if is_long(text):
        raise Unreadable("must be a number")
    spelled = to_ascii_digits(text.replace("²", "2")).translate(_DASHES).strip()
    if _SCIENTIFIC.search(spelled):
        raise Unreadable("was shortened by a spreadsheet, its digits are lost")
    found = _NUMBER.fullmatch(spelled)
    if found is None:
        raise Unreadable("names several numbers" if re.search(r"\d", spelled) else "must be a number")
    if "(" in found["before"] and ")" in found["after"]:
        raise Unreadable("stands in brackets: write a minus, or none")
    if _LOOSE_MINUS_BEFORE.search(found["before"]) or _LOOSE_MINUS_BEHIND.search(found["after"]):
        raise Unreadable("has a minus that is not right before its digits")
    words = f"{found['before']} {found['after']}".casefold()
    body = _body(spelled[: found.start("body")], found["body"])
    return bool(found["sign"]), without_blanks(body.replace("٬", "’")), " ".join(words.split())


def _body(lead: str, body: str) -> str:
    """Return the digits and marks of a number: one before its first digit is the decimal one, or ends a word."""
    if _LOOSE_MARK.search(lead):
        raise Unreadable("has marks that part neither thousands nor decimals")
    if body[0].isdigit() or not lead[-1:].isalpha():
        return body
    if body[1:].isdigit() and len(body[1:]) <= _SHORT:
        raise Unreadable("has a mark between a word and its digits: write a blank there")
    return body[1:]


def decimal_votes(cells: Iterable[Cell]) -> tuple[Counter[str], list[str]]:
    """Count which decimal mark the numbers of a column prove, and list those that prove none but need one."""
    votes: Counter[str] = Counter()
    still_open: list[str] = []
    for cell in cells:
        if not isinstance(cell, str):
            continue
        try:
            _, body, _ = _parts(plain(cell))
        except Unreadable:
            continue
        implied = implied_mark(body)
        if implied in (".", ","):
            votes[implied] += 1
        elif is_open(body):
            still_open.append(body)
    return votes, still_open


def money_words(words: str) -> tuple[int, str | None]:
    """Read the words around an amount: by what it is multiplied, and its currency.

    Raises
    ------
    Unreadable
        When a word is neither, or names one of several currencies.

    Examples
    --------
    >>> money_words("m aed")
    (1000000, 'AED')
    """
    times, currency = 1, None
    for word in money_parts(words):
        found = CURRENCY_WORDS.get(word) or (word.upper() if word.upper() in CURRENCIES else None)
        if word in SHARED_CURRENCY_WORDS:
            raise Unreadable("names a currency of several countries: write its code, such as AED")
        if word in MAGNITUDES and times == 1:
            times = MAGNITUDES[word]
        elif found is not None and currency in (None, found):
            currency = found
        elif word not in _NOISE:
            raise Unreadable("has words beside the amount that name no currency")
    return times, currency


def header_times(aside: str) -> int | None:
    """Return by what the amounts under a header are multiplied; None where the words in its brackets leave it open.

    Examples
    --------
    >>> header_times("AED '000"), header_times("in millions"), header_times("AED"), header_times("k a year")
    (1000, 1000000, 1, None)
    """
    said = [word for word in money_parts(normal(aside)) if word not in _HEADER_NOISE]
    magnitudes = [word for word in said if word in _HEADER_MAGNITUDES]
    if not magnitudes:
        return 1
    try:
        money_words(" ".join(word for word in said if word not in _HEADER_MAGNITUDES))
    except Unreadable:
        return None
    is_open = len(magnitudes) > 1 or magnitudes == said == ["b"] or magnitudes == ["mil"]
    return None if is_open else _HEADER_MAGNITUDES[magnitudes[0]]


def money_parts(words: str) -> list[str]:
    """Split words; an abbreviation loses its dots, and a magnitude that runs into a currency is parted from it."""
    parted: list[str] = []
    for word in words.split():
        bare = word.strip(".,:;()").replace(".", "")
        if len(bare) == 4 and bare[0] in "kmb" and bare[1:].upper() in CURRENCIES:
            parted += [bare[0], bare[1:]]
        elif len(bare) == 4 and bare[3] in "kmb" and bare[:3].upper() in CURRENCIES:
            parted += [bare[3], bare[:3]]
        else:
            parted.append(bare)
    return parted
