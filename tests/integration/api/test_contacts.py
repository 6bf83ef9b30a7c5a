"""Whom to call, who is held back and until when, what came of a call, and a client's story."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, text
from starlette.testclient import TestClient
from tests.integration.api.identity import AGENT, client_of, new_key, new_owners

ID = "30000000-0000-4000-8000-00000000"
OMAR, SARA, NADIA, OTHER_AGENT = (f"{ID}{n:04}" for n in range(1, 5))
MORNING = dt.datetime(2026, 6, 3, 6, tzinfo=dt.UTC)  # A Wednesday, ten o'clock in Dubai.
HOUR = dt.timedelta(hours=1)


class Desk:
    """An agent's desk; every call names its moment."""

    def __init__(self, api: TestClient) -> None:
        self.api = api

    def call(self, method: str, path: str, body: Any = None, status: int = 200, **options: Any) -> Any:
        answer = self.api.request(method, path, json=body, **options)
        assert answer.status_code == status, answer.text
        return answer.json()

    def client(self, client_id: str, **fields: Any) -> None:
        row = {"client_id": client_id, "owner_agent_id": str(AGENT), "phone": "+9715012345" + client_id[-2:]} | fields
        assert self.call("POST", "/client/ingest", row)["rejected"] == 0

    def queue(self, at: dt.datetime, **params: Any) -> Any:
        return self.call("GET", "/client/recommend", params={"agent_id": str(AGENT), "at": at.isoformat()} | params)

    def item(self, client_id: str, at: dt.datetime) -> Any:
        return next(item for item in self.queue(at)["items"] if item["client_id"] == client_id)

    def called(self, at: dt.datetime) -> list[str]:
        return [item["client_id"] for item in self.queue(at)["items"]]

    def held(self, at: dt.datetime) -> dict[str, int]:
        return {line["reason"]: line["n"] for line in self.queue(at)["held"]}

    def contact(self, client_id: str, outcome: str, at: dt.datetime, status: int = 200, **fields: Any) -> Any:
        key = fields.pop("key", None)
        body = {"agent_id": str(AGENT), "channel": "call", "outcome": outcome, "at": at.isoformat()} | fields
        headers = {"Idempotency-Key": key} if key else None
        return self.call("POST", f"/client/{client_id}/contact", body, status, headers=headers)

    def skip(self, client_id: str, reason: str, status: int = 200) -> Any:
        return self.call("POST", f"/client/{client_id}/skip", {"agent_id": str(AGENT), "reason": reason}, status)


@pytest.fixture
def desk(api: TestClient) -> Desk:
    new_owners()
    found = Desk(api)
    found.client(OMAR, name="Omar")
    found.client(SARA, name="Sara")
    return found


def moment(said: str) -> dt.datetime:
    return dt.datetime.fromisoformat(said)


# Who may be called


def test_every_client_is_in_the_queue_or_counted_among_those_held_back(desk: Desk) -> None:
    desk.client(NADIA, phone="+201001234567", contact_consent=True)
    desk.client(f"{ID}0011", do_not_contact=True)
    desk.client(f"{ID}0012", contact_consent=False)
    desk.client(f"{ID}0013", phone=None)
    desk.client(f"{ID}0014", phone="+447400123456")
    desk.client(f"{ID}0015", country="EG")
    found = desk.queue(MORNING + HOUR)
    assert {item["client_id"] for item in found["items"]} == {OMAR, SARA, NADIA}
    assert {item["phone"] for item in found["items"]} == {"+971501234501", "+971501234502", "+201001234567"}
    assert (found["callable"], desk.queue(MORNING + HOUR, limit=1)["callable"]) == (3, 3)
    held = {line["reason"]: line["n"] for line in found["held"]}
    assert held == {"consent_needed": 2, "do_not_contact": 1, "refused": 1, "no_phone": 1}
    assert found["next_free_at"] is None


def test_outside_the_hours_nobody_is_listed_and_the_next_moment_is_told(desk: Desk) -> None:
    evening = MORNING + 11 * HOUR
    found = desk.queue(evening)
    assert (found["items"], found["callable"]) == ([], 0)
    (line,) = found["held"]
    assert (line["reason"], line["n"]) == ("outside_hours", 2)
    assert moment(line["from_when"]) == moment(found["next_free_at"]) == MORNING + 23 * HOUR
    assert "calls are made from 09:00 to 18:00" in line["why"]
    assert set(desk.called(moment(found["next_free_at"]))) == {OMAR, SARA}


def test_where_the_client_is_decides_over_the_number(desk: Desk) -> None:
    desk.client(NADIA, phone="+447400123456", country="AE")
    assert NADIA in desk.called(MORNING - HOUR)
    desk.client(NADIA, country="GB", contact_consent=True)
    assert NADIA not in desk.called(MORNING - HOUR)
    assert NADIA in desk.called(MORNING + 3 * HOUR)


# What came of a call


def test_who_was_reached_leaves_the_queue_for_a_day(desk: Desk) -> None:
    told = desk.contact(OMAR, "reached", MORNING, note="Wants a balcony.")
    assert (told["contact"]["phone"], told["contact"]["note"]) == ("+971501234501", "Wants a balcony.")
    assert told["consent_withdrawn"] is False
    assert desk.called(MORNING + HOUR) == [SARA]
    assert desk.held(MORNING + HOUR) == {"just_contacted": 1}
    reasons = desk.item(OMAR, MORNING + 49 * HOUR)["reasons"]
    assert "Days since the last contact: 2." in {reason["text"] for reason in reasons}


def test_a_call_back_waits_for_its_time_and_then_comes_first(desk: Desk) -> None:
    desk.contact(SARA, "call_back", MORNING, next_at=(MORNING + 5 * HOUR).isoformat())
    desk.contact(OMAR, "call_back", MORNING, next_at=(MORNING + 4 * HOUR).isoformat())
    desk.client(NADIA, decision_speed="fast")
    assert desk.held(MORNING + 3 * HOUR) == {"agreed_later": 2}
    found = desk.queue(MORNING + 6 * HOUR)["items"]
    assert [item["client_id"] for item in found] == [OMAR, SARA, NADIA]
    assert found[0]["reasons"][0]["text"] == "Asked to be called back on 2026-06-03 10:00 UTC."
    desk.contact(OMAR, "reached", MORNING + 6 * HOUR)
    assert desk.called(MORNING + 7 * HOUR) == [SARA, NADIA]


def test_calls_without_an_answer_are_capped_by_day_and_week(desk: Desk) -> None:
    desk.contact(OMAR, "no_answer", MORNING)
    found = desk.queue(MORNING + HOUR)
    assert [(line["reason"], moment(line["from_when"])) for line in found["held"]] == [
        ("unanswered", MORNING + 24 * HOUR)
    ]
    desk.contact(OMAR, "no_answer", MORNING + 25 * HOUR)
    assert OMAR not in desk.called(MORNING + 100 * HOUR)
    assert OMAR in desk.called(MORNING + 168 * HOUR)


def test_a_message_without_an_answer_is_no_call(desk: Desk) -> None:
    desk.contact(OMAR, "no_answer", MORNING, channel="whatsapp")
    assert desk.held(MORNING + HOUR) == {"just_contacted": 1}


def test_refused_once_is_never_again_whatever_the_crm_says(desk: Desk, connection: Connection) -> None:
    desk.client(NADIA, phone="+971501234501")
    told = desk.contact(OMAR, "refused", MORNING)
    assert told["consent_withdrawn"] is True
    assert (told["may_call"]["reason"], told["may_call"]["from_when"]) == ("refused", None)
    (stored,) = desk.call("GET", f"/client/query?client_id={OMAR}")["items"]
    assert stored["contact_consent"] is False
    line = connection.execute(text("SELECT action, subject_id, detail FROM audit_log WHERE action ~ 'contact'")).one()
    assert (line.action, line.subject_id) == ("client.contact", OMAR)
    assert (line.detail["outcome"], line.detail["consent_withdrawn"]) == ("refused", True)
    desk.client(OMAR, contact_consent=True)
    assert desk.called(MORNING + 960 * HOUR) == [SARA], "nor under another id with the same number"
    assert desk.held(MORNING + 960 * HOUR) == {"refused": 2}


def test_a_wrong_number_is_not_called_and_another_is(desk: Desk) -> None:
    desk.client(NADIA, phone="+971501234501")
    desk.contact(OMAR, "wrong_number", MORNING)
    assert set(desk.called(MORNING + HOUR)) == {SARA, NADIA}, "it may be hers"
    desk.client(OMAR, phone="+971501234599")
    assert OMAR in desk.called(MORNING + HOUR)


def test_a_colleagues_calls_count(desk: Desk, app: FastAPI) -> None:
    desk.call("POST", "/agent/ingest", {"agent_id": OTHER_AGENT, "name": "Omar"})
    desk.client(NADIA, phone="+971501234501", owner_agent_id=OTHER_AGENT)
    desk.contact(NADIA, "no_answer", MORNING, agent_id=OTHER_AGENT)
    ours = Desk(client_of(app, {"X-API-Key": new_key("agent")}))
    assert ours.held(MORNING + HOUR) == {"unanswered": 1}


def test_a_lead_that_nobody_answered_still_waits_for_its_first_answer(desk: Desk) -> None:
    deal = {"deal_id": f"{ID}0100", "agent_id": str(AGENT), "client_id": OMAR, "opened_at": MORNING.isoformat()}
    desk.call("POST", "/behavior/deal", deal)
    desk.contact(OMAR, "no_answer", MORNING + HOUR)
    assert desk.item(OMAR, MORNING + 26 * HOUR)["waiting_hours"] == 26
    desk.contact(OMAR, "reached", MORNING + 26 * HOUR)
    assert desk.item(OMAR, MORNING + 52 * HOUR)["waiting_hours"] is None


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"outcome": "call_back"}, "next_at"),
        ({"next_at": MORNING.isoformat()}, "next_at"),
        ({"agent_id": OTHER_AGENT}, "agent_id"),
        ({"outcome": "bored"}, "outcome"),
        ({"at": "2999-01-01T00:00:00Z"}, "at"),
    ],
)
def test_a_bad_contact_is_refused_by_field_and_not_kept(
    desk: Desk, connection: Connection, fields: dict[str, str], field: str
) -> None:
    body = {"agent_id": str(AGENT), "channel": "call", "outcome": "reached", "at": MORNING.isoformat()} | fields
    problem = desk.call("POST", f"/client/{OMAR}/contact", body, 422)
    assert [error["field"] for error in problem["errors"]] == [field]
    assert connection.scalar(text("SELECT count(*) FROM contacts")) == 0


def test_a_contact_sent_twice_is_kept_once_and_its_key_names_nobody(desk: Desk, connection: Connection) -> None:
    told = desk.contact(OMAR, "reached", MORNING, key="k1")
    assert desk.contact(OMAR, "reached", MORNING, key="k1") == told
    desk.contact(SARA, "reached", MORNING, 422, key="k1")
    assert connection.scalars(text("SELECT client_id FROM contacts")).all() == [uuid.UUID(OMAR)]
    assert connection.scalars(text("SELECT route FROM idempotency_keys")).all() == ["/client/{client_id}/contact"]


# Skips


def test_who_is_skipped_leaves_the_queue_for_as_long_as_the_reason_says(desk: Desk) -> None:
    told = desk.skip(OMAR, "waiting_for_client")
    skipped_at, free = moment(told["skip"]["skipped_at"]), moment(told["may_call"]["from_when"])
    assert skipped_at + 168 * HOUR <= free <= skipped_at + (168 + 24) * HOUR
    assert OMAR in desk.called(free)
    assert OMAR not in desk.called(free - dt.timedelta(seconds=1))


def test_a_call_back_whose_time_has_come_ends_a_skip(desk: Desk) -> None:
    now = dt.datetime.now(dt.UTC)
    asked = now + 4 * 24 * HOUR
    desk.contact(OMAR, "call_back", now - HOUR, next_at=asked.isoformat())
    told = desk.skip(OMAR, "not_ready")
    assert told["may_call"]["allowed"] is False
    day = asked.replace(hour=8, minute=0) + 24 * HOUR  # Noon in Dubai, on the day after.
    assert desk.called(day)[0] == OMAR


def test_reasons_to_skip_tell_what_followed(desk: Desk, connection: Connection) -> None:
    before = {item["why"] for item in desk.call("GET", "/client/skip-reasons")["items"]}
    assert before == {"Reached within 30 days after 0 of 0 skips that long ago; nothing is usual yet."}
    desk.skip(OMAR, "not_ready")
    desk.skip(SARA, "not_ready")
    connection.execute(text("UPDATE call_skips SET skipped_at = :at"), {"at": MORNING})
    desk.skip(SARA, "busy")
    desk.contact(OMAR, "reached", MORNING + 48 * HOUR)
    found = {item["reason"]: item for item in desk.call("GET", "/client/skip-reasons")["items"]}
    assert (found["not_ready"]["times"], found["not_ready"]["n"], found["busy"]["times"], found["busy"]["n"]) == (
        *(2, 2),
        *(1, 0),
    )
    assert found["not_ready"]["cool_down_hours"] == 720
    assert found["busy"]["why"].endswith("; 50% is usual.")
    assert found["not_ready"]["status"] == "insufficient_data"
    assert found["not_ready"]["lower"] < found["not_ready"]["reached_rate"] == 0.5 < found["not_ready"]["upper"]


# Rights


def test_an_agent_keeps_and_sees_contacts_of_own_clients_only(desk: Desk, app: FastAPI, connection: Connection) -> None:
    desk.call("POST", "/agent/ingest", {"agent_id": OTHER_AGENT, "name": "Omar"})
    desk.client(NADIA, owner_agent_id=OTHER_AGENT)
    agent = Desk(client_of(app, {"X-API-Key": new_key("agent")}))
    agent.contact(OMAR, "reached", MORNING)
    agent.contact(NADIA, "reached", MORNING, 404)
    agent.contact(OMAR, "reached", MORNING, 422, agent_id=OTHER_AGENT)
    agent.skip(NADIA, "busy", 404)
    agent.call("GET", f"/client/{NADIA}/timeline", status=404)
    reader = Desk(client_of(app, {"X-API-Key": new_key("read_only")}))
    reader.contact(OMAR, "reached", MORNING, 403)
    reader.skip(OMAR, "busy", 403)
    assert [item["kind"] for item in reader.call("GET", f"/client/{OMAR}/timeline")["items"]] == ["contact"]
    assert connection.scalar(text("SELECT count(*) FROM contacts")) == 1


# The story of a client


def test_a_time_line_holds_everything_once_the_newest_first(desk: Desk, drain: Callable[[], int]) -> None:
    people = {"agent_id": str(AGENT), "client_id": OMAR}
    at = [(MORNING + n * HOUR).isoformat() for n in range(6)]
    desk.call("POST", "/behavior/deal", people | {"deal_id": f"{ID}0200", "opened_at": at[0], "updated_at": at[0]})
    event = people | {"event_id": f"{ID}0201", "time_of_event": at[1], "trigger_word": "pool"}
    desk.call("POST", "/behavior/event", event, 202)
    talk = {"conversation_id": f"{ID}0202", "started_at": at[2], "turns": [{"speaker": "client", "text": "Yes."}]}
    desk.call("POST", "/behavior/conversation", people | talk)
    won = people | {"deal_id": f"{ID}0200", "stage": "won", "closed_at": at[3], "updated_at": at[3]}
    desk.call("POST", "/behavior/deal", won)
    desk.contact(OMAR, "reached", MORNING + 4 * HOUR, note="Keys handed over.")
    desk.contact(SARA, "reached", MORNING)
    desk.skip(OMAR, "not_ready")
    drain()
    path = f"/client/{OMAR}/timeline"
    whole = desk.call("GET", path)["items"]
    assert [(item["kind"], item["what"]) for item in whole] == [
        ("skip", "not_ready"),
        ("contact", "reached"),
        ("deal_stage", "won"),
        ("event", "event"),
        ("conversation", "call"),
        ("event", "pool"),
        ("deal_opened", "opened"),
    ]
    said = [at[4], at[3], at[2], at[2], at[1], at[0]]
    assert [moment(item["at"]) for item in whole[1:]] == list(map(moment, said))
    assert whole[1]["note"] == "Keys handed over."
    paged, cursor = [], None
    while True:
        page = desk.call("GET", path, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
        paged += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert paged == whole
    desk.call("GET", path, status=400, params={"cursor": "garbage"})
    desk.call("GET", f"/client/{NADIA}/timeline", status=404)
