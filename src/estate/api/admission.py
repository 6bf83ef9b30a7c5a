"""Who calls, and how often: resolved before routing, so that every path is counted and every answer tells the limit."""

from typing import cast

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from estate.api.cookies import refuse_foreign_page, session_token
from estate.api.errors import problem_response
from estate.api.quota import Policy, Quota, Taken
from estate.api.rights import OPEN, cost_class
from estate.core.credentials import Credentials
from estate.core.errors import EstateError, TooManyRequests, Unauthorized
from estate.core.security import Actor
from estate.core.settings import Settings
from estate.core.sqlstate import estate_error_of
from estate.core.telemetry import WRONG_CREDENTIALS

__all__ = ["Admission", "Limits", "actor_of", "address_of"]

UNLIMITED = frozenset({"/healthz", "/readyz", "/metrics"})
BEARER = "bearer "
ANONYMOUS = Actor.anonymous()


class Limits:
    """The limits of this process' callers, counted in Redis when there is one.

    Parameters
    ----------
    settings : Settings
        The limits, and where Redis is.
    """

    def __init__(self, settings: Settings) -> None:
        self.by_class = {
            "reads": Policy("reads", settings.reads_per_minute),
            "writes": Policy("writes", settings.writes_per_minute),
            "costly": Policy("costly", settings.costly_per_minute),
        }
        self.wrong_keys = Policy("wrong-keys", settings.wrong_keys_per_minute)
        self.log_ins = Policy("log-ins", settings.log_ins_per_minute)
        self.enabled = settings.rate_limit_enabled
        self._quota = (
            Quota(settings.require_redis_url(), timeout_ms=settings.redis_timeout_ms) if settings.redis_url else None
        )

    async def take(self, policy: Policy, caller: str) -> Taken:
        """Count a request; without Redis it is allowed, and says that it was not counted."""
        return Taken(policy, allowed=True) if self._quota is None else await self._quota.take(policy, caller)

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._quota is not None:
            await self._quota.close()


class Admission:
    """Resolves key or session to an actor and counts the request; a wrong key goes no further.

    Parameters
    ----------
    app : ASGI application
        What admitted requests reach.
    credentials : Credentials
        Resolves keys and sessions.
    limits : Limits
        Counts requests.
    """

    def __init__(self, app: ASGIApp, credentials: Credentials, limits: Limits) -> None:
        self.app = app
        self.credentials = credentials
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its actor, or answer 401, 403, 429 or 503."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        try:
            await self._admit(scope)
        except EstateError as error:
            await problem_response(error, scope.get("estate.request_id"))(scope, receive, send)
            return
        await self.app(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        finally:
            await self.limits.close()

    async def _admit(self, scope: Scope) -> None:
        operation = f"{scope['method']} {scope['path']}"
        scope["estate.actor"] = actor = ANONYMOUS if operation in OPEN else await self._who(scope)
        if scope["path"] in UNLIMITED or not self.limits.enabled:
            return
        caller = address_of(scope) if actor is ANONYMOUS else actor.caller
        taken = await self.limits.take(self.limits.by_class[cost_class(operation)], caller)
        scope["estate.rate_limit"] = taken
        if not taken.allowed:
            raise over_limit(taken)

    async def _who(self, scope: Scope) -> Actor:
        try:
            key = _presented_key(scope)
            if key:
                return await self.credentials.of_key(key)
            token = session_token(scope)
            if not token:
                return ANONYMOUS
            refuse_foreign_page(scope)
            return await self.credentials.of_session(token)
        except Unauthorized:
            WRONG_CREDENTIALS.inc()
            await self._count_wrong(scope)
            raise
        except (DBAPIError, PoolTimeout) as error:
            raise estate_error_of(error) from error

    async def _count_wrong(self, scope: Scope) -> None:
        """Hold up an address that guesses; whoever sends a right key from there is not counted."""
        if not self.limits.enabled:
            return
        taken = await self.limits.take(self.limits.wrong_keys, address_of(scope))
        scope["estate.rate_limit"] = taken
        if not taken.allowed:
            raise over_limit(taken, "wrong keys")


def over_limit(taken: Taken, what: str = "requests") -> TooManyRequests:
    """Return the error of a caller that is over a limit."""
    return TooManyRequests(
        f"At most {taken.policy.per_minute} {what} a minute are answered.", retry_after_seconds=taken.reset_s
    )


def actor_of(scope: Scope) -> Actor:
    """Return who calls; a request that was not admitted has nobody's rights."""
    return cast("Actor", scope.get("estate.actor", ANONYMOUS))


def address_of(scope: Scope) -> str:
    """Return the address that a request comes from."""
    client = scope.get("client")
    return client[0] if client else "unknown"


def _presented_key(scope: Scope) -> str | None:
    headers = Headers(scope=scope)
    key = headers.get("x-api-key")
    if key:
        return key
    scheme = headers.get("authorization", "")
    return scheme[len(BEARER) :].strip() if scheme[: len(BEARER)].lower() == BEARER else None
