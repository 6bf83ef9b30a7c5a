"""Decides for each column how its values are written, and asks where the column leaves it open."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from estate.core.currencies import CURRENCIES
from estate.intake.analytics.cells import Cell, Unreadable, is_empty, normal, parted
from estate.intake.analytics.dates import DayRules, day_votes
from estate.intake.analytics.numbers import amount, decimal_votes, header_times, money_parts
from estate.intake.analytics.phones import region_votes
from estate.intake.analytics.targets import TARGETS, UNITS, Kind, unit_of
from estate.intake.analytics.values import Rules, read

__all__ = ["Column", "Decided", "Question", "decide"]

MOST = 0.9  # Of the values that prove something; the few others are refused one by one.
REGION_MOST, REGION_LEAST = 0.8, 3
COMMON_REGIONS = ("AE", "EG", "SA", "QA", "KW", "BH", "OM")
NUMERIC = frozenset({"money", "number", "whole", "share", "size", "seconds"})
_ORDERS = {"dmy": "the day comes first", "mdy": "the month comes first"}


@dataclass(frozen=True, slots=True)
class Question:
    """What a column leaves open; its cells that hang on it are problems until it is answered.

    Parameters
    ----------
    name : str
        ``decimal``, ``date_order``, ``day_numbers``, ``region``, ``unit``, ``percent`` or ``bad_values``.
    options : mapping
        Answer to what it would mean.
    rows : int
        Cells that hang on it.
    """

    name: str
    options: Mapping[str, str]
    rows: int


@dataclass(frozen=True, slots=True)
class Decided:
    """How the values of a column are read, what decided it in words, and what is left to ask."""

    rules: Rules
    why: Mapping[str, str] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a file that was brought to a field.

    Parameters
    ----------
    at : int
        Its place, counted from 0.
    name : str
        Its header.
    target, how : str
        The field, and how its cells are read.
    rules : Rules
        What was decided for it.
    lenient : bool
        Whether a cell that cannot be read leaves the field empty instead of refusing its row.
    """

    at: int
    name: str
    target: str
    how: str
    rules: Rules
    lenient: bool = False


def decide(kind: Kind, target: str, name: str, cells: Sequence[Cell], stated: Mapping[str, str]) -> Decided:
    """Decide how one column is written.

    Parameters
    ----------
    cells : sequence
        All of them.
    stated : mapping
        Answers that a person gave: question to option.
    """
    how = TARGETS[kind][target].how
    filled = [cell for cell in cells if not is_empty(cell)]
    decided = Decided(Rules())
    if how in NUMERIC:
        decided = _decimal(decided, how, filled, stated.get("decimal"))
    if how == "money":
        decided = _times(_currency(decided, name), name)
    if how in UNITS:
        decided = _unit(decided, how, name, filled, stated.get("unit"))
    if how == "share":
        decided = _percent(decided, name, filled, stated.get("percent"))
    if how in ("day", "period"):
        decided = _days(decided, filled, stated)
    if how == "phone":
        decided = _region(decided, filled, stated.get("region"))
    return decided


def _with(decided: Decided, name: str, why: str, question: Question | None = None, **rules: object) -> Decided:
    asked = decided.questions + ((question,) if question is not None else ())
    told = dict(decided.why) | ({name: why} if why else {})
    return Decided(replace(decided.rules, **rules), told, asked)  # type: ignore[arg-type]


def _majority(votes: Counter[str]) -> str | None:
    if not votes:
        return None
    winner, n = votes.most_common(1)[0]
    return winner if n >= MOST * votes.total() else None


def _decimal(decided: Decided, how: str, cells: Sequence[Cell], stated: str | None) -> Decided:
    if stated is not None:
        return _with(decided, "decimal", "Somebody said so.", decimal=stated)
    votes, still_open = decimal_votes(cells)
    winner = _majority(votes)
    if winner is not None:
        return _with(decided, "decimal", f"{votes[winner]} of its values can be read in no other way.", decimal=winner)
    if not still_open:
        return decided
    whole = [mark for mark in ".," if all(_is_whole(body, mark) for body in still_open)]
    if how == "whole" and len(whole) == 1:
        return _with(decided, "decimal", "Otherwise its values would not be whole.", decimal=whole[0])
    example = still_open[0]
    options = {mark: f"{example} is {_as_read(example, mark)}" for mark in (".", ",")}
    return _with(decided, "decimal", "", Question("decimal", options, len(still_open)))


def _is_whole(body: str, mark: str) -> bool:
    try:
        read("whole", body, Rules(decimal=mark))
    except Unreadable:
        return False
    return True


def _as_read(example: str, mark: str) -> str:
    try:
        return str(amount(example, mark)[0])
    except Unreadable:
        return "no number"


def _currency(decided: Decided, name: str) -> Decided:
    """Take the currency that a header names by its code."""
    named = {word.upper() for word in money_parts(normal(name)) if word.upper() in CURRENCIES}
    if len(named) != 1:
        return decided
    (code,) = named
    return _with(decided, "currency", "Its header names it.", currency=code)


def _times(decided: Decided, name: str) -> Decided:
    """Take the magnitude that a header names in brackets."""
    times = header_times(parted(name)[1])
    return _with(decided, "times", "Its header names it.", times=times) if times not in (None, 1) else decided


def _unit(decided: Decided, how: str, name: str, cells: Sequence[Cell], stated: str | None) -> Decided:
    if stated is not None:
        return _with(decided, "unit", "Somebody said so.", unit=unit_of(stated, how))
    if (named := unit_of(name, how)) is not None:
        return _with(decided, "unit", "Its header names it.", unit=named)
    bare = sum(_has_no_unit(cell) for cell in cells)
    if not bare:
        return decided
    options = {"sqm": "square metres", "sqft": "square feet"}
    if how == "seconds":
        options = {"seconds": "seconds", "minutes": "minutes", "hours": "hours"}
    return _with(decided, "unit", "", Question("unit", options, bare))


def _has_no_unit(cell: Cell) -> bool:
    try:
        return not amount(cell, ".")[1]
    except Unreadable:
        return True


def _percent(decided: Decided, name: str, cells: Sequence[Cell], stated: str | None) -> Decided:
    """Decide by the largest value; below 1 the header may speak of the values or of how a spreadsheet shows them."""
    if stated is not None:
        return _with(decided, "percent", "Somebody said so.", percent=stated == "hundred")
    numbers = []
    for cell in cells:
        try:
            number, words = amount(cell, decided.rules.decimal)
        except Unreadable:
            continue
        if not words:
            numbers.append(number)
    if any(number > 1 for number in numbers):
        return _with(decided, "percent", "Some of its values are above 1.", percent=True)
    if any(numbers) and ("%" in name or "percent" in normal(name)):
        options = {"hundred": "shares of a hundred: 0.5 is 0.5%", "one": "shares of one: 0.5 is 50%"}
        return _with(decided, "percent", "", Question("percent", options, sum(number != 0 for number in numbers)))
    if any(0 < number < 1 for number in numbers):
        return _with(decided, "percent", "None of its values is above 1.", percent=False)
    return decided


def _days(decided: Decided, cells: Sequence[Cell], stated: Mapping[str, str]) -> Decided:
    votes, still_open, serials = day_votes(cells)
    order, spreadsheet = stated.get("date_order"), stated.get("day_numbers")
    why, question = "", None
    if order is not None:
        why = "Somebody said so."
    elif (winner := _majority(votes)) is not None:
        order, why = winner, f"In {votes[winner]} of its values {_ORDERS[winner]} for certain."
    elif still_open:
        question = Question(
            "date_order", {key: f"{still_open[0]}: {words}" for key, words in _ORDERS.items()}, len(still_open)
        )
    days = DayRules(order, spreadsheet == "spreadsheet")
    decided = _with(decided, "date_order", why, question, days=days)
    if serials and spreadsheet is None:
        options = {"spreadsheet": "days as a spreadsheet counts them", "refuse": "no days"}
        decided = _with(decided, "day_numbers", "", Question("day_numbers", options, serials))
    return decided


def _region(decided: Decided, cells: Sequence[Cell], stated: str | None) -> Decided:
    if stated is not None:
        return _with(decided, "region", "Somebody said so.", region=stated)
    votes, needy = region_votes(cells)
    if not needy:
        return decided
    if votes:
        winner, n = votes.most_common(1)[0]
        if n >= REGION_LEAST and n >= REGION_MOST * votes.total():
            why = f"{n} of {votes.total()} numbers with a country code are of {winner}."
            return _with(decided, "region", why, region=winner)
    regions = dict.fromkeys([region for region, _ in votes.most_common()] + list(COMMON_REGIONS))
    question = Question(
        "region", {region: f"numbers without a country code are of {region}" for region in regions}, needy
    )
    return _with(decided, "region", "", question)
