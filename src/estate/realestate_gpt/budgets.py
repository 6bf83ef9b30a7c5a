"""What a question says that a home may cost: sums are read with the words around them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from estate.core.amounts import (
    CURRENCY_WORDS,
    MAGNITUDES,
    SHARED_CURRENCY_WORDS,
    Unreadable,
    digits,
    is_open,
    to_ascii_digits,
    without_blanks,
)
from estate.realestate_gpt.homes import LESS, MORE, NEGATED, without_remarks

__all__ = ["ANY_BUDGET", "Budget", "read_budget", "without_sums"]

LONGEST_LIMIT = 50  # Letters before an amount in which words may make it a lower limit.

_CODES = "AED EGP USD EUR GBP SAR QAR KWD BHD OMR INR JOD LBP MAD CHF CAD AUD CNY PKR RUB"  # "ALL" and "TOP" are words.
_CURRENCY_OF = {
    **{code.casefold(): code for code in _CODES.split()},
    **CURRENCY_WORDS,
    **dict.fromkeys(("$", "dollar", "dollars", "دولار"), "USD"),
    **dict.fromkeys(("euro", "euros", "يورو"), "EUR"),
}
_MONEY_WORDS = _CURRENCY_OF.keys() | SHARED_CURRENCY_WORDS
_SCALES = MAGNITUDES | dict.fromkeys(("mil", "mill", "mln", "mm", "milion", "millon"), 1_000_000)
del _SCALES["b"]  # In a question a bedroom: "2b villa".


def _one_of(texts: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))


_CURRENCY = rf"د\.إ|ج\.م|ر\.س|l\.e\b|{_one_of(_MONEY_WORDS)}"
_AMOUNT = re.compile(
    rf"(?<![\w.,+$€£٫٬])(?:(?P<before>{_CURRENCY})\.?\s*|\.)?"
    r"(?P<body>(?!0\d)(?>\d{1,3}(?: \d{3})+(?!\d)|\d(?:[\d.,'’٬٫]*\d)?))"
    rf"\s*(?P<scale>{_one_of(_SCALES)})?\s*(?P<after>{_CURRENCY})?(?!\w|[.,٫]\d)",
    re.IGNORECASE,
)
_LENGTH = re.compile(
    r"\s*(?:away|walk|long|wide|high(?!.end)|deep|tall|pool|ceiling|balcon|terrace|square|2(?!\w|[.,]\d|[\s-]*(?:bed|br|bhk))"
    r"|to (?:the|a|my|our)\b(?! max)|from\b(?! (?:\w+ )?(?:sale|selling|savings?)\b))",
    re.IGNORECASE,
)
"""What makes "2m" metres, unless somebody has them, or pays them."""
_SCALED = rf"([\d.]+ ?({_one_of(_SCALES)})\b(?!{_LENGTH.pattern}))"
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_SPELT = tuple(
    (re.compile(pattern, re.IGNORECASE), plain)
    for pattern, plain in (
        *(
            (
                rf"(?<!ty[ -])(?<!hundred )(?<!hundred and )(?<!point )\b{word}"
                r"(?= (?:and a half )?(?:million|thousand))",
                str(number),
            )
            for number, word in enumerate(_NUMBERS, start=1)
        ),
        (r"\bhalf a million\b", "0.5 million"),
        (r"(?<!of )\ba million\b(?! and)", "1 million"),
        (r"(\d) and a half million\b", r"\1.5 million"),
        (r"\bب?مليون(?:ي|ين|ان)\b", "2 مليون"),
        (rf"(?<!\d )(?<!ين )(?<!ون )(?<!ئة )(?<!عشر )\bب?مليون(?= (?:ونصف\b|{_CURRENCY}))", "1 مليون"),
        (r"(\d) مليون ونصف\b", r"\1.5 مليون"),
        (rf"(\d)( ?(?:to|[-–]) ?){_SCALED}", r"\1 \4\2\3"),
        (rf"\b(between (?:{_CURRENCY})? ?[\d.]+)( and ){_SCALED}", r"\1 \4\2\3"),
        (rf"(?<![\w.,٫])[.٫](?=\d+ ?(?:{_one_of(_SCALES)})\b)", "0."),
    )
)
"""How people write an amount in words, and how it reads in figures."""
_MEASURE = re.compile(r"\s*(?:sq|m2|km|ft|feet|met(?:er|re)s?\b|متر)", re.IGNORECASE)
_RATE = re.compile(r"\s*(?:/|an? |per )\s*(?:sq|m2|m²|met(?:er|re)|foot|ft|month|year|annum)", re.IGNORECASE)
_HAS = re.compile(r"\b(?:have|has|had|got|pay|spend|afford|invest|budget(?: is| of)?)\s*\Z", re.IGNORECASE)
_OWNS = re.compile(r"\b(?:have|has|had|got|afford|can (?:pay|spend)|budget(?: is| of)?:?)\s*\Z", re.IGNORECASE)
_OR_MORE = re.compile(
    r"\s*(?:\+(?!/)|(?:(?:or|and) (?:more|above|over|up|upwards?|higher)|upwards?|up|at least|min(?:imum)?)\b"
    rf"|فأكثر|[أا]و [أا]كثر|فما فوق)(?!\s*(?:\d|(?:than|to|front|{'|'.join(_NUMBERS)})\b))",
    re.IGNORECASE,
)
_LEAST = re.compile(
    r"(?:\b(?:at least|min(?:imum)?(?: of)?|from|between|starting at|على الأقل|على الاقل|بين)|>=?|≥)\s*\Z",
    re.IGNORECASE,
)
_OVER = re.compile(rf"(?P<negated>{NEGATED})?\b{MORE}\s*\Z", re.IGNORECASE)
_UNDER = re.compile(rf"{NEGATED}{LESS}\s*\Z", re.IGNORECASE)
MOST_MONEY = Decimal(10) ** 15  # Beyond what a price can be.
_LEAST_MONEY = Decimal(1_000)  # Less buys no home, in whatever currency: a fee, or a slip.
_PLAIN_AMOUNT = Decimal(10_000)  # A smaller bare number is a count or a year, not a budget.


@dataclass(frozen=True, slots=True)
class Budget:
    """What a home may cost.

    Parameters
    ----------
    least, most : Decimal or None
        Both ends included; None is an open end.
    currency : str or None
        Their currency code, when one stands beside them.
    is_open : bool
        Whether an amount is left out because several countries have a currency of that name.
    """

    least: Decimal | None = None
    most: Decimal | None = None
    currency: str | None = None
    is_open: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no limit is stated."""
        return self.least is None and self.most is None


ANY_BUDGET = Budget()


@dataclass(frozen=True, slots=True)
class _Sum:
    """An amount: whether it is a lower limit, says that it is money, its currency; several countries have ``""``."""

    is_least: bool
    says_money: bool
    amount: Decimal
    currency: str | None


def read_budget(text: str) -> Budget:
    """Return the largest amount that is money and the largest that is a lower limit, in one currency.

    A bare number counts only alone. Of amounts in several currencies those in the first one count.

    Examples
    --------
    >>> read_budget("between 1 and 1.5m dirhams")
    Budget(least=None, most=Decimal('1500000'), currency='AED', is_open=False)
    >>> read_budget("over AED 2m").least, read_budget("under £500,000").is_open
    (Decimal('2000000'), True)
    """
    sums = [found for match in _AMOUNT.finditer(_in_figures(text)) for found in _sums(match)]
    currency = next((found.currency for found in sums if found.currency is not None), None)
    if currency == "":
        return Budget(is_open=True)
    of_one = [found for found in sums if found.currency in (None, currency)]
    least, most = (_largest(found for found in of_one if found.is_least is is_least) for is_least in (True, False))
    return Budget(least, most, currency)


def without_sums(text: str, instead: str) -> str:
    """Return a text with a word instead of each sum that says that it is money."""
    return _AMOUNT.sub(lambda match: f" {instead} " if any(_of_money(match)) else match[0], _in_figures(text))


def _of_money(match: re.Match[str]) -> Iterator[bool]:
    return (found.says_money for found in _sums(match))


def _largest(sums: Iterable[_Sum]) -> Decimal | None:
    return max(((found.says_money, found.amount) for found in sums), default=(False, None))[1]


def _in_figures(text: str) -> str:
    text = to_ascii_digits(text)
    for pattern, plain in _SPELT:
        text = pattern.sub(plain, text)
    return text


def _sums(match: re.Match[str]) -> Iterator[_Sum]:
    """Yield what an amount says, unless it is none of money or of open meaning."""
    scale, word = match["scale"], match["before"] or match["after"]
    if not (scale or word) and " " in match["body"]:
        return  # Several numbers as likely as one.
    before = match.string[max(0, match.start() - LONGEST_LIMIT) : match.start()]
    if _RATE.match(match.string, match.end()) or (not word and _is_measure(match, scale, before)):
        return
    try:
        amount = Decimal(_figures(match["body"], scale is not None)) * (_SCALES[scale.casefold()] if scale else 1)
    except Unreadable:
        return
    least = _LEAST_MONEY if word and not scale else 0 if scale else _PLAIN_AMOUNT
    if least <= amount <= MOST_MONEY:
        whole = amount.quantize(Decimal(1)) if amount == amount.to_integral_value() else amount
        yield _Sum(_is_least(match, before), bool(word or scale), whole, _currency(word))


def _is_measure(match: re.Match[str], scale: str | None, before: str) -> bool:
    unit = _LENGTH if scale in ("m", "M") else _MEASURE
    return unit.match(match.string, match.end()) is not None and not (scale and _HAS.search(before))


def _figures(body: str, scaled: bool) -> str:
    """Read digits and marks: three digits behind a comma are a group, and behind a point the decimals of millions."""
    bare = without_blanks(body.replace("٬", "’"))
    return digits(bare, "." if is_open(bare) and ("." in bare) == scaled else None)


def _currency(word: str | None) -> str | None:
    return None if word is None else _CURRENCY_OF.get(word.casefold().replace(".", ""), "")


def _is_least(match: re.Match[str], before: str) -> bool:
    """Tell whether the words around an amount make it a lower limit: "more than", but not "no more than".

    Who has more than a sum can pay that sum.
    """
    before = without_remarks(before)
    over = _OVER.search(before)
    limit = _LEAST.search(before) or _UNDER.search(before) or (over if over and not over["negated"] else None)
    if limit is None and _OR_MORE.match(match.string, match.end()) is None:
        return False
    return _OWNS.search(before[: limit.start()] if limit else before) is None
