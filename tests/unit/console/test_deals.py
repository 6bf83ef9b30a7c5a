import datetime as dt
import re
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest
from htpy import div
from tests.unit.console.asked import AGENT, CLIENT, HOSTILE, NOW, OTHER, Api, page_of, view
from tests.unit.console.test_agents import RECORD, ranked
from tests.unit.console.test_clients import profile
from tests.unit.console.test_properties import a_unit

from estate.console.pages import deals as module


def deal(**changed: Any) -> dict[str, Any]:
    return {
        "deal_id": OTHER,
        "agent_id": AGENT,
        "client_id": CLIENT,
        "unit": f"{OTHER}:{CLIENT}",
        "stage": "negotiation",
        "stage_since": NOW,
        "outcome": None,
        "opened_at": NOW,
        "closed_at": None,
        "value": "1500000.00",
        "currency": "AED",
        "lost_reason": None,
        "updated_at": NOW,
    } | changed


def shown(*deals: dict[str, Any], **query: Any) -> tuple[str, dict[str, str]]:
    api = Api(
        {
            "/agent/query": page_of(RECORD),
            "/behavior/deals": page_of(*deals),
            "/client/query": page_of(profile(name="سارة")),
            "/property/query": page_of(a_unit(f"{OTHER}:{CLIENT}")),
        }
    )
    told = str(div[module.deals(api.estate, view("/deals", "agent", None, **query)).content])
    return told, api.query("/behavior/deals")


def test_deals_are_asked_for_as_the_address_says() -> None:
    _, asked = shown(agent_id=AGENT, outcome="won", since="2026-11-01")
    assert asked["agent_id"] == AGENT
    assert asked["outcome"] == "won"
    assert asked["since"].startswith("2026-11-01T00:00:00")


def test_days_of_filters_and_deals_are_those_of_the_reader() -> None:
    api = Api(
        {
            "/agent/query": page_of(),
            "/client/query": page_of(),
            "/property/query": page_of(),
            "/behavior/deals": page_of(deal(closed_at="2026-11-20T22:42:00Z")),
        }
    )
    dubai = replace(view("/deals", since="2026-11-21", until="2026-11-21"), zone=ZoneInfo("Asia/Dubai"))
    told = str(div[module.deals(api.estate, dubai).content])
    asked = api.query("/behavior/deals")
    assert dt.datetime.fromisoformat(asked["since"]) == dt.datetime(2026, 11, 20, 20, tzinfo=dt.UTC)
    assert dt.datetime.fromisoformat(asked["until"]) == dt.datetime(2026, 11, 21, 20, tzinfo=dt.UTC)
    assert '<time datetime="2026-11-20T22:42:00+00:00" data-day>' in told


def test_a_day_is_as_long_as_the_clock_says() -> None:
    berlin = replace(view("/deals", since="2026-10-25", until="2026-10-25"), zone=ZoneInfo("Europe/Berlin"))
    begin, end = berlin.day("since"), berlin.day("until", end=True)
    assert begin is not None
    assert end is not None
    assert end.astimezone(dt.UTC) - begin.astimezone(dt.UTC) == dt.timedelta(hours=25)


@pytest.mark.parametrize(
    ("role", "query", "more"),
    [
        ("manager", {"outcome": "won"}, 8),
        ("manager", {"outcome": "lost"}, 5),
        ("manager", {"outcome": "open"}, 2),
        ("manager", {}, 19),
        ("manager", {"outcome": "won", "stage": "won"}, None),
        ("admin", {"outcome": "won"}, None),
    ],
)
def test_deals_of_clients_who_are_not_the_readers_are_counted(
    role: str, query: dict[str, str], more: int | None
) -> None:
    answers = {
        "/agent/query": page_of(RECORD),
        "/agent/rankings": page_of(ranked()),
        "/client/query": page_of(),
        "/property/query": page_of(),
        "/behavior/deals": page_of(deal(), deal()),
    }
    told = str(div[module.deals(Api(answers).estate, view("/deals", role, None, agent_id=AGENT, **query)).content])
    assert "2 deals" in told
    assert (f"count {more} more: of clients who are not yours to see" in told) == (more is not None)
    assert ("yours to see" in told) == (more is not None)


def test_a_long_list_is_counted_beyond_its_page() -> None:
    first = page_of(deal(), next_cursor="on")
    api = Api({"/agent/query": page_of(), "/client/query": page_of(), "/property/query": page_of()})
    api.answers = {**api.answers, "/behavior/deals": first}
    assert "More than 200 deals" in str(div[module.deals(api.estate, view("/deals")).content])
    assert api.query("/behavior/deals")["limit"] == "200"


def test_an_id_that_cannot_be_read_leaves_the_form() -> None:
    problem = {"type": "urn:estate:problem:invalid", "title": "No", "status": 422, "detail": "Refused."}
    wrong = {"errors": [{"field": "client_id", "message": "Write an id."}]}
    answers = {"/agent/query": page_of(), "/behavior/deals": httpx2.Response(422, json=problem | wrong)}
    told = str(div[module.deals(Api(answers).estate, view("/deals", client_id="x")).content])
    assert "Client id: Write an id." in told
    assert '<input name="client_id" type="text" value="x">' in told


def test_a_deal_links_to_agent_client_and_unit() -> None:
    told, _ = shown(deal())
    assert f'href="/agents/{AGENT}" dir="auto">Tessa<' in told
    assert f'href="/clients/{CLIENT}" dir="auto">سارة<' in told
    assert f'href="/properties/{OTHER}:{CLIENT}" dir="auto">Studio with a view<' in told
    assert "AED 1,500,000" in told
    assert ">open<" in told


def test_an_open_deal_tells_since_when_it_is_where_it_is() -> None:
    assert re.search("Negotiation since <time [^>]*>27 Nov 2026<", shown(deal())[0])
    assert "since when is not known" in shown(deal(stage_since=None))[0]
    assert "since" not in shown(deal(outcome="won", stage="won"))[0].split("<table>")[1]


def test_what_is_not_for_the_reader_or_gone_has_neither_name_nor_link() -> None:
    told, _ = shown(deal(agent_id=OTHER, client_id=AGENT, unit=f"{CLIENT}:{CLIENT}"))
    assert "Another agent" in told
    assert "Another client" in told
    assert "A unit not on record" in told
    assert not any(f'href="/{where}/' in told for where in ("agents", "clients", "properties"))


def test_a_deal_may_be_about_no_unit() -> None:
    assert "/properties/" not in shown(deal(unit=None))[0]


def test_a_reason_is_words_and_a_name_in_it_stays_one() -> None:
    assert ">Payment terms<" in shown(deal(outcome="lost", lost_reason="payment_terms"))[0]
    assert ">Chose DAMAC in Marina<" in shown(deal(outcome="lost", lost_reason="chose DAMAC in Marina"))[0]


def test_hostile_reasons_stay_text() -> None:
    told, _ = shown(deal(outcome="lost", lost_reason=HOSTILE))
    assert HOSTILE not in told


def test_no_deal_says_what_to_do() -> None:
    assert "No deal matches. Clear a filter." in shown()[0]
