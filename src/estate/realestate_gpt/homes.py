"""What kind of home a question asks for, and with how many bedrooms; what it does not want is no wish."""

import re
from dataclasses import dataclass, replace

from estate.core.amounts import to_ascii_digits
from estate.intelligence.wishes import parse_wishes, type_pattern

__all__ = ["ANY_HOME", "HOMES", "LESS", "MORE", "NEGATED", "Home", "kinds_in", "read_home", "without_remarks"]

HOMES = frozenset({"studio", "apartment", "townhouse", "villa", "penthouse", "duplex"})
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7}
_NUMBERS |= {"ثلاث": 3, "أربع": 4, "اربع": 4, "خمس": 5}
_ROOM = r"(?=[\s-]*(?:bed|brs?\b|bhk|غرف))"
_ENDS = r"(?=\s*(?:[.;!?؟]|,(?!\d)|\Z)|\s+(?:in|at|for|under|with|please)\b)"

_HOME = type_pattern(HOMES)
_NO = r"(?:\b(?:no|not|never|nothing|cannot|without|و?(?:لا|ليس|ليست|غير))\b|n['’]t\b)"
_BUT = r"(?:\b(?:except|neither|(?:instead|rather|other) (?:of|than)|(?:anything|everything|all) but|بدون)\b)"
_WISH = (
    r"(?:\s+(?:want|wish|need|like|looking|interested|really|for|in|to(?: see)?|show|me|a|an|any|the|more|be|going"
    r"|go|spend|spending|pay|paying|cost|costing|priced|anything|[أان]ريد))*"
)
_WITH = r"(?:\s+(?:with|for|at|of|priced|that costs?))?"
NEGATED = rf"{_NO}{_WISH}(?P<refused>(?:\s+(?:{_HOME}|homes?|houses?|units?))?){_WITH}\s+"
"""What makes the limit that it stands before the opposite one: "no more than", "no flat for less than"."""
MORE = r"(?:over|above|beyond|exceed(?:s|ing)?|(?:more|higher) th[ae]n|ب?[أا]كثر من|[أا]على من|[يت]زيد عن|فوق)"
LESS = r"(?:under|below|(?:less|fewer|lower) th[ae]n|ب?[أا]قل من|[يت]قل عن)"
_BARE = re.compile(rf"\bno\s+(?:{_HOME})(?=\s+{LESS}\s(?!\d{{1,2}}{_ROOM}))(?![^.!;\n]*\?)", re.IGNORECASE)
"""A kind refused in one word before the most that a home may cost: nobody refuses what is cheap."""
_REMARK = re.compile(
    r"(?:\b(?:is|are|was|were|have|has|had|got|there|see)(?: still| really)? no"
    r"|\b(?:is|are|was|were|do|does|did|can|could) (?:i|we|you|they|it|this|that|there) not"
    r"|(?:\A|[.,;:!?]\s*|\bwhy )(?:is|are|was|were)n['’]t)\b(?! \w+ than\b)",
    re.IGNORECASE,
)
_DENIED = re.compile(
    rf"(?>(?:(?P<but>{_BUT})|{_NO}){_WISH}\s+(?:\d{{1,2}}[\s-]*(?:bed(?:room)?s?|brs?|bhk)\b\s*)?(?:{_HOME})?"
    rf"(?:\s+(?:or|nor|and|أو|او)(?:\s+(?:a|an|any|the))?\s+(?:{_HOME}))*)"
    rf"(?(but)|(?!{_WITH}\s+(?:{MORE}|{LESS})\s\D{{0,20}}\d))"
)
_COUNTED = re.compile(rf"({_NO}{_WISH})\s+({_HOME})\s+with\s+(?=\d{{1,2}}{_ROOM})")
_LIMITED = re.compile(rf"(?P<negated>{NEGATED})?\b(?:(?P<more>{MORE})|{LESS})\s+(?P<count>\d{{1,2}}){_ROOM}")

_SPELT = tuple(
    (re.compile(pattern), plain)
    for pattern, plain in (
        (r"\b(?:no|not) more than\b|\bat most\b|\bmax(?:imum)?(?: of)?\b", "up to"),
        (r"\b(?:no|not) (?:less|fewer) than\b|\bmin(?:imum)?(?: of)?\b", "at least"),
        (rf"(\d) (?:and|و) ?(\d{{1,2}}){_ROOM}", r"\1 to \2"),
        (rf"\b(\d{{1,2}})[\s-]*(bed(?:room)?s?|brs?|غرف) (?:or|to|أو|او) (\d{{1,2}}){_ENDS}", r"\1 to \3 \2"),
        (r"(\d{1,2}) (bed(?:room)?s?|brs?) (?:or more|and (?:more|up)|plus)\b", r"\1 or more \2"),
        (r"\b[وب]?غرفت(?:ين|ان)\b", "2 غرف"),
        (r"\b(studio|penthouse|duplex) (?:apartment|flat)s?\b", r"\1"),
        (r"\bstudios\b", "studio"),
        (r"\b[وبلك]?(?:ال|ل)?(?=(?:شق[ةق]|فيلا|فلل|استوديو|تاون|دوبلكس|بنتهاوس)(?!\w))", ""),
    )
)
"""How people write it, and how `wishes` reads it."""


@dataclass(frozen=True, slots=True)
class Home:
    """What a home has to be.

    Parameters
    ----------
    kinds : frozenset of str
        Any of them will do; empty when every kind will.
    refused : frozenset of str
        None of them will do.
    fewest, most : int or None
        Bedrooms, both ends included; None is an open end, and 0 a studio.
    """

    kinds: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    fewest: int | None = None
    most: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether any home will do."""
        return self == ANY_HOME

    def without(self, kinds: frozenset[str]) -> "Home":
        """Return the same home where some kinds are not spoken of."""
        return replace(self, kinds=self.kinds - kinds, refused=self.refused - kinds)


ANY_HOME = Home()


def read_home(text: str) -> Home:
    """Read the kind and the bedrooms that a question asks for.

    Examples
    --------
    >>> read_home("fewer than three bedrooms, no villa").most
    2
    >>> read_home("I don't want a penthouse, show me flats")
    Home(kinds=frozenset({'apartment'}), refused=frozenset({'penthouse'}), fewest=None, most=None)
    """
    plain = _LIMITED.sub(_limit, _COUNTED.sub(r" \2 ; \1 ", without_remarks(_plain(text))))
    wanted = parse_wishes(_DENIED.sub(" ; ", plain), None)
    refused = parse_wishes(" ; ".join(found[0] for found in _DENIED.finditer(plain)), None)
    kinds, fewest, most = wanted.unit_types & HOMES, wanted.bedrooms_min, wanted.bedrooms_max
    if "studio" in kinds:
        kinds, fewest, most = _with_studio(kinds, most)
    if fewest is None and refused.bedrooms_max in (0, 1):
        fewest = refused.bedrooms_max + 1  # Who refuses the smallest homes wants a larger one.
    return Home(kinds, refused.unit_types & HOMES, fewest, most)


def without_remarks(text: str) -> str:
    """Take out each "no" that refuses nothing, as in "are there no flats?", and end one that refuses a kind alone."""
    return _BARE.sub(r"\g<0>;", _REMARK.sub(" ", text))


def _limit(found: re.Match[str]) -> str:
    """Write "more than" and "less than" some bedrooms, or a refusal of it, as a limit that is met itself."""
    count = int(found["count"])
    if not found["negated"]:
        return f"at least {count + 1}" if found["more"] else f"up to {max(count - 1, 0)}"
    return f"{found['refused']} {'up to' if found['more'] else 'at least'} {count}"


def kinds_in(text: str) -> frozenset[str]:
    """Return the kinds of home that a text speaks of."""
    return parse_wishes(_plain(text), None).unit_types & HOMES


def _with_studio(kinds: frozenset[str], most: int | None) -> tuple[frozenset[str], int | None, int | None]:
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
