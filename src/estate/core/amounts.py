"""Reads the figures and the words of an amount as people write them."""

import re
import unicodedata

__all__ = [
    "CURRENCY_WORDS",
    "MAGNITUDES",
    "SHARED_CURRENCY_WORDS",
    "Unreadable",
    "digits",
    "implied_mark",
    "is_open",
    "to_ascii_digits",
    "without_blanks",
]

_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹−", "01234567890123456789-")
_GROUPS = re.compile(r"\d{1,3}(?:,\d{3})+")
_INDIAN = re.compile(r"\d{1,2}(?:,\d{2})+,\d{3}")  # 12,50,000
_BLANKS = re.compile(r"[ '’]")
AMBIGUOUS = "may mean thousands or decimals"

MAGNITUDES = {
    **dict.fromkeys(("k", "thousand", "thousands", "الف", "ألف", "آلاف"), 1_000),
    **dict.fromkeys(("m", "mn", "mio", "million", "millions", "مليون", "ملايين"), 1_000_000),
    **dict.fromkeys(("b", "bn", "billion", "billions", "مليار"), 1_000_000_000),
}
"""What a word multiplies by; "mil" is none of them: a thousand in Spanish, a million in jargon."""
CURRENCY_WORDS = {
    **dict.fromkeys(("dh", "dhs", "dirham", "dirhams", "دإ", "درهم", "دراهم", "درهما"), "AED"),
    **dict.fromkeys(("le", "e£", "جم", "جنيه", "جنيها", "egyptian pound", "egyptian pounds"), "EGP"),
    **dict.fromkeys(("us$", "usd$"), "USD"),
    "€": "EUR",
    "رس": "SAR",
    "sr": "SAR",
    **dict.fromkeys(("ريال سعودي", "saudi riyal", "saudi riyals"), "SAR"),
    **dict.fromkeys(("ريال قطري", "qatari riyal", "qatari riyals"), "QAR"),
    **dict.fromkeys(("ريال عماني", "omani rial", "omani rials", "omani riyal", "omani riyals"), "OMR"),
    **dict.fromkeys(("دينار كويتي", "kuwaiti dinar", "kuwaiti dinars"), "KWD"),
    **dict.fromkeys(("دينار بحريني", "bahraini dinar", "bahraini dinars"), "BHD"),
    **dict.fromkeys(("دينار أردني", "jordanian dinar", "jordanian dinars"), "JOD"),
    **dict.fromkeys(("moroccan dirham", "moroccan dirhams"), "MAD"),
    **dict.fromkeys(("british pound", "british pounds", "pounds sterling"), "GBP"),
    **dict.fromkeys(("us dollar", "us dollars", "دولار أمريكي"), "USD"),
}
SHARED_CURRENCY_WORDS = {
    *("$", "£", "pound", "pounds", "dollar", "dollars", "دولار", "rupee", "rupees"),
    *("riyal", "riyals", "rial", "rials", "ريال", "dinar", "dinars", "دينار"),
}
"""Words for the money of several countries."""


class Unreadable(ValueError):
    """A text does not say what is read from it; the message never repeats the text."""


def to_ascii_digits(text: str) -> str:
    """Return a text with the digits that phones and programs write; fullwidth forms and odd spaces go too."""
    return unicodedata.normalize("NFKC", text).translate(_DIGITS)


def without_blanks(body: str) -> str:
    """Take out blanks and apostrophes, where they part thousands."""
    if not _BLANKS.search(body):
        return body
    whole = re.split(r"[.,٫]", body)[0]
    if not _GROUPS.fullmatch(_BLANKS.sub(",", whole)):
        raise Unreadable("names several numbers")
    return _BLANKS.sub("", body)


def implied_mark(body: str) -> str | None:
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
    return None if len(after) == 3 and 1 <= len(before) <= 3 and not before.startswith("0") else marks[0]


def is_open(body: str) -> bool:
    """Tell whether the one mark of a number may part thousands or decimals."""
    return implied_mark(body) is None and any(mark in body for mark in ".,")


def digits(body: str, decimal: str | None) -> str:
    """Return a number with a point and without groups.

    Parameters
    ----------
    body : str
        Digits and marks, without blanks.
    decimal : str or None
        The decimal mark, where the number itself proves none.

    Raises
    ------
    Unreadable
        When it is open what its marks mean, or they mean nothing.

    Examples
    --------
    >>> digits("1.250.000,50", None), digits("1,250", "."), digits(".500", None)
    ('1250000.50', '1250', '0.500')
    """
    implied = implied_mark(body)
    if implied is None and decimal is None and is_open(body):
        raise Unreadable(AMBIGUOUS)
    if implied in (".", ",") and decimal is not None and implied != decimal:
        raise Unreadable("is written with other marks than the rest of its column")
    mark = implied or decimal or "."
    whole, _, rest = body.partition(mark)
    grouped = re.sub(r"[.,]", ",", whole)
    if re.search(r"[.,٫]", rest) or ("," in grouped and not (_GROUPS.fullmatch(grouped) or _INDIAN.fullmatch(grouped))):
        raise Unreadable("has marks that part neither thousands nor decimals")
    figures = grouped.replace(",", "") or "0"
    return f"{figures}.{rest}" if rest else figures
