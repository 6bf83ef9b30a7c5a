"""The rate limit: never exceeded, whoever leases ahead; open when Redis is gone."""

import asyncio
import uuid

from estate.api.quota import Quota

URL_OF_NOBODY = "redis://127.0.0.1:1/0"


def allowed(quota: Quota, requests: int, *, at_once: int = 20) -> int:
    name = uuid.uuid4().hex

    async def run() -> int:
        taken = 0
        for _ in range(0, requests, at_once):
            taken += sum(await asyncio.gather(*(quota.take(name) for _ in range(at_once))))
        await quota.close()
        return taken

    return asyncio.run(run())


def test_two_processes_together_stay_under_the_limit(redis_url: str) -> None:
    name = uuid.uuid4().hex

    async def run() -> tuple[int, int]:
        pair = [Quota(redis_url, per_minute=1_000, timeout_ms=2_000) for _ in range(2)]
        taken = [0, 0]
        for _ in range(40):
            for i, quota in enumerate(pair):
                taken[i] += sum(await asyncio.gather(*(quota.take(name) for _ in range(20))))
        for quota in pair:
            await quota.close()
        return taken[0], taken[1]

    first, second = asyncio.run(run())
    assert min(first, second) > 0
    assert 900 <= first + second <= 1_000


def test_a_small_limit_is_exact(redis_url: str) -> None:
    assert allowed(Quota(redis_url, per_minute=7, timeout_ms=2_000), 20) == 7


def test_without_redis_everybody_passes() -> None:
    assert allowed(Quota(URL_OF_NOBODY, per_minute=5, timeout_ms=100), 40) == 40
