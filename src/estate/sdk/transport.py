"""How calls travel: with key or session, within time-outs, and again only where that is harmless."""

import random
import re
import ssl
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from estate.sdk.errors import (
    ApiError,
    EstateError,
    ProblemDetails,
    TimedOut,
    UnexpectedAnswer,
    Unreachable,
    error_of,
)

M = TypeVar("M", bound=BaseModel)

Carrier = httpx2.BaseTransport

BASE_URL = re.compile(r"https?://[^/?#\s]+(/[^?#\s]*)?")
JSON, NDJSON = "application/json", "application/x-ndjson"
SESSION_COOKIES = ("__Host-estate_session", "estate_session")
"""The API reads the first one, on a development machine without TLS the second."""

TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 5.0
RETRIES = 2
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
LONGEST_OBEYED_S = 60.0
"""A call that shall wait longer than this fails at once, and tells how long."""
JITTER = 0.25
LONGEST_DECIMAL = 1_000
"""Written out, a few characters such as 1E+999999999 would fill the memory."""
PASSING = frozenset({408, 429, 502, 503, 504})
STILL_RUNNING = 409


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Parameters
    ----------
    method, path : str
        For example ``GET`` and ``/market/heatmap``.
    params : mapping
        Of the query string; those that are None are left out.
    content : bytes or None
        The body.
    content_type : str
        Its media type.
    key : str or None
        Idempotency-Key: with it the call may be repeated.
    """

    method: str
    path: str
    params: Mapping[str, Any]
    content: bytes | None = None
    content_type: str = JSON
    key: str | None = None

    @property
    def is_repeatable(self) -> bool:
        """Whether doing it twice is doing it once."""
        return self.method == "GET" or self.key is not None

    def headers(self) -> dict[str, str]:
        """Return the headers of this call alone."""
        told = {} if self.content is None else {"Content-Type": self.content_type}
        return told if self.key is None else told | {"Idempotency-Key": self.key}


class Transport:
    """Sends calls of any number of threads.

    Parameters
    ----------
    base_url : str
        Where the API is.
    api_key, session : str or None
        What proves who calls: a key, or the token of a session.
    timeout_s : float
        Longest silence of the API within a call; connecting has a shorter time-out of its own.
    retries : int
        How often a call that may be repeated is repeated.
    http : httpx2.BaseTransport or None
        What carries the requests instead of the network.
    forwarded_for : str or None
        Address of the person on whose behalf a server calls.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None,
        session: str | None,
        timeout_s: float,
        retries: int,
        http: Carrier | None,
        forwarded_for: str | None,
    ) -> None:
        if not BASE_URL.fullmatch(base_url):
            raise ValueError("The address of the API is like http://127.0.0.1:8000.")
        if api_key is not None and session is not None:
            raise ValueError("Give a key or a session, not both.")
        self.session = session
        self._api_key = api_key
        self._retries = retries
        self._http = httpx2.Client(
            base_url=base_url,
            headers={"User-Agent": "estate-sdk"} | ({"X-Forwarded-For": forwarded_for} if forwarded_for else {}),
            timeout=httpx2.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s)),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # The session is ours to send, to one place.
            verify=_tls(),
            follow_redirects=False,
            transport=http,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, call: Call) -> httpx2.Response:
        """Return a successful answer, read whole.

        Raises
        ------
        EstateError
            When none came, or none that is a success.
        """
        return self._attempts(call, stream=False)

    @contextmanager
    def stream(self, call: Call) -> Iterator[httpx2.Response]:
        """Give a successful answer that is still to be read."""
        response = self._attempts(call, stream=True)
        try:
            yield response
        except httpx2.RequestError as error:
            raise _unreachable(error, response.request.headers["X-Request-Id"]) from error
        finally:
            response.close()

    def _attempts(self, call: Call, *, stream: bool) -> httpx2.Response:
        request = self._request(call)
        attempt = 0
        while True:
            answer = self._attempt(request, stream=stream)
            if not isinstance(answer, EstateError):
                return answer
            pause = _pause_s(answer, attempt) if call.is_repeatable and attempt < self._retries else None
            if pause is None:
                raise answer
            time.sleep(pause)
            attempt += 1

    def _attempt(self, request: httpx2.Request, *, stream: bool) -> httpx2.Response | EstateError:
        request_id = request.headers["X-Request-Id"]
        try:
            response = self._http.send(request, stream=stream)
            if response.is_success:
                return response
            response.read()
        except httpx2.RequestError as error:
            unreachable = _unreachable(error, request_id)
            unreachable.__cause__ = error
            return unreachable
        return _refusal(response, request_id)

    def _request(self, call: Call) -> httpx2.Request:
        params = {name: _text(value) for name, value in call.params.items() if value is not None}
        headers = call.headers() | self._credentials() | {"X-Request-Id": uuid.uuid4().hex}
        return self._http.build_request(
            call.method,
            call.path,
            params=params or None,  # An empty mapping would take away a query string that stands in the path.
            content=call.content,
            headers=headers,
        )

    def _credentials(self) -> dict[str, str]:
        if self._api_key is not None:
            return {"X-API-Key": self._api_key}
        if self.session is not None:
            return {"Cookie": "; ".join(f"{name}={self.session}" for name in SESSION_COOKIES)}
        return {}


def connections(most: int) -> Carrier:
    """Return connections that clients of many sessions may share; a client that is closed closes them."""
    return httpx2.HTTPTransport(verify=_tls(), limits=httpx2.Limits(max_connections=most))


def parsed(model: type[M], response: httpx2.Response, content: str | None = None) -> M:
    """Read an answer, or a part that came of it, as a model.

    Raises
    ------
    UnexpectedAnswer
        When it is none.
    """
    try:
        return model.model_validate_json(response.content if content is None else content)
    except ValidationError as error:
        request_id = response.headers.get("x-request-id")
        raise UnexpectedAnswer(f"The answer is no {model.__name__}.", request_id=request_id) from error


def to_body(value: object) -> bytes:
    """Write a body: amounts as strings without an exponent, times in ISO 8601, ids as text.

    Raises
    ------
    ValueError
        When it holds what JSON does not know, or itself.
    """
    try:
        return to_json(_plain(value))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Make what every client shares: reading the certificates takes longer than all else about a client."""
    return httpx2.create_ssl_context()


def _text(value: object) -> Any:
    """Write a parameter as the API reads it."""
    if isinstance(value, list | tuple):
        return [_text(item) for item in value]
    if isinstance(value, Decimal):
        return _plain(value)
    return value.isoformat() if isinstance(value, datetime) else value if isinstance(value, bool) else str(value)


def _plain(value: object) -> object:
    """Write the decimals in a value without an exponent, which the API does not read; absurd ones are left to it."""
    if isinstance(value, Decimal):
        return format(value, "f") if abs(value.adjusted()) <= LONGEST_DECIMAL else str(value)
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _unreachable(error: httpx2.RequestError, request_id: str) -> Unreachable:
    place = f"{error.request.url.scheme}://{error.request.url.netloc.decode()}"
    if isinstance(error, httpx2.TimeoutException):
        return TimedOut(f"{place} did not answer in time.", request_id=request_id)
    return Unreachable(f"{place} cannot be reached: {error}", request_id=request_id)


def _pause_s(error: EstateError, attempt: int) -> float | None:
    """Return how long to wait before the next attempt, with jitter; None: there is none."""
    if isinstance(error, ApiError):
        # A repeated call meets its first one, which is at work still.
        meets_itself = attempt > 0 and error.status == STILL_RUNNING
        if error.status not in PASSING and not meets_itself:
            return None
        if error.retry_after_s is not None:
            return None if error.retry_after_s > LONGEST_OBEYED_S else error.retry_after_s * (1 + JITTER * _chance())
    return float(min(FIRST_PAUSE_S * 2**attempt, LONGEST_PAUSE_S) * (1 - JITTER * _chance()))


def _chance() -> float:
    return random.random()  # noqa: S311 (spreads callers, hides nothing)


def _refusal(response: httpx2.Response, request_id: str) -> ApiError:
    """Return the exception of an answer that is no success; a proxy's page is known by its status."""
    try:
        problem = ProblemDetails.model_validate_json(response.content)
    except ValidationError:
        phrase = response.reason_phrase or "No success"
        problem = ProblemDetails(title=phrase, status=response.status_code, detail=f"{phrase}.")
    if problem.request_id is None:
        problem = problem.model_copy(update={"request_id": response.headers.get("x-request-id", request_id)})
    return error_of(problem, retry_after_s=_seconds(response.headers.get("retry-after")))


def _seconds(value: str | None) -> float | None:
    """Read a Retry-After: seconds, or a date."""
    if value is None:
        return None
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
