import re
from typing import Any
from uuid import UUID

from htpy import div
from tests.unit.console.asked import AGENT, HOSTILE, NOW, OTHER, Api, page_of, view

from estate.console.pages import agents as module
from estate.sdk.models.agent import AgentRank


def part(name: str, **changed: Any) -> dict[str, Any]:
    return {
        "part": name,
        "n": 17,
        "passed": 15,
        "expected": 11.2,
        "score": 1.3,
        "lower": 1.1,
        "upper": 1.5,
        "status": "ok",
    } | changed


def ranked(name: str | None = "Tessa", agent_id: str = AGENT, **changed: Any) -> dict[str, Any]:
    return {
        "agent_id": agent_id,
        "name": name,
        "rank": 1,
        "rank_lower": 1,
        "rank_upper": 4,
        "score": 1.2,
        "lower": 0.9,
        "upper": 1.5,
        "n": 17.0,
        "status": "ok",
        "evidence": "deals",
        "skills": [
            part("qualify"),
            part("close", n=2, score=None, lower=None, upper=None, status="insufficient_data"),
        ],
        "open_deals": 4,
        "reasons": [{"field": "deals.outcome", "text": "Won 10 of 17 closed deals.", "value": 10.0}],
    } | changed


HIDDEN: dict[str, Any] = {
    "name": None,
    "agent_id": OTHER,
    "score": None,
    "lower": None,
    "upper": None,
    "n": None,
    "open_deals": None,
    "reasons": [],
    "skills": [],
}
RECORD = {
    "agent_id": AGENT,
    "name": "Tessa",
    "calls_per_day": 22,
    "lead_responses": 18,
    "objections_heard": {"price": 1, "payment_terms": 3},
    "deals_closed": 9,
    "projects_assigned": ["a", "b"],
    "closing_rate": 0.53,
    "avg_response_time": 330.0,
    "avg_closing_price": "1549644.44",
    "skill_scores": {"close": 0.69},
    "updated_at": NOW,
    "currency": "AED",
    "team_id": None,
    "event_count": 114,
    "response_count": 100,
    "response_seconds_total": 36_000.0,
    "last_event_at": NOW,
}
EXPECTED = {
    "agent_id": AGENT,
    "horizon_days": 30,
    "expected": 0.42,
    "lower": 0.0,
    "upper": 2.0,
    "level": 0.9,
    "n": 17,
    "open_deals": 4,
    "status": "ok",
    "as_of": NOW,
    "why": "10 deals won in 590 days.",
}


def rank(**changed: Any) -> AgentRank:
    return AgentRank.model_validate(ranked(**changed))


def board(*items: dict[str, Any]) -> str:
    return str(div[module.agents(Api({"/agent/rankings": page_of(*items)}).estate, view("/agents")).content])


def one(place: dict[str, Any], expected: dict[str, Any] = EXPECTED) -> str:
    api = Api(
        {"/agent/predict": expected, "/agent/query": page_of(RECORD), "/agent/rankings": page_of(place)},
    )
    return str(div[module.agent(api.estate, view("/agents/x", params={"agent_id": AGENT})).content])


def test_numbers_of_deals_open_the_deals() -> None:
    told = board(ranked())
    for outcome, n in {"won": 10, "lost": 7, "open": 4}.items():
        assert f'href="/deals?agent_id={AGENT}&amp;outcome={outcome}">{n}<' in told
    assert "1 (1 to 4)" in told
    assert "1.20 (0.90 to 1.50)" in told


def test_overlapping_intervals_are_no_difference() -> None:
    said = module.differences([rank(), rank(name="Yara", score=1.0, lower=0.7, upper=1.3)])
    assert "No interval lies wholly below that of" in said
    assert "Nobody wins clearly more or less than expected." in said


def test_intervals_apart_are_counted() -> None:
    said = module.differences(
        [rank(lower=1.05), rank(score=0.7, lower=0.5, upper=0.95), rank(score=1.0, lower=0.8, upper=1.2)]
    )
    assert said.startswith("1 of 2 others lie wholly below")
    assert "1 agent wins clearly more than expected, 1 agent wins clearly less." in said


def test_few_deals_count_for_nothing() -> None:
    assert "order says nothing yet" in module.differences([rank(status="insufficient_data")])
    assert "not enough deals" in board(ranked(status="insufficient_data"))


def test_agents_of_others_are_counted_and_not_shown() -> None:
    told = board(ranked(), ranked(**HIDDEN))
    assert "Other agents, not shown: 1; their figures are not yours to see." in told
    assert OTHER not in told
    assert "may rank 1 to 4 of the house." in told


def test_many_agents_come_in_pages() -> None:
    crowd = [ranked(f"Agent {n:03}", str(UUID(int=n)), rank=n) for n in range(1, 121)]
    api = Api({"/agent/rankings": page_of(*crowd)})

    def listed(cursor: str) -> tuple[list[str], bool]:
        html = str(div[module.agents(api.estate, view("/agents", cursor=cursor)).content])
        table = html[html.index('<caption class="unseen">All agents<') :]
        return re.findall(r"Agent \d{3}", table[: table.index("</table>")]), "Next page" in html

    names, more = zip(*(listed(cursor) for cursor in ("", "50", "100")), strict=True)
    assert [name for page in names for name in page] == [f"Agent {n:03}" for n in range(1, 121)]
    assert more == (True, True, False)
    assert listed("x" * 9) == listed("-4") == listed("")


def test_nobody_is_ranked_by_nothing() -> None:
    told = board(ranked(score=None, lower=None, upper=None, n=0.0, evidence="none", reasons=[], open_deals=0))
    assert "Nobody to rank yet" in told
    assert "nothing yet" in told
    assert "<svg" not in told


def test_without_agents_there_is_a_way_on() -> None:
    assert "under Imports" in board()


def test_a_hostile_name_stays_text() -> None:
    told = board(ranked(HOSTILE))
    assert HOSTILE not in told
    assert "&lt;script&gt;" in told


def test_an_agent_stands_with_score_parts_and_closings() -> None:
    told = one(ranked())
    assert "Won 10 of 17 closed deals." in told
    assert "Better than such clients lead to expect: Qualify." in told
    assert "Close: 2 deals." in told
    assert "0.4 deals won in the next 30 days; 90 % interval 0 to 2." in told
    assert f'href="/behavior/events?agent_id={AGENT}">114<' in told
    assert "payment terms 3, price 1" in told
    assert "6 min (n = 100)" in told


def test_closings_that_are_not_known_say_why() -> None:
    none = EXPECTED | {"expected": None, "lower": None, "upper": None, "status": "insufficient_data", "why": "Too new."}
    told = one(ranked(skills=[]), none)
    assert "Too new." in told
    assert "deals won in the next" not in told
    assert "No closed deal with known stages yet." in told
