"""BM25, with one way of reading words for English and Arabic; production and benchmarks rank with this file."""

import heapq
import math
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import Stemmer

from estate.realestate_gpt.retrieval.dates import dated

__all__ = ["Corpus", "LexicalIndex", "Text", "bm25", "read_text", "tokens", "words"]

K = TypeVar("K")

K1 = 1.2  # How soon a repeated word stops counting; Lucene's and Robertson's usual value.
B = 0.75  # How much a long text is held back.
MIN_STEM = 3  # Shorter words are left whole: stripping them joins words that mean different things.

_WORD = re.compile(r"[^\W_]+")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_ARABIC = re.compile(r"[\u0620-\u064a]")
_ARTICLES = ("وال", "بال", "كال", "فال", "ال", "لل")
_SAME_LETTER = str.maketrans({"ى": "ي", "ة": "ه", "ـ": None})


def _fold(text: str) -> str:
    """Drop case, accents and vowel marks; write Arabic letters and digits in one way."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    digits = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in bare)
    return _GROUPED.sub("", digits.casefold().translate(_SAME_LETTER))


STOP_WORDS = frozenset(
    _fold(
        """
        a an and are as at be been but by can could did do does for from had has have he her him his how i if in into is
        it its me more my no not of on or our she should so some than that the their them there these they this to too
        us was we were what when where which who why will with would you your
        في من على عن إلى هل ما هذا هذه ذلك انا هو هي او ان لا مع كم
        """
    ).split()
)


class _Stemmers(threading.local):
    """Porter's second stemmer (Snowball), one a thread: it keeps a cache that threads must not share."""

    def __init__(self) -> None:
        self.english = Stemmer.Stemmer("english")


_stemmers = _Stemmers()


def _stem(word: str) -> str:
    """Strip an English ending or the Arabic article."""
    if _ARABIC.match(word):
        return next((word[len(a) :] for a in _ARTICLES if word.startswith(a) and len(word) >= len(a) + MIN_STEM), word)
    return str(_stemmers.english.stemWord(word)) if len(word) > MIN_STEM and word.isascii() else word


def words(text: str) -> list[str]:
    """Return the words of a text, folded and stemmed, in order.

    Examples
    --------
    >>> words("Résidences in المرسى, 1,500,000")
    ['resid', 'in', 'مرسي', '1500000']
    """
    return [_stem(word) for word in _WORD.findall(_fold(text))]


def tokens(text: str) -> list[str]:
    """Return the words of a text that can tell records apart; a date is one for its month and one for its day.

    Examples
    --------
    >>> tokens("What are the prices of the units on 4 March 2026?")
    ['price', 'unit', '202603', '20260304']
    """
    return [_stem(word) for word in _WORD.findall(dated(_fold(text))) if word not in STOP_WORDS]


@dataclass(frozen=True, slots=True)
class Text:
    """A document as BM25 sees it.

    Parameters
    ----------
    counts : mapping
        Token to the number of times it stands in the text.
    length : int
        Tokens in the text.
    """

    counts: Mapping[str, int]
    length: int


@dataclass(frozen=True, slots=True)
class Corpus:
    """What BM25 needs to know of all documents.

    Parameters
    ----------
    size : int
        Documents.
    mean_length : float
        Tokens of a document, on average.
    containing : mapping
        Token to the number of documents that hold it.
    """

    size: int
    mean_length: float
    containing: Mapping[str, int]

    def weight(self, token: str) -> float:
        """Return ln(1 + (N - n + 0.5) / (n + 0.5)), which is never negative."""
        n = self.containing.get(token, 0)
        return math.log1p((max(self.size - n, 0) + 0.5) / (n + 0.5))


def read_text(found: Sequence[str]) -> Text:
    """Count the tokens of a document."""
    return Text(Counter(found), len(found))


def bm25(query: Collection[str], text: Text, corpus: Corpus) -> float:
    """Score one document for the distinct tokens of a query.

    Notes
    -----
    Sum over tokens of weight * f * (k1 + 1) / (f + k1 * (1 - b + b * length / mean length)), with f the
    count in the document (Robertson and Zaragoza, 2009).
    """
    length_norm = K1 * (1 - B + B * text.length / (corpus.mean_length or 1))
    return sum(
        corpus.weight(token) * f * (K1 + 1) / (f + length_norm) for token in query if (f := text.counts.get(token, 0))
    )


class LexicalIndex(Generic[K]):
    """An index in memory.

    Parameters
    ----------
    documents : mapping
        Id to text.

    Examples
    --------
    >>> LexicalIndex({"a": "sea view", "b": "garden view"}).search("garden", 5)[0][0]
    'b'
    """

    def __init__(self, documents: Mapping[K, str]) -> None:
        self._texts = {key: read_text(tokens(text)) for key, text in documents.items()}
        self._holders: dict[str, list[K]] = {}
        for key, text in self._texts.items():
            for token in text.counts:
                self._holders.setdefault(token, []).append(key)
        total = sum(text.length for text in self._texts.values())
        self._corpus = Corpus(
            size=len(self._texts),
            mean_length=total / max(len(self._texts), 1),
            containing={token: len(keys) for token, keys in self._holders.items()},
        )

    def search(self, query: str, k: int) -> list[tuple[K, float]]:
        """Return the `k` best documents that share a token with the query, best first, ties by id."""
        wanted = dict.fromkeys(tokens(query))
        found = dict.fromkeys(key for token in wanted for key in self._holders.get(token, ()))
        scored = ((key, bm25(wanted, self._texts[key], self._corpus)) for key in found)
        return best(scored, k)


def best(scored: Iterable[tuple[K, float]], k: int) -> list[tuple[K, float]]:
    """Return the `k` highest scores, ties by id."""
    return heapq.nsmallest(k, scored, key=lambda pair: (-pair[1], str(pair[0])))
