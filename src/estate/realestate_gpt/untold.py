"""What is asked of a record and told by no sentence: it is declined, not answered with the nearest thing."""

import re
from collections.abc import Collection, Mapping

from estate.realestate_gpt.facts import Fact
from estate.realestate_gpt.retrieval.lexical import words

__all__ = ["UNTOLD", "untold"]


def _untold(subject: str, name: str, asks: str) -> Fact:
    return Fact(f"{subject}.untold", subject, subject, "untold", asks, (f"{{who.{name}}} is on record.",))


_ALL = (
    _untold(
        "client",
        "name",
        "phone number; telephone number; mobile number; phone of; email of; what phone; what email; email address;"
        " what own; which own; does own; has paid; have paid; much paid; what paid; did pay; did spend; many deals;"
        " هاتف; كم دفع; كم دفعت",
    ),
    _untold(
        "agent",
        "name",
        "phone number; mobile number; email; deals lost; lose deals; sales lost; clients lost; lose clients;"
        " deals open; many clients; many leads; many buyers; هاتف",
    ),
    _untold(
        "property",
        "title",
        "who own; owner; was paid; did pay; rent; rental; who sold; who bought; which agent; يملك; مالك; ايجار",
    ),
    _untold(
        "market",
        "area_name",
        "who; which agent; what yield; how yield; rental yield; average rent; what rent; how rent; ايجار",
    ),
)
UNTOLD: Mapping[str, Fact] = {fact.key: fact for fact in _ALL}
"""Of each layer what no sentence tells, by key; the words of a phrase ask for it in any order."""


def _sets(phrases: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(words(phrase)) for phrase in phrases.split(";"))


_ASKS = {fact.subject: (fact, _sets(fact.asks)) for fact in _ALL}
_PAST = _sets("last year; previous year; year ago; years ago; العام الماضي")
_PERIODS = {"agent": _sets("last week; last month; this week; this month; this year")}
_YEAR = re.compile(r"(?:19|20)\d\d")
_DATES = frozenset({"delivery_date"})


def untold(spoken: Collection[str], subject: str, fact: Fact | None) -> Fact | None:
    """Return what is asked of a layer and not told; None where the words ask for `fact`, or for nothing of the kind.

    A record is of now: a year or a time gone by is not told by it.

    Examples
    --------
    >>> untold({"deal", "lost"}, "agent", None).key
    'agent.untold'
    """
    if subject not in _ASKS:
        return None
    nothing, asks = _ASKS[subject]
    is_of_time = (fact is not None or subject == "market") and _names_a_time(spoken, subject, fact)
    return nothing if is_of_time or _has_any(spoken, asks) else None


def _names_a_time(spoken: Collection[str], subject: str, fact: Fact | None) -> bool:
    is_date = fact is not None and fact.field in _DATES
    is_of_year = not is_date and any(map(_YEAR.fullmatch, spoken))
    return is_of_year or _has_any(spoken, (*_PAST, *_PERIODS.get(subject, ())))


def _has_any(spoken: Collection[str], phrases: Collection[frozenset[str]]) -> bool:
    return any(phrase.issubset(spoken) for phrase in phrases)
