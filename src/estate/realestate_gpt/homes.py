"""What kind of home a question asks for, and with how many bedrooms; what it does not want is no wish."""

import re
from dataclasses import dataclass

from estate.core.amounts import to_ascii_digits
from estate.intelligence.wishes import parse_wishes, type_pattern

__all__ = ["ANY_HOME", "Home", "kinds_in", "read_home"]

HOMES = frozenset({"studio", "apartment", "townhouse", "villa", "penthouse", "duplex"})
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7}
_ROOM = r"(?=[\s-]*(?:bed|brs?\b|bhk|غرف))"

_SPELT = tuple(
    (re.compile(pattern), plain)
    for pattern, plain in (
        (r"\b(?:no|not) more than\b|\bat most\b|\bmax(?:imum)?(?: of)?\b", "up to"),
        (r"\b(?:no|not) (?:less|fewer) than\b|\bmin(?:imum)?(?: of)?\b", "at least"),
        (rf"(\d) (?:and|و) ?(\d{{1,2}}){_ROOM}", r"\1 to \2"),
        (r"(\d{1,2}) (bed(?:room)?s?|brs?) (?:or more|and (?:more|up)|plus)\b", r"\1 or more \2"),
        (r"\bغرفت(?:ين|ان)\b", "2 غرف"),
        (r"\b(studio|penthouse|duplex) (?:apartment|flat)s?\b", r"\1"),
        (r"\bstudios\b", "studio"),
        (r"\b[وبلك]?(?:ال|ل)?(?=(?:شق[ةق]|فيلا|فلل|استوديو|تاون|دوبلكس|بنتهاوس)(?!\w))", ""),
    )
)
"""How people write it, and how `wishes` reads it."""

_HOME = type_pattern(HOMES)
_DENIED = re.compile(
    r"(?:\b(?:no|not|never|without|except|neither|instead of|rather than|other than|لا|ليس|ليست|غير|بدون)\b|n['’]t\b)"
    r"(?:\s+(?:want|need|like|looking|interested|really|for|in|to|see|a|an|any|the|[أان]ريد))*\s+"
    rf"(?:\d{{1,2}}[\s-]*(?:bed(?:room)?s?|brs?|bhk)\b\s*)?(?:{_HOME})?"
    rf"(?:\s+(?:or|nor|and|أو|او)(?:\s+(?:a|an|any|the))?\s+(?:{_HOME}))*"
)


@dataclass(frozen=True, slots=True)
class Home:
    """What a home has to be.

    Parameters
    ----------
    kinds : frozenset of str
        Any of them will do; empty when every kind will.
    fewest, most : int or None
        Bedrooms, both ends included; None is an open end, and 0 a studio.
    """

    kinds: frozenset[str] = frozenset()
    fewest: int | None = None
    most: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether any home will do."""
        return self == ANY_HOME


ANY_HOME = Home()


def read_home(text: str) -> Home:
    """Read the kind and the bedrooms that a question asks for.

    Examples
    --------
    >>> read_home("one or two bedrooms, no villa").most
    2
    >>> read_home("I don't want a studio, show me flats")
    Home(kinds=frozenset({'apartment'}), fewest=1, most=None)
    """
    plain = _plain(text)
    wanted = parse_wishes(_DENIED.sub(" ; ", plain), None)
    refused = kinds_in(" ; ".join(found[0] for found in _DENIED.finditer(plain)))
    kinds, fewest, most = wanted.unit_types & HOMES, wanted.bedrooms_min, wanted.bedrooms_max
    if "studio" in kinds:
        kinds, fewest, most = _with_studio(kinds, fewest, most)
    if "studio" in refused and fewest is None:
        fewest = 1
    others = refused - {"studio"}
    return Home(kinds or (HOMES - others if others else frozenset()), fewest, most)


def kinds_in(text: str) -> frozenset[str]:
    """Return the kinds of home that a text speaks of."""
    return parse_wishes(_plain(text), None).unit_types & HOMES


def _with_studio(
    kinds: frozenset[str], fewest: int | None, most: int | None
) -> tuple[frozenset[str], int | None, int | None]:
    """Return limits that a studio meets: it is told by its bedrooms, unless another kind will do as well."""
    if len(kinds) == 1:
        return frozenset(), 0, most
    return (kinds, None, None) if most == 0 else (kinds, 0, most)


def _plain(text: str) -> str:
    """Write a text as `wishes` reads it."""
    plain = " ".join(to_ascii_digits(text).casefold().split())
    plain = re.sub(rf"\b(?:{'|'.join(_NUMBERS)})\b", lambda word: str(_NUMBERS[word[0]]), plain)
    for pattern, spelling in _SPELT:
        plain = pattern.sub(spelling, plain)
    return plain
