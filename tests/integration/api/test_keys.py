"""API keys: what opens, what does not, and that nothing of a secret is kept or told."""

import asyncio
import datetime as dt
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session
from tests.conftest import API_KEY
from tests.integration.api.identity import AGENT, TEAM, client_of, new_key, new_owners, new_user, standing
from tests.live import as_login, new_database

from estate.core.credentials import STRANGERS_WAITING, Credentials
from estate.core.db import Database, unit_of_work, use_database
from estate.core.errors import Conflict, Invalid, NotFound, Unauthorized, Unavailable
from estate.core.key_store import Standing, create_key, revoke_key, rotate_key
from estate.core.keys import ApiKey
from estate.core.security import Actor
from estate.core.settings import Settings, get_settings
from estate.core.users import disable_user

SYSTEM = Actor.system()


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def status(app: FastAPI, key: str) -> int:
    return client_of(app, {"X-API-Key": key}).get("/auth/me").status_code


def key_id(key: str) -> str:
    parsed = ApiKey.parse(key)
    assert parsed is not None
    return parsed.key_id


@pytest.fixture
def forgetful(app: FastAPI) -> Callable[[], None]:
    """Make the server forget what it remembers of keys, as it does after a second."""
    return lambda: app.state.credentials._known.clear()


@pytest.fixture
def statements(connection: Connection) -> Iterator[list[str]]:
    """What the database is asked."""
    asked: list[str] = []

    def note(_: object, __: object, statement: str, *rest: object) -> None:
        asked.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    yield asked
    event.remove(connection, "before_cursor_execute", note)


def test_a_key_says_who_calls(app: FastAPI, database: None) -> None:
    new_owners()
    key = new_key("agent")
    assert client_of(app, {"Authorization": f"bearer {key}"}).get("/auth/me").json() == {
        "caller": key_id(key),
        "role": "agent",
        "agent_id": str(AGENT),
        "team_id": str(TEAM),
        "name": "agent of the test",
    }


@pytest.mark.parametrize("wrong", ["", "x", "estate_test_", API_KEY[:-1], API_KEY + "0", "é" * 10, "k" * 10_000])
def test_another_text_is_no_key_and_the_database_is_not_asked(
    app: FastAPI, database: None, statements: list[str], wrong: str
) -> None:
    headers = {b"x-api-key": wrong.encode()}
    assert client_of(app).get("/auth/me", headers=headers).status_code == 401
    assert statements == []


def test_a_wrong_checksum_or_environment_is_refused_without_a_look_up(
    app: FastAPI, database: None, statements: list[str]
) -> None:
    key = new_key("admin")
    del statements[:]
    assert status(app, key[:-1] + ("0" if key[-1] != "0" else "1")) == 401
    assert status(app, ApiKey("production", key_id(key), "0" * 43).text()) == 401
    assert statements == []


def test_a_right_id_with_another_secret_is_refused(app: FastAPI, database: None) -> None:
    assert status(app, ApiKey("test", key_id(new_key("admin")), "0" * 43).text()) == 401


def test_an_unknown_id_is_looked_up_once_while_it_is_remembered(
    app: FastAPI, database: None, statements: list[str]
) -> None:
    unknown = ApiKey.make("test").text()
    assert [status(app, unknown) for _ in range(5)] == [401] * 5
    assert sum("api_keys" in statement for statement in statements) == 1


def test_a_known_key_is_looked_up_once_while_it_is_remembered(
    app: FastAPI, database: None, statements: list[str]
) -> None:
    client = client_of(app, {"X-API-Key": new_key("admin")})
    del statements[:]
    for _ in range(5):
        assert client.get("/market/query").status_code == 200
    assert sum("FROM api_keys" in statement and "FOR UPDATE" not in statement for statement in statements) == 1


def test_a_revoked_key_is_refused_within_a_second(app: FastAPI, database: None) -> None:
    key = new_key("admin")
    assert status(app, key) == 200
    with unit_of_work(SYSTEM) as session:
        revoke_key(session, SYSTEM, key_id(key), now())
    deadline = time.monotonic() + 1.0 + 0.5  # The half second is the request's own.
    while status(app, key) == 200:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert status(app, key) == 401


def test_the_memory_is_at_most_a_second() -> None:
    assert get_settings().credential_cache_ms <= 1_000
    with pytest.raises(ValueError, match="credential_cache_ms"):
        type(get_settings())(credential_cache_ms=1_001)


def test_a_key_that_expired_is_refused(app: FastAPI, database: None) -> None:
    with unit_of_work(SYSTEM) as session:
        made = [
            create_key(session, SYSTEM, "x", standing("admin"), expires_at=now() + dt.timedelta(seconds=s)).text()
            for s in (-1, 60)
        ]
    assert [status(app, key) for key in made] == [401, 200]


def test_a_replaced_key_overlaps_with_its_successor(
    app: FastAPI, connection: Connection, database: None, forgetful: Callable[[], None]
) -> None:
    old = new_key("ingest")
    with unit_of_work(SYSTEM) as session:
        new = rotate_key(session, SYSTEM, key_id(old), now(), dt.timedelta(hours=1)).text()
    assert [status(app, key) for key in (old, new)] == [200, 200]
    with unit_of_work(SYSTEM) as session, pytest.raises(Conflict):
        rotate_key(session, SYSTEM, key_id(old), now(), dt.timedelta(hours=1))
    connection.execute(text("UPDATE api_keys SET expires_at = now() - interval '1 s' WHERE replaced_by IS NOT NULL"))
    forgetful()
    assert [status(app, key) for key in (old, new)] == [401, 200]


def test_a_disabled_user_takes_their_keys_along(app: FastAPI, database: None, forgetful: Callable[[], None]) -> None:
    user_id = new_user()
    with unit_of_work(SYSTEM) as session:
        key = create_key(session, SYSTEM, "laptop", standing("admin"), user_id=user_id).text()
    assert status(app, key) == 200
    with unit_of_work(SYSTEM) as session:
        disable_user(session, SYSTEM, "LAYLA.haddad@example.com", now())
    forgetful()
    assert status(app, key) == 401


def test_use_is_noted_once_a_minute(
    app: FastAPI, connection: Connection, database: None, forgetful: Callable[[], None], statements: list[str]
) -> None:
    key = new_key("admin")
    used = text("SELECT last_used_at FROM api_keys WHERE key_id = :id")

    def last_use() -> dt.datetime | None:
        found: dt.datetime | None = connection.execute(used, {"id": key_id(key)}).scalar_one()
        return found

    assert last_use() is None
    assert status(app, key) == 200
    first = last_use()
    assert first is not None
    forgetful()
    assert status(app, key) == 200
    assert last_use() == first
    connection.execute(text("UPDATE api_keys SET last_used_at = last_used_at - interval '61 s'"))
    forgetful()
    assert status(app, key) == 200
    assert last_use() != first - dt.timedelta(seconds=61)


def test_the_database_holds_nothing_that_opens(connection: Connection, database: None) -> None:
    key = new_key("admin")
    parsed = ApiKey.parse(key)
    assert parsed is not None
    row = str(connection.execute(text("SELECT api_keys::text FROM api_keys")).scalar_one())
    assert parsed.secret not in row
    assert parsed.secret.encode().hex() not in row


def test_a_role_needs_what_it_stands_for() -> None:
    for role in ("agent", "manager"):
        with pytest.raises(Invalid):
            Standing(role)


def test_a_key_that_nobody_made_cannot_be_revoked(session: object, database: None) -> None:
    with unit_of_work(SYSTEM) as own, pytest.raises(NotFound):
        revoke_key(own, SYSTEM, "00000000", now())


@pytest.mark.parametrize("role", ["owner", "agent", "manager"])
def test_the_database_refuses_an_incomplete_role(connection: Connection, role: str) -> None:
    row = text("INSERT INTO users (user_id, email, role) VALUES (:id, 'a@example.com', :role)")
    with connection.begin_nested() as savepoint:
        with pytest.raises(Exception, match="violates check constraint"):
            connection.execute(row, {"id": uuid.uuid4(), "role": role})
        savepoint.rollback()


def test_keys_are_in_no_log(app: FastAPI, database: None, capfd: pytest.CaptureFixture[str]) -> None:
    key = new_key("admin")
    for sent in (key, key[:-1] + "!", ApiKey.make("test").text()):
        client = client_of(app, {"X-API-Key": sent})
        client.get("/auth/me")
        client.get(f"/market/query?api_key={sent}")
    said = capfd.readouterr()
    assert "estate_test_" not in said.out + said.err


def test_a_key_in_the_url_is_400_also_beside_a_right_one(app: FastAPI, database: None) -> None:
    key = new_key("admin")
    assert client_of(app).get(f"/market/query?api_key={key}").status_code == 400
    assert client_of(app, {"X-API-Key": key}).get(f"/market/query?api_key={key}").status_code == 400


def test_a_write_is_audited_with_its_effect_and_a_refused_one_is_not(
    app: FastAPI, connection: Connection, database: None
) -> None:
    new_owners()
    key = new_key("ingest")
    client = client_of(app, {"X-API-Key": key, "X-Request-Id": "request-of-the-test"})
    batch = client.post("/agent/ingest", json=[{"agent_id": str(AGENT), "name": "Layla"}, {"name": "x"}]).json()
    client.post("/gpt/respond", json={})
    lines = connection.execute(text("SELECT * FROM audit_log ORDER BY audit_id")).mappings().all()
    assert [line["action"] for line in lines] == ["key.create", "agent.ingest"]
    line = lines[-1]
    assert (line["role"], line["caller"], line["request_id"]) == ("ingest", key_id(key), "request-of-the-test")
    assert (line["subject_table"], line["subject_id"]) == ("ingest_batches", batch["batch_id"])
    assert {name: n for name, n in line["detail"].items() if n} == {"updated": 1, "rejected": 1}


@pytest.mark.parametrize("change", ["UPDATE audit_log SET caller = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"])
def test_the_audit_log_is_only_added_to(connection: Connection, database: None, change: str) -> None:
    new_key("admin")
    with connection.begin_nested() as savepoint:
        connection.execute(text("SET LOCAL ROLE NONE"))  # Not even the owner of the table.
        with pytest.raises(ProgrammingError, match="only ever added to"):
            connection.execute(text(change))
        savepoint.rollback()


def test_unknown_tokens_by_the_hundred_hold_up_no_known_key(engine: Engine) -> None:
    url = new_database(engine, "estate_strangers")

    async def flood(locking: Session) -> tuple[int, list[BaseException | Actor]]:
        credentials = Credentials(Settings(credential_cache_ms=1))
        await credentials.of_key(key)
        locking.execute(text("LOCK sessions IN ACCESS EXCLUSIVE MODE"))  # No stranger is told before the key is.
        strangers = [asyncio.create_task(credentials.of_session(f"stranger {n}")) for n in range(500)]
        await asyncio.sleep(0.01)  # What is remembered of the key is too old by then.
        assert (await credentials.of_key(key)).caller == key_id(key)
        waiting = sum(not stranger.done() for stranger in strangers)
        locking.rollback()
        return waiting, await asyncio.gather(*strangers, return_exceptions=True)

    with (
        closing(Database.connect(url, "worker")) as owner,
        closing(Database.connect(as_login(url, "estate_api"), "api")) as api,
    ):
        with use_database(owner):
            new_owners()
            key = new_key("agent")
        with use_database(api), owner.sessions() as locking:
            waiting, told = asyncio.run(flood(locking))
    assert waiting == STRANGERS_WAITING
    assert sum(isinstance(answer, Unavailable) for answer in told) == 500 - STRANGERS_WAITING
    assert sum(isinstance(answer, Unauthorized) for answer in told) == STRANGERS_WAITING
