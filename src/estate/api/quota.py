"""How many requests a minute a caller may make: counted in Redis, asked for a handful at a time."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import cast

from limits import parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from estate.core.telemetry import RATE_LIMIT_OPEN

__all__ = ["Quota"]

LEASE_S = 1.0
LEASE_SHARE = 100  # A lease is at most a hundredth of the limit, so that little is lost when it is not used up.
REST_S = 5.0  # After a failure Redis is left alone for so long: one request in that time waits for it, not each.
MAX_CALLERS = 10_000


@dataclass(slots=True)
class _Lease:
    """Requests that Redis has counted already and that were not made yet."""

    size: int = 0
    left: int = 0
    until: float = 0.0
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
    per_minute : int
        The limit of each caller.
    timeout_ms : int
        The longest that a request waits for Redis.
    """

    def __init__(self, url: str, *, per_minute: int, timeout_ms: int) -> None:
        self._item = parse(f"{per_minute}/minute")
        self._max_lease = max(1, per_minute // LEASE_SHARE)
        self._timeout_s = timeout_ms / 1000
        self._pool = ConnectionPool.from_url(
            url, socket_timeout=self._timeout_s, socket_connect_timeout=self._timeout_s
        )
        storage = RedisStorage("async+" + url, implementation="redispy", connection_pool=cast("str", self._pool))
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._leases: dict[str, _Lease] = {}
        self._resting_until = 0.0

    async def take(self, caller: str) -> bool:
        """Count one request; tell whether it may be made."""
        lease = self._leases.get(caller) or self._new_lease(caller)
        if lease.take(time.monotonic()):
            return True
        async with lease.lock:
            now = time.monotonic()
            if lease.take(now):
                return True
            if now < self._resting_until:
                RATE_LIMIT_OPEN.inc()
                return True
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await self._renew(caller, lease)
            except (RedisError, OSError):
                self._resting_until = time.monotonic() + REST_S
                RATE_LIMIT_OPEN.inc()
                return True

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._pool.disconnect()

    def _new_lease(self, caller: str) -> _Lease:
        if len(self._leases) >= MAX_CALLERS:
            self._leases.clear()
        return self._leases.setdefault(caller, _Lease())

    async def _renew(self, caller: str, lease: _Lease) -> bool:
        """Lease more and take the first of it; near the limit one at a time."""
        now = time.monotonic()
        size = min(max(1, 2 * lease.size), self._max_lease) if now < lease.until else 1
        if size > 1 and not await self._limiter.hit(self._item, caller, cost=size):
            size = 1
        if size == 1 and not await self._limiter.hit(self._item, caller):
            return False
        lease.size, lease.left, lease.until = size, size - 1, now + LEASE_S
        return True
