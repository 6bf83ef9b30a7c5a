"""Reads telephone numbers; the country of one without a country code is decided by its column, or asked."""

import re
from collections import Counter
from collections.abc import Iterable

import phonenumbers
from phonenumbers import PhoneNumberFormat

from estate.core.phones import parsed
from estate.intake.analytics.cells import Cell, Unreadable, is_long, plain
from estate.intake.analytics.numbers import to_ascii_digits

__all__ = ["REGIONS", "phone", "region_votes"]

REGIONS = tuple(sorted(phonenumbers.SUPPORTED_REGIONS))
_SHORTENED = re.compile(r"\d(?:[.,]\d+)?e\+?\d+", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\s().\-/\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_ALL_DIGITS = re.compile(r"\+?\d{4,17}")
_LONG_ENOUGH = 11  # A number with its country code and without a plus; a national one starts with 0 or is shorter.
_PREFIX = re.compile(r"^(tel|mob(ile)?|phone|ph|whatsapp|wa)[.: ]*", re.IGNORECASE)


def phone(cell: Cell, region: str | None) -> str:
    """Return the number in E.164.

    Parameters
    ----------
    region : str or None
        Country of numbers without a country code; None where nothing decided it.

    Raises
    ------
    Unreadable
        When it is none that can be dialled, or the country is open.
    """
    text = _digits(cell)
    international = _international(text)
    national = _national(text, region) if region is not None else None
    if international is not None and national is not None and international != national:
        raise Unreadable("may be a number of two countries: write it with + and its country code")
    found = international or national
    if found is None:
        raise Unreadable(_why_not(text, region))
    return found


def _digits(cell: Cell) -> str:
    text = plain(cell)
    if is_long(text):
        raise Unreadable("must be one telephone number, without words")
    text = to_ascii_digits(text).strip()
    if _SHORTENED.search(text):
        raise Unreadable("was shortened by a spreadsheet, its digits are lost")
    whole = _SEPARATORS.sub("", _PREFIX.sub("", text))
    if whole.startswith("00"):
        whole = "+" + whole[2:]
    if not _ALL_DIGITS.fullmatch(whole.replace("+0", "+", 1) if whole.startswith("+") else whole):
        raise Unreadable("must be one telephone number, without words")
    return whole


def _international(text: str) -> str | None:
    """Read a number with its country code: after a plus, or long enough to have one."""
    if text.startswith("+"):
        return _valid(text, None)
    if text.startswith("0") or len(text) < _LONG_ENOUGH:
        return None
    return _valid("+" + text, None)


def _national(text: str, region: str) -> str | None:
    return None if text.startswith("+") else _valid(text, region)


def _valid(text: str, region: str | None) -> str | None:
    number = parsed(text, region)
    if number is None or not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _why_not(text: str, region: str | None) -> str:
    if text.startswith("+") or region is not None:
        return "is no number that can be dialled"
    return "has no country code, and the column does not decide the country"


def region_votes(cells: Iterable[Cell]) -> tuple[Counter[str], int]:
    """Count the countries of the numbers that name one, and the numbers that need one."""
    votes: Counter[str] = Counter()
    needy = 0
    for cell in cells:
        try:
            text = _digits(cell)
        except Unreadable:
            continue
        found = _international(text)
        if found is None:
            needy += not text.startswith("+")
            continue
        region = phonenumbers.region_code_for_number(phonenumbers.parse(found, None))
        if region:
            votes[region] += 1
    return votes, needy
