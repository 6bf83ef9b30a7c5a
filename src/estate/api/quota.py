"""How many requests a minute a caller may make: counted in Redis, asked for a handful at a time."""

import asyncio
import math
import time
from dataclasses import dataclass, field
from typing import cast

from limits import RateLimitItem, parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from estate.core.telemetry import RATE_LIMIT_OPEN

__all__ = ["Policy", "Quota", "Taken"]

WINDOW_S = 60
LEASE_S = 1.0
LEASE_SHARE = 100  # A lease is at most a hundredth of the limit, so that little is lost when it is not used up.
REST_S = 5.0  # After a failure Redis is left alone for so long: one request in that time waits for it, not each.
MAX_CALLERS = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """One limit by name.

    Parameters
    ----------
    name : str
        As `RateLimit-Policy` shows it.
    per_minute : int
        Requests of one caller.
    """

    name: str
    per_minute: int
    item: RateLimitItem = field(init=False)
    max_lease: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "item", parse(f"{self.per_minute}/minute"))
        object.__setattr__(self, "max_lease", max(1, self.per_minute // LEASE_SHARE))


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one request.

    Parameters
    ----------
    policy : Policy
        Which limit counted it.
    allowed : bool
        Whether it may be made.
    left : int or None
        How many more may be made now; None when Redis did not answer and nothing was counted.
    reset_s : int
        Seconds until there are more.
    """

    policy: Policy
    allowed: bool
    left: int | None = None
    reset_s: int = WINDOW_S

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers of draft-ietf-httpapi-ratelimit-headers-11."""
        policy = self.policy
        told = [(b"ratelimit-policy", b'"%b";q=%d;w=%d' % (policy.name.encode(), policy.per_minute, WINDOW_S))]
        if self.left is not None:
            told.append((b"ratelimit", b'"%b";r=%d;t=%d' % (policy.name.encode(), self.left, self.reset_s)))
        return told


@dataclass(slots=True)
class _Lease:
    """Requests that Redis has counted already and that were not made yet."""

    size: int = 0
    left: int = 0
    until: float = 0.0
    left_behind: int = 0
    """How many more Redis would give."""
    reset_at: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def take(self, now: float) -> bool:
        if self.left and now < self.until:
            self.left -= 1
            return True
        return False


class Quota:
    """A sliding window in Redis for all processes, from which each process leases requests ahead.

    The limit is never exceeded: what is leased is counted. A lease doubles while a caller uses it up within a
    second, and starts at one again for a slow caller. Without Redis requests are let through and counted.

    Parameters
    ----------
    url : str
        Of Redis.
    timeout_ms : int
        The longest that a request waits for Redis.
    """

    def __init__(self, url: str, *, timeout_ms: int) -> None:
        self._timeout_s = timeout_ms / 1000
        self._pool = ConnectionPool.from_url(
            url, socket_timeout=self._timeout_s, socket_connect_timeout=self._timeout_s
        )
        storage = RedisStorage("async+" + url, implementation="redispy", connection_pool=cast("str", self._pool))
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._leases: dict[tuple[str, str], _Lease] = {}
        self._resting_until = 0.0

    async def take(self, policy: Policy, caller: str) -> Taken:
        """Count one request under a policy; tell whether it may be made."""
        name = (policy.name, caller)
        lease = self._leases.get(name) or self._new_lease(name)
        now = time.monotonic()
        if lease.take(now):
            return _taken(policy, lease, now)
        async with lease.lock:
            now = time.monotonic()
            if lease.take(now):
                return _taken(policy, lease, now)
            if now >= self._resting_until:
                try:
                    async with asyncio.timeout(self._timeout_s):
                        allowed = await self._renew(policy, caller, lease)
                    return _taken(policy, lease, time.monotonic(), allowed=allowed)
                except (RedisError, OSError):
                    self._resting_until = time.monotonic() + REST_S
            RATE_LIMIT_OPEN.inc()
            return Taken(policy, allowed=True)

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._pool.disconnect()

    def _new_lease(self, name: tuple[str, str]) -> _Lease:
        if len(self._leases) >= MAX_CALLERS:
            self._leases.clear()
        return self._leases.setdefault(name, _Lease())

    async def _renew(self, policy: Policy, caller: str, lease: _Lease) -> bool:
        """Lease more and take the first of it; near the limit one at a time."""
        now = time.monotonic()
        name = (policy.name, caller)
        size = min(max(1, 2 * lease.size), policy.max_lease) if now < lease.until else 1
        if size > 1 and not await self._limiter.hit(policy.item, *name, cost=size):
            size = 1
        allowed = size > 1 or await self._limiter.hit(policy.item, *name)
        window = await self._limiter.get_window_stats(policy.item, *name)
        lease.left_behind = window.remaining if allowed else 0
        lease.reset_at = now + max(0.0, window.reset_time - time.time())
        if allowed:
            lease.size, lease.left, lease.until = size, size - 1, now + LEASE_S
        return allowed


def _taken(policy: Policy, lease: _Lease, now: float, *, allowed: bool = True) -> Taken:
    return Taken(policy, allowed, lease.left_behind + lease.left, max(1, math.ceil(lease.reset_at - now)))
