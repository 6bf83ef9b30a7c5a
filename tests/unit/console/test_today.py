from typing import Any

from tests.unit.console.asked import AGENT, CLIENT, HOSTILE, NOW, OTHER, Api, drawn, page_of, view

from estate.console.actions import ACTIONS, Sent
from estate.console.pages import today as module

SKIPS = page_of(
    {
        "reason": "busy",
        "cool_down_hours": 4.0,
        "times": 9,
        "n": 8,
        "reached_rate": 0.5,
        "lower": 0.25,
        "upper": 0.75,
        "status": "ok",
        "why": "Reached after 4 of 8.",
    },
    {
        "reason": "not_mine",
        "cool_down_hours": 168.0,
        "times": 1,
        "n": 0,
        "reached_rate": 0.61,
        "lower": 0.1,
        "upper": 0.9,
        "status": "insufficient_data",
        "why": "Too few.",
    },
)
HELD = {"reason": "outside_hours", "n": 7, "from_when": NOW, "why": "It is night there."}


def call(name: str = "ليلى", **changed: Any) -> dict[str, Any]:
    return {
        "client_id": CLIENT,
        "name": name,
        "priority": 0.2,
        "at_stake": "454802.31",
        "currency": "AED",
        "phone": "+971 50 1",
        "callback_at": None,
        "waiting_hours": None,
        "score": 0.4,
        "lower": 0.3,
        "upper": 0.5,
        "n": 276,
        "status": "ok",
        "reasons": [{"field": "x", "text": "Decides fast.", "value": 1}],
    } | changed


def answers(*calls: Any, held: tuple[Any, ...] = (), free: str | None = None) -> dict[str, Any]:
    queue = page_of(*calls, at=NOW, callable=len(calls), held=held, next_free_at=free)
    agents = page_of()
    return {"/client/recommend": queue, "/client/skip-reasons": SKIPS, "/agent/query": agents}


def html(api: Api, role: str = "agent", **query: str) -> str:
    return drawn(module.today(api.estate, view("/today", role, None, **query)))


def test_the_first_is_on_top_with_what_is_known_and_what_to_do() -> None:
    api = Api(answers(call(), call("Omar", client_id=OTHER)))
    shown = html(api)
    assert api.query("/client/recommend") == {"agent_id": AGENT, "limit": "11"}
    assert "First of 2" in shown
    assert f'<a href="/clients/{CLIENT}" dir="auto">ليلى</a>' in shown
    assert "30 % to 50 %, n = 276." in shown
    assert "AED 454,802" in shown
    assert "2.0 sales" in shown
    assert "https://wa.me/971501?text=Hello+" in shown
    assert "this+is+Tessa" in shown
    assert 'rel="noopener" data-key="w"' in shown
    assert shown.index("ليلى") < shown.index("After that") < shown.index("Omar")


def test_outcomes_have_keys_but_for_the_one_that_is_for_ever() -> None:
    shown = html(Api(answers(call())))
    assert 'value="reached" data-key="1"' in shown
    assert 'value="wrong_number" data-key="6"' in shown
    assert 'value="refused">Refused' in shown


def test_skips_tell_what_followed_and_never_a_figure_without_data() -> None:
    shown = html(Api(answers(call())))
    assert "50 % reached afterwards (25 % to 75 %, n = 8)." in shown
    assert "Not enough data (n = 0)." in shown
    assert "61 %" not in shown


def test_a_chance_without_data_is_not_told() -> None:
    shown = html(Api(answers(call(status="insufficient_data"))))
    assert "40 %" not in shown
    assert "sales" not in shown
    assert "Not enough data" in shown


def test_a_name_cannot_break_out() -> None:
    shown = html(Api(answers(call(HOSTILE))))
    assert HOSTILE not in shown
    assert "&lt;script&gt;" in shown


def test_nobody_to_call_says_why_and_when() -> None:
    shown = html(Api(answers(held=(HELD,), free=NOW)))
    assert "All 7 clients are held back." in shown
    assert "/today?at=2026-11-27T08%3A00%3A00%2B00%3A00" in shown
    assert "It is night there." in shown


def test_nobody_at_all_leads_to_the_imports() -> None:
    assert "/imports" in html(Api(answers()))


def test_a_plan_is_for_reading() -> None:
    api = Api(answers(call()))
    shown = html(api, at=NOW)
    assert api.query("/client/recommend")["at"] == NOW
    assert "data-action" not in shown
    assert "tel:" not in shown


def test_a_manager_chooses_an_agent_first() -> None:
    agent = {
        "agent_id": AGENT,
        "name": "Lina",
        "updated_at": NOW,
        "currency": "AED",
        "event_count": 0,
        "response_count": 0,
        "response_seconds_total": 0,
    } | dict.fromkeys(
        (
            "calls_per_day",
            "lead_responses",
            "objections_heard",
            "deals_closed",
            "projects_assigned",
            "closing_rate",
            "avg_response_time",
            "avg_closing_price",
            "skill_scores",
            "team_id",
            "last_event_at",
        )
    )
    assert f"/today?agent_id={AGENT}" in html(Api({"/agent/query": page_of(agent)}), "manager")


def test_a_contact_is_kept_once_with_the_moment_of_the_readers_clock() -> None:
    may = {"client_id": CLIENT, "allowed": False, "reason": "agreed_later", "why": "Agreed later.", "from_when": NOW}
    contact = {
        "contact_id": OTHER,
        "client_id": CLIENT,
        "agent_id": AGENT,
        "contacted_at": NOW,
        "channel": "call",
        "outcome": "call_back",
        "phone": None,
        "note": None,
        "next_at": None,
    }
    api = Api({f"/client/{CLIENT}/contact": {"contact": contact, "consent_withdrawn": False, "may_call": may}})
    fields = {
        "client_id": CLIENT,
        "agent_id": AGENT,
        "channel": "call",
        "outcome": "call_back",
        "note": " ",
        "next_at": "2026-12-01T10:00",
        "zone": "Asia/Dubai",
    }
    done = ACTIONS["contact"](api.estate, Sent(fields, "key-1"))
    assert api.asked[-1].headers["idempotency-key"] == "key-1"
    assert api.sent()["next_at"] == "2026-12-01T10:00:00+04:00"
    assert api.sent()["note"] is None
    assert (done.go, done.said) == ("", "Kept: call back. Agreed later.")


def test_a_skip_is_kept_once() -> None:
    may = {"client_id": CLIENT, "allowed": True, "reason": None, "why": "", "from_when": None}
    skip = {
        "skip_id": OTHER,
        "client_id": CLIENT,
        "agent_id": AGENT,
        "skipped_at": NOW,
        "reason": "busy",
        "note": None,
    }
    api = Api({f"/client/{CLIENT}/skip": {"skip": skip, "may_call": may}})
    ACTIONS["skip"](api.estate, Sent({"client_id": CLIENT, "agent_id": AGENT, "reason": "busy"}, "key-2"))
    assert api.asked[-1].headers["idempotency-key"] == "key-2"
    assert api.sent() == {"agent_id": AGENT, "reason": "busy", "note": None}


def test_nobody_is_promised_sales_by_a_chance_that_says_little() -> None:
    assert "Ten such calls are expected to gain 2.0 sales." in html(Api(answers(call())))
    vague = html(Api(answers(call(lower=0.0, upper=1.0))))
    assert "Ten such calls" not in vague
    assert "Too little is known to say what a call is worth" in vague
