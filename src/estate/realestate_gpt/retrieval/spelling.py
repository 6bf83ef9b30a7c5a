"""Names that are not spelt as they are stored: words meet when few letters are left out of each."""

from collections.abc import Collection, Iterable

__all__ = ["nearest_words", "spellings"]

MIN_LETTERS = 4  # Most words of three letters have a neighbour that means something else.
LONG = 7  # From here on two letters may be wrong.
MAX_LETTERS = 16  # A longer word is compared by its first letters, so that the spellings of a word stay few.


def spellings(word: str) -> set[str]:
    """Return a word and what is left of it without one letter, or two when it is long; nothing for a short word.

    Notes
    -----
    Two words within that many insertions, deletions, substitutions or swaps of neighbours share a spelling
    (Bocek, Hunt and Stiller, 2007), so that equality, which has an index, finds near words.

    Examples
    --------
    >>> sorted(spellings("quay") & spellings("qauy"))
    ['qay', 'quy']
    """
    word = word[:MAX_LETTERS]
    if len(word) < MIN_LETTERS or word.isdigit():
        return set()
    found = {word}
    level = {word}
    for _ in range(_errors(word)):
        level = {w[:i] + w[i + 1 :] for w in level for i in range(len(w))}
        found |= level
    return found


def nearest_words(word: str, candidates: Iterable[str]) -> list[str]:
    """Return the candidates with the fewest wrong letters, if they have few enough, sorted."""
    near: dict[int, list[str]] = {}
    for candidate in sorted(set(candidates)):
        wrong = _distance(word, candidate)
        if wrong <= min(_errors(word), _errors(candidate)):
            near.setdefault(wrong, []).append(candidate)
    return near[min(near)] if near else []


def _errors(word: Collection[str]) -> int:
    return 2 if len(word) >= LONG else 1


def _distance(a: str, b: str) -> int:
    """Count insertions, deletions, substitutions and swaps of neighbours (optimal string alignment)."""
    before, last = list[int](), list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, last = last, row
    return last[-1]
