"""Which time a question is of: a record is of now, and tells of no time gone by."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from estate.realestate_gpt.facts import Fact
from estate.realestate_gpt.retrieval.lexical import words

__all__ = ["is_of_the_past"]


def _phrases(text: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(words(phrase)) for phrase in text.split(";"))


_PAST = _phrases("last year; previous year; year ago; years ago; العام الماضي")
_PERIODS = {"agent": _phrases("last week; last month; this week; this month; this year")}
_YEAR = re.compile(r"(?:19|20)\d\d")
_DATES = frozenset({"delivery_date"})
_NOW = frozenset(words("now today current currently الان اليوم"))
_MEASURES = frozenset(words("sqm sqft sq square m2 m ft feet metre meter aed dirham usd dollar egp درهم متر"))


def is_of_the_past(spoken: Sequence[str], subject: str, fact: Fact | None, this_year: int) -> bool:
    """Tell whether words ask for a time gone by, or for a part of the time over which a figure was taken.

    Parameters
    ----------
    spoken : sequence of str
        Words as `lexical.words` returns them.
    subject : str
        The layer of the record that is asked about.
    fact : Fact or None
        What is asked of it: a date may lie in any year.
    this_year : int
        Only years before it are gone by.

    Examples
    --------
    >>> is_of_the_past(["price", "in", "2024"], "market", None, 2026)
    True
    >>> is_of_the_past(["bought", "in", "2019", "price", "now"], "market", None, 2026)
    False
    """
    if not _NOW.isdisjoint(spoken):
        return False
    is_date = fact is not None and fact.field in _DATES
    is_of_year = not is_date and any(year < this_year for year in _years(spoken))
    periods = _PAST | _PERIODS.get(subject, frozenset())
    return is_of_year or any(pair in periods for pair in pairwise(spoken))


def _years(spoken: Sequence[str]) -> Iterator[int]:
    """Yield the numbers that are years: none with a measure or a currency beside it."""
    for before, word, after in zip(("", *spoken), spoken, (*spoken[1:], ""), strict=False):
        if _YEAR.fullmatch(word) and _MEASURES.isdisjoint((before, after)):
            yield int(word)
