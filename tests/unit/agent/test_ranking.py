"""The leaderboard finds the better agents, is humble about small numbers, and its intervals hold."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from estate.agent.analytics.ranking import MIN_DEALS, AgentRank, rank

Floats = npt.NDArray[np.float64]
Record = tuple[int, int, float]  # deals, wins, expected share

records = st.lists(
    st.integers(0, 80).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.floats(0.02, 0.9))),
    min_size=1,
    max_size=25,
)


def ranked(rows: list[Record]) -> dict[int, AgentRank[int]]:
    places = rank(range(len(rows)), [w for _, w, _ in rows], [n * p for n, _, p in rows], [n for n, _, _ in rows])
    return {place.agent_id: place for place in places}


def world(rng: np.random.Generator, agents: int = 100) -> tuple[Floats, Floats, Floats, Floats]:
    """Return skill in log-odds, wins, expected wins and deals of agents whose leads differ in quality."""
    deals = np.maximum(1, np.round(rng.lognormal(np.log(25), 0.8, agents)))
    skill, mix = rng.normal(0, 0.5, agents), rng.normal(-1.2, 0.6, agents)
    wins = rng.binomial(deals.astype(int), expit(mix + skill)).astype(float)
    return skill, wins, deals * expit(mix), deals


def test_no_agents_no_places() -> None:
    assert rank([], [], [], []) == []


@settings(max_examples=25, deadline=None, derandomize=True)
@given(records)
def test_places_are_whole_and_inside_their_intervals(rows: list[Record]) -> None:
    places = list(ranked(rows).values())
    assert [place.rank for place in places] == list(range(1, len(rows) + 1))
    order = [(place.n < MIN_DEALS, -(place.lower if place.n < MIN_DEALS else place.score)) for place in places]
    assert order == sorted(order)
    for place in places:
        assert 1 <= place.rank_lower <= place.rank <= place.rank_upper <= len(rows)
        assert 0 < place.lower < place.score < place.upper < np.inf


@settings(max_examples=25, deadline=None, derandomize=True)
@given(records, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(rows: list[Record], random: object) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)  # type: ignore[attr-defined]
    n, w, p = (np.array(column, dtype=float)[order] for column in zip(*rows, strict=True))
    shuffled = {place.agent_id: place for place in rank(order, w, n * p, n)}
    for agent, place in ranked(rows).items():
        assert shuffled[agent].score == pytest.approx(place.score, rel=1e-3)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(records, st.integers(1, 60), st.floats(0.05, 0.8), st.data())
def test_more_wins_in_as_many_like_deals_never_rank_lower(
    rows: list[Record], n: int, share: float, data: st.DataObject
) -> None:
    fewer = data.draw(st.integers(0, n - 1))
    more = data.draw(st.integers(fewer + 1, n))
    places = ranked([*rows, (n, fewer, share), (n, more, share)])
    assert places[len(rows) + 1].rank < places[len(rows)].rank


@settings(max_examples=40, deadline=None, derandomize=True)
@given(records, st.floats(0.05, 0.95))
def test_two_of_two_never_ranks_above_thirty_of_sixty(rows: list[Record], share: float) -> None:
    places = ranked([*rows, (2, 2, share), (60, 30, share)])
    assert places[len(rows) + 1].rank < places[len(rows)].rank


def test_hard_leads_are_allowed_for() -> None:
    easy, hard = (200, 80, 0.4), (200, 60, 0.15)
    places = ranked([easy, hard, *[(200, 50, 0.25)] * 10])
    assert places[1].rank == 1
    assert places[0].score == pytest.approx(1, abs=0.1)
    assert places[1].lower > 1


def test_expectations_that_are_too_high_for_everybody_change_nothing() -> None:
    rng = np.random.default_rng(3)
    _, wins, expected, deals = world(rng)
    plain = [place.agent_id for place in rank(range(100), wins, expected, deals)]
    inflated = [place.agent_id for place in rank(range(100), wins, expit(logit(expected / deals) + 0.3) * deals, deals)]
    assert inflated == plain


def test_few_deals_are_pulled_to_the_average_and_many_are_not() -> None:
    places = ranked([(10, 5, 0.25), (1000, 500, 0.25), *[(100, 25, 0.25)] * 30])
    assert 1 < places[0].score < 1.7 < places[1].score < 2
    assert places[0].upper - places[0].lower > places[1].upper - places[1].lower


def test_an_agent_below_the_least_number_follows_the_others() -> None:
    places = ranked([(MIN_DEALS - 1, 1, 0.3), (MIN_DEALS, 0, 0.3), *[(50, 15, 0.3)] * 5])
    assert (places[1].rank, places[0].rank) == (6, 7)


def test_expectations_that_are_far_too_low_for_everybody_make_nobody_outstanding() -> None:
    assert [place.score for place in ranked([(300, 300, 0.2)] * 5).values()] == [pytest.approx(1, abs=0.01)] * 5


@pytest.mark.parametrize("won", [0, 1])
def test_where_all_deals_are_won_or_none_the_interval_keeps_its_doubt(won: int) -> None:
    for place in ranked([(12, 12 * won, 0.63), (5, 5 * won, 0.3)]).values():
        assert place.upper - place.lower > 0.05


def test_planted_skill_is_found_better_than_by_raw_rates() -> None:
    ours, raw = [], []
    for seed in range(15):
        skill, wins, expected, deals = world(np.random.default_rng(seed))
        top = set(np.argsort(-skill)[:10])
        ours.append(len(top & {place.agent_id for place in rank(range(100), wins, expected, deals)[:10]}))
        raw.append(len(top & set(np.argsort(-wins / deals)[:10])))
    assert np.mean(ours) > 4
    assert np.mean(ours) > np.mean(raw) + 1


def test_nine_intervals_in_ten_hold_the_truth() -> None:
    rank_hits, score_hits = [], []
    for seed in range(15):
        skill, wins, expected, deals = world(np.random.default_rng(100 + seed))
        true_rank = 1 + np.argsort(np.argsort(-skill))
        reference = expected.sum() / deals.sum()
        truth = expit(logit(reference) + skill) / reference
        for place in rank(range(100), wins, expected, deals):
            rank_hits.append(place.rank_lower <= true_rank[place.agent_id] <= place.rank_upper)
            score_hits.append(place.lower <= truth[place.agent_id] <= place.upper)
    assert 0.86 < np.mean(rank_hits) < 0.94
    assert 0.86 < np.mean(score_hits) < 0.94


@pytest.mark.parametrize(
    ("wins", "expected", "deals"),
    [([3], [1], [2]), ([-1], [1], [2]), ([1], [float("nan")], [2]), ([1, 1], [1], [2]), ([1], [-0.5], [2])],
)
def test_impossible_numbers_are_refused(wins: list[float], expected: list[float], deals: list[float]) -> None:
    with pytest.raises(ValueError, match="must"):
        rank(["a"], wins, expected, deals)
