"""The check of every sentence against the records that it cites, without looking at how it was made."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from estate.realestate_gpt import figures
from estate.realestate_gpt.records import Key, Record

__all__ = [
    "Cite",
    "Dropped",
    "Sentence",
    "Unsupported",
    "Verified",
    "claim_in",
    "names_of",
    "problem_with",
    "uncited",
    "verify",
]

Audience = Literal["client", "agent"]


@dataclass(frozen=True, slots=True)
class Cite:
    """The field of a record that a part of a sentence rests on."""

    layer: str
    id: str
    field: str

    @property
    def key(self) -> Key:
        """Layer and id of the record."""
        return (self.layer, self.id)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One statement.

    Parameters
    ----------
    text : str
        What it says.
    cites : tuple of Cite
        What its values rest on, in the order in which they stand in the text.
    audience : {"client", "agent"}
        Who may read it: scores and tactics are not for the client.
    """

    text: str
    cites: tuple[Cite, ...] = ()
    audience: Audience = "agent"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A sentence that was not shown, and why."""

    sentence: Sentence
    reason: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What is left of a reply after the check."""

    kept: tuple[Sentence, ...]
    dropped: tuple[Dropped, ...]


def _each(text: str) -> frozenset[str]:
    return frozenset(text.split())


PLAIN_CAPITALS = _each("""
    A After Amenities Answer Ask At Avoid Bathrooms Be Because Before Both Bring But By Call Calls Dear Deals Do First
    For Forecast Handover Homes How I If In It Like My Next No Not Of Offer On Our Perhaps Please Prices Qualification
    Kind Sales Say Since So Still Thank That The There These They This To We What When While With Would You Your
""")
"""Words of our own that may open a sentence or a clause with a capital; any other capital is taken for a name."""

NUMBER_WORDS = _each("""
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion half
    third quarter double twice triple thrice dozen percent cent hundreds thousands millions billions dozens couple
    single twofold threefold tenfold k m mn mio bn pct
""")

STATES = _each("""
    hot warm balanced cool cold rising falling steady available reserved sold withdrawn ready proven candidate won lost
    qualified negotiation viewing high medium low fast slow impulsive
    january february march april june july august september october november december today tomorrow yesterday
    monday tuesday wednesday thursday friday saturday sunday tonight
""")
"""Words that state a value of a record: they may only stand in a sentence as a cited field."""

NAME_FIELDS = ("name", "area_name", "project_name", "developer")
MIN_NAME = 3

PUNCTUATION = frozenset(" \n.,;:!?'’\"“”()-–—…")
"""Besides letters, what may stand between cited values: with nothing else can a link, a sign or a figure be made."""

_WORDS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


class Unsupported(Exception):
    """A sentence says what its cites do not; the message tells what."""


def verify(sentences: Iterable[Sentence], records: Mapping[Key, Record]) -> Verified:
    """Keep the sentences that their cited fields support.

    Parameters
    ----------
    sentences : iterable of Sentence
        The draft of a reply.
    records : mapping
        Every record of the reply by layer and id.

    Returns
    -------
    Verified
        Kept and dropped sentences, in order.
    """
    names = names_of(records.values())
    kept: list[Sentence] = []
    dropped: list[Dropped] = []
    for sentence in sentences:
        reason = problem_with(sentence, records, names)
        if reason is None:
            kept.append(sentence)
        else:
            dropped.append(Dropped(sentence, reason))
    return Verified(tuple(kept), tuple(dropped))


def problem_with(sentence: Sentence, records: Mapping[Key, Record], names: Sequence[str] = ()) -> str | None:
    """Return why a sentence is not supported, or None.

    The cited values must stand in the text in the order of the cites, each written as `figures.show` writes
    it. What is left of the text then must hold no digit, number word, currency, state or name: nothing that
    could be true or false of a record.

    Parameters
    ----------
    sentence : Sentence
        What is to be shown.
    records : mapping
        Every record of the reply by layer and id.
    names : sequence of str
        Case-folded names of all records, none of which may stand in the text uncited.
    """
    try:
        rest = uncited(sentence, records)
    except Unsupported as problem:
        return str(problem)
    return claim_in("\n".join(rest), names)


def uncited(sentence: Sentence, records: Mapping[Key, Record]) -> list[str]:
    """Return the text around the cited values: one part before each, and one behind the last.

    Raises
    ------
    Unsupported
        When a cited value is not there or does not stand in the text, in the order of the cites; when the text holds
        a link, markup or what cannot be seen.
    """
    if not sentence.text.isprintable():
        raise Unsupported("a character cannot be seen")
    if figures.has_markup(sentence.text):
        raise Unsupported("there is a link or markup")
    rest: list[str] = []
    position = 0
    for cite in sentence.cites:
        record = records.get(cite.key)
        if record is None:
            raise Unsupported(f"{cite.layer} {cite.id} is not among the records")
        value = figures.show(record.fields, cite.field)
        if value is None:
            raise Unsupported(f"{cite.field} of {cite.layer} {cite.id} has no value")
        found = _find(sentence.text, value, position)
        if found < 0:
            raise Unsupported(f"{cite.field} of {cite.layer} {cite.id} is not what the sentence says")
        rest.append(sentence.text[position:found])
        position = found + len(value)
    return [*rest, sentence.text[position:]]


def _find(text: str, value: str, start: int) -> int:
    """Find a value that is not a part of a longer word or number."""
    while (found := text.find(value, start)) >= 0:
        before, after = text[:found], text[found + len(value) :]
        if not _continues(before[::-1]) and not _continues(after):
            return found
        start = found + 1
    return -1


def _continues(neighbour: str) -> bool:
    """Tell whether a word or a number goes on here: a letter, a digit, or a digit behind its separator."""
    if not neighbour:
        return False
    first = neighbour[0]
    return first.isalnum() or (first in ".,:/-" and neighbour[1:2].isdigit())


def claim_in(rest: str, names: Sequence[str]) -> str | None:
    """Return what in the uncited rest of a sentence claims something."""
    for letter in rest:
        if not (letter.isascii() and letter.isalpha()) and letter not in PUNCTUATION:
            return "a figure, a sign or a letter of another script is not cited"
    for word in _WORDS.findall(rest):
        if word.casefold() in NUMBER_WORDS:
            return "a number in words is not cited"
        if word.casefold() in STATES:
            return "a state is not cited"
        if any(map(str.isupper, word)) and word.split("'")[0].split("’")[0] not in PLAIN_CAPITALS:
            return "a name is not cited"
    folded = f" {' '.join(_WORDS.findall(rest.casefold()))} "
    if any(f" {name} " in folded for name in names):
        return "a name of a record is not cited"
    return None


def names_of(records: Iterable[Record]) -> tuple[str, ...]:
    """Return the names of records as `claim_in` compares them."""
    found = {
        " ".join(_WORDS.findall(str(record.fields[field]).casefold()))
        for record in records
        for field in NAME_FIELDS
        if record.fields.get(field)
    }
    return tuple(sorted(name for name in found if len(name) >= MIN_NAME))
