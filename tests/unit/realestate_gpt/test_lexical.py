"""Words are read in one way, and BM25 ranks as its formula says."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.realestate_gpt.retrieval.lexical import K1, B, LexicalIndex, tokens, words


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("Résidences Étoile", "residence etoile"),
        ("two villas", "villa"),
        ("balconies", "balcony"),
        ("negotiations", "negotiating"),
        ("للشقة", "شقة"),
        ("المَرْسى", "مرسي"),
        ("أبراج", "ابراج"),
        ("شقة", "شقه"),
        ("١٢٥٠٠٠٠", "1,250,000"),
        ("ＭＡＲＩＮＡ", "marina"),
    ],
)
def test_spellings_of_a_word_meet(written: str, asked: str) -> None:
    assert set(words(asked)) <= set(words(written))


def test_grammar_tells_no_records_apart() -> None:
    assert tokens("What is the price of this?") == ["price"]
    assert tokens("؟ في من") == []


def test_score_is_the_formula() -> None:
    index = LexicalIndex({"a": "sea sea view", "b": "garden", "c": "garden view house pool"})
    weight = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    mean = (3 + 1 + 4) / 3
    expected = weight * 2 * (K1 + 1) / (2 + K1 * (1 - B + B * 3 / mean))
    [(found, score)] = index.search("sea", 5)
    assert found == "a"
    assert score == pytest.approx(expected)


def test_rare_words_and_short_texts_come_first() -> None:
    index = LexicalIndex({"long": "garden " + "view " * 9, "short": "garden", "other": "view view"})
    assert [key for key, _ in index.search("garden", 3)] == ["short", "long"]
    assert next(key for key, _ in index.search("garden view", 3)) in {"long", "short"}


def test_ties_are_broken_by_id_and_k_is_kept() -> None:
    index = LexicalIndex({"b": "pool", "a": "pool", "c": "pool"})
    assert [key for key, _ in index.search("pool", 2)] == ["a", "b"]


@given(st.text(max_size=200))
def test_any_query_is_safe(query: str) -> None:
    index = LexicalIndex({"a": "sea view", "b": query})
    for _, score in index.search(query, 2):
        assert score > 0
        assert math.isfinite(score)
    assert LexicalIndex[str]({}).search(query, 3) == []
