"""What a question is about: the records it names, the fact it asks for, and how much of it was understood at all."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from estate.realestate_gpt.facts import FACT_WORDS, FACTS, Fact, asked_for, asked_with
from estate.realestate_gpt.intent import TOPIC_WORDS, Intent, intents_of, topics
from estate.realestate_gpt.naming import NO_MATCH, PEOPLE, Match, match
from estate.realestate_gpt.records import Record
from estate.realestate_gpt.retrieval.lexical import STOP_WORDS, words
from estate.realestate_gpt.untold import untold

__all__ = ["Subject", "understand"]

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]+")
MIN_SMALL = 3  # Shorter words are small in titles too.
ROLES = frozenset(words("agent client buyer lead colleague customer mr mrs ms dr"))
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
        client clients buyer lead agent colleague viewing home house unit person people
        hear hi hello hey dear morning evening afternoon thanks kindly quickly briefly roughly exactly
        whats what's who's how's it's i'm we're i'd we'd i've we've don't doesn't isn't can't
        كيف ماذا متى أين لماذا أي هناك حال وضع الآن حاليا يمكن ممكن أريد عندكم لديكم حول رأيك أخبرني فضلك سمحت
        """
    )
)
"""Words that say nothing of what is asked."""

TELL = frozenset(
    words(
        """
        about again any anything bring detail details find get give have hello hey hi info information know let look
        name of open please record recorded records say see show something tell thanks there this up what's who's
        """
    )
)
"""Beside a name these ask for what there is, and nothing in particular."""

OPENINGS = frozenset(
    words("hello hi hey morning evening help advice advise brief summary summarise summarize overview prepare")
) | frozenset(words("مرحبا السلام مساعدة"))
"""These are answered with a brief although nobody is named."""

AHEAD = frozenset(words("will going forecast outlook future trend develop invest next expect expected"))
"""What is asked of times to come is a topic, not a fact."""

COMPLAINTS = frozenset((*words("too"), *words(word)) for word in ("expensive", "high", "much", "dear"))
"""What is found too expensive wants an answer from all that is known, not the price alone."""

MINE = frozenset({"i", "my", "me", "mine", "our", "we"})
ASKING = frozenset({"how", "which", "what"})
COMPARING = frozenset(words("compare compared comparison versus vs difference"))
FOREMOST = frozenset(words("best top leading"))
THIS_CLIENT = frozenset(words("she he her his him their they client buyer lead customer"))


@dataclass(frozen=True, slots=True)
class Subject:
    """What a question is about.

    Parameters
    ----------
    match : Match
        Records that it names; none, with places taken, where a name stands there that no record bears.
    beside : tuple of Record
        Areas that it names beside that of `match`.
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
    """

    match: Match
    beside: tuple[Record, ...]
    fact: Fact | None
    second: Fact | None
    intents: tuple[Intent, ...]
    odd: int
    known: int
    said: frozenset[str]

    @property
    def lacks_other(self) -> bool:
        """Whether an area is to be compared with something that no record bears the name of."""
        of_areas = {"market"}.issuperset(record.layer for record in self.match.records)
        return bool(self.match.records and of_areas and self.odd and not self.beside and self.said & COMPARING)

    @property
    def foreign(self) -> bool:
        """Whether what was understood is too little to say that the question is ours."""
        is_vague = self.intents == (Intent.GENERAL,) and not self.match.records and not self.said & OPENINGS
        return not self.intents or is_vague or (self.odd > 0 and self.odd >= self.known)


def understand(text: str, found: Sequence[Record]) -> Subject:
    """Read a question with the records that a search for it found.

    Parameters
    ----------
    text : str
        The client's or agent's words.
    found : sequence of Record
        Whose names may stand in it.
    """
    plain = _ID.sub(" ", text)
    spoken = words(plain)
    quoted = frozenset(said.casefold() for said in _QUOTED.findall(plain))
    best = match(spoken, found, quoted)
    rest = [word for place, word in enumerate(spoken) if place not in best.taken]
    subjects = {record.layer for record in best.records} or {fact.subject for fact in FACTS.values()}
    is_named = bool(best.records)
    if is_named and _is_of_another(plain, best, {spoken[place] for place in best.taken}):
        rest, best = spoken, replace(NO_MATCH, taken=best.taken)
    rest, beside = _areas_beside(rest, best, found)
    counts = topics(rest)
    intents = intents_of(counts)
    # Beside a topic, one word does not ask for a fact of somebody who was not named.
    fact = asked_for(rest, subjects, least=2 if intents and not is_named else 1)
    is_ahead = subjects == {"market"} and not AHEAD.isdisjoint(rest)
    if is_ahead or COMPLAINTS.intersection(pairwise(spoken)):
        fact = None
    if not is_ahead:
        fact = next(filter(None, (untold(rest, subject, fact) for subject in _asked_of(best, fact, rest))), fact)
    second = asked_with(rest, fact) if fact else None
    is_bare = bool(best.records) and fact is None and not intents
    explained = frozenset(word for asked in (fact, second) if asked for word in words(asked.asks))
    odd = sum(1 for word in set(rest) if _is_odd(word, explained) or (is_bare and word not in STOP_WORDS | TELL))
    known = sum(1 for word in set(rest) if word in TOPIC_WORDS and word not in STOP_WORDS | COMMON)
    return Subject(best, beside, fact, second, intents, odd, known, frozenset(rest))


def _areas_beside(rest: list[str], best: Match, found: Sequence[Record]) -> tuple[list[str], tuple[Record, ...]]:
    """Return the words of a question about an area without its further areas, and those, spelt as on record."""
    if not best.records or any(record.layer != "market" for record in best.records):
        return rest, ()
    known = {record.key for record in best.records}
    other = match(rest, [record for record in found if record.layer == "market" and record.key not in known])
    if len(other.records) != 1 or other.likeness * other.coverage < 1:
        return rest, ()
    left = [word for place, word in enumerate(rest) if place not in other.taken]
    left, further = _areas_beside(left, replace(best, records=(*best.records, *other.records)), found)
    return left, (*other.records, *further)


def _is_of_another(text: str, best: Match, taken: set[str]) -> bool:
    """Tell whether the name beside a part of a name makes it that of somebody else.

    What is written with a capital beside it is a name, whatever it means elsewhere; a text without small letters, and
    the first word of a sentence, do not tell.
    """
    if best.coverage == 1 or best.likeness < 1 or not PEOPLE.issuperset(record.layer for record in best.records):
        return False
    return any(not taken.issuperset(words(other)) for other in _beside(text, taken))


def _beside(text: str, taken: set[str]) -> Iterator[str]:
    """Yield the capitalised words beside those of a name."""
    found = list(_LETTERS.finditer(text))
    if not any(word[0].islower() and len(word[0]) >= MIN_SMALL for word in found):
        return
    for one, other in pairwise(found):
        if text[one.end() : other.start()].strip(" -\t"):
            continue
        opens = not text[: one.start()].strip() or text[: one.start()].rstrip()[-1] in ".!?:;\n"
        if taken.issuperset(words(one[0])) and _is_capitalised(other[0]):
            yield other[0]
        is_role = ROLES.issuperset(words(one[0]))
        if taken.issuperset(words(other[0])) and _is_capitalised(one[0]) and not opens and not is_role:
            yield one[0]


def _is_capitalised(word: str) -> bool:
    return word[0].isupper() and word != "I"


def _asked_of(best: Match, fact: Fact | None, said: Collection[str]) -> Iterator[str]:
    """Yield the layers of which a question may ask what is not told: that of the name, else those it may be about."""
    if best.records:
        yield best.records[0].layer
        return
    if fact is not None:
        yield fact.subject
    if "much" in said and not THIS_CLIENT.isdisjoint(said):
        yield "client"
    if not MINE.isdisjoint(said) and not ASKING.isdisjoint(said):
        yield "agent"


def _is_odd(word: str, explained: Collection[str]) -> bool:
    return not (
        len(word) == 1
        or word.isdigit()
        or word in STOP_WORDS
        or word in COMMON
        or word in TOPIC_WORDS
        or word in FACT_WORDS
        or word in explained
    )
