"""The doors of the console: who gets in, what may be sent from where, and what a repeated action does."""

import json
from collections.abc import Iterator

import httpx2
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from estate.console import session
from estate.console.app import create_app

ME = {"caller": "user:1", "role": "agent", "agent_id": "60000000-0000-4000-8000-000000000001"}
ME |= {"team_id": None, "name": "Layla"}  # type: ignore[dict-item]
HERE = {"Host": "console.example", "Origin": "http://console.example"}
CLIENT = "60000000-0000-4000-8000-000000000002"


class Api:
    """Answers as the API would, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx2.Request] = []
        self.broken = False

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        if self.broken:
            raise httpx2.ConnectError("refused", request=request)
        path = request.url.path
        if path == "/auth/login":
            if json.loads(request.content)["password"] != "right":
                problem = {"type": "urn:estate:problem:unauthorized", "title": "No", "status": 401, "detail": "Wrong."}
                return httpx2.Response(401, json=problem)
            return httpx2.Response(200, json=ME, headers={"Set-Cookie": "estate_session=token-1; Path=/; HttpOnly"})
        if path == "/auth/me" and "token-1" not in request.headers.get("cookie", ""):
            problem = {"type": "urn:estate:problem:unauthorized", "title": "No", "status": 401, "detail": "Ended."}
            return httpx2.Response(401, json=problem)
        if path == "/auth/me":
            return httpx2.Response(200, json=ME)
        if path == "/auth/logout":
            return httpx2.Response(200, json={"logged_out": True})
        return httpx2.Response(404, json={"title": "?", "status": 404, "detail": "There is no such thing."})


@pytest.fixture(scope="module")
def console() -> FastAPI:
    return create_app()


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    api = Api()
    carrier = httpx2.MockTransport(api)
    monkeypatch.setattr(session, "_connections", lambda: carrier)
    return api


@pytest.fixture
def browser(console: FastAPI, api: Api) -> Iterator[TestClient]:
    with TestClient(console, client=("127.0.0.1", 50_000), headers=HERE, follow_redirects=False) as client:
        yield client


@pytest.fixture
def inside(browser: TestClient) -> TestClient:
    browser.post("/login", json={"email": "a@b.example", "password": "right"})
    return browser


def test_without_a_session_one_is_led_to_the_log_in(browser: TestClient) -> None:
    answer = browser.get("/clients?search=omar")
    assert (answer.status_code, answer.headers["location"]) == (307, "/login?next=%2Fclients%3Fsearch%3Domar")
    assert browser.get("/").headers["location"] == "/login"


def test_an_ended_session_is_led_to_the_log_in(browser: TestClient) -> None:
    browser.cookies.set("estate_console", "token-of-yesterday")
    assert browser.get("/clients").headers["location"].startswith("/login")


def test_the_session_is_out_of_reach_of_scripts_and_other_sites(browser: TestClient) -> None:
    answer = browser.post("/login", json={"email": "a@b.example", "password": "right", "next": "/market"})
    assert answer.json() == {"said": "Signed in.", "go": "/market"}
    kept = answer.headers["set-cookie"].lower()
    assert "httponly" in kept
    assert "samesite=strict" in kept


def test_over_another_machine_the_cookie_is_a_secure_one(console: FastAPI, api: Api) -> None:
    with TestClient(console, client=("192.0.2.1", 50_000), headers=HERE) as far:
        kept = far.post("/login", json={"email": "a@b.example", "password": "right"}).headers["set-cookie"]
    assert kept.startswith("__Host-estate_console=")
    assert "Secure" in kept


@pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_nobody_is_sent_to_another_site(browser: TestClient, away: str) -> None:
    answer = browser.post("/login", json={"email": "a@b.example", "password": "right", "next": away})
    assert answer.json()["go"] == "/"


def test_a_wrong_password_is_told_as_the_api_says_it(browser: TestClient) -> None:
    answer = browser.post("/login", json={"email": "a@b.example", "password": "wrong"})
    assert (answer.status_code, answer.json()["detail"]) == (401, "Wrong.")
    assert answer.json()["hint"] == "Check both and try again."


@pytest.mark.parametrize("path", ["/nowhere", "/clients/1/2/3", "/agents/"])
def test_an_address_without_a_page_leads_back(browser: TestClient, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 404
    assert "There is no page at this address." in answer.text
    assert '<a class="button primary" href="/">' in answer.text
    assert "HTTPException" not in answer.text


@pytest.mark.parametrize(
    "foreign", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}]
)
def test_what_a_page_of_another_origin_sends_is_refused(inside: TestClient, foreign: dict[str, str]) -> None:
    assert inside.post("/do/contact", json={}, headers=foreign | {"X-Key": "k"}).status_code == 403
    assert inside.post("/logout", headers=foreign).status_code == 403


def test_every_page_says_what_browsers_may_do(browser: TestClient) -> None:
    headers = browser.get("/login").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")


def test_an_action_needs_a_name_a_key_and_a_session(browser: TestClient) -> None:
    assert browser.post("/do/nothing", json={}, headers={"X-Key": "k"}).status_code == 404
    assert browser.post("/do/contact", json={}).status_code == 404
    assert browser.post("/do/contact", json={}, headers={"X-Key": "k"}).status_code == 401


def test_an_action_carries_the_key_of_the_browser_to_the_api(inside: TestClient, api: Api) -> None:
    fields = {"client_id": CLIENT, "agent_id": ME["agent_id"], "channel": "call", "outcome": "no_answer"}
    answer = inside.post("/do/contact", json=fields, headers={"X-Key": "key-of-the-tap"})
    assert answer.status_code == 404, "what the API said is handed on"
    assert api.asked[-1].url.path == f"/client/{CLIENT}/contact"
    assert api.asked[-1].headers["idempotency-key"] == "key-of-the-tap"


def test_an_api_out_of_reach_is_worth_another_try(inside: TestClient, api: Api) -> None:
    api.broken = True
    fields = {"client_id": CLIENT, "agent_id": ME["agent_id"], "channel": "call", "outcome": "no_answer"}
    assert inside.post("/do/contact", json=fields, headers={"X-Key": "k"}).status_code == 503
    assert inside.get("/clients").headers["location"].startswith("/unavailable")


def test_signing_out_ends_the_session_and_forgets_it(inside: TestClient, api: Api) -> None:
    answer = inside.post("/logout")
    assert answer.headers["location"] == "/login"
    assert api.asked[-1].url.path == "/auth/logout"
    assert inside.get("/clients").headers["location"].startswith("/login")


def test_the_api_learns_from_where_somebody_calls(inside: TestClient, api: Api) -> None:
    inside.get("/")
    assert {request.headers["x-forwarded-for"] for request in api.asked} == {"127.0.0.1"}
