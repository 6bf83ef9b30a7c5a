"""The rate limit: never exceeded, whoever leases ahead; open when Redis is gone."""

import asyncio
import uuid

from estate.api.quota import Policy, Quota

URL_OF_NOBODY = "redis://127.0.0.1:1/0"


def allowed(quota: Quota, per_minute: int, requests: int, *, at_once: int = 20) -> int:
    name, policy = uuid.uuid4().hex, Policy("reads", per_minute)

    async def run() -> int:
        taken = 0
        for _ in range(0, requests, at_once):
            answers = await asyncio.gather(*(quota.take(policy, name) for _ in range(at_once)))
            taken += sum(answer.allowed for answer in answers)
        await quota.close()
        return taken

    return asyncio.run(run())


def test_two_processes_together_stay_under_the_limit(redis_url: str) -> None:
    name, policy = uuid.uuid4().hex, Policy("reads", 1_000)

    async def run() -> tuple[int, int]:
        pair = [Quota(redis_url, timeout_ms=2_000) for _ in range(2)]
        taken = [0, 0]
        for _ in range(40):
            for i, quota in enumerate(pair):
                answers = await asyncio.gather(*(quota.take(policy, name) for _ in range(20)))
                taken[i] += sum(answer.allowed for answer in answers)
        for quota in pair:
            await quota.close()
        return taken[0], taken[1]

    first, second = asyncio.run(run())
    assert min(first, second) > 0
    assert 900 <= first + second <= 1_000


def test_a_small_limit_is_exact(redis_url: str) -> None:
    assert allowed(Quota(redis_url, timeout_ms=2_000), 7, 20) == 7


def test_without_redis_everybody_passes() -> None:
    assert allowed(Quota(URL_OF_NOBODY, timeout_ms=100), 5, 40) == 40


def test_what_is_left_falls_by_one_a_request_and_ends_at_nought(redis_url: str) -> None:
    name, policy = uuid.uuid4().hex, Policy("costly", 4)

    async def run() -> list[tuple[bool, int | None]]:
        quota = Quota(redis_url, timeout_ms=2_000)
        taken = [await quota.take(policy, name) for _ in range(6)]
        await quota.close()
        assert {1 <= one.reset_s <= 60 for one in taken} == {True}
        assert taken[0].headers() == [
            (b"ratelimit-policy", b'"costly";q=4;w=60'),
            (b"ratelimit", b'"costly";r=3;t=%d' % taken[0].reset_s),
        ]
        return [(one.allowed, one.left) for one in taken]

    assert asyncio.run(run()) == [(True, 3), (True, 2), (True, 1), (True, 0), (False, 0), (False, 0)]


def test_a_fast_caller_is_told_what_is_left_though_requests_are_leased(redis_url: str) -> None:
    name, policy = uuid.uuid4().hex, Policy("writes", 1_000)

    async def run() -> list[int | None]:
        quota = Quota(redis_url, timeout_ms=2_000)
        left = [(await quota.take(policy, name)).left for _ in range(100)]
        await quota.close()
        return left

    assert asyncio.run(run()) == list(range(999, 899, -1))
