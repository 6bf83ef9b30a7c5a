"""The features of the cards: their scales, and that a price above the budget never helps."""

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estate.intelligence import cards
from estate.intelligence.cards import CLOSING, Value
from estate.intelligence.scorer import Cases, Scorer
from estate.intelligence.wishes import parse_wishes

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "scaled"),
    [
        (cards.decision_speed("Fast"), 1.0),
        (cards.decision_speed("slow "), -1.0),
        (cards.decision_speed("whenever"), None),
        (cards.objections([]), 1 / 3),
        (cards.objections(["price"]), 0.0),
        (cards.objections({"price": 2, "place": 1}), -1 / 3),
        (cards.objections(list("abcdefgh")), -1.0),
        (cards.objections(None), None),
        (cards.mood({"excited": 1, "angry": 1}, 30), 0.0),
        (cards.mood({"interested": 2}, 30), 0.7),
        (cards.mood({"sphinx-like": 4}, 30), None),
        (cards.contact(0, True, 30), -1.0),
        (cards.contact(3, True, 30), 0.0),
        (cards.contact(900, True, 30), 1.0),
        (cards.contact(0, False, 30), None),
        (cards.reply_speed(360.0), 1.0),
        (cards.reply_speed(3600.0), 0.0),
        (cards.reply_speed(0.0), 1.0),
        (cards.reply_speed(5e-324), 1.0),
        (cards.reply_speed(1e9), -1.0),
        (cards.reply_speed(None), None),
        (cards.stage("reserved"), 1.0),
        (cards.stage("won"), None),
        (cards.over_budget(Decimal(90), Decimal(100)), 0.0),
        (cards.over_budget(Decimal(125), Decimal(100)), 0.25),
        (cards.over_budget(Decimal(900), Decimal(100)), 1.0),
        (cards.over_budget(None, Decimal(100)), None),
        (cards.over_budget(Decimal(100), Decimal(0)), None),
        (cards.area_fit(True), 0.5),
        (cards.area_fit(None), None),
        (cards.rooms_fit(0), 0.0),
        (cards.rooms_fit(5), -1.0),
    ],
)
def test_scales(value: Value, scaled: float | None) -> None:
    assert value.scaled == (None if scaled is None else pytest.approx(scaled))
    assert value.said


def test_wishes_stated_names_what_is_known() -> None:
    wishes = parse_wishes({"bedrooms": 2}, ["Marina"])
    assert cards.wishes_stated(wishes, Decimal(5)) == Value(1.0, "Stated: budget, area, kind of home.")
    assert cards.wishes_stated(parse_wishes(None, None), None).scaled == -1.0


def test_agent_skill_is_shrunk() -> None:
    lucky, proven = cards.agent_skill(2, 2, 0.25), cards.agent_skill(30, 60, 0.25)
    assert lucky.scaled is not None
    assert proven.scaled is not None
    assert 0 < lucky.scaled < proven.scaled <= 1
    assert cards.agent_skill(5, 20, 0.25).scaled == pytest.approx(0.0)
    assert cards.agent_skill(0, 0, 0.25).scaled is None


def test_bands_follow_their_cuts() -> None:
    assert [cards.band_of(s) for s in (0.0, 0.149, 0.15, 0.399, 0.4, 1.0)] == [
        "cold", "cold", "warm", "warm", "hot", "hot",
    ]  # fmt: skip


@given(
    st.integers(0, 5_000),
    st.lists(st.integers(1, 400), min_size=2, max_size=8),
    st.sampled_from([-3.0, 0.0, 4.0]),
)
@settings(max_examples=10, deadline=None)
def test_a_higher_price_never_raises_the_closing_score(seed: int, prices: list[int], truth: float) -> None:
    """Whatever the outcomes say, also that dear units sell better."""
    rng, width = np.random.default_rng(seed), len(CLOSING.features)
    place = CLOSING.names.index("over_budget")
    features = rng.uniform(0, 1, (80, width))
    won = (rng.random(80) < 1 / (1 + np.exp(1 - truth * features[:, place]))).astype(float)
    fitted = Scorer.fit(CLOSING, Cases(features, features, won, [NOW] * 80, [uuid.UUID(int=i) for i in range(80)]))
    over = [cards.over_budget(Decimal(p), Decimal(100)).scaled or 0.0 for p in sorted(prices)]
    rows = np.zeros((len(over), width))
    rows[:, place] = over
    assert (np.diff(fitted.score(rows)) <= 1e-12).all()


@pytest.mark.parametrize("feature", [cards.mood, cards.contact], ids=["mood", "contact"])
def test_features_stay_on_their_scale(feature: Callable[..., Value]) -> None:
    for n in range(0, 60, 7):
        value = feature({"excited": n, "angry": 1}, 30) if feature is cards.mood else feature(n, True, 30)
        assert value.scaled is not None
        assert -1 <= value.scaled <= 1
