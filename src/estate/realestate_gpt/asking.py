"""What a question is about: the records it names, the fact it asks for, and how much of it was understood at all."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from estate.realestate_gpt.facts import FACTS, Fact, asked_for, explained
from estate.realestate_gpt.intent import TOPIC_WORDS, Intent, intents_of, topics
from estate.realestate_gpt.naming import NO_MATCH, Match, match
from estate.realestate_gpt.records import Record
from estate.realestate_gpt.retrieval.lexical import STOP_WORDS, words

__all__ = ["Subject", "understand"]

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
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
        """
    )
)
"""Words that say nothing of what is asked."""

AHEAD = frozenset(words("will going forecast outlook future trend develop invest next expect expected"))
"""What is asked of times to come is a topic, not a fact."""

COMPLAINTS = frozenset((*words("too"), *words(word)) for word in ("expensive", "high", "much", "dear"))
"""What is found too expensive wants an answer from all that is known, not the price alone."""

MINE = frozenset({"i", "my", "me", "mine", "our", "we"})
THIS_CLIENT = frozenset(words("she he her his him their they client buyer lead customer"))


@dataclass(frozen=True, slots=True)
class Subject:
    """What a question is about.

    Parameters
    ----------
    match : Match
        Records that it names.
    fact : Fact or None
        What it asks of them, or of the context.
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
    fact: Fact | None
    intents: tuple[Intent, ...]
    odd: int
    known: int
    said: frozenset[str]

    @property
    def foreign(self) -> bool:
        """Whether what was understood is too little to say that the question is ours."""
        return not self.intents or (self.odd > 0 and self.odd >= self.known)


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
    if not best.records:
        best = NO_MATCH
    subjects = {record.layer for record in best.records} or {fact.subject for fact in FACTS.values()}
    counts = topics(rest)
    intents = intents_of(counts)
    # Beside a topic, one word does not ask for a fact of somebody who was not named.
    fact = asked_for(rest, subjects, least=2 if intents and not best.records else 1)
    if (subjects == {"market"} and AHEAD.intersection(rest)) or COMPLAINTS.intersection(pairwise(spoken)):
        fact = None
    odd = sum(1 for word in set(rest) if _is_odd(word))
    known = sum(1 for word in set(rest) if word in TOPIC_WORDS and word not in STOP_WORDS | COMMON)
    return Subject(best, fact, intents, odd, known, frozenset(rest))


def _is_odd(word: str) -> bool:
    return not (
        len(word) == 1
        or word.isdigit()
        or word in STOP_WORDS
        or word in COMMON
        or word in TOPIC_WORDS
        or explained(word)
    )
