"""Turns a cell into the value of a field, by what was decided for its column; nothing here guesses."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from estate.core.currencies import CURRENCIES
from estate.intake.analytics.cells import Cell, Unreadable, is_empty, is_long, normal, plain, words_of
from estate.intake.analytics.dates import DayRules, day, last_day
from estate.intake.analytics.numbers import amount, money_words, to_ascii_digits
from estate.intake.analytics.phones import phone
from estate.intake.analytics.targets import unit_of
from estate.property.analytics.payment_plan import PaymentPlan, PlanError

__all__ = ["EMPTY", "Rules", "flag", "looks_like", "read"]

TOO_MUCH = 1_000_000_000
"""From here on an amount was more likely written in full than in thousands or millions."""
_CENT = Decimal("0.01")
EMPTY = object()
"""What a cell that says nothing is read as."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What was decided for one column.

    Parameters
    ----------
    decimal : str or None
        Its decimal mark.
    days : DayRules
        How it writes days.
    region : str or None
        Country of its telephone numbers.
    unit : float or None
        How much of our unit its unit is.
    percent : bool or None
        Whether its shares are written out of a hundred.
    currency : str or None
        Currency that its header names.
    times : int
        By what its header says that amounts without a magnitude of their own are multiplied.
    """

    decimal: str | None = None
    days: DayRules = field(default_factory=DayRules)
    region: str | None = None
    unit: float | None = None
    percent: bool | None = None
    currency: str | None = None
    times: int = 1


_YES = "true t yes y 1 on x ✓ ✔ ☑ نعم صح صحيح اجل موافق"
_NO = "false f no n 0 off ✗ ✘ ☐ لا خطا كلا غير_موافق"
_FLAGS = {
    **dict.fromkeys((word.replace("_", " ") for word in _YES.split() if word != "x"), True),
    **dict.fromkeys((word.replace("_", " ") for word in _NO.split()), False),
}
_STATUSES = {
    "available": "available; for sale; active; vacant; live; published; متاح; متاحة; متوفر; للبيع",
    "reserved": "reserved; on hold; hold; booked; under offer; محجوز; محجوزة",
    "sold": "sold; closed; sold out; مباع; مباعة; تم البيع",
    "withdrawn": "withdrawn; off market; inactive; cancelled; unavailable; archived; expired; ملغي; غير متاح",
}
_SEGMENTS = {
    "ready": "ready; completed; complete; ready to move; secondary; resale; existing; جاهز; جاهزة; استلام فوري",
    "off_plan": "off plan; offplan; under construction; primary; على الخارطة; على المخطط; تحت الانشاء",
    "all": "all; total; both; الكل",
}
_EMAIL = re.compile(r"\S+@\S+\.\S+")
_LIST_PARTS = re.compile(r"[;,|/\n،؛]")
_NOUNS = words_of(
    "br bhk bed beds bedroom bedrooms b r rooms room bath baths bathroom bathrooms ba غرفه غرف حمام حمامات"
)
_BOUND = re.compile("[+<>≤≥~±≈]")
_STUDIO = frozenset({"studio", "استوديو", "ستوديو"})


def _choice(words: Mapping[str, str]) -> dict[str, str]:
    return {normal(name): value for value, names in words.items() for name in names.split(";")}


_CHOICES = {"status": _choice(_STATUSES), "segment": _choice(_SEGMENTS)}


def read(how: str, cell: Cell, rules: Rules) -> object:
    """Return the value of a cell as the layer's schema takes it, or `EMPTY`.

    Raises
    ------
    Unreadable
        When it cannot be read.
    """
    return _read(how, cell, rules)


@lru_cache(maxsize=65_536, typed=True)
def _read(how: str, cell: Cell, rules: Rules) -> object:
    """Read a cell once for all rows that repeat it."""
    return EMPTY if is_empty(cell) else _READERS[how](cell, rules)


def _text(cell: Cell, rules: Rules) -> str:
    if isinstance(cell, bool):
        raise Unreadable("must be words")
    return " ".join(plain(cell).split())


def _words(cell: Cell, rules: Rules) -> object:
    parts = [" ".join(part.split()) for part in _LIST_PARTS.split(_text(cell, rules))]
    return [part for part in parts if part] or EMPTY


def _money(cell: Cell, rules: Rules) -> tuple[str, str | None]:
    """Return an amount and the currency that stands beside it or in the header.

    A number of a spreadsheet has no decimals of its own and is taken to the cent as one shows it; text is what it says.
    """
    number, words = amount(cell, rules.decimal)
    times, currency = money_words(words)
    if currency is not None and rules.currency is not None and currency != rules.currency:
        raise Unreadable("names another currency than its column")
    if rules.times > 1 and times == 1 and number * rules.times >= TOO_MUCH:
        raise Unreadable("is too large to be in the magnitude that its header names")
    total = number * (times if times > 1 else rules.times)
    if isinstance(cell, float):
        total = total.quantize(_CENT, ROUND_HALF_UP)
    return format(total.normalize(), "f"), currency or rules.currency


def _number(cell: Cell, rules: Rules) -> float:
    number, words = amount(cell, rules.decimal)
    if words:
        raise Unreadable("has words beside the number")
    return float(number)


def _whole(cell: Cell, rules: Rules) -> int:
    if isinstance(cell, str) and normal(cell) in _STUDIO:
        return 0
    number, words = amount(cell, rules.decimal)
    if _BOUND.search(words):
        raise Unreadable("names no exact number")
    if not set(normal(words).split()) <= _NOUNS:
        raise Unreadable("has words beside the number")
    if number != number.to_integral_value():
        raise Unreadable("must be a whole number")
    return int(number)


def _share(cell: Cell, rules: Rules) -> float:
    number, words = amount(cell, rules.decimal)
    marked = words.strip() in ("%", "٪", "percent")
    if words.strip() and not marked:
        raise Unreadable("has words beside the number")
    if not marked and rules.percent is None and number != 0:
        raise Unreadable("may be a share of one or of a hundred")
    return float(number / 100 if marked or rules.percent else number)


def _in_units(how: str) -> Callable[[Cell, Rules], float]:
    def in_our_unit(cell: Cell, rules: Rules) -> float:
        number, words = amount(cell, rules.decimal)
        unit = unit_of(words, how) if words else rules.unit
        if unit is None:
            raise Unreadable("has a unit that is not known" if words else "names no unit")
        return float((number * Decimal(repr(unit))).quantize(_CENT) if unit != 1 else number)

    return in_our_unit


def flag(cell: Cell, rules: Rules) -> bool:
    """Read yes or no, in English or Arabic, as a word, a number or a mark."""
    if isinstance(cell, bool):
        return cell
    text = plain(cell)
    found = _FLAGS.get(normal(text) or text)
    if found is None:
        raise Unreadable("must be yes or no")
    return found


def _is_email(text: str) -> bool:
    return not is_long(text) and _EMAIL.fullmatch(text) is not None


def _email(cell: Cell, rules: Rules) -> str:
    text = re.sub(r"^mailto:", "", plain(cell), flags=re.IGNORECASE)
    if not _is_email(text) or text.count("@") != 1 or re.search(r"[,;/]", text):
        raise Unreadable("must be one e-mail address")
    return text


def _currency(cell: Cell, rules: Rules) -> str:
    text = plain(cell).strip().upper()
    if text in CURRENCIES:
        return text
    times, found = money_words(plain(cell).casefold())
    if found is None or times != 1:
        raise Unreadable("must be a currency code, such as AED")
    return found


def _of(how: str) -> Callable[[Cell, Rules], str]:
    def choose(cell: Cell, rules: Rules) -> str:
        found = _CHOICES[how].get(normal(plain(cell)))
        if found is None:
            raise Unreadable(f"must be one of {', '.join(dict.fromkeys(_CHOICES[how].values()))}")
        return found

    return choose


def _plan(cell: Cell, rules: Rules) -> str:
    text = _text(cell, rules)
    try:
        PaymentPlan.parse(text)
    except PlanError as error:
        raise Unreadable(str(error)) from None
    return text


_READERS: Mapping[str, Callable[[Cell, Rules], object]] = {
    "text": _text,
    "code": _text,
    "place": _text,
    "person": _text,
    "words": _words,
    "money": _money,
    "number": _number,
    "whole": _whole,
    "share": _share,
    "size": _in_units("size"),
    "seconds": _in_units("seconds"),
    "flag": flag,
    "email": _email,
    "phone": lambda cell, rules: phone(cell, rules.region),
    "currency": _currency,
    "status": _of("status"),
    "segment": _of("segment"),
    "plan": _plan,
    "day": lambda cell, rules: day(cell, rules.days).isoformat(),
    "period": lambda cell, rules: last_day(cell, rules.days).isoformat(),
}

_GENEROUS = DayRules(serials=True)
_OPEN = (
    "another order",
    "other marks",
    "begin with the day",
    "thousands or decimals",
    "a minus that",
    "a mark between",
)
_PHONE_LIKE = re.compile(r"(?:\+|00)?\d[\d ().\-/]{5,20}")


def looks_like(how: str, cell: Cell) -> bool:
    """Tell whether a cell could be one of a column's, whatever will be decided for the column."""
    if how in ("text", "place", "person", "words"):
        return isinstance(cell, str) and any(letter.isalpha() for letter in cell) and not _is_email(cell.strip())
    if how == "code":
        return not isinstance(cell, bool)
    if how == "phone":
        text = plain(cell)
        return not is_long(text) and bool(_PHONE_LIKE.fullmatch(to_ascii_digits(text)))
    try:
        read(how, cell, Rules(days=_GENEROUS, unit=1.0, percent=True))
    except Unreadable as error:
        return any(words in str(error) for words in _OPEN)
    return True
