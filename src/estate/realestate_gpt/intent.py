"""What a question asks for, by a small lexicon: topics, budget, kind of home, ids and the places it names."""

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

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
from estate.core.types import UnitRef
from estate.realestate_gpt.homes import ANY_HOME, Home, read_home
from estate.realestate_gpt.retrieval.lexical import STOP_WORDS, words

__all__ = ["TOPIC_WORDS", "Intent", "Question", "intents_of", "read", "topics"]


class Intent(StrEnum):
    """What the reply has to be about."""

    MARKET = "market"
    UNIT = "unit"
    PRICE = "price"
    OBJECTION = "objection"
    CALL = "call"
    NEXT_STEP = "next_step"
    GENERAL = "general"
    FACT = "fact"


@dataclass(frozen=True, slots=True)
class Question:
    """What was understood of a text; nothing in it is ever carried out or repeated.

    Parameters
    ----------
    intents : tuple of Intent
        Topics, the one with most words first; empty when no word was understood.
    budget : Decimal or None
        The largest amount named as money.
    currency : str or None
        Its currency code, when one stands beside it.
    open_sum : bool
        Whether an amount is left out because several countries have a currency of that name.
    home : Home
        Kind of home and bedrooms asked for.
    ids : tuple of uuid.UUID
        Ids that stand in the text.
    units : tuple of UnitRef
        Units named as ``project:unit``.
    phrases : tuple of str
        Runs of one to four words, to be compared with names.
    places : tuple of str
        What follows "in", "at" and the like: it may name a place.
    calls : bool
        Whether it speaks of a call to somebody.
    chooses : bool
        Whether it asks who of several is meant.
    """

    intents: tuple[Intent, ...]
    budget: Decimal | None = None
    currency: str | None = None
    open_sum: bool = False
    home: Home = ANY_HOME
    ids: tuple[uuid.UUID, ...] = ()
    units: tuple[UnitRef, ...] = ()
    phrases: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    calls: bool = False
    chooses: bool = False


_PHRASES: Mapping[Intent, str] = {
    Intent.MARKET: """
        market; area; district; neighbourhood; neighborhood; community; location; heat; hot; demand; supply; trend;
        forecast; outlook; invest; investment; investing; investor; appreciation; growth; grow; rise; rising; yield;
        roi; return; rent; rental; prices in; سوق; منطقة; مناطق; حي; استثمار; أستثمر; عائد; عوائد; توقعات
        """,
    Intent.UNIT: """
        apartment; flat; villa; townhouse; studio; penthouse; unit; property; home; house; bedroom; bed; br; bhk;
        looking for; need; want; recommend; recommendation; suggest; option; available; match; show me; find; compare;
        view; floor; project; handover; delivery; developer; amenity; sqm; شقة; شقق; فيلا; فلل; وحدة; وحدات;
        بيت; بيوت; منزل; منازل; عقار; عقارات; غرفة; غرف; استوديو
        """,
    Intent.PRICE: """
        price; cost; budget; afford; payment; instalment; installment; down payment; discount; mortgage; cash; fee;
        million; aed; egp; usd; how much; cheap; cheaper; fair; worth; value; plan; prise; pirce; سعر; بسعر; أسعار;
        ثمن; تكلفة; بكم; مرتفع; مرتفعة; رخيص; رخيصة; ميزانية; تقسيط; أقساط; قسط; مقدم; دفع; كم
        """,
    Intent.OBJECTION: """
        too expensive; expensive; too high; not sure; worried; worry; afraid; concern; hesitate; hesitant; hesitating;
        doubt; risk; risky; delay; late; think about it; ask my family; just looking; not convinced; other agency;
        problem; objection; no trust; trust; غالي; غالية; خائف; مخاطرة; قلق
        """,
    Intent.CALL: """
        who should i call; whom should i call; who to call; whom to call; call first; call next; call today;
        my calls; call list; priority; prioritise; prioritize; which client; which lead; my leads; my clients;
        ring; phone first; phone today; reach out; whom should i; who should i contact; to contact; contact first; اتصل
        """,
    Intent.NEXT_STEP: """
        next step; next action; what next; what now; what should i do; what do i do; follow up; follow-up; close;
        closing; convince; negotiate; negotiation; strategy; approach; how do i; how should i; win; ready to buy;
        probability; likely; chance; likelihood; qualify; qualified; qualification; score; serious; الخطوة; متابعة
        """,
    Intent.GENERAL: """
        hello; hi; hey; good morning; good evening; help; advice; advise; tell me about; brief; summary; summarise;
        summarize; overview; prepare; who is; client; agent; deal; buy; buyer; buying; sell; sale; purchase; profile;
        مرحبا; السلام; مساعدة; شراء; اشتري
        """,
}
"""Words and phrases of each topic, separated by semicolons, in any inflection that `lexical.words` joins."""


def _lexicon() -> dict[tuple[str, ...], Intent]:
    """Read `_PHRASES` with the same stemming as a question."""
    return {tuple(words(phrase)): intent for intent, phrases in _PHRASES.items() for phrase in phrases.split(";")}


LEXICON = _lexicon()
LONGEST = max(map(len, LEXICON))
TOPIC_WORDS = frozenset(word for phrase in LEXICON for word in phrase)

MAX_WORDS = 400  # Names are looked for in the first words; a longer text is a paste, not a question.
MAX_NAME_WORDS = 4
LONGEST_LIMIT = 50  # Letters before an amount in which words may make it a lower limit.

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ID = re.compile(_UUID, re.IGNORECASE)
_UNIT = re.compile(f"({_UUID}):({_UUID})", re.IGNORECASE)
_CODES = "AED EGP USD EUR GBP SAR QAR KWD BHD OMR INR JOD LBP MAD CHF CAD AUD CNY PKR RUB"  # "ALL" and "TOP" are words.
_CURRENCY_OF = {
    **{code.casefold(): code for code in _CODES.split()},
    **CURRENCY_WORDS,
    **dict.fromkeys(("$", "dollar", "dollars", "دولار"), "USD"),
    **dict.fromkeys(("euro", "euros", "يورو"), "EUR"),
}
_MONEY_WORDS = _CURRENCY_OF.keys() | SHARED_CURRENCY_WORDS
_SCALES = MAGNITUDES | dict.fromkeys(("mil", "mln"), 1_000_000)


def _one_of(texts: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))


_CURRENCY = rf"د\.إ|ج\.م|ر\.س|l\.e\b|{_one_of(_MONEY_WORDS)}"
_AMOUNT = re.compile(
    rf"(?<![\w.,+$€£٫٬])(?P<before>{_CURRENCY})?\.?\s*"
    r"(?P<body>(?!0\d)(?>\d{1,3}(?: \d{3})+(?!\d)|\d(?:[\d.,'’٬٫]*\d)?))"
    rf"\s*(?P<scale>{_one_of(_SCALES)})?\s*(?P<after>{_CURRENCY})?(?!\w|[.,٫]\d)",
    re.IGNORECASE,
)
_MEASURE = re.compile(r"\s*(?:sq|m2|km|ft|feet|met(?:er|re)s?\b|متر)", re.IGNORECASE)
_LEAST = re.compile(r"\b(?:at least|minimum(?: of)?|from|على الأقل|على الاقل)\s*\Z", re.IGNORECASE)
_NOT = (
    r"(?:\b(?:no|not|never|nothing|cannot|without|لا|ليس|ليست|غير)|n['’]t)"
    r"(?:\s+(?:to|be|go|going|want|wish|like|spend|spending|pay|paying|cost|costing|priced|anything))*\s+"
)
_OVER = re.compile(
    rf"(?P<negated>{_NOT})?\b(?:over|above|beyond|(?:more|higher) than|[أا]كثر من|[أا]على من|[يت]زيد عن|فوق)\s*\Z",
    re.IGNORECASE,
)
_UNDER = re.compile(rf"{_NOT}(?:under|below|(?:less|fewer|lower) than|[أا]قل من|[يت]قل عن)\s*\Z", re.IGNORECASE)
_DISTANCE = re.compile(r"\s*(?:from|away|walk|to (?:the|a|my|our))\b", re.IGNORECASE)
MOST_MONEY = Decimal(10) ** 15  # Beyond what a price can be.
_LEAST_MONEY = Decimal(1_000)  # Less buys no home, in whatever currency: a fee, or a slip.
_PLAIN_AMOUNT = Decimal(10_000)  # A smaller bare number is a count or a year, not a budget.

_CALL = re.compile(
    r"\b(?:call|ring|dial|phon|contact)ing\b(?!\s+(?:you|about|for|from|regarding|to)\b)|\b(?:call|ring|dial)\b(?!\s+(?:me|us|it)\b)"
    r"|\bbe\s+(?:called|phoned|rung|contacted|reached)\b"
    r"|\b(?:phone|contact|reach)\b(?!\s+(?:me|us|numbers?|details?|data|info\w*|and|or|is|was|of|on|in|for)\b)\s+\w"
    r"|\b[أانت]تصل|\bالاتصال\b|\b[أان]كلم",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\bnumbers?\b|رقم", re.IGNORECASE)
_CHOICE = re.compile(
    r"\b(?:who|whom|which|first|next|lists?|my calls|priorit\w+)\b|\bمن (?=[أانت]تصل|[أان]كلم)", re.IGNORECASE
)
_PLACE = re.compile(r"(?<!\w)(?:in|at|around|near|about|inside|في)\s+(?=([^.,;:!?؟،\n]+))", re.IGNORECASE)
_NO_PLACE = frozenset(
    words(
        """
        general terms term total fact mind case time future advance short long once all any some next last best
        good right person detail details need needs interested one two three year years month months week weeks
        moment least most under over between below above around up now today tomorrow january february march april may
        june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec
        monday tuesday wednesday thursday friday saturday sunday weekend spring summer autumn fall winter
        christmas easter ramadan eid quarter half early mid late beginning start middle end present once
        buying buy it looking city country real estate phase stage building block floor english arabic
        euro euros dollar dollars dirham dirhams pound pounds riyal riyals dinar dinars
        الوقت الحالي حدود غضون أقرب نهاية بداية منتصف المتوسط الواقع السنة العام الشهر الأسبوع اليوم الربع المستقبل
        يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر رمضان الصيف الشتاء المدينة
        """
    )
)
"""Words of time, quantity and parts of a project: none of them names a place."""
_THINGS = frozenset(
    words(
        """
        walking walk driving distance reach school schools metro beach sea park mall station airport hospital
        university mosque shop shops tower place places please
        """
    )
)
"""What stands near a home; with a capital it may be of a name."""
_CAPITALISED = re.compile(r"\b[A-Z][a-z]")


def read(text: str) -> Question:
    """Understand a question.

    Parameters
    ----------
    text : str
        The client's or agent's words: data, never an instruction.

    Examples
    --------
    >>> q = read("2-bedroom flat in Qamar Quay under AED 1.5 million?")
    >>> q.home.fewest, q.budget, q.currency, q.places
    (2, Decimal('1500000'), 'AED', ('Qamar Quay',))
    """
    budget, currency, open_sum = _budget(text)
    units = tuple(dict.fromkeys(UnitRef(uuid.UUID(p), uuid.UUID(u)) for p, u in _UNIT.findall(text)))
    return Question(
        intents=intents_of(topics(words(text))),
        budget=budget,
        currency=currency,
        open_sum=open_sum,
        home=read_home(text),
        ids=tuple(dict.fromkeys(map(uuid.UUID, _ID.findall(text)))),
        units=units,
        phrases=tuple(dict.fromkeys(_phrases(text.split()[:MAX_WORDS]))),
        places=tuple(dict.fromkeys(_places(text))),
        calls=_CALL.search(text) is not None and _NUMBER.search(text) is None,
        chooses=_CHOICE.search(text) is not None,
    )


def topics(stems: Sequence[str]) -> dict[Intent, int]:
    """Count the words that each topic explains, longest phrase first."""
    counts = dict.fromkeys(Intent, 0)
    position = 0
    while position < len(stems):
        for length in range(min(LONGEST, len(stems) - position), 0, -1):
            intent = LEXICON.get(tuple(stems[position : position + length]))
            if intent is not None:
                counts[intent] += length
                position += length
                break
        else:
            position += 1
    return counts


def intents_of(counts: Mapping[Intent, int]) -> tuple[Intent, ...]:
    """Order the topics that explain a word: most words first, then as listed; a general one only when alone."""
    found = [intent for intent in Intent if counts[intent] and intent is not Intent.GENERAL]
    found.sort(key=lambda intent: -counts[intent])
    return tuple(found) or ((Intent.GENERAL,) if counts[Intent.GENERAL] else ())


@dataclass(frozen=True, slots=True)
class _Sum:
    """An amount: whether it says that it is money, and its currency; ``""`` is one that several countries have."""

    says_money: bool
    amount: Decimal
    currency: str | None


def _budget(text: str) -> tuple[Decimal | None, str | None, bool]:
    """Return the largest amount that is money and no lower limit, its currency, and whether that is open.

    A bare number counts only alone. Of amounts in several currencies those in the first one count.
    """
    sums = [found for match in _AMOUNT.finditer(to_ascii_digits(text)) for found in _sums(match)]
    currency = next((found.currency for found in sums if found.currency is not None), None)
    of_one = [found for found in sums if found.currency in (None, currency)]
    if not of_one:
        return None, None, False
    amount = max((found.says_money, found.amount) for found in of_one)[1]
    return (None, None, True) if currency == "" else (amount, currency, False)


def _sums(match: re.Match[str]) -> Iterator[_Sum]:
    """Yield what an amount says, unless it is none of money, a lower limit or of open meaning."""
    scale, word = match["scale"], match["before"] or match["after"]
    if not (scale or word) and " " in match["body"]:
        return  # Several numbers as likely as one.
    before = match.string[max(0, match.start() - LONGEST_LIMIT) : match.start()]
    if _is_least(before) or (not word and _is_measure(match, scale)):
        return
    try:
        amount = Decimal(_figures(match["body"], scale is not None)) * (_SCALES[scale.casefold()] if scale else 1)
    except Unreadable:
        return
    least = _LEAST_MONEY if word and not scale else 0 if scale else _PLAIN_AMOUNT
    if least <= amount <= MOST_MONEY:
        whole = amount.quantize(Decimal(1)) if amount == amount.to_integral_value() else amount
        yield _Sum(bool(word or scale), whole, _currency(word))


def _is_measure(match: re.Match[str], scale: str | None) -> bool:
    unit = _DISTANCE if scale in ("m", "M") else _MEASURE
    return unit.match(match.string, match.end()) is not None


def _figures(body: str, scaled: bool) -> str:
    """Read digits and marks: three digits behind a comma are a group, and behind a point the decimals of millions."""
    bare = without_blanks(body.replace("٬", "’"))
    return digits(bare, "." if is_open(bare) and ("." in bare) == scaled else None)


def _currency(word: str | None) -> str | None:
    return None if word is None else _CURRENCY_OF.get(word.casefold().replace(".", ""), "")


def _is_least(before: str) -> bool:
    """Tell whether the words before an amount make it a lower limit: "more than", but not "no more than"."""
    over = _OVER.search(before)
    return bool(_LEAST.search(before) or _UNDER.search(before) or (over and not over["negated"]))


def _phrases(spoken: Sequence[str]) -> Iterator[str]:
    """Yield every run of one to `MAX_NAME_WORDS` words, without punctuation at its ends."""
    for start in range(len(spoken)):
        for end in range(start + 1, min(start + MAX_NAME_WORDS, len(spoken)) + 1):
            phrase = " ".join(spoken[start:end]).strip(".,;:!?؟،'\"()[]«»“”’")
            if phrase:
                yield phrase


def _places(text: str) -> Iterator[str]:
    """Yield what follows a preposition of place, up to a word that cannot be of a name.

    Who writes capitals at all writes a name with one.
    """
    cased = _CAPITALISED.search(text) is not None
    for match in _PLACE.finditer(text):
        name: list[str] = []
        for spoken in match[1].split()[:MAX_NAME_WORDS]:
            bare = spoken.strip("'\"()[]«»“”’")
            if not (stems := words(bare)) or not _may_name(stems) or _is_plain(bare, stems, cased):
                break
            name.append(bare)
        if name:
            yield " ".join(name)


def _is_plain(spoken: str, stems: Sequence[str], cased: bool) -> bool:
    """Tell whether a word is written as one that is of no name."""
    return spoken[:1].islower() if cased else not _THINGS.isdisjoint(stems)


def _may_name(stems: Sequence[str]) -> bool:
    return not any(
        stem in STOP_WORDS or stem in TOPIC_WORDS or stem in _NO_PLACE or any(map(str.isdigit, stem)) for stem in stems
    )
