"""How often a caller may call, and the headers of every answer."""

import uuid

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.conftest import API_KEY
from tests.integration.api.conftest import Counting
from tests.integration.api.identity import client_of, new_key

from estate.api.app import create_app
from estate.core.settings import Settings, get_settings

NOTHING = "default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"


def headers_of(key: str | None = None) -> dict[str, str]:
    """Return the headers of a caller at an address of its own."""
    address = {"X-Test-Address": f"2001:db8::{uuid.uuid4().hex[:4]}:{uuid.uuid4().hex[:4]}"}
    return address | ({"X-API-Key": key} if key else {})


def test_each_class_of_calls_has_a_limit_of_its_own(counting: Counting) -> None:
    client = counting(reads_per_minute="3", writes_per_minute="2", costly_per_minute="1")
    caller = headers_of(new_key("admin"))
    reads = [client.get("/market/query", headers=caller) for _ in range(5)]
    assert [answer.status_code for answer in reads] == [200] * 3 + [429] * 2
    writes = [client.post("/market/ingest", json={}, headers=caller).status_code for _ in range(4)]
    assert writes == [422] * 2 + [429] * 2
    costly = [client.post("/gpt/respond", json={}, headers=caller), client.get("/agent/recommend", headers=caller)]
    assert [answer.status_code for answer in costly] == [422, 429]
    assert [answer.headers["ratelimit-policy"] for answer in (reads[0], costly[0])] == [
        '"reads";q=3;w=60',
        '"costly";q=1;w=60',
    ]
    assert [answer.headers["ratelimit"].split(";t=")[0] for answer in reads] == [
        f'"reads";r={left}' for left in (2, 1, 0, 0, 0)
    ]
    assert 1 <= int(reads[-1].headers["retry-after"]) <= 60
    assert reads[-1].json()["type"] == "urn:estate:problem:too-many-requests"


def test_a_limit_is_a_keys_and_not_an_addresss(counting: Counting) -> None:
    client = counting(reads_per_minute="2")
    one, other = headers_of(new_key("admin")), headers_of(new_key("admin"))
    other["X-Test-Address"] = one["X-Test-Address"]
    assert [client.get("/auth/me", headers=one).status_code for _ in range(3)] == [200, 200, 429]
    assert client.get("/auth/me", headers=other).status_code == 200
    one["X-Test-Address"] = headers_of()["X-Test-Address"]
    assert client.get("/auth/me", headers=one).status_code == 429


def test_without_a_key_the_address_counts(counting: Counting) -> None:
    client = counting(reads_per_minute="2")
    one = headers_of()
    assert [client.get("/nothing", headers=one).status_code for _ in range(3)] == [404, 404, 429]
    assert client.get("/nothing", headers=headers_of()).status_code == 404
    assert client.get("/healthz", headers=one).status_code == 200


@pytest.mark.parametrize("forwarded", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_a_header_does_not_change_the_address(counting: Counting, forwarded: str) -> None:
    client = counting(reads_per_minute="2")
    one = headers_of()
    told = [client.get("/nothing", headers=one | {forwarded: f"for=192.0.2.{i}"}).status_code for i in range(3)]
    assert told == [404, 404, 429]


def test_an_address_that_guesses_keys_is_held_up_and_nobody_else(counting: Counting) -> None:
    client = counting()
    guesser, right = headers_of("estate_test_guess"), new_key("admin")
    guesses = [client.get("/auth/me", headers=guesser) for _ in range(12)]
    assert [answer.status_code for answer in guesses] == [401] * 10 + [429] * 2
    assert 1 <= int(guesses[-1].headers["retry-after"]) <= 60
    assert client.get("/auth/me", headers=headers_of(right)).status_code == 200
    assert client.get("/auth/me", headers=guesser | {"X-API-Key": right}).status_code == 200
    assert client.get("/auth/me", headers=headers_of("wrong")).status_code == 401


def test_without_redis_calls_are_let_through(counting: Counting) -> None:
    client = counting(redis_url="redis://127.0.0.1:1/0", reads_per_minute="1")
    caller = headers_of(new_key("admin"))
    answers = [client.get("/auth/me", headers=caller) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert answers[0].headers["ratelimit-policy"] == '"reads";q=1;w=60'
    assert "ratelimit" not in answers[0].headers
    assert [client.get("/auth/me", headers=headers_of("wrong")).status_code for _ in range(2)] == [401] * 2


@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        ("GET", "/market/heatmap", API_KEY, 200),
        ("GET", "/healthz", None, 200),
        ("GET", "/openapi.json", None, 200),
        ("GET", "/nothing", None, 404),
        ("DELETE", "/market/query", API_KEY, 405),
        ("GET", "/market/query", None, 401),
        ("GET", "/market/query", "wrong", 401),
        ("GET", "/market/query?limit=x", API_KEY, 422),
        ("GET", "/market/query?search=%ff", API_KEY, 400),
        ("POST", "/market/ingest", API_KEY, 415),
    ],
)
def test_every_answer_carries_the_security_headers(
    app: FastAPI, database: None, method: str, path: str, key: str | None, status: int
) -> None:
    answer = client_of(app, {"X-API-Key": key} if key else None).request(method, path)
    assert answer.status_code == status
    assert_safe(answer.headers)


def assert_safe(headers: object) -> None:
    told = dict(headers)  # type: ignore[call-overload]
    assert told["content-security-policy"] == NOTHING
    assert told["cache-control"] == "no-store"
    assert told["x-content-type-options"] == "nosniff"
    assert told["referrer-policy"] == "no-referrer"
    assert told["strict-transport-security"].startswith("max-age=31536000")
    assert "x-request-id" in told


def test_an_error_that_nobody_foresaw_carries_them_too(database: None) -> None:
    app = create_app()

    def fail() -> None:
        raise RuntimeError("a secret of the house")

    app.add_api_route("/fail", fail)
    answer = client_of(app).get("/fail", headers={"X-Request-Id": "my-own-id"})
    assert (answer.status_code, answer.json()["request_id"]) == (500, "my-own-id")
    assert "secret" not in answer.text
    assert_safe(answer.headers)


def test_the_page_of_the_documentation_may_run_and_still_is_not_framed(app: FastAPI, database: None) -> None:
    answer = client_of(app).get("/docs")
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "script-src" in policy
    assert "swagger" in answer.text


def test_development_has_no_strict_transport(counting: Counting) -> None:
    assert "strict-transport-security" not in counting(environment="development").get("/healthz").headers


def preflight(client: TestClient, origin: str) -> dict[str, str]:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
    return dict(client.options("/market/ingest", headers=asked).headers)


def test_other_origins_are_shut_out_unless_named(counting: Counting) -> None:
    page = "https://console.example.com"
    assert "access-control-allow-origin" not in preflight(counting(), page)
    client = counting(cors_allow_origins=f"{page}, https://other.example.com")
    assert preflight(client, page)["access-control-allow-origin"] == page
    assert "access-control-allow-origin" not in preflight(client, "https://evil.example")
    refused = client.get("/market/query", headers={"Origin": page})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, page)
    assert "access-control-allow-credentials" not in refused.headers


@pytest.mark.parametrize("origins", ["*", "https://*.example.com", "null", "https://example.com/path"])
def test_an_origin_is_named_in_full(origins: str) -> None:
    with pytest.raises(ValueError, match="ESTATE_CORS_ALLOW_ORIGINS"):
        Settings(cors_allow_origins=origins)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"environment": "test", "key_pepper": None}, "ESTATE_KEY_PEPPER"),
        ({"key_pepper": None}, "ESTATE_KEY_PEPPER"),
        ({"key_pepper": "short"}, "ESTATE_KEY_PEPPER"),
        ({"bootstrap_api_key": "short"}, "ESTATE_BOOTSTRAP_API_KEY"),
        ({"redis_url": None}, "ESTATE_REDIS_URL"),
    ],
)
def test_production_does_not_start_on_default_secrets(changes: dict[str, str | None], told: str) -> None:
    good = {
        "environment": "production",
        "database_url": "postgresql://u@127.0.0.1/x",
        "redis_url": "redis://localhost",
        "bootstrap_api_key": "k" * 20,
        "key_pepper": "p" * 20,
    }
    assert Settings.model_validate(good).pepper() == b"p" * 20
    with pytest.raises(ValueError, match=told):
        Settings.model_validate(good | changes)


def test_the_settings_do_not_show_a_secret() -> None:
    assert API_KEY not in repr(get_settings())
    assert get_settings().pepper().decode() not in repr(get_settings())
