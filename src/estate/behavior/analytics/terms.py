"""Splits what was said into terms: runs of one to three words in one normal form."""

import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import Literal

__all__ = ["MAX_TERM_LENGTH", "Language", "canonical", "extract", "longest", "nested", "runs", "words_of"]

Language = Literal["en", "ar"]

MAX_WORDS = 3
MAX_TERM_LENGTH = 200  # A term is a key of an index, whose rows hold 2,700 bytes.

# Harakat, superscript alef and tatweel are written or left out at will; a hamza's seat, final alef and ta marbuta
# are spelled in several ways.
_ARABIC_MARKS = re.compile("[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0640]")
_ARABIC_LETTERS = str.maketrans("أإآٱىةؤئ", "ااااي" + "هوي")
_WORD = re.compile(r"\w+(?:['’]\w+)*")
_BREAK = re.compile(r"[.,;:!?()\[\]{}\"\n\r|/\u060c\u061b\u061f\u2026\u2013\u2014]+")

_STOP_EN = """
a an the this that these those there here it its it's i i'm i'd i'll i've me my mine we we're us our you you're your
yours he him his she her they them their theirs who whom which what when where how and or but if then so as than at by
for from in into of off on onto to up with about is are was were be been being am do does did has have had will would
shall should can could may might must let let's very
"""
_STOP_AR = """
في من الى على عن مع ب ل ك و او ثم لكن ان انه انها هذا هذه ذلك تلك هنا هناك هو هي هم نحن انا انت انتم الذي التي ما ماذا
متى اين كيف هل قد كان كانت يكون كل بعد قبل عند لي لك له لها لنا لكم لهم يا
"""


def canonical(text: str) -> str:
    """Return the one spelling under which a term is counted.

    Parameters
    ----------
    text : str
        A term as somebody wrote it.

    Returns
    -------
    str
        NFKC, lower case, Arabic letters and marks folded, words parted by single spaces; at most
        `MAX_TERM_LENGTH` characters. A text without words (an emoji) stays as it is.

    Examples
    --------
    >>> canonical("  Payment-Plan! ")
    'payment plan'
    >>> canonical("خُطّة") == canonical("خطه")
    True
    """
    spelled = " ".join(words_of(text)) or _fold(text).strip()
    return spelled[:MAX_TERM_LENGTH].rstrip()


def words_of(text: str) -> list[str]:
    """Return the words of a text in their normal form.

    Examples
    --------
    >>> words_of("Don't wait!")
    ["don't", 'wait']
    """
    return _WORD.findall(_fold(text))


def extract(text: str, language: Language | None = None) -> list[str]:
    """Return the terms of a text, each once, in order of appearance.

    A term is a run of one to three words within one sentence that neither begins nor ends with a stop word
    and is not a bare number.

    Parameters
    ----------
    text : str
        What was said.
    language : {"en", "ar"} or None
        Whose stop words to leave out; both by default.

    Examples
    --------
    >>> extract("I must ask my family.")
    ['ask', 'ask my family', 'family']
    """
    stop = _STOP[language]
    terms: dict[str, None] = {}
    for part in _BREAK.split(_fold(text)):
        words = _WORD.findall(part)
        terms.update(dict.fromkeys(_runs(words, stop)))
    return list(terms)


def longest(terms: Collection[str]) -> list[str]:
    """Leave out terms that are part of a longer one in the collection.

    Examples
    --------
    >>> longest(["plan", "payment plan", "view"])
    ['payment plan', 'view']
    """
    return [term for term in terms if not any(term != other and f" {term} " in f" {other} " for other in terms)]


def runs(term: str) -> list[str]:
    """Return every run of words in a term, itself included.

    Examples
    --------
    >>> runs("payment plan")
    ['payment', 'payment plan', 'plan']
    """
    words = term.split()
    return [" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)]


def nested(one: str, other: str) -> bool:
    """Tell whether one of two terms is a run of whole words of the other."""
    return f" {one} " in f" {other} " or f" {other} " in f" {one} "


def _fold(text: str) -> str:
    lowered = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    return _ARABIC_MARKS.sub("", lowered).translate(_ARABIC_LETTERS)


def _runs(words: list[str], stop: frozenset[str]) -> Iterator[str]:
    for start, word in enumerate(words):
        if word in stop:
            continue
        for end in range(start + 1, min(start + MAX_WORDS, len(words)) + 1):
            if words[end - 1] in stop or (end - start == 1 and word.isdecimal()):
                continue
            term = " ".join(words[start:end])
            if len(term) <= MAX_TERM_LENGTH:
                yield term


_ENGLISH = frozenset(_STOP_EN.split())
_ARABIC = frozenset(map(_fold, _STOP_AR.split()))
_STOP: dict[Language | None, frozenset[str]] = {"en": _ENGLISH, "ar": _ARABIC, None: _ENGLISH | _ARABIC}
