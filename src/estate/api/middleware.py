"""What every request passes: an id, the envelope check, the rate limit, one log line, the metrics."""

import collections
import hashlib
import itertools
import re
import time
import uuid
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from estate.api.errors import problem_response
from estate.api.quota import Quota
from estate.core.context import request_id as current_request
from estate.core.errors import BadRequest, EstateError, FieldProblem, Invalid, TooManyRequests
from estate.core.logs import log_request
from estate.core.settings import Settings
from estate.core.telemetry import HTTP_REQUESTS, HTTP_SECONDS

__all__ = ["EnvelopeCheck", "RateLimit", "RequestRecord"]

PROCESS = uuid.uuid4().hex[:20]
NUMBERS = itertools.count()
REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{8,64}$")
REPEATABLE = frozenset({"unit"})
SECRET_PARAMETERS = frozenset({"api_key", "apikey", "key", "token", "access_token"})
UNLIMITED = frozenset({"/healthz", "/readyz", "/metrics"})
NO_STORE = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


class RequestRecord:
    """Gives each request an id, writes one log line and counts it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and record how it ended."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if REQUEST_ID.match(given) else f"{PROCESS}{next(NUMBERS):012x}"
        scope["estate.request_id"] = request_id
        current_request.set(request_id)  # On every log line of the request, and the outbox rows that it causes.
        started = time.perf_counter()
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"]
                given_names = {name for name, _ in headers}
                headers.append((b"x-request-id", request_id.encode()))
                headers += [header for header in NO_STORE if header[0] not in given_names]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        requests, times = _metrics(scope["method"], route, status)
        requests.inc()
        times.observe(seconds)
        log_request(
            request_id=scope["estate.request_id"],
            method=scope["method"],
            route=route,
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
        error = _query_error(query) if query else None
        if error is None:
            await self.app(scope, receive, send)
        else:
            await problem_response(error, scope.get("estate.request_id"))(scope, receive, send)


def _query_error(query: bytes) -> EstateError | None:
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
    repeated = [name for name, n in names.items() if n > 1 and name not in REPEATABLE]
    if repeated:
        problems = tuple(FieldProblem(name, "must be given once") for name in repeated)
        return Invalid("A parameter was given twice.", problems=problems)
    return None


def _split(part: bytes) -> tuple[bytes, bytes, bytes]:
    return part.partition(b"=")


class RateLimit:
    """Counts requests a key (or address) in Redis; lets them through, and counts that, when Redis is gone."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.per_minute = settings.rate_limit_per_minute
        self.quota = _quota(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 429 when the caller is over the limit, else pass the request on."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        if scope["type"] != "http" or scope["path"] in UNLIMITED or await self._allowed(scope):
            await self.app(scope, receive, send)
            return
        error = TooManyRequests(f"At most {self.per_minute} requests a minute are answered.", retry_after_seconds=60)
        await problem_response(error, scope.get("estate.request_id"))(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        finally:
            if self.quota is not None:
                await self.quota.close()

    async def _allowed(self, scope: Scope) -> bool:
        return self.quota is None or await self.quota.take(_caller_name(scope))


def _quota(settings: Settings) -> Quota | None:
    if settings.redis_url is None or not settings.rate_limit_enabled:
        return None
    return Quota(
        settings.require_redis_url(), per_minute=settings.rate_limit_per_minute, timeout_ms=settings.redis_timeout_ms
    )


def _caller_name(scope: Scope) -> str:
    """Return a name for the caller: a digest of the key it sent, else its address."""
    headers = Headers(scope=scope)
    key = headers.get("x-api-key") or headers.get("authorization")
    if key:
        return hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    client = scope.get("client")
    return client[0] if client else "unknown"
