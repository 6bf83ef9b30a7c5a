"""Rankings are shared between layers and fused by rank; the offline embedder is a plain function of the text."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from estate.realestate_gpt.records import LAYERS, Key
from estate.realestate_gpt.retrieval.dense import DIMENSIONS, HashingEmbedder, fuse
from estate.realestate_gpt.retrieval.search import shared

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
        assert sum(key[0] == layer for key, _ in kept) >= min(limit // len(LAYERS), there)


def test_fusion_rewards_agreement() -> None:
    a, b, c = ("market", "a"), ("market", "b"), ("agent", "c")
    assert [key for key, _ in fuse([a, b], [b, c])] == [b, a, c]
    assert fuse([], []) == []


def test_hashing_embedder_finds_like_spellings() -> None:
    vectors = HashingEmbedder().embed(["payment plan", "paymant plans", "sea view", ""])
    assert vectors.shape == (4, DIMENSIONS)
    assert vectors.dtype == np.float32
    near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert near > 0.5 > far
    assert not vectors[3].any()
    assert np.array_equal(vectors, HashingEmbedder().embed(["payment plan", "paymant plans", "sea view", ""]))
