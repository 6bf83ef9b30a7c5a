"""What administrators are told of the platform: the same as on its machine, and no secret."""

import datetime as dt
import json
import uuid
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.orm import Session
from starlette.testclient import TestClient
from tests.integration.api.identity import AGENT, EMAIL, PASSWORD, TEAM, client_of, new_key, new_owners, new_user

from estate.api import system
from estate.core.db import unit_of_work
from estate.core.heartbeats import take_turn
from estate.core.key_store import Standing, create_key, revoke_key, rotate_key
from estate.core.models import Heartbeat, OutboxClaim, OutboxRow, StoredKey, UserSession
from estate.core.outbox import Job, enqueue, standings
from estate.core.queue import TOPICS
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.core.users import disable_user, log_in
from estate.intelligence.cards import QUALIFICATION
from estate.intelligence.quality import trainings
from estate.intelligence.register import promote, register
from estate.intelligence.scorer import Cases, Scorer

SYSTEM = Actor.system()
NOW = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
SECRETS = ("secret", "hash", "password_", "token")


def told(caller: TestClient, what: str, **params: Any) -> Any:
    answer = caller.get(f"/system/{what}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def work(*rows: dict[str, Any]) -> None:
    """Put rows into the outbox."""
    old = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    common = {"created_at": old, "available_at": old, "payload": {"name": "Huda Salem"}}
    with unit_of_work(SYSTEM) as session:
        for row in rows:
            session.execute(insert(OutboxRow).values(common | row))


def test_queues_are_what_doctor_and_gauges_see(api: TestClient) -> None:
    work({"topic": "agent.fold", "key": "a"}, {"topic": "agent.fold", "key": "b"})
    work({"topic": "intelligence.score", "key": "c", "dead": True, "last_error": "ValueError"})
    with unit_of_work(SYSTEM) as session:
        enqueue(session, [Job("of.old", "d", due_at=dt.datetime.now(dt.UTC) + dt.timedelta(days=1))])
        expected = {one.topic: (one.waiting, one.dead, one.reason) for one in standings(session)}
    found = told(api, "queues")
    items = {item["topic"]: item for item in found["items"]}
    assert items.keys() == {*TOPICS, "of.old"}
    assert {t: (i["waiting"], i["failed"], i["reason"]) for t, i in items.items() if t in expected} == expected
    assert {t: i["waiting"] + i["failed"] for t, i in items.items() if t not in expected} == dict.fromkeys(
        TOPICS.keys() - expected.keys(), 0
    )
    assert (found["waiting"], found["failed"]) == (3, 1)
    assert 3_500 < found["oldest_s"] == items["agent.fold"]["oldest_s"] < 3_900
    assert items["of.old"]["oldest_s"] == 0
    assert (found["redis"], found["queued_tasks"], found["sweep_age_s"]) == ("not configured", None, None)


def test_queues_say_when_redis_is_gone(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = get_settings().model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    monkeypatch.setattr(system, "get_settings", lambda: gone)
    found = told(api, "queues")
    assert (found["redis"], found["queued_tasks"]) == ("unavailable", None)


def test_jobs_are_what_ran_what_is_done_and_what_failed(api: TestClient) -> None:
    take_turn("of something else", 1)
    assert told(api, "jobs")["runs"] == [{"name": name, "last_at": None} for name in ("sweep", "retain")]
    work(
        {"topic": "agent.fold", "key": "waits"},
        {"topic": "agent.fold", "key": "again", "attempts": 2, "last_error": "ValueError", "request_id": "r-1"},
        {"topic": "agent.fold", "key": "over", "attempts": 5, "last_error": "KeyError", "dead": True},
        {"topic": "agent.fold", "key": "deadly", "crashes": 1},
    )
    with unit_of_work(SYSTEM) as session:
        session.execute(insert(Heartbeat).values(name="sweep", beat_at=NOW))
        note = {"claim_id": uuid.uuid4(), "topic": "agent.fold", "outbox_ids": [1, 2], "claimed_at": NOW}
        session.execute(insert(OutboxClaim).values(note))
    found = told(api, "jobs")
    assert found["runs"][0] == {"name": "sweep", "last_at": "2026-11-01T12:00:00Z"}
    assert found["in_hand"] == [{"topic": "agent.fold", "rows": 2, "since": "2026-11-01T12:00:00Z"}]
    assert [(f["key"], f["attempts"], f["crashes"], f["error"], f["given_up"]) for f in found["failed"]] == [
        ("deadly", 0, 1, None, False),
        ("over", 5, 0, "KeyError", True),
        ("again", 2, 0, "ValueError", False),
    ]
    assert [f["next_at"] is None for f in found["failed"]] == [False, True, False]
    assert found["failed"][2]["request_id"] == "r-1"
    assert "Huda" not in json.dumps(found)
    assert [f["key"] for f in told(api, "jobs", limit=1)["failed"]] == ["deadly"]


@pytest.mark.parametrize("limit", ["0", "201", "many"])
def test_a_bad_limit_is_refused(api: TestClient, limit: str) -> None:
    assert api.get("/system/jobs", params={"limit": limit}).status_code == 422


def trained(session: Session, verdict: str) -> uuid.UUID:
    """Keep a training of the qualification score."""
    nothing = dict.fromkeys(("share_won", "auc", "brier", "log_loss", "base_log_loss"))
    return register(
        session,
        "qualification",
        Scorer.fit(QUALIFICATION, Cases.none(QUALIFICATION)),
        trained_at=NOW,
        window_from=NOW - dt.timedelta(days=365),
        window_to=NOW,
        n=120,
        metrics={"all": {"n": 120, **nothing, "auc": 0.7}, "folds": [], "bands": []},
        verdict=verdict,
    )


def test_models_are_those_that_answer(api: TestClient) -> None:
    before = told(api, "models")
    assert [(item["kind"], item["answers"], item["training"]) for item in before["items"]] == [
        ("qualification", "card", None),
        ("closing", "card", None),
    ]
    with unit_of_work(SYSTEM) as session:
        promote(session, "qualification", trained(session, "promoted"))
        trained(session, "not better")
        listed = [str(one.model_id) for one in trainings(session)]
    after = told(api, "models")
    item = after["items"][0]
    assert (item["answers"], item["unlearned"], item["stale"]) == ("model", 0, False)
    training = item["training"]
    assert (training["n"], training["verdict"], training["foretold"]["auc"]) == (120, "promoted", 0.7)
    assert (training["trained_at"], training["active"]) == ("2026-11-01T12:00:00Z", True)
    assert [one["model_id"] for one in after["trainings"]] == listed
    assert len(listed) == 2


def test_a_model_that_cannot_be_used_does_not_answer(api: TestClient, connection: Connection) -> None:
    with unit_of_work(SYSTEM) as session:
        promote(session, "qualification", trained(session, "promoted"))
    connection.exec_driver_sql("UPDATE trained_models SET recipe = 'of another release'")
    item = told(api, "models")["items"][0]
    assert (item["answers"], item["training"]["active"]) == ("card", True)


def test_keys_are_listed_with_their_state_and_no_secret(api: TestClient) -> None:
    new_owners()
    user = new_user()
    with unit_of_work(SYSTEM) as session:
        made = {
            name: create_key(session, SYSTEM, name, standing, user_id=whose, expires_at=until)
            for name, standing, whose, until in (
                ("terminal", Standing("agent", AGENT, TEAM), user, None),
                ("old", Standing("ingest"), None, NOW - dt.timedelta(days=400)),
                ("gone", Standing("ingest"), None, None),
                ("before", Standing("read_only"), None, None),
            )
        }
        revoke_key(session, SYSTEM, made["gone"].key_id, NOW)
        now = dt.datetime.now(dt.UTC)
        made["after"] = rotate_key(session, SYSTEM, made["before"].key_id, now, dt.timedelta(hours=1))
        used = update(StoredKey).where(StoredKey.key_id == made["terminal"].key_id).values(last_used_at=NOW)
        session.execute(used)
    found = told(api, "keys")
    assert found["next_cursor"] is None
    items = {item["key_id"]: item for item in found["items"]}
    states = {name: items[key.key_id]["state"] for name, key in made.items()}
    assert states == {
        "terminal": "active",
        "old": "expired",
        "gone": "revoked",
        "before": "replaced",
        "after": "active",
    }
    terminal = items[made["terminal"].key_id]
    assert terminal.pop("created_at")
    assert terminal == {
        "key_id": made["terminal"].key_id,
        "name": "terminal",
        "role": "agent",
        "user_id": str(user),
        "owner": "Layla",
        "agent_id": str(AGENT),
        "team_id": str(TEAM),
        "state": "active",
        "replaced_by": None,
        "last_used_at": "2026-11-01T12:00:00Z",
        "expires_at": None,
        "revoked_at": None,
    }
    assert items[made["before"].key_id]["replaced_by"] == made["after"].key_id
    shown = json.dumps(found)
    assert not [word for word in (*SECRETS, *(key.secret for key in made.values())) if word in shown]


def test_users_are_listed_with_team_and_last_session(api: TestClient) -> None:
    assert told(api, "users")["items"] == []
    new_owners()
    user = new_user("manager")
    (item,) = told(api, "users")["items"]
    assert (item["state"], item["last_session_at"]) == ("active", None)
    with unit_of_work(SYSTEM) as session:
        assert log_in(session, EMAIL, PASSWORD)
        session.execute(update(UserSession).values(last_seen_at=NOW))
    found = told(api, "users")
    (item,) = found["items"]
    assert item.pop("created_at")
    assert item == {
        "user_id": str(user),
        "email": EMAIL,
        "name": "Layla",
        "role": "manager",
        "agent_id": None,
        "team_id": str(TEAM),
        "team": "Marina",
        "state": "active",
        "disabled_at": None,
        "last_session_at": "2026-11-01T12:00:00Z",
    }
    assert not [word for word in SECRETS if word in json.dumps(found)]
    with unit_of_work(SYSTEM) as session:
        mine = create_key(session, SYSTEM, "mine", Standing("read_only"), user_id=user)
        disable_user(session, SYSTEM, EMAIL, NOW)
    (item,) = told(api, "users")["items"]
    assert (item["state"], item["disabled_at"]) == ("disabled", "2026-11-01T12:00:00Z")
    states = {key["key_id"]: (key["owner"], key["state"]) for key in told(api, "keys")["items"]}
    assert states[mine.key_id] == ("Layla", "revoked")


def test_when_somebody_was_here_is_told_after_others_log_in(api: TestClient) -> None:
    new_owners()
    new_user("manager")
    with unit_of_work(SYSTEM) as session:
        assert log_in(session, EMAIL, PASSWORD)
        session.execute(update(UserSession).values(created_at=NOW, last_seen_at=NOW))
        assert log_in(session, EMAIL, PASSWORD)
        assert list(session.scalars(select(UserSession.created_at).where(UserSession.last_seen_at == NOW))) == [NOW]


def test_who_has_no_password_cannot_log_in(api: TestClient) -> None:
    new_user(password=None)
    assert [item["state"] for item in told(api, "users")["items"]] == ["no_password"]


@pytest.mark.parametrize("role", ["manager", "agent", "ingest", "read_only"])
@pytest.mark.parametrize("what", ["queues", "jobs", "models", "keys", "users"])
def test_nobody_but_an_administrator_is_told(app: FastAPI, database: None, role: Any, what: str) -> None:
    new_owners()
    problem = client_of(app, {"X-API-Key": new_key(role)}).get(f"/system/{what}")
    assert problem.status_code == 403
    assert problem.json()["detail"] == f"The role {role} may not GET /system/{what}; allowed: admin."


def test_an_administrator_of_the_house_is_told(app: FastAPI, database: None) -> None:
    key = new_key("admin")
    client = client_of(app, {"X-API-Key": key})
    for what in ("queues", "jobs", "models", "keys", "users"):
        assert client.get(f"/system/{what}").status_code == 200
