"""Dates in a text as words that do not depend on how they were written: one for the month, one for the day."""

import re
from collections.abc import Mapping

__all__ = ["dated"]

_NAMES = """
    january jan يناير; february feb فبراير; march mar مارس; april apr ابريل; may مايو; june jun يونيو;
    july jul يوليو; august aug اغسطس; september sept sep سبتمبر; october oct اكتوبر; november nov نوفمبر;
    december dec ديسمبر
"""
_MONTHS: Mapping[str, int] = {name: i for i, names in enumerate(_NAMES.split(";"), 1) for name in names.split()}
_MONTH = f"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:19|20)\d{2})"
_FORMS = tuple(
    re.compile(rf"(?<!\w){form}(?!\w)")
    for form in (
        rf"{_YEAR}-(?P<month>\d{{2}})-(?P<day>\d{{2}})",
        rf"(?P<day>\d{{1,2}})[./](?P<month>\d{{1,2}})[./]{_YEAR}",
        rf"{_DAY}\s+(?:of\s+)?{_MONTH}\.?,?\s+{_YEAR}",
        rf"{_MONTH}\.?\s+{_DAY},?\s+{_YEAR}",
        rf"{_MONTH}\.?,?\s+{_YEAR}",
    )
)


def dated(text: str) -> str:
    """Write every date of a folded text as ``YYYYMM YYYYMMDD``; one without a day as ``YYYYMM``.

    Between slashes or full stops the day stands first.

    Examples
    --------
    >>> dated("seen on 4th march 2026, sold in may 2026")
    'seen on 202603 20260304, sold in 202605'
    """
    for form in _FORMS:
        text = form.sub(_written, text)
    return text


def _written(match: re.Match[str]) -> str:
    parts = match.groupdict()
    number = _MONTHS.get(parts["month"]) or int(parts["month"])
    day = int(parts.get("day") or 1)
    if not (1 <= number <= 12 and 1 <= day <= 31):
        return match[0]
    month = f"{parts['year']}{number:02d}"
    return f"{month} {month}{day:02d}" if parts.get("day") else month
