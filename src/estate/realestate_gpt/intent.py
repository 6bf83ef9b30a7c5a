"""What a question asks for, by a small lexicon: topics, budget, kind of home, ids and the places it names."""

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from estate.core.types import UnitRef
from estate.property.schemas import First
from estate.realestate_gpt.budgets import ANY_BUDGET, Budget, read_budget, without_sums
from estate.realestate_gpt.homes import ANY_HOME, Home, read_home
from estate.realestate_gpt.retrieval.lexical import STOP_WORDS, words

__all__ = ["TOPIC_WORDS", "UNITS_MEANT", "Intent", "Question", "intents_of", "plain", "read", "topics"]


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


UNITS_MEANT = frozenset({Intent.UNIT, Intent.PRICE})
"""Topics of which units are part of the answer."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was understood of a text; nothing in it is ever carried out or repeated.

    Parameters
    ----------
    intents : tuple of Intent
        Topics, the one with most words first; empty when no word was understood.
    budget : Budget
        What a home may cost.
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
    first : {"cheapest", "dearest", "largest", "smallest"} or None
        Which of several is asked for.
    """

    intents: tuple[Intent, ...]
    budget: Budget = ANY_BUDGET
    home: Home = ANY_HOME
    ids: tuple[uuid.UUID, ...] = ()
    units: tuple[UnitRef, ...] = ()
    phrases: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    calls: bool = False
    chooses: bool = False
    first: First | None = None


_PHRASES: Mapping[Intent, str] = {
    Intent.MARKET: """
        market; area; district; hottest; fall; falling; drop; decline; increase;
        neighbourhood; neighborhood; community; location; heat; hot; demand; supply; trend;
        forecast; outlook; invest; investment; investing; investor; appreciation; growth; grow; rise; rising; yield;
        roi; return; rent; rental; prices in; سوق; منطقة; مناطق; حي; استثمار; أستثمر; عائد; عوائد; توقعات
        """,
    Intent.UNIT: """
        apartment; flat; villa; duplex; loft; townhouse; studio; penthouse; unit; property; home; house; bedroom; bed;
        br; bhk;
        looking for; need; want; recommend; recommendation; suggest; suit; suitable; option; available; match; show me;
        find; newest; latest; cheapest; dearest; priciest; most expensive; least expensive; largest; biggest;
        smallest; view; floor; project; handover; delivery; developer; amenity; sqm; شقة; شقق; فيلا; فلل; وحدة; وحدات;
        غرفتين; غرفتان; بيت; بيوت; منزل; منازل; عقار; عقارات; غرفة; غرف; استوديو
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
        my calls; call list; priority; prioritise; prioritize; which client; which lead; which of my leads;
        which of my clients; list my leads; list my clients; show me my leads; show me my clients; ring;
        best lead; hottest lead; hot lead; top lead; best client; phone first;
        phone today; reach out; whom should i; who should i contact; to contact; contact first; اتصل
        """,
    Intent.NEXT_STEP: """
        next step; next action; what next; what now; what should i do; what do i do; follow up; follow-up; close;
        closing; convince; negotiate; negotiation; strategy; approach; how do i; how should i; win; ready to buy;
        probability; how likely; most likely; likely buy; likely outcome; chance; likelihood; qualify; qualified;
        qualification; score; serious; الخطوة; متابعة
        """,
    Intent.GENERAL: """
        compare; prep; report;
        hello; hi; hey; good morning; good evening; help; advice; advise; tell me about; brief; summary; summarise;
        summarize; overview; prepare; who is; client; agent; deal; buy; buyer; buying; sell; sale; purchase; profile;
        مرحبا; السلام; مساعدة; شراء; اشتري; بيع
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

_ROOMS = re.compile(r"(?<=\d)[\s-]?(?:bhk|brs?|beds?)\b", re.IGNORECASE)  # "3bhk"
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b", re.IGNORECASE)
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ID = re.compile(_UUID, re.IGNORECASE)
_UNIT = re.compile(f"({_UUID}):({_UUID})", re.IGNORECASE)
_CALL = re.compile(
    r"\b(?:call|ring|dial|phon|contact)ing\b(?!\s+(?:you|about|for|from|regarding|to)\b)|\b(?:call|ring|dial)\b(?!\s+(?:me|us|it)\b)"
    r"|\bbe\s+(?:called|phoned|rung|contacted|reached)\b"
    r"|\b(?:phone|contact|reach)\b(?!\s+(?:me|us|numbers?|details?|data|info\w*|and|or|is|was|of|on|in|for|with)\b)\s+\w"
    r"|\b[أانت]تصل|\bالاتصال\b|\b[أان]كلم",
    re.IGNORECASE,
)
_CALLED_BY = re.compile(
    r"\b(?:did|(?:does|will|would)(?! (?:i|we|you)\b)) (?:(?!(?:to|an?|the)\b)[\w’'-]+ ){1,4}?"
    r"(?:call|ring|phone|reach)\b",
    re.IGNORECASE,
)
"""Asks whether there was or will be a call, not whether to make one."""
_FIRST: Mapping[First, re.Pattern[str]] = {
    "cheapest": re.compile(r"\b(?:cheapest|least expensive|lowest[ -](?:\w+ )?pric(?:es?|ed)|أرخص)\b", re.IGNORECASE),
    "dearest": re.compile(
        r"\b(?:dearest|priciest|most expensive|highest[ -](?:\w+ )?pric(?:es?|ed)|أغلى)\b", re.IGNORECASE
    ),
    "largest": re.compile(r"\b(?:largest|biggest|most spacious|أكبر)\b", re.IGNORECASE),
    "smallest": re.compile(r"\b(?:smallest|أصغر)\b", re.IGNORECASE),
}
_NUMBER = re.compile(r"\bnumbers?\b|رقم", re.IGNORECASE)
_CHOICE = re.compile(
    r"\b(?:who|whom|which|first|next|lists?|my calls|priorit\w+)\b|\bمن (?:\w+ ){0,3}?(?=[أانت]تصل|[أان]كلم)",
    re.IGNORECASE,
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
        buying buy it looking city town country here there real estate phase stage building block floor english arabic
        full private public condition quality order stock commission writing
        dh dhs euro euros dollar dollars dirham dirhams pound pounds riyal riyals dinar dinars
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
        university mosque shop shops nursery clinic supermarket restaurant transport tower place places please
        """
    )
)
"""What stands near a home; with a capital it may be of a name."""
_CAPITALISED = re.compile(r"(?:[^\W_]|[,;:'’\"()])[^\S\n]+([A-Z][^\W\d_]*[a-z])")
"""A word with a capital that it does not owe to the beginning of a sentence."""


def plain(text: str) -> str:
    """Return a text as its words are understood: a sum is one word for money, and rooms are written out.

    Examples
    --------
    >>> words(plain("3bhk on the 4th floor under 900k riyals"))
    ['3', 'bedroom', 'on', 'the', '4', 'floor', 'under', 'million']
    """
    return _ROOMS.sub(" bedroom", _ORDINAL.sub("", without_sums(text, "million").replace(" & ", " and ")))


def read(text: str) -> Question:
    """Understand a question.

    Parameters
    ----------
    text : str
        The client's or agent's words: data, never an instruction.

    Examples
    --------
    >>> q = read("2-bedroom flat in Qamar Quay under AED 1.5 million?")
    >>> q.home.fewest, q.budget.most, q.budget.currency, q.places
    (2, Decimal('1500000'), 'AED', ('Qamar Quay',))
    """
    units = tuple(dict.fromkeys(UnitRef(uuid.UUID(p), uuid.UUID(u)) for p, u in _UNIT.findall(text)))
    return Question(
        intents=intents_of(topics(words(plain(text)))),
        budget=read_budget(text),
        home=read_home(text),
        ids=tuple(dict.fromkeys(map(uuid.UUID, _ID.findall(text)))),
        units=units,
        phrases=tuple(dict.fromkeys(_phrases(text.split()[:MAX_WORDS]))),
        places=tuple(dict.fromkeys(_places(text))),
        calls=_CALL.search(_CALLED_BY.sub(" ", text)) is not None and _NUMBER.search(text) is None,
        chooses=_CHOICE.search(text) is not None,
        first=next((first for first, said in _FIRST.items() if said.search(text)), None),
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


def _phrases(spoken: Sequence[str]) -> Iterator[str]:
    """Yield every run of one to `MAX_NAME_WORDS` words, without punctuation at its ends."""
    for start in range(len(spoken)):
        for end in range(start + 1, min(start + MAX_NAME_WORDS, len(spoken)) + 1):
            phrase = " ".join(spoken[start:end]).strip(".,;:!?؟،'\"()[]«»“”’")
            if phrase:
                yield phrase


def _places(text: str) -> Iterator[str]:
    """Yield what follows a preposition of place, up to a word that cannot be of a name.

    Who writes a name anywhere with a capital writes each with one.
    """
    cased = any(_may_name(words(capitalised)) for capitalised in _CAPITALISED.findall(text))
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
