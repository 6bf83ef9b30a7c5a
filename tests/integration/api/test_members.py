"""What an agent and a manager get and leave behind, where the rights of others end."""

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, insert, text
from starlette.testclient import TestClient
from tests.integration.api.identity import AGENT, client_of, new_key, new_owners

from estate.agent.models import AgentActivity
from estate.behavior.models import AnalysisRun, Conversation, TriggerFinding
from estate.client.models import ClientProfile
from estate.core.db import unit_of_work
from estate.core.security import Actor
from estate.realestate_gpt.models import Document, GptResponse

OWN, FOREIGN = (uuid.UUID(int=n, version=4) for n in (0xC1, 0xC2))
COLLEAGUE = uuid.UUID(int=0xC3, version=4)
OWN_TALK, FOREIGN_TALK = (uuid.UUID(int=n, version=4) for n in (0xC4, 0xC5))
NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


@pytest.fixture
def house(database: None) -> None:
    """An agent and a colleague of another team, each with a client."""
    new_owners()
    with unit_of_work(Actor.system()) as session:
        session.execute(insert(AgentActivity).values(agent_id=COLLEAGUE, name="Omar", currency="AED"))
        for client, owner in ((OWN, AGENT), (FOREIGN, COLLEAGUE)):
            session.execute(insert(ClientProfile).values(client_id=client, owner_agent_id=owner, currency="AED"))


@pytest.fixture
def agent(app: FastAPI, house: None) -> TestClient:
    """The agent."""
    return client_of(app, {"X-API-Key": new_key("agent")})


@pytest.fixture
def manager(app: FastAPI, house: None) -> TestClient:
    """The manager of the agent's team."""
    return client_of(app, {"X-API-Key": new_key("manager")})


def bare(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer without the id of its request."""
    return {**answer, "request_id": None}


@pytest.mark.parametrize("path", ["/behavior/event", "/behavior/ingest"])
def test_a_refused_row_of_a_member_is_kept_and_told_as_one_about_nobody(
    agent: TestClient, manager: TestClient, connection: Connection, path: str
) -> None:
    sender = agent if path == "/behavior/event" else manager
    answers = [
        sender.post(path, json={"event_id": str(uuid.uuid4()), "agent_id": str(AGENT), "client_id": str(client)})
        for client in (FOREIGN, uuid.uuid4())
    ]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert bare(answers[0].json()) == bare(answers[1].json())
    assert answers[0].json()["errors"][0]["message"] == "client_id: no such client"
    kept = connection.scalars(text("SELECT convert_from(raw, 'UTF8') FROM rejected_rows ORDER BY rejected_id")).all()
    assert [json.loads(raw)["agent_id"] for raw in kept] == [str(AGENT)] * 2


def test_a_manager_changes_some_fields_of_a_client_of_the_team(manager: TestClient) -> None:
    answer = manager.post("/client/ingest", json={"client_id": str(OWN), "decision_speed": "fast"})

    assert answer.json()["updated"] == 1
    (shown,) = manager.get("/client/query").json()["items"]
    assert (shown["client_id"], shown["owner_agent_id"]) == (str(OWN), str(AGENT))
    assert shown["decision_speed"] == "fast"


@pytest.mark.parametrize("owner", [{}, {"owner_agent_id": str(AGENT)}, {"owner_agent_id": None}])
def test_a_manager_takes_nobody_over(manager: TestClient, connection: Connection, owner: dict[str, str]) -> None:
    answer = manager.post("/client/ingest", json={"client_id": str(FOREIGN), "decision_speed": "fast"} | owner)

    assert answer.status_code == 422
    row = connection.execute(
        text("SELECT owner_agent_id, decision_speed FROM client_profiles WHERE client_id = :id"), {"id": FOREIGN}
    ).one()
    assert tuple(row) == (COLLEAGUE, None)


def test_examples_of_triggers_are_of_conversations_that_one_may_see(agent: TestClient, api: TestClient) -> None:
    run = uuid.uuid4()
    talks = ((OWN_TALK, AGENT, OWN), (FOREIGN_TALK, COLLEAGUE, FOREIGN))
    numbers = ("log_odds", "lift", "lower", "upper", "q", "win_rate_with", "win_rate_without")
    with unit_of_work(Actor.system()) as session:
        for talk, who, client in talks:
            row = {"conversation_id": talk, "agent_id": who, "client_id": client, "channel": "call"}
            session.execute(insert(Conversation).values(**row, started_at=NOW, turn_count=1, content_hash=b"0"))
        session.execute(insert(AnalysisRun).values(run_id=run, as_of=NOW, n_won=1, n_lost=1, n_open=0))
        found = {"run_id": run, "term": "pool", "rank": 1, "evidence": "candidate"} | dict.fromkeys(numbers, 0.5)
        counts = dict.fromkeys(("n_with", "n_without", "n_agents"), 2)
        examples = [f"{OWN_TALK}:0", f"{FOREIGN_TALK}:3"]
        session.execute(insert(TriggerFinding).values(**found, **counts, examples=examples))

    def shown(caller: TestClient) -> Any:
        return caller.get("/behavior/triggers").json()["items"][0]["examples"]

    assert shown(agent) == [f"{OWN_TALK}:0"]
    assert shown(api) == examples


@pytest.mark.parametrize("cited", [OWN, FOREIGN])
def test_a_reply_is_told_to_who_sees_all_its_records(agent: TestClient, api: TestClient, cited: uuid.UUID) -> None:
    reply = uuid.uuid4()
    record = {"layer": "client", "id": str(cited), "content_hash": "00", "fields": {"name": "Somebody"}}
    with unit_of_work(Actor.system()) as session:
        document = {"layer": "client", "record_id": str(cited), "content_hash": b"0", "client_id": cited, "fields": {}}
        session.execute(insert(Document).values(**document, title="Somebody", text="Somebody"))
        values = {"reasoning": [], "used_records": [], "records": [record], "confidence": 0.5, "abstained": False}
        words = dict.fromkeys(("client_input", "text", "composer_version"), "words") | {"intent": "general"}
        session.execute(insert(GptResponse).values(response_id=reply, agent_id=AGENT, client_id=OWN, **values, **words))

    assert agent.get(f"/gpt/responses/{reply}").status_code == (200 if cited == OWN else 404)
    assert api.get(f"/gpt/responses/{reply}").status_code == 200

    def given_out(caller: TestClient) -> list[str]:
        tables = caller.get(f"/client/{OWN}/export").json()["tables"]
        return [row["response_id"] for row in tables.get("gpt_responses", [])]

    assert given_out(agent) == ([str(reply)] if cited == OWN else [])
    assert given_out(api) == [str(reply)]
