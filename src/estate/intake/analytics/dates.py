"""Reads days as people write them; whether the day or the month comes first is decided by the column."""

import calendar
import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from estate.intake.analytics.cells import Cell, Unreadable, is_long, plain
from estate.intake.analytics.numbers import to_ascii_digits

__all__ = ["DayRules", "day", "day_votes", "last_day"]

_TIME = re.compile(r"[T ,]+\d{1,2}:\d{2}(:\d{2}(\.\d+)?)? ?([ap]\.?m\.?|ص|م)?( ?(Z|UTC|GMT|[+-]\d{2}:?\d{2}))?$", re.I)
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_NUMERIC = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})")
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[-/. ]*([^\W\d_]+)[-/., ]*(\d{4}|\d{2})")
_MONTH_FIRST = re.compile(r"([^\W\d_]+)[-/. ]*(\d{1,2})(?:st|nd|rd|th)?[-/., ]+(\d{4})")
_WEEKDAY = re.compile(r"^(mon|tues?|wed(nes)?|thurs?|fri|sat(ur)?|sun)(day)?,? +", re.I)
_YEAR = re.compile(r"(19[7-9]\d|20\d{2})")
_QUARTER = re.compile(r"(?:Q ?([1-4])|([1-4]) ?Q)[-/.,'’ ]*(\d{4}|\d{2})", re.I)
_YEAR_QUARTER = re.compile(r"(\d{4})[-/. ]*Q ?([1-4])", re.I)
_NAMED_MONTH = re.compile(r"([^\W\d_]+)[-/.,'’ ]*(\d{4}|(?<=[-'’])\d{2})")  # A spreadsheet's Oct-26; a day is 26-Oct.
_MONTH = re.compile(r"(\d{1,2})[-/](\d{4})")
_YEAR_MONTH = re.compile(r"(\d{4})[-/](\d{1,2})")
_SERIAL = re.compile(r"\d{5}")
_SERIALS = range(25_569, 73_416)  # 1970 to 2100, counted from the last day of 1899.
_EPOCH = dt.date(1899, 12, 30)
_CENTURY, _OLDEST_SHORT_YEAR = 100, 70
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january يناير",
            "feb february فبراير",
            "mar march مارس",
            "apr april أبريل ابريل إبريل",
            "may مايو",
            "jun june يونيو يونيه",
            "jul july يوليو يوليه",
            "aug august أغسطس اغسطس",
            "sep sept september سبتمبر",
            "oct october أكتوبر اكتوبر",
            "nov november نوفمبر",
            "dec december ديسمبر",
        ),
        1,
    )
    for name in names.split()
}


@dataclass(frozen=True, slots=True)
class DayRules:
    """How a column writes its days.

    Parameters
    ----------
    order : str or None
        ``dmy`` or ``mdy``; None where nothing decided it.
    serials : bool
        Whether a number of five digits is a spreadsheet's day number.
    """

    order: str | None = None
    serials: bool = False


def day(cell: Cell, rules: DayRules) -> dt.date:
    """Read the day of a cell; a time behind it is left out.

    Raises
    ------
    Unreadable
        When it is none, or its order is open.

    Examples
    --------
    >>> day("١/٣/2024", DayRules("dmy"))
    datetime.date(2024, 3, 1)
    """
    text = _text(cell)
    if _SERIAL.fullmatch(text) and int(text) in _SERIALS:
        if not rules.serials:
            raise Unreadable("may be the number of a day in a spreadsheet")
        return _EPOCH + dt.timedelta(days=int(text))
    if _period(text) is not None:
        raise Unreadable("names a year, quarter or month and no day")
    return _date(*_triple(text, rules.order))


def last_day(cell: Cell, rules: DayRules) -> dt.date:
    """Read the last day of a year, quarter or month, or a day.

    Raises
    ------
    Unreadable
        See `day`.

    Examples
    --------
    >>> last_day("Q3 2027", DayRules()), last_day("Feb-2028", DayRules())
    (datetime.date(2027, 9, 30), datetime.date(2028, 2, 29))
    """
    period = _period(_text(cell))
    if period is None:
        return day(cell, rules)
    first = _date(*period, 1)
    return first.replace(day=calendar.monthrange(*period)[1])


def _period(text: str) -> tuple[int, int] | None:
    """Return the year and the last month of a year, quarter or month."""
    if _YEAR.fullmatch(text):
        return int(text), 12
    if found := _QUARTER.fullmatch(text):
        return _year(found[3]), 3 * int(found[1] or found[2])
    if found := _YEAR_QUARTER.fullmatch(text):
        return int(found[1]), 3 * int(found[2])
    if (found := _NAMED_MONTH.fullmatch(text)) and found[1].casefold() in _MONTHS:
        return _year(found[2]), _MONTHS[found[1].casefold()]
    if found := _MONTH.fullmatch(text):
        return int(found[2]), int(found[1])
    if found := _YEAR_MONTH.fullmatch(text):
        return int(found[1]), int(found[2])
    return None


def _text(cell: Cell) -> str:
    if isinstance(cell, bool):
        raise Unreadable("must be a day")
    text = plain(cell)
    return text if is_long(text) else _WEEKDAY.sub("", _TIME.sub("", to_ascii_digits(text).strip()))


def _triple(text: str, order: str | None) -> tuple[int, int, int]:
    """Return year, month and day."""
    if found := _ISO.fullmatch(text):
        return int(found[1]), int(found[2]), int(found[3])
    if found := _NUMERIC.fullmatch(text):
        return _year(found[3]), *_ordered(int(found[1]), int(found[2]), order)
    if (found := _DAY_FIRST.fullmatch(text)) and found[2].casefold() in _MONTHS:
        return _year(found[3]), _MONTHS[found[2].casefold()], int(found[1])
    if (found := _MONTH_FIRST.fullmatch(text)) and found[1].casefold() in _MONTHS:
        return int(found[3]), _MONTHS[found[1].casefold()], int(found[2])
    raise Unreadable("must be a day, such as 2026-03-01")


def _ordered(first: int, second: int, order: str | None) -> tuple[int, int]:
    """Return month and day of two numbers."""
    proven = _proven(first, second)
    if proven is None and order is None and first != second:
        raise Unreadable("may begin with the day or with the month")
    if proven is not None and order is not None and proven != order:
        raise Unreadable("has day and month in another order than the rest of its column")
    return (first, second) if (proven or order) == "mdy" else (second, first)


def _proven(first: int, second: int) -> str | None:
    if first > 12 >= second:
        return "dmy"
    return "mdy" if second > 12 >= first else None


def _year(text: str) -> int:
    year = int(text)
    if len(text) == 4:
        return year
    return year + (19 if year >= _OLDEST_SHORT_YEAR else 20) * _CENTURY


def _date(year: int, month: int, number: int) -> dt.date:
    try:
        return dt.date(year, month, number)
    except ValueError:
        raise Unreadable("is no day of the calendar") from None


def day_votes(cells: Iterable[Cell]) -> tuple[Counter[str], list[str], int]:
    """Count which order the days of a column prove, list those that leave it open, count possible day numbers."""
    votes: Counter[str] = Counter()
    still_open: list[str] = []
    serials = 0
    for cell in cells:
        if isinstance(cell, bool) or cell is None:
            continue
        text = _text(cell)
        serials += bool(_SERIAL.fullmatch(text)) and int(text) in _SERIALS
        if found := _NUMERIC.fullmatch(text):
            first, second = int(found[1]), int(found[2])
            proven = _proven(first, second)
            if proven is not None:
                votes[proven] += 1
            elif first != second and max(first, second) <= 12:
                still_open.append(text)
    return votes, still_open, serials
