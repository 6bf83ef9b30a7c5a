"""Rankings are shared between layers and fused by rank; the offline embedder is a plain function of the text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.realestate_gpt.records import LAYERS, Key
from estate.realestate_gpt.retrieval.dense import DIMENSIONS, HashingEmbedder
from estate.realestate_gpt.retrieval.lexical import tokens
from estate.realestate_gpt.retrieval.search import shared
from estate.realestate_gpt.retrieval.spelling import nearest_words, spellings
from estate.realestate_gpt.retrieval.weights import DEFAULT, Weights, fused, weighted

KEYS = st.tuples(st.sampled_from(LAYERS), st.text("abcdefgh", min_size=1, max_size=4))
RANKINGS = st.lists(KEYS, unique=True, max_size=40).map(
    lambda keys: [(key, 1.0 / (i + 1)) for i, key in enumerate(keys)]
)


@given(RANKINGS, st.integers(1, 30))
def test_no_layer_is_crowded_out(found: list[tuple[Key, float]], limit: int) -> None:
    kept = shared(found, LAYERS, limit)
    assert len(kept) == min(limit, len(found))
    assert kept == [pair for pair in found if pair in kept]
    for layer in LAYERS:
        there = sum(key[0] == layer for key, _ in found)
        assert sum(key[0] == layer for key, _ in kept) >= min(limit // (2 * len(LAYERS)), there)


def test_fusion_rewards_agreement_and_keeps_distances() -> None:
    a, b, c = ("market", "a"), ("market", "b"), ("agent", "c")
    assert fused({a: 10.0, b: 9.9}, {b: 0.9, c: 0.8}, DEFAULT)[b] > fused({a: 10.0}, {}, DEFAULT)[a]
    sure = fused({a: 10.0, b: 1.0}, {b: 0.9, a: 0.85}, DEFAULT)
    assert sure[a] > sure[b]
    assert fused({}, {}, DEFAULT) == {}


def test_a_layer_counts_as_its_topic_says() -> None:
    a, b = ("market", "a"), ("agent", "b")
    weights = Weights(layers={"price": {"agent": 2.0}})
    assert weighted({a: 1.5, b: 1.0}, weights, "price") == [(b, 2.0), (a, 1.5)]
    assert weighted({a: 1.5, b: 1.0}, weights, "market") == [(a, 1.5), (b, 1.0)]


@pytest.mark.parametrize(
    ("asked", "stored"),
    [("zafrann", "zafran"), ("qauy", "quay"), ("qamer", "qamar"), ("lindqist", "lindqvist"), ("petrnko", "petrenko")],
)
def test_misspelt_words_meet(asked: str, stored: str) -> None:
    assert spellings(asked) & spellings(stored)
    assert nearest_words(asked, [stored, "moreau", "novak"]) == [stored]


@given(st.text("abc", min_size=4, max_size=12), st.data())
def test_one_wrong_letter_always_meets(word: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(word) - 1))
    kind = data.draw(st.sampled_from(("drop", "add", "replace")))
    wrong = word[:at] + {"drop": "", "add": "d" + word[at], "replace": "d"}[kind] + word[at + 1 :]
    if len(wrong) >= 4:
        assert spellings(word) & spellings(wrong)
        assert nearest_words(wrong, [word]) == [word]


def test_words_that_mean_something_else_do_not_meet() -> None:
    assert not spellings("sea") | spellings("2026")
    assert nearest_words("hill", ["mill", "village"]) == ["mill"]
    assert nearest_words("garden", ["harbour"]) == []


@pytest.mark.parametrize(
    "written", ["2026-03-04", "4 March 2026", "March 4th, 2026", "04/03/2026", "4 of mar 2026", "٤ مارس ٢٠٢٦"]
)
def test_a_day_is_one_word_however_it_is_written(written: str) -> None:
    assert tokens(f"sold on {written}!") == ["sold", "202603", "20260304"]
    assert tokens("sold in march 2026") == ["sold", "202603"]
    assert tokens("2026-33-99") == ["2026", "33", "99"]


def test_hashing_embedder_finds_like_spellings() -> None:
    vectors = HashingEmbedder().embed(["payment plan", "paymant plans", "sea view", ""])
    assert vectors.shape == (4, DIMENSIONS)
    assert vectors.dtype == np.float32
    near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert near > 0.5 > far
    assert not vectors[3].any()
    assert np.array_equal(vectors, HashingEmbedder().embed(["payment plan", "paymant plans", "sea view", ""]))
