"""Log-in of people: cookies, limits of a session, pages of other origins, and who tries too often."""

import gzip
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from pwdlib import PasswordHash
from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session
from starlette.testclient import TestClient
from tests.integration.api.conftest import Counting
from tests.integration.api.identity import EMAIL, PASSWORD, new_user
from tests.live import committing

from estate.api.deps import now
from estate.core.db import unit_of_work, use_database
from estate.core.retention import forget_old
from estate.core.security import Actor
from estate.core.users import disable_user, log_in, set_password

COOKIE = "__Host-estate_session"
SYSTEM = Actor.system()


@pytest.fixture
def user_id(database: None) -> uuid.UUID:
    return new_user()


@pytest.fixture
def console(counting: Counting, user_id: uuid.UUID) -> TestClient:
    """A browser, nobody logged in yet."""
    return counting(log_ins_per_minute="1000", wrong_keys_per_minute="1000", credential_cache_ms="0")


def enter(console: TestClient, **changes: str) -> int:
    body = {"email": EMAIL, "password": PASSWORD} | changes
    return console.post("/auth/login", json=body).status_code


def token(console: TestClient) -> str:
    return str(console.cookies[COOKIE])


def aged(connection: Connection, column: str, interval: str) -> None:
    connection.execute(text(f"UPDATE sessions SET {column} = {column} - interval '{interval}'"))


def test_a_log_in_opens_a_session_and_a_log_out_ends_it_at_once(console: TestClient, user_id: uuid.UUID) -> None:
    assert console.get("/auth/me").status_code == 401
    assert enter(console) == 200
    assert console.get("/auth/me").json()["caller"] == str(user_id)
    assert console.get("/market/query").status_code == 200
    kept = token(console)
    assert console.post("/auth/logout").json() == {"logged_out": True}
    assert COOKIE not in console.cookies
    assert console.get("/auth/me", headers={"Cookie": f"{COOKIE}={kept}"}).status_code == 401


@pytest.mark.parametrize("foreign", ['prefs={"theme": 1}', "a b=1", "x[y]=1", "=", "flag"])
def test_cookies_of_others_on_the_same_host_are_no_matter(console: TestClient, foreign: str) -> None:
    assert enter(console) == 200
    kept = token(console)
    console.cookies.clear()
    assert console.get("/auth/me", headers={"Cookie": f"{foreign}; {COOKIE}={kept}"}).status_code == 200


def test_the_log_out_is_at_once_although_sessions_are_remembered(counting: Counting, user_id: uuid.UUID) -> None:
    console = counting(log_ins_per_minute="1000", credential_cache_ms="1000")
    assert enter(console) == 200
    kept = {"Cookie": f"{COOKIE}={token(console)}"}
    assert console.get("/auth/me").status_code == 200
    console.post("/auth/logout")
    assert console.get("/auth/me", headers=kept).status_code == 401


def test_the_cookie_is_for_this_server_alone(console: TestClient) -> None:
    answer = console.post("/auth/login", json={"email": EMAIL, "password": PASSWORD})
    parts = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert parts == {"path=/", "secure", "httponly", "samesite=strict"}
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("environment", "address", "secure"),
    [("development", "127.0.0.1", False), ("development", "198.51.100.1", True), ("test", "127.0.0.1", True)],
)
def test_the_plain_cookie_is_for_development_on_this_machine(
    counting: Counting, user_id: uuid.UUID, environment: str, address: str, secure: bool
) -> None:
    console = counting(environment=environment, log_ins_per_minute="1000")
    body = {"email": EMAIL, "password": PASSWORD}
    answer = console.post("http://testserver/auth/login", json=body, headers={"X-Test-Address": address})
    assert answer.headers["set-cookie"].startswith(COOKIE if secure else "estate_session")
    assert ("secure" in answer.headers["set-cookie"].lower()) == secure


def test_every_log_in_gets_another_token_and_none_is_stored(console: TestClient, connection: Connection) -> None:
    tokens = []
    for _ in range(3):
        assert enter(console) == 200
        tokens.append(token(console))
    assert len(set(tokens)) == 3
    stored = str(connection.execute(text("SELECT string_agg(s::text, ' ') FROM sessions s")).scalar_one())
    assert not any(one in stored or one.encode().hex() in stored for one in tokens)


@pytest.mark.parametrize(("column", "interval"), [("last_seen_at", "30 minutes"), ("created_at", "12 hours")])
def test_a_session_ends_when_it_is_left_alone_or_too_old(
    console: TestClient, connection: Connection, column: str, interval: str
) -> None:
    enter(console)
    assert console.get("/auth/me").status_code == 200
    connection.execute(text(f"UPDATE sessions SET {column} = now() - interval '{interval}' + interval '20 s'"))
    assert console.get("/auth/me").status_code == 200
    connection.execute(text(f"UPDATE sessions SET {column} = now() - interval '{interval}'"))
    assert console.get("/auth/me").status_code == 401


def test_use_keeps_a_session_alive(console: TestClient, connection: Connection) -> None:
    enter(console)
    for _ in range(3):
        aged(connection, "last_seen_at", "20 minutes")
        assert console.get("/auth/me").status_code == 200


def test_sessions_that_ended_long_ago_are_forgotten(console: TestClient, connection: Connection) -> None:
    enter(console)
    for days, gone in ((29, 0), (2, 1)):
        aged(connection, "last_seen_at", f"{days} days")
        aged(connection, "created_at", f"{days} days")
        assert forget_old().get("sessions", 0) == gone


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://testserver", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_page_of_another_origin_changes_nothing(
    console: TestClient, connection: Connection, headers: dict[str, str]
) -> None:
    enter(console)
    written = text("SELECT count(*) FROM audit_log")
    before = connection.execute(written).scalar_one()
    area = {"area_id": str(uuid.uuid4()), "area_name": "x"}
    assert console.post("/market/ingest", json=area, headers=headers).status_code == 403
    assert console.post("/auth/logout", headers=headers).status_code == 403
    assert console.post("/auth/login", json={"email": EMAIL, "password": PASSWORD}, headers=headers).status_code == 403
    assert connection.execute(written).scalar_one() == before
    assert console.get("/auth/me").status_code == 200


@pytest.mark.parametrize(
    "headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": "https://testserver"}]
)
def test_our_own_page_may_write(console: TestClient, headers: dict[str, str]) -> None:
    enter(console)
    area = {"area_id": str(uuid.uuid4()), "area_name": "x", "price_avg": "1.00"}
    assert console.post("/market/ingest", json=area, headers=headers).status_code == 200


def test_a_new_password_or_a_disabled_user_ends_what_was_open(console: TestClient) -> None:
    changes: list[Callable[[Session], object]] = [
        lambda session: set_password(session, SYSTEM, EMAIL, "another long password", now()),
        lambda session: disable_user(session, SYSTEM, EMAIL, now()),
    ]
    for change in changes:
        enter(console, password=PASSWORD)
        assert console.get("/auth/me").status_code == 200
        with unit_of_work(SYSTEM) as session:
            change(session)
        assert console.get("/auth/me").status_code == 401
        assert enter(console, password=PASSWORD) == 401
        with unit_of_work(SYSTEM) as session:
            set_password(session, SYSTEM, EMAIL, PASSWORD, now())
    assert enter(console) == 401, "a disabled user stays out, whatever the password"


@pytest.mark.parametrize(
    "change",
    [
        lambda session: set_password(session, SYSTEM, EMAIL, "another long password", now()),
        lambda session: disable_user(session, SYSTEM, EMAIL, now()),
    ],
    ids=["another password", "disabled"],
)
def test_a_log_in_under_way_does_not_outlive_what_shuts_it_out(
    change: Callable[[Session], object], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked, changed = threading.Event(), threading.Event()
    check = PasswordHash.verify_and_update

    def slow(hasher: PasswordHash, password: str, stored: str) -> tuple[bool, str | None]:
        found = check(hasher, password, stored)
        checked.set()
        assert changed.wait(60)
        return found

    def entered() -> bool:
        with unit_of_work(Actor.gate()) as session:
            return log_in(session, EMAIL, PASSWORD) is not None

    with committing(engine, "estate_log_in") as database, use_database(database), ThreadPoolExecutor(1) as others:
        new_user()
        monkeypatch.setattr(PasswordHash, "verify_and_update", slow)
        under_way = others.submit(entered)
        assert checked.wait(60)
        with unit_of_work(SYSTEM) as session:
            change(session)
        changed.set()
        assert not under_way.result(60)


def test_a_refusal_does_not_tell_why_and_is_audited(console: TestClient, connection: Connection) -> None:
    bodies = [
        console.post("/auth/login", json={"email": email, "password": password}).json()
        for email, password in ((EMAIL, "wrong password"), ("nobody@example.com", PASSWORD))
    ]
    assert bodies[0] | {"request_id": None} == bodies[1] | {"request_id": None}
    lines = connection.execute(text("SELECT action, role, caller, detail FROM audit_log ORDER BY audit_id")).all()
    assert [tuple(line) for line in lines[1:]] == [("login.refuse", "anonymous", "anonymous", {})] * 2
    enter(console)
    assert connection.execute(text("SELECT count(*) FROM audit_log WHERE action = 'login'")).scalar_one() == 1


def test_somebody_unknown_is_refused_as_slowly(database: None, user_id: uuid.UUID) -> None:
    def seconds(email: str) -> float:
        started = time.perf_counter()
        with unit_of_work(SYSTEM) as session:
            assert log_in(session, email, "wrong password") is None
        return time.perf_counter() - started

    seconds("nobody@example.com")
    pairs = [(seconds("nobody@example.com"), seconds(EMAIL)) for _ in range(10)]
    unknown, known = (min(times) for times in zip(*pairs, strict=True))
    assert unknown / known == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize(
    "body", [{}, {"email": EMAIL}, {"email": "x", "password": "y"}, {"email": EMAIL, "password": "p" * 257}]
)
def test_a_bad_log_in_is_422_and_repeats_nothing(console: TestClient, body: dict[str, str]) -> None:
    answer = console.post("/auth/login", json=body)
    assert answer.status_code == 422
    assert EMAIL not in answer.text
    assert "ppp" not in answer.text


def test_an_address_that_tries_too_often_is_held_up(counting: Counting, user_id: uuid.UUID) -> None:
    console = counting(log_ins_per_minute="4")
    address = {"X-Test-Address": f"2001:db8::{uuid.uuid4().hex[:4]}"}

    def tried(email: str) -> int:
        return console.post("/auth/login", json={"email": email, "password": "x"}, headers=address).status_code

    assert [tried(f"{uuid.uuid4().hex}@example.com") for _ in range(6)] == [401] * 4 + [429] * 2
    answer = console.post("/auth/login", json={"email": EMAIL, "password": PASSWORD}, headers=address)
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.headers["ratelimit-policy"] == '"log-ins";q=4;w=60'
    elsewhere = {"X-Test-Address": f"2001:db8:1::{uuid.uuid4().hex[:4]}"}
    assert (
        console.post("/auth/login", json={"email": EMAIL, "password": PASSWORD}, headers=elsewhere).status_code == 200
    )


def test_a_log_in_is_counted_before_its_body_is_read(counting: Counting, user_id: uuid.UUID) -> None:
    console = counting(log_ins_per_minute="4")
    headers = {"X-Test-Address": f"2001:db8:3::{uuid.uuid4().hex[:4]}", "Content-Type": "application/json"}
    packed = headers | {"Content-Encoding": "gzip"}

    def tried(headers: dict[str, str], body: bytes) -> tuple[int, str]:
        answer = console.post("/auth/login", content=body, headers=headers)
        return answer.status_code, answer.json()["detail"]

    blanks = b" " * 8_192 + b"{}"
    too_large = (413, "The body takes at most 8192 bytes.")
    assert tried(headers, blanks) == too_large
    assert tried(packed, gzip.compress(b"", mtime=0) * 50_000) == too_large
    assert tried(packed, gzip.compress(blanks)) == (413, "The body takes at most 8192 bytes unpacked.")
    assert tried(headers, b"{")[0] == 400
    assert tried(headers, b"{") == (429, "At most 4 log-ins a minute are answered.")


def test_an_account_that_many_addresses_try_is_held_up(counting: Counting, user_id: uuid.UUID) -> None:
    console = counting(log_ins_per_minute="4")
    email = f"{uuid.uuid4().hex}@example.com"

    def tried(i: int) -> int:
        spelt = email.upper() if i % 2 else email
        headers = {"X-Test-Address": f"2001:db8:2::{uuid.uuid4().hex[:4]}"}
        return console.post("/auth/login", json={"email": spelt, "password": "x"}, headers=headers).status_code

    assert [tried(i) for i in range(6)] == [401] * 4 + [429] * 2


def test_without_redis_nobody_logs_in_and_everything_else_goes_on(counting: Counting, user_id: uuid.UUID) -> None:
    console = counting(redis_url="redis://127.0.0.1:1/0")
    assert enter(console) == 503
    assert console.get("/healthz").status_code == 200
    assert console.get("/auth/me").status_code == 401
