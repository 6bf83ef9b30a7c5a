"""The stricter check of what a model wrote: besides what the verifier asks, every word must be a known one."""

import re
from collections.abc import Iterable, Mapping, Sequence

from estate.realestate_gpt import figures
from estate.realestate_gpt.evidence import Evidence
from estate.realestate_gpt.records import Key, Record
from estate.realestate_gpt.saying import is_heat_sure
from estate.realestate_gpt.verifier import Dropped, Sentence, Unsupported, Verified, claim_in, names_of, uncited
from estate.realestate_gpt.wording import CONNECTIVES, COURTESY, FIELDS, NOUNS, Wording

__all__ = ["Grounding"]

MAX_SENTENCES = 40
MAX_LENGTH = 600
PEOPLE = ("client", "agent")
LOWER, UPPER = "_lower", "_upper"
NAMES = frozenset(key for key, wording in FIELDS.items() if wording.is_name)

_WORDS = re.compile(r"[a-z']+")


class Grounding:
    """Checks sentences of a model against the evidence that it was given.

    Every word outside the cited values must be known: a connective, a noun for the record, or a word of the field
    whose value comes next (`wording.FIELDS`). A figure is preceded by one of its labels. A sentence speaks of one
    record and names it, so that no value is read as another field's or record's. To a client, words of courtesy may
    stand without a cite. The share of known words that is asked for is 1: a promise, a negation and a comparison are
    each one word.

    Parameters
    ----------
    evidence : Evidence
        What the reply stands on.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._records: Mapping[Key, Record] = evidence.records()
        self._names = names_of(self._records.values())
        self._agent = evidence.agent.key
        self._addressee = None if evidence.addressee is None else evidence.addressee.key

    def verify(self, sentences: Iterable[Sentence]) -> Verified:
        """Keep what stands up to the check, each once, no more than `MAX_SENTENCES`."""
        kept: dict[Sentence, None] = {}
        dropped: list[Dropped] = []
        for sentence in sentences:
            reason = self.problem_with(sentence)
            if reason is None and sentence not in kept and len(kept) >= MAX_SENTENCES:
                reason = "there are too many sentences"
            if reason is None:
                kept[sentence] = None
            else:
                dropped.append(Dropped(sentence, reason))
        return Verified(tuple(kept), tuple(dropped))

    def problem_with(self, sentence: Sentence) -> str | None:
        """Return why a sentence is not supported, or None."""
        if len(sentence.text) > MAX_LENGTH or not sentence.text.strip():
            return "the sentence is empty or too long"
        try:
            parts = [part.casefold() for part in uncited(sentence, self._records)]
        except Unsupported as problem:
            return str(problem)
        return (
            claim_in("\n".join(parts), self._names)
            or self._address_problem(sentence)
            or self._subject_problem(sentence)
            or (_wording_problem(sentence, parts) if sentence.cites else _unknown(parts[0], COURTESY))
        )

    def _address_problem(self, sentence: Sentence) -> str | None:
        """Return why the one whom a sentence is for may not read it."""
        if any((cite.layer, cite.field) not in FIELDS for cite in sentence.cites):
            return "a field may not be cited"
        if sentence.audience == "agent":
            return None if sentence.cites else "courtesy is for the client"
        if self._addressee is None:
            return "there is no client to write to"
        for cite in sentence.cites:
            if not FIELDS[cite.layer, cite.field].for_client:
                return "a field is not for the client"
            if cite.field == "heat_band" and not is_heat_sure(self._records[cite.key]):
                return "the heat is too doubtful for the client"
            if cite.layer == "client" and cite.key != self._addressee:
                return "another client is named to the client"
        return None

    def _subject_problem(self, sentence: Sentence) -> str | None:
        """Return why a reader could not tell what a sentence is about; "you" is the one whom it is for."""
        keys = {cite.key for cite in sentence.cites}
        if len(keys) > 1:
            return "the sentence speaks of several records"
        you = self._addressee if sentence.audience == "client" else self._agent
        if keys <= {you} or any(FIELDS[cite.layer, cite.field].is_name for cite in sentence.cites):
            return None
        fields = self._records[keys.pop()].fields
        layer = sentence.cites[0].layer
        named = any(figures.show(fields, field) for field in fields if (layer, field) in NAMES)
        return "the sentence does not name its record" if named else None


def _wording_problem(sentence: Sentence, parts: Sequence[str]) -> str | None:
    """Return what is wrong with the words around the values."""
    layer = sentence.cites[0].layer
    worded = [(cite.field, FIELDS[cite.layer, cite.field]) for cite in sentence.cites]
    greets = sentence.audience == "client" and layer in PEOPLE and all(wording.is_name for _, wording in worded)
    common = COURTESY if greets else CONNECTIVES | NOUNS[layer]
    before: set[str] = set()  # Words since the last figure.
    for place, (field, wording) in enumerate(worded):
        if problem := _unknown(parts[place], common | wording.words | _next_figure(worded[place:]).words):
            return problem
        if field.endswith(UPPER) and (not place or worded[place - 1][0] != field.removesuffix(UPPER) + LOWER):
            return "an upper end stands without its lower end"
        before.update(_words(parts[place]))
        if wording.labels and before.isdisjoint(wording.labels):
            return "the sentence does not say what a figure is"
        if not wording.is_name:
            before.clear()
    return _unknown(parts[-1], common | worded[-1][1].words)


def _next_figure(worded: Sequence[tuple[str, Wording]]) -> Wording:
    """Return how the next figure is spoken of; the next value when only names follow."""
    return next((wording for _, wording in worded if not wording.is_name), worded[0][1])


def _unknown(part: str, known: frozenset[str]) -> str | None:
    return None if all(word in known for word in _words(part)) else "a word is not one of those that may be used"


def _words(part: str) -> list[str]:
    return _WORDS.findall(part)
