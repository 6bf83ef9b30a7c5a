"""What every request passes: an id, the headers of every answer, one log line, the metrics, the envelope check."""

import collections
import time
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from estate.api.admission import actor_of
from estate.api.errors import problem_response
from estate.api.headers import security_headers
from estate.core.context import id_of_request
from estate.core.context import request_id as current_request
from estate.core.errors import BadRequest, EstateError, FieldProblem, Invalid
from estate.core.logs import log_request
from estate.core.settings import Settings
from estate.core.telemetry import HTTP_REQUESTS, HTTP_SECONDS

__all__ = ["EnvelopeCheck", "RequestRecord"]

UNEXPECTED = EstateError("Something went wrong; quote the request id.")
REPEATABLE = frozenset(
    {
        ("/client/query", "client_id"),
        ("/client/count", "client_id"),
        ("/property/query", "unit"),
        ("/property/count", "unit"),
        ("/property/compare", "unit"),
    }
)
"""Paths with the parameters that they take more than once."""
SECRET_PARAMETERS = frozenset({"api_key", "apikey", "key", "token", "access_token"})


class RequestRecord:
    """Gives each request an id, each answer its security headers; writes one log line and counts it."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.headers = security_headers(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and record how it ended."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = id_of_request(Headers(scope=scope).get("x-request-id", ""))
        scope["estate.request_id"] = request_id
        current_request.set(request_id)  # On every log line of the request, and the outbox rows that it causes.
        started = time.perf_counter()
        status, started_answer = 500, False

        async def send_with_id(message: Message) -> None:
            nonlocal status, started_answer
            if message["type"] == "http.response.start":
                status, started_answer = message["status"], True
                headers = message["headers"]
                given_names = {name for name, _ in headers}
                headers.append((b"x-request-id", request_id.encode()))
                headers += [header for header in self.headers if header[0] not in given_names]
                if taken := scope.get("estate.rate_limit"):
                    headers += taken.headers()
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception:
            if not started_answer:
                await problem_response(UNEXPECTED, request_id)(scope, receive, send_with_id)
            raise
        finally:
            self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path_format", "unmatched")
        requests, times = _metrics(scope["method"], route, status)
        requests.inc()
        times.observe(seconds)
        log_request(
            request_id=scope["estate.request_id"],
            method=scope["method"],
            route=route,
            caller=actor_of(scope).caller,
            status=status,
            ms=round(seconds * 1000, 1),
        )


@lru_cache(maxsize=1_024)
def _metrics(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Return where a request is counted: finding it by its labels costs more than counting."""
    return HTTP_REQUESTS.labels(method, route, status), HTTP_SECONDS.labels(method, route)


class EnvelopeCheck:
    """Refuses query strings that two readers could understand differently."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 400 or 422 for a bad query string, else pass the request on."""
        query = scope["query_string"] if scope["type"] == "http" else b""
        error = _query_error(scope["path"], query) if query else None
        if error is None:
            await self.app(scope, receive, send)
        else:
            await problem_response(error, scope.get("estate.request_id"))(scope, receive, send)


def _query_error(path: str, query: bytes) -> EstateError | None:
    names: collections.Counter[str] = collections.Counter()
    for part in filter(None, query.split(b"&")):
        try:
            name, _, value = (unquote_to_bytes(p.replace(b"+", b" ")).decode() for p in _split(part))
        except UnicodeDecodeError:
            return BadRequest("The query string is not valid UTF-8.")
        if "\x00" in name or "\x00" in value:
            return Invalid(
                "The query string was refused.",
                problems=(FieldProblem(name.replace("\x00", ""), "must not contain a NUL character"),),
            )
        names[name] += 1
    secret = SECRET_PARAMETERS & names.keys()
    if secret:
        return BadRequest("A key never goes into the URL; send it as X-API-Key.")
    repeated = [name for name, n in names.items() if n > 1 and (path, name) not in REPEATABLE]
    if repeated:
        problems = tuple(FieldProblem(name, "must be given once") for name in repeated)
        return Invalid("A parameter was given twice.", problems=problems)
    return None


def _split(part: bytes) -> tuple[bytes, bytes, bytes]:
    return part.partition(b"=")
