"""Whom or what a question means: how well the names of records fit its words, slips of the finger allowed for."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from estate.realestate_gpt.records import Record
from estate.realestate_gpt.retrieval.lexical import STOP_WORDS, words

__all__ = ["NAMES", "NO_MATCH", "PEOPLE", "Match", "match"]

NAMES = {
    "market": ("area_name",),
    "agent": ("name",),
    "client": ("name",),
    "property": ("title", "project_name"),
    "behavior": ("term",),
}
"""Fields that name a record, by layer."""
PEOPLE = frozenset({"agent", "client"})  # They are called by a part of their name as well.
FITS = 0.75  # Two slips in a name of eight letters; below it another name is as likely.
LIKE = 0.6  # Less like words are different words.
NUMBER_DIFFERS = 0.7  # Floor 26 is not floor 27, however alike the rest is.
EQUAL = 0.01
MIN_PART = 3


@dataclass(frozen=True, slots=True)
class Match:
    """The records whose names fit the words of a question best, all equally well.

    Parameters
    ----------
    records : tuple of Record
        Empty when no name fits; several when they bear one name.
    likeness : float
        Of the matched words, weighted by their letters; 1 when they are spelt alike.
    coverage : float
        Share of the letters of the name that the question has a word for.
    margin : float
        How much better they fit than the best other name, at most 1.
    taken : frozenset of int
        Places of the question's words that are the name.
    """

    records: tuple[Record, ...] = ()
    likeness: float = 1.0
    coverage: float = 1.0
    margin: float = 1.0
    taken: frozenset[int] = frozenset()

    @property
    def is_part(self) -> bool:
        """Whether only a part of the name was said."""
        return self.likeness * self.coverage < FITS


NO_MATCH = Match()


@dataclass(frozen=True, slots=True)
class _Fit:
    record: Record
    score: float
    likeness: float
    coverage: float
    letters: float
    taken: frozenset[int]
    is_run: bool


def match(spoken: Sequence[str], records: Iterable[Record], quoted: frozenset[str] = frozenset()) -> Match:
    """Find the records that the words of a question name.

    Parameters
    ----------
    spoken : sequence of str
        Words as `lexical.words` returns them.
    records : iterable of Record
        Whose names are tried.
    quoted : frozenset of str
        What stands in quotation marks: only there a trigger word is a name.

    Notes
    -----
    A name fits by the likeness of each of its words to the best word of the question, weighted by letters;
    the likeness of two words is 1 - d / longer length, d the edits with swaps (Damerau, 1964). A name that fits no
    more words than a longer one is the longer one's part and does not compete with it.
    """
    fits = [fit for record in records for fit in _fits(tuple(spoken), record, quoted)]
    fits.sort(key=lambda fit: (-fit.score, -fit.letters, fit.record.key))
    if not fits:
        return NO_MATCH
    best = max(
        fits, key=lambda fit: (fit.letters * fit.score**3, fit.score)
    )  # Long names win, unless much worse spelt, or made of the words of others that are said word for word.
    runs = [fit for fit in fits if fit.is_run and fit.record.layer == best.record.layer and not fit.taken <= best.taken]
    if runs and not best.is_run:
        best = max(runs, key=lambda fit: fit.letters)
    alike = [fit for fit in fits if fit.taken == best.taken and _as_good(fit, best)]
    same = {f.record.key: f.record for f in alike}
    others = [f.score for f in fits if f.record.key not in same and not f.taken < best.taken]
    return Match(tuple(same.values()), best.likeness, best.coverage, best.score - max(others, default=0.0), best.taken)


def _fits(spoken: tuple[str, ...], record: Record, quoted: frozenset[str]) -> Iterable[_Fit]:
    for field in NAMES[record.layer]:
        name = record.fields.get(field)
        if not isinstance(name, str) or (field == "term" and name.casefold() not in quoted):
            continue
        fit = _fit(spoken, record, tuple(words(name)))
        if field == "project_name" and fit is not None and _says_number(fit, spoken):
            continue
        if fit is not None and (fit.score >= FITS or (record.layer in PEOPLE and _is_part(fit, spoken))):
            yield fit


def _says_number(fit: _Fit, spoken: Sequence[str]) -> bool:
    """Tell whether a number stands beside a name: then a unit of the project is meant, and not any."""
    return any(word.isdigit() for place, word in enumerate(spoken) if place not in fit.taken)


def _fit(spoken: tuple[str, ...], record: Record, name: tuple[str, ...]) -> _Fit | None:
    counted = [word for word in name if word not in STOP_WORDS] or list(name)
    run = _run(name, spoken)
    found = [(word, 1.0, run[word]) if run else (word, *_best(word, spoken)) for word in counted]
    held = [(word, alike, place) for word, alike, place in found if alike]
    if not held:
        return None
    letters = sum(len(word) for word in counted)
    matched = sum(len(word) for word, _, _ in held)
    score = sum(len(word) * alike for word, alike, _ in held) / letters
    if Counter(filter(str.isdigit, counted)) - Counter(spoken):
        score *= NUMBER_DIFFERS
    return _Fit(
        record,
        score,
        sum(len(word) * alike for word, alike, _ in held) / matched,
        matched / letters,
        matched,
        frozenset(place for _, _, place in held),
        bool(run),
    )


def _run(name: Sequence[str], spoken: Sequence[str]) -> dict[str, int]:
    """Return the places of the words of a name that is said word for word; none where it is not."""
    for start in range(len(spoken) - len(name) + 1):
        if tuple(spoken[start : start + len(name)]) == tuple(name):
            return {word: start + place for place, word in enumerate(name)}
    return {}


def _as_good(one: _Fit, other: _Fit) -> bool:
    """Tell whether two names fit alike; of parts of names, the rest of the name does not matter."""
    parts = one.score < FITS and other.score < FITS
    return abs(one.likeness - other.likeness) < EQUAL and (parts or abs(one.score - other.score) < EQUAL)


def _is_part(fit: _Fit, spoken: Sequence[str]) -> bool:
    return fit.likeness == 1 and any(len(spoken[place]) >= MIN_PART for place in fit.taken)


def _best(word: str, spoken: tuple[str, ...]) -> tuple[float, int]:
    """Return the likeness and the place of the word of the question that is most like another."""
    best, place = 0.0, -1
    for at, other in enumerate(spoken):
        alike = likeness(word, other)
        if alike > best:
            best, place = alike, at
    return best, place


@lru_cache(maxsize=65_536)
def likeness(one: str, other: str) -> float:
    """Return how alike two words are, 0 when they are different words.

    Examples
    --------
    >>> likeness("haddad", "hadad") > 0.8, likeness("27", "26")
    (True, 0.0)
    """
    if one == other:
        return 1.0
    longer = max(len(one), len(other))
    if min(len(one), len(other)) < MIN_PART or one.isdigit() or other.isdigit():
        return 0.0
    if abs(len(one) - len(other)) > longer * (1 - LIKE):
        return 0.0
    alike = 1 - _edits(one, other) / longer
    return alike if alike >= LIKE else 0.0


def _edits(one: str, other: str) -> int:
    """Count insertions, deletions, replacements and swaps of neighbours."""
    before, last = [0] * (len(other) + 1), list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        row = [i]
        for j, opposite in enumerate(other, start=1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != opposite))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == opposite:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]
