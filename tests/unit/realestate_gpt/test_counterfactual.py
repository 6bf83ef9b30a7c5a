"""What is learned from judged lists: the layer that helps rises, by nobody's word alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.realestate_gpt.counterfactual import MOST_FACTOR, Judged, learn, propose, seen
from estate.realestate_gpt.retrieval.weights import DEFAULT

LAYERS = ("market", "property", "client")


def lists(account: str, helpful: str, n: int, rng: np.random.Generator) -> list[Judged]:
    """Lists in random order of which one layer helped, where it was looked at."""
    found = []
    for _ in range(n):
        layers = tuple(map(str, rng.permutation(LAYERS)))
        looked = rng.random(len(layers)) < seen(len(layers))
        helped = tuple(float(layer == helpful and is_seen) for layer, is_seen in zip(layers, looked, strict=True))
        found.append(Judged(account, "price", layers, (1.0,) * len(layers), helped))
    return found


def crowd(helpful: str, accounts: int, n: int) -> list[Judged]:
    rng = np.random.default_rng(1)
    return [one for i in range(accounts) for one in lists(f"user {i}", helpful, n, rng)]


def test_what_helps_rises_and_is_beyond_doubt() -> None:
    proposal = propose(crowd("property", 12, 4), DEFAULT, np.random.default_rng(2))
    assert proposal is not None
    assert proposal.is_better
    assert proposal.weights.factor("price", "property") > 1.5 > 1 > proposal.weights.factor("price", "market")
    assert proposal.weights.factor("market", "property") == 1


def test_the_gain_is_over_the_weights_in_force() -> None:
    judged = crowd("property", 12, 4)
    first = propose(judged, DEFAULT, np.random.default_rng(2))
    assert first is not None
    assert propose(judged, first.weights, np.random.default_rng(2)) is None, "nothing new was said"
    more = [*judged, *lists("newcomer", "property", 4, np.random.default_rng(4))]
    second = propose(more, first.weights, np.random.default_rng(2))
    assert second is not None
    assert not second.is_better, "what is in force already gains nothing"


def test_noise_is_not_taken() -> None:
    rng = np.random.default_rng(3)
    noise = [one for i in range(12) for one in lists(f"user {i}", LAYERS[i % 3], 4, rng)]
    proposal = propose(noise, DEFAULT, np.random.default_rng(2))
    assert proposal is not None
    assert not proposal.is_better


def test_position_does_not_count_as_use() -> None:
    below = [Judged("a", "price", ("market", "client"), (1.0, 1.0), (1.0, float(i % 2))) for i in range(40)]
    weights = learn(below, DEFAULT)
    assert weights.factor("price", "client") == pytest.approx(weights.factor("price", "market"), abs=0.05)


def test_one_account_cannot_outvote_the_others() -> None:
    rng = np.random.default_rng(5)
    honest = crowd("property", 12, 4)
    weights = learn([*honest, *lists("enemy", "market", 1_000, rng)], DEFAULT)
    assert weights.factor("price", "property") > 1 > weights.factor("price", "market")


def test_few_accounts_say_nothing() -> None:
    assert propose(crowd("property", 3, 50), DEFAULT, np.random.default_rng(2)) is None
    assert propose([], DEFAULT, np.random.default_rng(2)) is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(LAYERS), st.floats(0, 1)), max_size=30))
def test_factors_stay_within_their_bounds(said: list[tuple[str, str, float]]) -> None:
    weights = learn([Judged(who, "price", (layer,), (1.0,), (liked,)) for who, layer, liked in said], DEFAULT)
    for layer in LAYERS:
        assert 1 / MOST_FACTOR <= weights.factor("price", layer) <= MOST_FACTOR
