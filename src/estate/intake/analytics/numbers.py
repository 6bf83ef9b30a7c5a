"""Reads numbers as people write them; which mark is the decimal one is decided by the column, never by one cell."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from estate.core.currencies import CURRENCIES
from estate.intake.analytics.cells import Cell, Unreadable, is_long, normal, plain

__all__ = ["Amount", "amount", "decimal_votes", "header_times", "money_parts", "money_words", "to_ascii_digits"]

Amount = tuple[Decimal, str]
"""A number, and the words around it in small letters."""

_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹−", "01234567890123456789-")
_BODY = r"\d(?:[\d.,'’٬٫ ]*\d)?"
_NUMBER = re.compile(
    rf"(?P<before>[^\d]*?)(?P<sign>-?) ?(?P<body>{_BODY})(?P<after>[^\d]*(?:[mم]²?[23]²?)?[^\d]*)", re.S
)
_GROUPS = re.compile(r"\d{1,3}(?:,\d{3})+")
_INDIAN = re.compile(r"\d{1,2}(?:,\d{2})+,\d{3}")  # 12,50,000
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?e[+-]?\d+", re.IGNORECASE)
_BLANKS = re.compile(r"[ '’]")
AMBIGUOUS = "may mean thousands or decimals"

_MAGNITUDES = {
    **dict.fromkeys(("k", "thousand", "thousands", "الف", "ألف", "آلاف"), 1_000),
    **dict.fromkeys(("m", "mn", "mio", "mil", "million", "millions", "مليون", "ملايين"), 1_000_000),
    **dict.fromkeys(("b", "bn", "billion", "billions", "مليار"), 1_000_000_000),
}
_HEADER_MAGNITUDES = {normal(word): times for word, times in _MAGNITUDES.items()} | {
    **dict.fromkeys(("000", "000s", "1000", "1000s", "x1000", "بالالف", "بالالاف"), 1_000),
    **dict.fromkeys(("x1000000", "بالمليون", "بالملايين"), 1_000_000),
}
_HEADER_NOISE = frozenset({"in", "of", "x"})
del _MAGNITUDES["mil"]  # A thousand in Spanish, a million in jargon.
_CURRENCIES = {
    **dict.fromkeys(("dh", "dhs", "dirham", "dirhams", "دإ", "درهم", "دراهم", "درهما"), "AED"),
    **dict.fromkeys(("le", "e£", "جم", "جنيه", "جنيها", "egyptian pound"), "EGP"),
    **dict.fromkeys(("us$", "usd$"), "USD"),
    "€": "EUR",
    "رس": "SAR",
    "sr": "SAR",
}
_SEVERAL = {"$", "£", "pound", "pounds", "ريال", "riyal", "دينار", "dinar", "dollar", "dollars", "دولار"}
_NOISE = {"", "/-", "-", "only", "فقط", "approx", "=", ":"}


def to_ascii_digits(text: str) -> str:
    """Return a text with the digits that phones and programs write; fullwidth forms and odd spaces go too."""
    return unicodedata.normalize("NFKC", text).translate(_DIGITS)


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
    >>> amount("AED 1.250.000,50", ",")
    (Decimal('1250000.50'), 'aed')
    """
    if isinstance(cell, bool):
        raise Unreadable("must be a number")
    if isinstance(cell, int | float):
        return Decimal(repr(cell)), ""
    sign, body, words = _parts(plain(cell))
    number = Decimal(_digits(body, decimal))
    return (-number if sign else number), words


def _parts(text: str) -> tuple[bool, str, str]:
    if is_long(text):
        raise Unreadable("must be a number")
    spelled = to_ascii_digits(text.replace("²", "2")).strip()
    if _SCIENTIFIC.search(spelled):
        raise Unreadable("was shortened by a spreadsheet, its digits are lost")
    found = _NUMBER.fullmatch(spelled)
    if found is None:
        raise Unreadable("names several numbers" if re.search(r"\d", spelled) else "must be a number")
    if "(" in found["before"] and ")" in found["after"]:
        raise Unreadable("stands in brackets: write a minus, or none")
    words = f"{found['before']} {found['after']}".casefold()
    return bool(found["sign"]), _without_blanks(found["body"].replace("٬", "’")), " ".join(words.split())


def _without_blanks(body: str) -> str:
    """Take out blanks and apostrophes, where they part thousands."""
    if not _BLANKS.search(body):
        return body
    whole = re.split(r"[.,٫]", body)[0]
    if not _GROUPS.fullmatch(_BLANKS.sub(",", whole)):
        raise Unreadable("names several numbers")
    return _BLANKS.sub("", body)


def _implied(body: str) -> str | None:
    """Return the decimal mark that a number proves by itself; None where it proves none."""
    if "٫" in body:
        return "٫"
    marks = [letter for letter in body if letter in ".,"]
    if not marks:
        return None
    if len(set(marks)) == 2:
        return marks[-1]
    if len(marks) > 1:
        return "," if marks[0] == "." else "."
    before, _, after = body.partition(marks[0])
    return None if len(after) == 3 and len(before) <= 3 and not before.startswith("0") else marks[0]


def _is_open(body: str) -> bool:
    return _implied(body) is None and any(mark in body for mark in ".,")


def _digits(body: str, decimal: str | None) -> str:
    implied = _implied(body)
    if implied is None and decimal is None and _is_open(body):
        raise Unreadable(AMBIGUOUS)
    if implied in (".", ",") and decimal is not None and implied != decimal:
        raise Unreadable("is written with other marks than the rest of its column")
    mark = implied or decimal or "."
    whole, _, rest = body.partition(mark)
    grouped = re.sub(r"[.,]", ",", whole)
    if re.search(r"[.,٫]", rest) or ("," in grouped and not (_GROUPS.fullmatch(grouped) or _INDIAN.fullmatch(grouped))):
        raise Unreadable("has marks that part neither thousands nor decimals")
    return f"{grouped.replace(',', '')}.{rest}" if rest else grouped.replace(",", "")


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
        implied = _implied(body)
        if implied in (".", ","):
            votes[implied] += 1
        elif _is_open(body):
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
        found = _CURRENCIES.get(word) or (word.upper() if word.upper() in CURRENCIES else None)
        if word in _SEVERAL:
            raise Unreadable("names a currency of several countries: write its code, such as AED")
        if word in _MAGNITUDES and times == 1:
            times = _MAGNITUDES[word]
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
