"""Questions go out once under their key; answers come sentence by sentence and are shown with what they cite."""

import asyncio
import json
import re
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from htpy import fragment

from estate.console.actions import ACTIONS, Sent
from estate.console.page import View
from estate.console.pages import assistant as asking
from estate.console.pages.assistant import Asked, examples, told
from estate.console.pages.reply import divided, record_href, reply_page
from estate.sdk import Estate
from estate.sdk.models.gpt import StoredReply
from estate.sdk.models.house import Me

AGENT = "40000000-0000-4000-8000-000000000001"
CLIENT = "50000000-0000-4000-8000-000000000001"
REPLY = "60000000-0000-4000-8000-000000000001"
UNIT = "10000000-0000-4000-8000-000000000001:30000001-0000-4000-8000-000000000001"
HOSTILE = "<script>alert(1)</script>"
KEY = "key-of-the-browser"
TESSA = Me(caller="user", role="agent", agent_id=UUID(AGENT), team_id=None, name="Tessa")
MANAGER = Me(caller="boss", role="manager", agent_id=None, team_id=None, name="Mona")
ASKED = Asked("Is it fair?", AGENT, CLIENT, UNIT)
PROBLEM = {"type": "urn:estate:problem:unavailable", "title": "No", "status": 503, "detail": "Busy."}

GREETING = {"claim": "Dear Salma.", "cites": [{"layer": "client", "id": CLIENT, "field": "name"}]}
FAIR = {
    "claim": "It is listed at AED 882,000.",
    "cites": [
        {"layer": "property", "id": UNIT, "field": "price"},
        {"layer": "property", "id": UNIT, "field": "fair_value"},
        {"layer": "behavior", "id": "trigger:parking", "field": "term"},
    ],
}


def a_reply(**changed: object) -> dict[str, object]:
    records = [
        {"layer": "client", "id": CLIENT, "version": 2, "content_hash": "c0ffee", "fields": {"name": "Salma"}},
        {"layer": "property", "id": UNIT, "version": None, "content_hash": "beef", "fields": {"title": "Studio"}},
    ]
    return {
        "response_id": REPLY,
        "text": "To the client:\nDear Salma.\n\nFor you:\n- It is listed at AED 882,000.",
        "reasoning": [GREETING, FAIR],
        "used_records": [{"layer": "property", "ids": [UNIT]}, {"layer": "client", "ids": [CLIENT]}],
        "confidence": 0.912,
        "abstained": False,
        "agent_id": AGENT,
        "client_id": CLIENT,
        "property": UNIT,
        "client_input": "Is it fair?",
        "intent": "price",
        "records": records,
        "composer_version": "composer-2",
        "created_at": "2026-11-27T10:00:00Z",
    } | changed


ABSTAINED: dict[str, Any] = {
    "text": "Nothing was found on record that answers this question.",
    "abstained": True,
    "confidence": 0.0,
    "reasoning": [],
    "used_records": [],
    "records": [],
}


class Api:
    """Answers as told by path, and keeps what was asked."""

    def __init__(self, **answers: httpx2.Response) -> None:
        self.answers = answers
        self.asked: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        return self.answers[request.url.path.strip("/").split("/")[1]]

    @property
    def estate(self) -> Estate:
        return Estate("http://api", api_key="k", retries=0, http=httpx2.MockTransport(self))


def events(*parts: tuple[str, object]) -> httpx2.Response:
    body = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in parts)
    return httpx2.Response(200, text=body, headers={"Content-Type": "text/event-stream"})


def streamed() -> Api:
    return Api(respond=events(("sentence", FAIR | {"audience": "agent"}), ("reply", a_reply())))


def built(api: Api, build: Any, me: Me = TESSA, response_id: str = "", **query: str) -> str:
    with api.estate as estate:
        sheet = build(estate, View("/assistant", me, {"response_id": response_id}, query))
    return str(fragment[sheet.content])


def shown(me: Me = TESSA, **changed: object) -> str:
    return built(Api(responses=httpx2.Response(200, json=a_reply(**changed))), reply_page, me, REPLY)


# ------------------------------------------------------------------------------------------------------------ stream
def test_an_answer_comes_sentence_by_sentence_and_ends_with_where_it_is_kept() -> None:
    api = streamed()
    with api.estate as estate:
        lines = list(told(estate, ASKED, KEY))
    assert lines == [{"sentence": "It is listed at AED 882,000."}, {"go": f"/assistant/{REPLY}"}]
    sent = api.asked[0]
    assert sent.headers["idempotency-key"] == KEY
    asked = {"client_input": "Is it fair?", "agent_id": AGENT, "client_id": CLIENT, "property": UNIT}
    assert json.loads(sent.content) == asked


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(503, json=PROBLEM),
        events(("sentence", FAIR | {"audience": "agent"}), ("problem", PROBLEM)),
    ],
)
def test_what_goes_wrong_before_or_amid_the_sentences_is_told_with_what_to_do(answer: httpx2.Response) -> None:
    with Api(respond=answer).estate as estate:
        *_, last = told(estate, ASKED, KEY)
    assert last["problem"].startswith("Busy. Try again in a minute.")


def test_a_question_that_is_being_answered_still_is_told_so() -> None:
    running = PROBLEM | {"type": "urn:estate:problem:conflict", "status": 409, "detail": "Still running."}
    with Api(respond=httpx2.Response(409, json=running)).estate as estate:
        lines = list(told(estate, ASKED, KEY))
    assert lines == [{"problem": asking.STILL_ANSWERED}]


def test_an_answer_that_breaks_off_is_a_problem() -> None:
    with Api(respond=events(("sentence", FAIR | {"audience": "agent"}))).estate as estate:
        *_, last = told(estate, ASKED, KEY)
    assert "broke off" in last["problem"]


def test_without_an_agent_nothing_is_asked() -> None:
    api = streamed()
    with api.estate as estate:
        lines = list(told(estate, Asked("Is it fair?", "", None, None), KEY))
    assert lines == [{"problem": "Choose for which agent you ask."}]
    assert api.asked == []


def posted(headers: dict[str, str]) -> httpx2.Response:
    app = FastAPI()
    asking.register(app)

    async def post() -> httpx2.Response:
        body = {"question": " Is it fair? ", "agent_id": AGENT, "property": UNIT}
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1") as http:
            return await http.post("/assistant/ask", json=body, headers=headers)

    return asyncio.run(post())


def test_the_browser_gets_lines_of_json_and_its_key_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    api = streamed()
    monkeypatch.setattr(asking, "estate_of", lambda request: api.estate)
    monkeypatch.setattr(asking, "session_of", lambda request: "token")
    answer = posted({"X-Key": KEY})
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [next(iter(json.loads(line))) for line in answer.text.splitlines()] == ["sentence", "go"]
    assert api.asked[0].headers["idempotency-key"] == KEY
    assert json.loads(api.asked[0].content)["client_input"] == "Is it fair?"


def test_a_question_without_a_session_or_a_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert posted({"X-Key": KEY}).status_code == 401
    monkeypatch.setattr(asking, "session_of", lambda request: "token")
    assert posted({}).status_code == 400


# ----------------------------------------------------------------------------------------------------------- the form
def test_the_form_carries_the_context_and_a_chosen_question() -> None:
    html = built(Api(), asking.assistant, question=HOSTILE)
    assert 'data-form="ask" data-draft="question &lt;script&gt;' in html
    assert f'name="agent_id" value="{AGENT}"' in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;</textarea>" in html
    assert "Your question" in html
    assert '<div id="answer" role="log" aria-live="polite"' in html


def test_a_client_who_is_not_there_can_be_dropped() -> None:
    api = Api(query=httpx2.Response(200, json={"items": [], "next_cursor": None}))
    html = built(api, asking.assistant, client_id=CLIENT)
    assert "not on record, or not yours" in html
    assert "What should I do next with this client?" in html


def test_a_manager_chooses_an_agent_first_and_keeps_the_unit() -> None:
    names = ("calls_per_day", "lead_responses", "objections_heard", "deals_closed", "projects_assigned", "team_id")
    more = ("closing_rate", "avg_response_time", "avg_closing_price", "skill_scores", "last_event_at")
    agent = dict.fromkeys((*names, *more)) | {
        "agent_id": AGENT,
        "name": "سلمى",
        "updated_at": "2026-11-27T10:00:00Z",
        "currency": "AED",
        "event_count": 0,
        "response_count": 0,
        "response_seconds_total": 0.0,
    }
    api = Api(query=httpx2.Response(200, json={"items": [agent], "next_cursor": None}))
    html = built(api, asking.assistant, MANAGER, unit=UNIT)
    assert f'<option value="{AGENT}">سلمى</option>' in html
    assert f'<input type="hidden" name="unit" value="{UNIT}">' in html
    assert 'data-form="ask"' not in html


def test_without_agents_a_manager_is_sent_to_the_imports() -> None:
    api = Api(query=httpx2.Response(200, json={"items": [], "next_cursor": None}))
    assert "/imports" in built(api, asking.assistant, MANAGER)


def test_examples_fit_what_is_chosen() -> None:
    assert all("client" in one for one in examples({"client_id": CLIENT}))
    assert all("unit" in one for one in examples({"unit": UNIT}))
    assert not any("this" in one for one in examples({}))


# --------------------------------------------------------------------------------------------------- the kept answer
def test_each_sentence_links_the_records_that_it_cites() -> None:
    html = shown()
    assert f'<a href="/properties/{UNIT}" dir="auto">Studio</a> (price, fair value)' in html
    assert f'<a href="/clients/{CLIENT}" dir="auto">Salma</a> (name)' in html
    assert '<a href="/behavior" dir="auto">Behavior record</a> (term)' in html
    assert "Nothing was used of: market, agents, behavior." in html


def test_confidence_is_a_number_with_its_meaning() -> None:
    html = shown()
    assert "91 %" in html
    assert "about 91 are expected to be right" in html


def test_an_abstained_answer_says_what_helps_and_shows_no_confidence() -> None:
    html = shown(**ABSTAINED)
    assert "The records do not say" in html
    assert "Nothing was found on record that answers this question." in html
    assert "/imports" in html
    assert "Confidence" not in html
    assert "No record was used." in html
    assert ">Tessa</a>" in html


def test_the_audit_shows_records_as_they_were() -> None:
    html = shown()
    for words in ("composer-2", "c0ffee", "beef", "version 2", "before its first version"):
        assert words in html


def test_another_question_keeps_client_and_unit_and_for_a_manager_the_agent() -> None:
    about = f"client_id={CLIENT}&amp;unit={UNIT.replace(':', '%3A')}"
    assert f'href="/assistant?{about}"' in shown()
    assert f'href="/assistant?{about}&amp;agent_id={AGENT}"' in shown(MANAGER)


def test_records_and_questions_are_escaped() -> None:
    record = {"layer": "client", "id": CLIENT, "content_hash": "c0", "fields": {"name": HOSTILE, HOSTILE: [HOSTILE]}}
    html = shown(client_input=HOSTILE, records=[record])
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_no_record_makes_a_link_that_leads_elsewhere() -> None:
    lures = ("javascript:alert(1)", "https://elsewhere.example", "[here](https://elsewhere.example)")
    record = {"layer": "client", "id": CLIENT, "content_hash": "c0", "fields": dict.fromkeys(("name", "email"), lures)}
    html = shown(client_input=" ".join(lures), text=" ".join(lures), records=[record])
    links = re.findall(r'href="([^"]*)"', html)
    assert links
    assert [link for link in links if not link.startswith(("/", "#"))] == []


def test_sentences_are_divided_as_the_text_is() -> None:
    def parts(text: str) -> tuple[list[str], list[str]]:
        reply = StoredReply.model_validate_json(json.dumps(a_reply(text=text)))
        to_client, to_agent = divided(reply)
        return [one.claim for one in to_client], [one.claim for one in to_agent]

    greeting, fair = "Dear Salma.", "It is listed at AED 882,000."
    assert parts(f"To the client:\n{greeting}\n\nFor you:\n- {fair}") == ([greeting], [fair])
    assert parts(f"To the client:\n{greeting} {fair}") == ([greeting, fair], [])
    assert parts(f"For you:\n- {greeting}\n- {fair}") == ([], [greeting, fair])
    assert parts(f"{greeting} {fair}") == ([], [greeting, fair])


@pytest.mark.parametrize(
    ("layer", "href"),
    [("client", "/clients/x"), ("market", "/market/x"), ("agent", "/agents/x"), ("behavior", "/behavior")],
)
def test_a_record_is_shown_where_its_layer_is(layer: str, href: str) -> None:
    assert record_href(layer, "x") == href


def test_feedback_is_kept_under_the_key_of_the_browser() -> None:
    kept = {"feedback_id": AGENT, "response_id": REPLY, "verdict": "not_helpful"}
    api = Api(feedback=httpx2.Response(200, json=kept))
    with api.estate as estate:
        fields = {"response_id": REPLY, "verdict": "not_helpful", "note": " Late. ", "edited_text": "", "outcome": ""}
        done = ACTIONS["feedback"](estate, Sent(fields, KEY))
    assert done.said == "Thank you. Kept as: not helpful."
    assert api.asked[0].headers["idempotency-key"] == KEY
    sent = json.loads(api.asked[0].content)
    assert sent == {
        "response_id": REPLY,
        "verdict": "not_helpful",
        "note": "Late.",
        "edited_text": None,
        "outcome": None,
    }
