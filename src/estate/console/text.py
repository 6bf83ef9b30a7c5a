"""How figures, amounts and moments are written for people."""

import datetime as dt
import math
import re
from decimal import Decimal

from htpy import Element, time

__all__ = [
    "DASH",
    "day",
    "day_of",
    "estimate",
    "hours",
    "isolated",
    "moment",
    "money",
    "month",
    "number",
    "number_span",
    "percent",
    "percent_span",
    "spaced",
    "span",
    "words",
]

DASH = "–"
PERCENT = re.compile(r"(?<=\d)%")


def number(value: float | Decimal | None, decimals: int = 0) -> str:
    """Write a number with thousands separators; a dash where there is none."""
    if value is None or math.isnan(value):
        return DASH
    return f"{value:z,.{decimals}f}"


def percent(share: float | None, decimals: int = 0) -> str:
    """Write a share in [0, 1] as per cent."""
    return DASH if share is None else f"{share * 100:z.{decimals}f} %"


def money(amount: Decimal | float | None, currency: str) -> str:
    """Write an amount in whole units of its currency."""
    return DASH if amount is None else f"{currency} {amount:,.0f}"


def span(lower: str, upper: str) -> str:
    """Write an interval whose ends are written already."""
    return f"{lower} to {upper}"


def number_span(lower: float | None, upper: float | None, decimals: int = 0) -> str:
    """Write an interval of numbers."""
    return span(number(lower, decimals), number(upper, decimals))


def percent_span(lower: float | None, upper: float | None) -> str:
    """Write an interval of shares as per cent."""
    return span(percent(lower), percent(upper))


def estimate(value: float | None, lower: float | None, upper: float | None, decimals: int = 2) -> str:
    """Write a figure with its interval; a dash where there is none."""
    if value is None or lower is None or upper is None:
        return DASH
    return f"{number(value, decimals)} ({number_span(lower, upper, decimals)})"


def isolated(name: str) -> str:
    """Keep a name whose letters run the other way from reordering the sentence around it."""
    return f"\u2068{name}\u2069"


def hours(value: float | None) -> str:
    """Write a time in hours by its size."""
    if value is None:
        return DASH
    if value < 1:
        return f"{value * 60:.0f} min"
    return f"{value:.0f} h" if value < 48 else f"{value / 24:.0f} days"


def day(value: dt.date | None) -> str:
    """Write a date."""
    return DASH if value is None else f"{value.day} {value:%b %Y}"


def month(value: dt.date) -> str:
    """Write a month."""
    return f"{value:%b %Y}"


def moment(value: dt.datetime | None) -> Element | str:
    """Write a moment in UTC; the page's script rewrites it in the reader's own zone."""
    if value is None:
        return DASH
    utc = value.astimezone(dt.UTC)
    return time(datetime=utc.isoformat())[f"{utc.day} {utc:%b %Y %H:%M} UTC"]


def day_of(value: dt.datetime | None) -> Element | str:
    """Write the day of a moment in UTC; the page's script rewrites it in the reader's own zone."""
    if value is None:
        return DASH
    utc = value.astimezone(dt.UTC)
    return time(datetime=utc.isoformat(), data_day=True)[day(utc)]


def spaced(said: str) -> str:
    """Write per cent in a sentence of the API as pages do: with a space."""
    return PERCENT.sub(" %", said)


def words(name: str) -> str:
    """Write a name of the API, such as ``no_answer``, as words; what a person wrote keeps its capitals."""
    said = name.replace("_", " ")
    return said[:1].upper() + said[1:]
