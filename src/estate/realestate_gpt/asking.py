"""What a question is about: the records it names, the fact it asks for, and how much of it was understood at all."""

import datetime as dt
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from estate.realestate_gpt.facts import FACT_WORDS, FACTS, UNTOLD, Fact, asked_for, asked_with
from estate.realestate_gpt.intent import TOPIC_WORDS, Intent, intents_of, plain, topics
from estate.realestate_gpt.naming import NAMES, NO_MATCH, PEOPLE, Match, match
from estate.realestate_gpt.records import Record
from estate.realestate_gpt.retrieval.lexical import STOP_WORDS, words
from estate.realestate_gpt.times import is_of_the_past

__all__ = ["Subject", "understand"]

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]+")
MIN_SMALL = 3  # Shorter words are small in titles too.
_QUOTED = re.compile(r"[“\"«‘']([^”\"»’']{2,80})[”\"»’']")
COMMON = frozenset(
    words(
        """
        about above actually after again ago all almost already also always am any anybody anyone anything around ask
        away back because before being best better between both bring came come coming could currently days did
        different do does doing done during each either else enough especially even ever every everything exactly
        exist far feel few figure find first following forget found from fully further gave get getting give given go
        goes going gone good got had half happen have having hear here honest honestly hope idea important in
        information instead into just keep kind knew know known last later least leave less let like likely listed
        little look looking lot made make making many may maybe mean meet meeting mention might moment month more most
        much must name near necessary need never next nice nobody none note noted nothing now number occur often oh ok
        once one only open other ours out over own particular per perhaps place please point possible pretty probably
        put question quick quickly quite rather read really record recorded regarding remember remind right said same
        saw say see seem seen show side simple since some somebody someone something soon sort specific started still
        such suppose sure take taken talk tell than thank that their them then there these thing think this those
        thought through till time today together told too toward tried true try type under understand until up us use
        used usual usually very want wanted was way week well went were what when where whether which while who whole
        whom whose why will with within without wonder word would wrong year yes yesterday yet you your
        describe detail details info new offer suffice viewing home house unit person people
        shall pls plz thx team tomorrow tonight send share lowest highest vs versus max maximum min minimum
        hi hello hey dear morning evening afternoon thanks kindly quickly briefly roughly
        whats what's who's how's it's i'm we're i'd we'd i've we've don't doesn't isn't can't
        به بها معه معها يجب أول أولا أقل بأقل أكثر بأكثر حتى بين
        كيف ماذا متى أين لماذا أي هناك حال وضع الآن حاليا يمكن ممكن أريد عندكم لديكم حول رأيك أخبرني فضلك سمحت
        """
    )
)
"""Words that say nothing of what is asked."""

OPENINGS = frozenset(
    words("hello hi hey morning evening help advice advise brief summary summarise summarize overview prepare")
) | frozenset(words("مرحبا السلام مساعدة"))
"""These are answered with a brief although nobody is named."""

TITLES = frozenset(
    words("agent client buyer lead colleague customer broker mr mrs ms miss dr sir madam sheikh sheikha")
)
"""These stand before a name and are no part of it."""

NO_NAMES = frozenset(
    words(
        """
        monday tuesday wednesday thursday friday saturday sunday january february march july september october
        november december aed egp usd eur gbp sar qar kwd bhd omr please thanks asap vip
        """
    )
)
"""These are written with a capital as well, and are no surnames; May and June may be."""

FORETOLD = frozenset(words("will forecast outlook future next expect expected predict prediction توقعات"))
"""These ask of times to come; what somebody will do is no such question."""

AHEAD = FORETOLD | frozenset(words("going trend develop invest"))
"""What is asked of times to come is a topic, not a fact."""

COMPLAINTS = frozenset((*words("too"), *words(word)) for word in ("expensive", "high", "much", "dear"))
"""What is found too expensive wants an answer from all that is known, not the price alone."""

MINE = frozenset({"i", "my", "me", "mine", "our", "we"})
DOUBTS = frozenset({"client.objections", "client.decision_speed"})
_STATED = re.compile(
    r"(?:\A|[.,;:!?])\s*(?:(?:my|our|the|this) (?:client|buyer|lead|customer)|s?he|they)\s+"
    r"(?:is|are|was|were|seems?|feels?|gets?|got|keeps?|hesitates?)\b",
    re.IGNORECASE,
)
"""Tells of a client's doubt, and does not ask for it."""
COMPARING = frozenset(words("compare compared comparison versus vs difference"))
FOREMOST = frozenset(words("best top leading leaderboard"))
ADVICE = frozenset({Intent.NEXT_STEP, Intent.OBJECTION})
PRICES = frozenset({Intent.PRICE, Intent.GENERAL})
PRICED = frozenset({Intent.PRICE, Intent.MARKET})
RESULTS = frozenset({"deals_closed", "closing_rate", "avg_closing_price", "rank"})
"""What an agent has reached so far; how somebody answers or calls is so in times to come as well."""
OTHER_SPANS = frozenset(words("year quarter week tomorrow today"))
"""Spans for which there is no forecast of deals."""
PLAIN = STOP_WORDS | COMMON | TITLES | NO_NAMES
UNCOMPARED = frozenset(
    words(
        """
        handover handed delivery delivered completion completed ready view views sea beach pool gym garden parking
        balcony terrace amenity amenities facilities furnished size spacious big bigger larger sqm sqft
        """
    )
)
"""Wishes of a home that no search for homes compares."""
_NUMBERED = re.compile(
    r"\b(?:unit|flat|apartment|villa|townhouse)\s+(?:no\b\.?\s*|number\s+|#\s*)?\d{2,}\b(?!\s*(?:sq|m2|m²|f(?:ee|oo)?t|met))",
    re.IGNORECASE,
)
"""Names a unit by its number."""
THIS_CLIENT = frozenset(words("she he her his him their they client buyer lead customer به بها معه معها"))


@dataclass(frozen=True, slots=True)
class Subject:
    """What a question is about.

    Parameters
    ----------
    match : Match
        Records that it names; none, with places taken, where a name stands there that no record bears.
    beside : tuple of Record
        Records of its layer that it names beside that of `match`.
    fact : Fact or None
        What it asks of them, or of the context.
    second : Fact or None
        What it asks in one breath with `fact`.
    intents : tuple of Intent
        Topics of what it says beside the names.
    odd : int
        Words that mean nothing here.
    known : int
        Words that do.
    said : frozenset of str
        Its words, without the names.
    is_ahead : bool
        Whether it asks for prices or a market of times to come.
    numbered : bool
        Whether it names a unit by its number.
    """

    match: Match
    beside: tuple[Record, ...]
    fact: Fact | None
    second: Fact | None
    intents: tuple[Intent, ...]
    odd: int
    known: int
    said: frozenset[str]
    is_ahead: bool
    numbered: bool

    @property
    def is_vague(self) -> bool:
        """Whether it says in general words what it is about, and names nothing."""
        return self.intents == (Intent.GENERAL,) and not self.match.records and not self.said & OPENINGS

    @property
    def lacks_other(self) -> bool:
        """Whether an area is to be compared with something that no record bears the name of."""
        of_areas = {"market"}.issuperset(record.layer for record in self.match.records)
        return bool(self.match.records and of_areas and self.odd and not self.beside and self.said & COMPARING)

    @property
    def is_plain(self) -> bool:
        """Whether it asks for a fact and for nothing else."""
        return _says_no_more(self.said, self.fact)

    @property
    def foreign(self) -> bool:
        """Whether what was understood is too little to say that the question is ours.

        Beside a name alone, every word that means something asks for something else.
        """
        if self.match.records and not self.intents:
            return self.odd > 0 or (self.fact is None and bool(_odd(self.said, frozenset())))
        return not self.intents or (self.odd > 0 and self.odd >= self.known)


def understand(text: str, found: Sequence[Record], today: dt.date) -> Subject:
    """Read a question with the records that a search for it found.

    Parameters
    ----------
    text : str
        The client's or agent's words.
    found : sequence of Record
        Whose names may stand in it.
    today : datetime.date
        Day on which it is asked: a record tells of no year before.
    """
    text = plain(_ID.sub(" ", text))
    spoken = words(text)
    quoted = frozenset(said.casefold() for said in _QUOTED.findall(text))
    best = match(spoken, found, quoted)
    rest = [word for place, word in enumerate(spoken) if place not in best.taken]
    subjects = {record.layer for record in best.records} or {fact.subject for fact in FACTS.values()}
    is_named = bool(best.records)
    if is_named and _is_of_another(text, best, {spoken[place] for place in best.taken}, rest):
        rest, best = spoken, replace(NO_MATCH, taken=best.taken)
    rest, beside = _named_beside(rest, best, found)
    intents = intents_of(topics(rest))
    numbered = _NUMBERED.search(text) is not None
    fact = _asked(rest, subjects, intents, is_named or numbered)
    is_ahead = subjects == {"market"} and not AHEAD.isdisjoint(rest) and fact is not FACTS["market.days_on_market"]
    is_told = fact is not None and fact.key in DOUBTS and _STATED.search(text) is not None
    if is_ahead or is_told or COMPLAINTS.intersection(pairwise(spoken)):
        fact = None
    fact = _foretold(fact, rest) if fact else None
    if not is_ahead and (of := _told_of(best, fact, intents)) and is_of_the_past(rest, of, fact, today.year):
        fact = UNTOLD[f"{of}.untold"]
    second = asked_with(rest, fact) if fact else None
    explained = frozenset(word for asked in (fact, second) if asked for word in words(asked.asks))
    is_of_unit = "floor" in rest or (fact is not None and fact.subject == "property")  # One that bears no such name.
    others = [record for record in found if record.layer != "property" or not is_of_unit]
    odd = len(_odd(frozenset(rest), TOPIC_WORDS | FACT_WORDS | explained | _of_names(rest, others)))
    known = sum(1 for word in set(rest) if word in TOPIC_WORDS and word not in STOP_WORDS | COMMON | TITLES)
    return Subject(
        best,
        beside,
        fact,
        second,
        intents,
        odd,
        known,
        frozenset(rest),
        is_ahead=_asks_ahead(rest, intents),
        numbered=numbered,
    )


def _asks_ahead(said: Sequence[str], intents: Sequence[Intent]) -> bool:
    """Tell whether words ask for prices or a market of times to come, and not for what somebody will do."""
    foretold = any(
        word in FORETOLD and not (word == "will" and before in MINE | THIS_CLIENT)
        for before, word in pairwise(("", *said))
    )
    return not PRICED.isdisjoint(intents) and (foretold or {"where", "go"}.issubset(said))


def _foretold(fact: Fact, said: Sequence[str]) -> Fact:
    """Return the forecast of deals where those of times to come are asked for; other results are told by none."""
    if fact.subject != "agent" or fact.field not in RESULTS or FORETOLD.isdisjoint(said):
        return fact
    is_of_months = "month" in said and any(map(str.isdigit, said))
    is_told = fact.field == "deals_closed" and OTHER_SPANS.isdisjoint(said) and not is_of_months
    return FACTS["agent.expected_deals"] if is_told else UNTOLD["agent.untold"]


def _named_beside(rest: list[str], best: Match, found: Sequence[Record]) -> tuple[list[str], tuple[Record, ...]]:
    """Return the words of a question without the further names in it, and their records, spelt as on record."""
    layers = {record.layer for record in best.records}
    if len(layers) != 1 or layers == {"behavior"}:
        return rest, ()
    known = {record.key for record in best.records}
    other = match(rest, [record for record in found if record.layer in layers and record.key not in known])
    if len(other.records) != 1 or other.likeness * other.coverage < 1:
        return rest, ()
    left = [word for place, word in enumerate(rest) if place not in other.taken]
    left, further = _named_beside(left, replace(best, records=(*best.records, *other.records)), found)
    return left, (*other.records, *further)


def _of_names(said: Sequence[str], found: Sequence[Record]) -> frozenset[str]:
    """Return the words of the names, of any layer, that stand wholly among some words."""
    names = (words(str(record.fields.get(field) or "")) for record in found for field in NAMES[record.layer])
    return frozenset(word for name in names if set(name) <= set(said) for word in name)


def _odd(said: frozenset[str], meant: frozenset[str]) -> frozenset[str]:
    """Return the words that are neither plain nor among those that mean something."""
    return frozenset(word for word in said - PLAIN - meant if len(word) > 1 and not word.isdigit())


def _asked(said: Sequence[str], subjects: Collection[str], intents: Sequence[Intent], is_named: bool) -> Fact | None:
    """Return the fact that words ask for.

    Beside a topic, one word does not ask for a fact of somebody who was not named, unless it is all that is said. What
    no record tells is told in passing where advice is asked for, or where nobody is named and there is another topic.
    """
    fact = asked_for(said, subjects)
    if not is_named and fact is UNTOLD["market.untold"]:
        fact = asked_for(said, set(subjects) - {"market"})
    if intents and not is_named and (Intent.NEXT_STEP in intents or not _says_no_more(said, fact)):
        fact = asked_for(said, subjects, least=2)
    is_asked = is_named or PRICES.issuperset(intents) or _says_no_more(said, fact)
    is_passing = not ADVICE.isdisjoint(intents) or not is_asked
    return None if is_passing and fact in UNTOLD.values() else fact


def _says_no_more(said: Iterable[str], fact: Fact | None) -> bool:
    """Tell whether words ask for a fact and for nothing else."""
    return fact is not None and not _odd(frozenset(said), frozenset(words(fact.asks)))


def _told_of(best: Match, fact: Fact | None, intents: Sequence[Intent]) -> str | None:
    """Return the layer whose record would tell what is asked: the one of the fact, else an area that is named."""
    if fact is not None:
        return fact.subject if f"{fact.subject}.untold" in UNTOLD else None
    of_area = {record.layer for record in best.records} == {"market"}
    return "market" if of_area and (PRICES | {Intent.MARKET}).issuperset(intents) else None


def _is_of_another(text: str, best: Match, taken: set[str], said: Sequence[str]) -> bool:
    """Tell whether the name beside a part of a name makes it that of somebody else.

    What is written with a capital beside it is a name, whatever it means elsewhere, but for the one word that asks for
    a fact: "Layla Budget". A text without small letters, and the first word of a sentence, do not tell.
    """
    subjects = {record.layer for record in best.records}
    if best.coverage == 1 or best.likeness < 1 or not PEOPLE.issuperset(subjects):
        return False
    others = (words(other) for other in _beside(text, taken))
    return any(not taken.issuperset(other) and not _asks(other, said, subjects) for other in others)


def _asks(beside: Sequence[str], said: Sequence[str], subjects: Collection[str]) -> bool:
    """Tell whether a word asks for a fact, and nothing else that is said does."""
    others = [word for word in said if word not in beside]
    is_all = asked_for(others, subjects) is None and not intents_of(topics(others))
    return is_all and asked_for(beside, subjects) is not None


def _beside(text: str, taken: set[str]) -> Iterator[str]:
    """Yield the capitalised words beside those of a name that may be of a name."""
    found = list(_LETTERS.finditer(text))
    if not any(word[0].islower() and len(word[0]) >= MIN_SMALL for word in found):
        return
    for one, other in pairwise(found):
        if text[one.end() : other.start()].strip(" -\t"):
            continue
        opens = not text[: one.start()].strip() or text[: one.start()].rstrip()[-1] in ".!?:;\n"
        if taken.issuperset(words(one[0])) and _may_name(other[0], NO_NAMES):
            yield other[0]
        if taken.issuperset(words(other[0])) and _may_name(one[0], NO_NAMES | TITLES) and not opens:
            yield one[0]


def _may_name(word: str, others: frozenset[str]) -> bool:
    """Tell whether a word is written as a name."""
    return word[0].isupper() and word != "I" and others.isdisjoint(words(word))
