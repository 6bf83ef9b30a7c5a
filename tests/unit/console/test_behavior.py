import datetime as dt
from typing import Any

from htpy import div
from tests.unit.console.asked import AGENT, CLIENT, HOSTILE, NOW, OTHER, Api, page_of, view
from tests.unit.console.test_clients import profile
from tests.unit.console.test_properties import a_unit

from estate.console.pages import behavior as module
from estate.sdk.models.behavior import Triggers

UNIT = "55555555-5555-4555-8555-555555555555"
RUN = {"run_id": OTHER, "as_of": NOW, "n_won": 102, "n_lost": 174, "n_open": 203, "more_needed": 2500}


def term(word: str = "payment plan", **changed: Any) -> dict[str, Any]:
    return {
        "term": word,
        "speaker": "agent",
        "evidence": "proven",
        "lift": 1.6,
        "lower": 1.3,
        "upper": 1.9,
        "log_odds": 0.7,
        "q": 0.008,
        "n_with": 83,
        "n_without": 193,
        "n_agents": 12,
        "win_rate_with": 0.5,
        "win_rate_without": 0.31,
        "held_out_lift": 1.44,
        "adjusted_for": ["length", "agent"],
        "examples": [f"{OTHER}:7"],
    } | changed


def found(*items: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {"items": list(items), "run": RUN, "status": "ok", "why": "Some."} | changed


GROUP = {
    "name": "payment plan + down payment",
    "terms": ["payment plan", "down payment"],
    "size": 79,
    "n_won": 33,
    "n_lost": 35,
    "n_open": 11,
    "lift": 1.03,
    "lower": 0.94,
    "upper": 1.14,
    "stability": 0.98,
}
NO_GROUP = {"items": [], "events": {}, "run": RUN, "status": "insufficient_data", "why": "Needs 30 conversations."}


def shown(triggers: dict[str, Any], patterns: dict[str, Any] = NO_GROUP, **query: str) -> str:
    api = Api({"/behavior/triggers": triggers, "/behavior/patterns": patterns})
    return str(div[module.behavior(api.estate, view("/behavior", "agent", None, **query)).content])


def event(**changed: Any) -> dict[str, Any]:
    return {
        "event_id": OTHER,
        "agent_id": AGENT,
        "client_id": CLIENT,
        "property_project_id": OTHER,
        "property_unit_id": UNIT,
        "trigger_word": "down payment",
        "emotion_detected": "hesitant",
        "response_speed": None,
        "conversion_effect": None,
        "time_of_event": NOW,
        "pattern_group": "new",
        "metadata": {"speaker": "agent"},
        "updated_at": NOW,
        "deal_id": None,
        "conversation_id": None,
        "folded_deal_id": None,
        "folded_outcome": "lost",
        "folded_at": None,
    } | changed


def events_api(*events: dict[str, Any], cursor: str | None = None) -> Api:
    return Api(
        {
            "/agent/query": page_of(),
            "/behavior/query": {"items": list(events), "next_cursor": cursor},
            "/client/query": page_of(profile(name="Sara")),
            "/property/query": page_of(a_unit(f"{OTHER}:{UNIT}")),
        }
    )


def events(api: Api, **query: str) -> str:
    return str(div[module.events(api.estate, view("/behavior/events", "agent", None, **query)).content])


def test_the_strongest_proven_term_is_told_with_its_interval_and_n() -> None:
    weak = term("viewing", lift=1.2, log_odds=0.2)
    against = term("just looking", speaker="client", lift=0.5, lower=0.3, upper=0.8, log_odds=-0.97)
    said = module.triggers_sentence(Triggers.model_validate(found(weak, against, term("nice", evidence="candidate"))))
    assert said.startswith("2 terms are proven; the strongest is “\u2068just looking\u2069” (client).")
    assert "won 0.50 (0.30 to 0.80) times as often, n = 83 with and 193 without" in said


def test_proven_terms_and_candidates_are_apart() -> None:
    told = shown(found(term(), term("nice", evidence="candidate", lift=1.03, lower=0.93, upper=1.13)))
    assert 'data-figure="triggers-proven"' in told
    assert 'data-figure="triggers-candidates"' in told
    assert "proven: winning" in told
    assert "83 / 193" in told
    assert "50 % / 31 %" in told
    assert "Would be won with / without" in told, "a model's share is not told as a count"
    assert "Lift in a random half" in told
    assert "Held-out" not in told, "the half also chose the terms"
    assert "Candidates: 1; all intervals hold 1, no difference." in told
    assert f"Conversation {OTHER}, turn 7" in told
    assert "Compared deals have alike: length, agent." in told


def test_candidates_alone_prove_nothing() -> None:
    told = shown(found(term("nice", evidence="candidate")))
    assert "No term is proven yet" in told
    assert 'data-figure="triggers-proven"' not in told
    assert "Where proven terms were said" not in told


def test_what_is_missing_is_a_number_of_conversations() -> None:
    told = shown(found(status="insufficient_data", why="Needs 30 closed deals."))
    assert "not enough data" in told
    assert "Needs 30 closed deals." in told
    assert "2,500 more closed conversations" in told
    assert "n = 102 won and 174 lost; 203 are open" in told


def test_before_the_first_analysis_it_says_when_one_runs() -> None:
    assert "No analysis ran yet." in shown(found(run=None, status="insufficient_data"))


def test_with_too_few_deals_no_lift_is_shown() -> None:
    told = shown(found(term(evidence="candidate"), status="insufficient_data", why="There are 1 and 1."))
    assert "There are 1 and 1." in told
    assert "1.30" not in told


def test_more_terms_are_asked_for_in_the_address() -> None:
    api = Api({"/behavior/triggers": found(), "/behavior/patterns": NO_GROUP})
    module.behavior(api.estate, view("/behavior", top="100"))
    assert api.query("/behavior/triggers")["top_n"] == "100"
    module.behavior(api.estate, view("/behavior", top="9999"))
    assert api.query("/behavior/triggers")["top_n"] == "20"


def test_a_group_flows_into_outcomes_and_opens_its_events() -> None:
    told = shown(
        found(), {"items": [GROUP], "events": {GROUP["name"]: 255, "won": 9}, "run": RUN, "status": "ok", "why": ""}
    )
    assert "79 deals" in told
    assert "33 won" in told
    assert "Won 1.03 (0.94 to 1.14) times as often as without, n = 68 closed. The interval holds 1" in told
    assert 'href="/behavior/events?pattern_group=payment+plan+%2B+down+payment">255 events<' in told
    assert 'href="/behavior/events?pattern_group=won">9<' in told


def test_without_groups_it_says_why() -> None:
    assert "Needs 30 conversations." in shown(found())


def test_hostile_terms_stay_text() -> None:
    told = shown(found(term(HOSTILE)))
    assert HOSTILE not in told
    assert "&lt;script&gt;" in told


def test_filters_of_events_go_to_the_api_and_the_last_day_counts() -> None:
    api = events_api(event(), cursor="next")
    told = events(api, trigger_word="down payment", client_id=CLIENT, since="2026-11-01", until="2026-11-02")
    asked = api.query("/behavior/query")
    assert asked["trigger_word"] == "down payment"
    assert asked["client_id"] == CLIENT
    assert dt.datetime.fromisoformat(asked["since"]) == dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    assert dt.datetime.fromisoformat(asked["until"]) == dt.datetime(2026, 11, 3, tzinfo=dt.UTC)
    assert "cursor=next" in told


def test_a_date_that_is_none_filters_nothing() -> None:
    api = events_api()
    events(api, since="yesterday", until="9999-12-31")
    assert not {"since", "until"} & api.query("/behavior/query").keys()


def test_events_link_to_client_and_unit() -> None:
    told = events(events_api(event()))
    assert f'href="/clients/{CLIENT}" dir="auto">Sara<' in told
    assert f'href="/properties/{OTHER}:{UNIT}" dir="auto">Studio with a view<' in told
    assert "Agent said “" in told


def test_an_agent_who_is_not_shown_has_no_link() -> None:
    told = events(events_api(event()))
    assert "Another agent" in told
    assert f'href="/agents/{AGENT}"' not in told


def test_no_event_says_what_to_do() -> None:
    assert "No event matches. Clear a filter." in events(events_api())
