"""Calls are repeated only where that is harmless, wait as they are asked to, and end in errors that say what to do."""

import datetime as dt
import email.utils
import json
from collections.abc import Callable, Iterator
from uuid import UUID

import httpx2
import pytest

from estate.sdk import ApiError, Estate, errors

ID = "30000000-0000-4000-8000-000000000001"
ME = {"caller": "key", "role": "admin", "agent_id": None, "team_id": None, "name": None}
PAGE: dict[str, object] = {"items": [], "next_cursor": None}
MERGE = {
    "merged_id": ID,
    "merged_into": ID,
    "kept_id": ID,
    "merged_by": "admin",
    "merged_at": "2026-01-01T00:00:00Z",
    "moved": {},
    "filled": [],
}
Script = list[httpx2.Response | type[httpx2.TransportError]]


class Network:
    """Answers as a script says, and keeps what was asked and how long the client waited in between."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: list[httpx2.Request] = []
        self.pauses: list[float] = []
        self.script: Script = []
        monkeypatch.setattr("estate.sdk.transport.time.sleep", self.pauses.append)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.script.pop(0)
        if isinstance(answer, httpx2.Response):
            return answer
        raise answer("broken", request=request)

    def will(self, *script: httpx2.Response | type[httpx2.TransportError]) -> None:
        self.script = list(script)

    @property
    def keys(self) -> set[str]:
        return {request.headers["idempotency-key"] for request in self.requests}


def ok(answer: object = PAGE) -> httpx2.Response:
    return httpx2.Response(200, json=answer)


def no(status: int, kind: str = "about:blank", **headers: str) -> httpx2.Response:
    problem = {"type": kind, "title": "No", "status": status, "detail": "No.", "request_id": "request-1"}
    return httpx2.Response(status, json=problem, headers=headers)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    return Network(monkeypatch)


@pytest.fixture
def estate(network: Network) -> Iterator[Estate]:
    with Estate("http://estate.test", api_key="secret-key", http=httpx2.MockTransport(network)) as estate:
        yield estate


@pytest.mark.parametrize("answer", [no(503), no(429), no(408), no(502), no(504), httpx2.ConnectError, httpx2.ReadError])
def test_a_read_is_repeated_after_a_pause_that_grows(
    network: Network, estate: Estate, answer: httpx2.Response | type[httpx2.TransportError]
) -> None:
    network.will(answer, answer, ok())
    assert list(estate.market.heatmap()) == []
    assert len(network.requests) == 3
    assert 0.375 <= network.pauses[0] <= 0.5
    assert 0.75 <= network.pauses[1] <= 1.0


def test_it_is_repeated_so_often_and_no_oftener(network: Network, estate: Estate) -> None:
    network.will(no(503), no(503), no(503), ok())
    with pytest.raises(errors.Unavailable):
        estate.market.heatmap()
    assert len(network.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 415, 422, 500])
def test_what_would_be_the_same_again_is_not_repeated(network: Network, estate: Estate, status: int) -> None:
    network.will(no(status), ok())
    with pytest.raises(ApiError) as raised:
        estate.market.heatmap()
    assert raised.value.status == status
    assert len(network.requests) == 1


def test_a_wait_that_is_asked_for_is_kept(network: Network, estate: Estate) -> None:
    network.will(no(429, **{"Retry-After": "7"}), ok())
    estate.market.heatmap()
    assert 7 <= network.pauses[0] <= 7 * 1.25


def test_a_wait_may_be_a_date(network: Network, estate: Estate) -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=20)
    network.will(no(503, **{"Retry-After": email.utils.format_datetime(later, usegmt=True)}), ok())
    estate.market.heatmap()
    assert 15 <= network.pauses[0] <= 20 * 1.25


def test_a_wait_of_minutes_is_told_at_once(network: Network, estate: Estate) -> None:
    network.will(no(429, "urn:estate:problem:too-many-requests", **{"Retry-After": "61"}), ok())
    with pytest.raises(errors.TooManyRequests) as raised:
        estate.market.heatmap()
    assert raised.value.retry_after_s == 61
    assert network.pauses == []


def test_a_write_bears_one_key_through_all_its_attempts_and_another_the_next_time(
    network: Network, estate: Estate
) -> None:
    network.will(httpx2.ReadTimeout, no(503), ok(MERGE), ok(MERGE))
    estate.client.merge(keep=ID, merge=ID)
    assert len(network.requests) == 3
    assert len(network.keys) == 1
    assert len({request.headers["x-request-id"] for request in network.requests}) == 1
    estate.client.merge(keep=ID, merge=ID)
    assert len(network.keys) == 2


def test_a_repeated_write_waits_for_its_first_attempt(network: Network, estate: Estate) -> None:
    network.will(httpx2.ReadTimeout, no(409, "urn:estate:problem:conflict"), ok(MERGE))
    assert estate.client.merge(keep=ID, merge=ID).kept_id == UUID(ID)


@pytest.mark.parametrize(
    "call",
    [
        lambda estate: estate.auth.login(email="a@example.com", password="long enough"),
        lambda estate: estate.auth.logout(),
        lambda estate: estate.client.delete(ID),
    ],
)
def test_what_is_not_harmless_is_done_once(network: Network, estate: Estate, call: Callable[[Estate], object]) -> None:
    network.will(no(503), ok())
    with pytest.raises(errors.Unavailable):
        call(estate)
    assert len(network.requests) == 1


def test_silence_and_absence_are_told_apart(network: Network, estate: Estate) -> None:
    network.will(httpx2.ReadTimeout, httpx2.ReadTimeout, httpx2.ReadTimeout)
    with pytest.raises(errors.TimedOut, match="did not answer in time") as silent:
        estate.market.heatmap()
    assert silent.value.request_id == network.requests[0].headers["x-request-id"]
    network.will(httpx2.ConnectError, httpx2.ConnectError, httpx2.ConnectError)
    with pytest.raises(errors.Unreachable, match="cannot be reached") as absent:
        estate.market.heatmap()
    assert isinstance(absent.value.__cause__, httpx2.ConnectError)


def test_a_page_of_a_proxy_is_an_error_with_its_status(network: Network, estate: Estate) -> None:
    network.will(httpx2.Response(404, text="<h1>nothing here</h1>"))
    with pytest.raises(errors.NotFound) as raised:
        estate.market.heatmap()
    assert raised.value.status == 404
    network.will(httpx2.Response(200, text="<h1>welcome</h1>"))
    with pytest.raises(errors.UnexpectedAnswer):
        estate.market.heatmap()


def test_a_redirect_is_not_followed(network: Network, estate: Estate) -> None:
    network.will(httpx2.Response(307, headers={"Location": "https://elsewhere.test/"}), ok())
    with pytest.raises(ApiError):
        estate.market.heatmap()
    assert len(network.requests) == 1


def test_a_problem_says_which_fields_and_how_to_find_it(network: Network, estate: Estate) -> None:
    wrong = [{"field": "items.3.price", "message": "This must be a number.", "row": 4}]
    told = {
        "type": "urn:estate:problem:invalid",
        "title": "Invalid input",
        "status": 422,
        "detail": "No.",
        "errors": wrong,
    }
    network.will(httpx2.Response(422, json=told, headers={"X-Request-Id": "request-9"}))
    with pytest.raises(errors.Invalid) as raised:
        estate.market.ingest([{}])
    assert [error.pointer for error in raised.value.errors] == ["/4/items/3/price"]
    assert str(raised.value) == "No.; /4/items/3/price: This must be a number. (status 422, request request-9)"


def test_a_problem_of_a_newer_api_is_known_by_its_status(network: Network, estate: Estate) -> None:
    network.will(no(404, "urn:estate:problem:moon-not-found"))
    with pytest.raises(errors.NotFound) as raised:
        estate.market.heatmap()
    assert raised.value.problem.type.endswith("moon-not-found")


def test_an_answer_of_a_newer_api_is_read_as_far_as_it_is_known(network: Network, estate: Estate) -> None:
    network.will(ok({"status": "ready", "database": "ok", "redis": "resting", "moon": {"phase": 3}}))
    assert estate.readyz().redis == "resting"  # type: ignore[comparison-overlap]


def test_a_session_is_sent_to_this_api_and_no_cookie_is_kept(network: Network) -> None:
    with Estate("http://estate.test", http=httpx2.MockTransport(network)) as estate:
        network.will(httpx2.Response(200, json=ME, headers={"Set-Cookie": "estate_session=token-1; HttpOnly"}))
        estate.auth.login(email="a@example.com", password="long enough")
        assert estate.session == "token-1"
        network.will(httpx2.Response(200, json=PAGE, headers={"Set-Cookie": "estate_session=planted"}), ok())
        estate.market.heatmap()
        estate.market.heatmap()
        assert network.requests[-1].headers["cookie"] == "__Host-estate_session=token-1; estate_session=token-1"
        network.will(ok({"logged_out": True}), ok())
        estate.auth.logout()
        estate.market.heatmap()
        assert "cookie" not in network.requests[-1].headers


def test_a_log_in_that_fails_leaves_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[Estate] = []
    monkeypatch.setattr(Estate, "close", lambda self: closed.append(self))
    with pytest.raises(errors.Unreachable):
        Estate.login("http://127.0.0.1:1", "a@example.com", "long enough")
    assert len(closed) == 1


def test_a_secret_stands_in_no_text(network: Network, estate: Estate) -> None:
    network.will(no(401), httpx2.ConnectError, httpx2.ConnectError, httpx2.ConnectError)
    for _ in range(2):
        with pytest.raises(errors.EstateError) as raised:
            estate.market.heatmap()
        assert "secret-key" not in f"{raised.value!r} {raised.value} {estate!r}"


def test_what_is_asked_is_written_so_that_it_arrives(network: Network, estate: Estate) -> None:
    network.will(ok(), ok())
    when = dt.datetime(2026, 1, 1, 10, tzinfo=dt.timezone(dt.timedelta(hours=4)))
    next(estate.behavior.query(since=when, trigger_word="sea & view + دبي").pages())
    assert network.requests[0].url.params["since"] == "2026-01-01T10:00:00+04:00"
    assert network.requests[0].url.params["trigger_word"] == "sea & view + دبي"
    with pytest.raises(errors.UnexpectedAnswer):
        estate.client.export("../market/heatmap?x=")
    assert network.requests[1].url.raw_path == b"/client/..%2Fmarket%2Fheatmap%3Fx%3D/export"


def test_any_call_can_be_made(network: Network, estate: Estate) -> None:
    network.will(ok({"any": 1}), ok({"any": 2}), httpx2.Response(200, text="estate_up 1"))
    assert estate.request("GET", "/new", params={"a": True, "b": None, "c": [1, 2]}) == {"any": 1}
    assert str(network.requests[0].url.query, "ascii") == "a=true&c=1&c=2"
    assert estate.request("POST", "/new", body={"a": dt.date(2026, 1, 1)}) == {"any": 2}
    assert json.loads(network.requests[1].content) == {"a": "2026-01-01"}
    assert estate.request("GET", "/metrics") == "estate_up 1"
    network.will(ok())
    estate.request("GET", "/new?a=1&b=2")
    assert network.requests[-1].url.query == b"a=1&b=2"


@pytest.mark.parametrize("path", ["https://elsewhere.test/", "//elsewhere.test/", "market/heatmap", ""])
def test_a_call_leads_nowhere_else(network: Network, estate: Estate, path: str) -> None:
    with pytest.raises(ValueError, match="one slash"):
        estate.request("GET", path)
    assert network.requests == []


@pytest.mark.parametrize("address", ["127.0.0.1:8000", "ftp://estate.test", "http://", "https://estate.test/?a=1"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="like http"):
        Estate(address)


def test_a_key_and_a_session_are_one_too_many() -> None:
    with pytest.raises(ValueError, match="not both"):
        Estate("http://estate.test", api_key="a", session="b")


def test_an_address_may_lead_below_a_path(network: Network) -> None:
    network.will(ok())
    with Estate("https://house.test/estate/", http=httpx2.MockTransport(network)) as estate:
        estate.market.heatmap()
    assert str(network.requests[0].url) == "https://house.test/estate/market/heatmap"
