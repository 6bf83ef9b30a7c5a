"""Redis dead, stopped, emptied or full: events are acknowledged and folded as if it were there.

Numbers of tests are rows of docs/faults.md.
"""

import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

import pytest
import redis
from benchmarks.harness.stack import Redis
from tests.long.platform import Platform

pytestmark = pytest.mark.long

CALLS = 200
ADDED_S = 0.15
SWEEP_S = 1.0
LAG_S = SWEEP_S + 2.0


def kill(server: Redis) -> None:
    os.kill(server.pid, signal.SIGKILL)


def stop(server: Redis) -> None:
    os.kill(server.pid, signal.SIGSTOP)


def flush(server: Redis) -> None:
    with server.client() as client:
        client.flushall()


def fill(server: Redis) -> None:
    with server.client() as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1)
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            client.set("one", "more")


def mend(server: Redis) -> None:
    with suppress(ProcessLookupError):
        os.kill(server.pid, signal.SIGCONT)
    server.mend()
    with server.client() as client:
        client.config_set("maxmemory", 0)


def p99(running: Platform) -> float:
    """Send events one after the other, all of which must be acknowledged; return the 99th percentile in seconds."""
    calls = [running.caller.send() for _ in range(CALLS)]
    assert [done.status for done in calls if not done.acknowledged] == []
    return sorted(done.seconds for done in calls)[int(CALLS * 0.99) - 1]


@pytest.mark.parametrize("fault", [kill, stop, flush, fill], ids=lambda fault: fault.__name__)
def test_row_13_without_redis_events_are_acknowledged_and_folded(
    platform: Callable[..., AbstractContextManager[Platform]],
    redis_server: Redis,
    fault: Callable[[Redis], None],
) -> None:
    with platform() as running:
        before = p99(running)
        running.wait_folded()
        fault(redis_server)
        try:
            during = p99(running)
            lag = running.wait_folded()
        finally:
            mend(redis_server)
        assert during <= before + ADDED_S
        assert lag <= LAG_S
        assert running.caller.send().acknowledged
        running.check()
