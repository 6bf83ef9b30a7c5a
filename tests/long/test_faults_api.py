"""Faults of the API and of its callers: stopped under load, slow callers, large bodies, no connection left.

Numbers of tests are rows of docs/faults.md.
"""

import contextlib
import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager

import psutil
import psycopg
import pytest
from benchmarks.harness.stack import API_KEY, Postgres, wait_until
from tests.long.platform import Platform

from estate.cli.processes import HOST

pytestmark = pytest.mark.long

Start = Callable[..., AbstractContextManager[Platform]]

HALF_OPEN = 1_000
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
CUT_S = 15.0
OTHERS_S = 0.2
BODY = b'[{"event_id": "' + b"x" * (16 * 1024 * 1024 - 20)  # It never ends, so it is read to its end and refused.


def get(port: int, path: str) -> tuple[int, float, str | None]:
    """Make one call; return its status, its seconds and its Retry-After."""
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    started = time.monotonic()
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"X-API-Key": API_KEY})
        answer = connection.getresponse()
        answer.read()
    return answer.status, time.monotonic() - started, answer.headers["Retry-After"]


def test_row_2_a_stopped_api_answers_what_it_took(platform: Start) -> None:
    with platform("api") as running:
        caller, stack = running.caller, running.stack
        with caller.calling(threads=8, pause_s=0.005):
            wait_until(lambda: len(caller.acknowledged()) > 100, "load")
            stopped = time.monotonic()
            stack.send("api", signal.SIGTERM)
            wait_until(lambda: not stack.alive("api"), "the end of the API", 10)
            seconds = time.monotonic() - stopped
        assert caller.resets == 0, "a request that was sent got no answer"
        assert {done.status for done in caller.calls} <= {202, None}
        assert caller.acknowledged() == running.stored()
        assert seconds <= 10


def test_row_7_a_thousand_slow_callers_are_cut_and_hold_up_nobody(platform: Start) -> None:
    with platform("api") as running, ThreadPoolExecutor(1) as pool, contextlib.ExitStack() as opened:
        port = running.stack.port
        started = time.monotonic()
        slow = [opened.enter_context(socket.create_connection((HOST, port))) for _ in range(HALF_OPEN)]
        for connection in slow:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        cut = pool.submit(_drip_until_cut, slow)
        seconds = []
        while not cut.done():
            status, took, _ = get(port, "/healthz")
            assert status == 200
            seconds.append(took)
            time.sleep(0.02)
        assert cut.result() == HALF_OPEN
        assert time.monotonic() - started < CUT_S
    assert sorted(seconds)[int(len(seconds) * 0.99)] <= OTHERS_S


def _drip_until_cut(connections: list[socket.socket]) -> int:
    """Send each connection a byte a second until the server ends it; return how many it ended in time."""
    deadline, cut = time.monotonic() + CUT_S, 0
    for connection in connections:
        connection.setblocking(False)
    left = list(connections)
    while left and time.monotonic() < deadline:
        still = []
        for connection in left:
            with contextlib.suppress(BlockingIOError):
                try:
                    ended = _ended(connection)
                    if not ended:
                        connection.send(b"x")
                except OSError as error:
                    if isinstance(error, BlockingIOError):
                        raise
                    ended = True
                if ended:
                    cut += 1
                    continue
            still.append(connection)
        left = still
        time.sleep(1)
    return cut


def _ended(connection: socket.socket) -> bool:
    """Tell whether the server has closed a connection; its last words are read."""
    try:
        while connection.recv(4096):
            pass
    except BlockingIOError:
        return False
    return True


def test_row_8_large_bodies_leave_the_memory_as_it_was(platform: Start) -> None:
    with platform("api") as running:
        (process,) = running.stack.processes("api")

        def send(times: int) -> int:
            for _ in range(times):
                assert _post(running.stack.port, BODY) in (400, 413)
            return process.memory_info().rss

        warm = send(5)
        assert send(20) <= 1.1 * warm


def _post(port: int, body: bytes) -> int:
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    with contextlib.closing(connection):
        headers = {"X-API-Key": API_KEY, "Content-Type": "application/json"}
        connection.request("POST", "/behavior/ingest", body, headers)
        answer = connection.getresponse()
        answer.read()
    return answer.status


@contextmanager
def locked(running: Platform, table: str) -> Iterator[psycopg.Connection]:
    """Let every statement about a table wait."""
    with running.stack.connection() as connection, connection.transaction():
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield connection


def test_row_17_with_every_connection_of_the_pool_busy_callers_are_told_at_once(
    platform: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESTATE_DB_LOCK_TIMEOUT_MS", "4500")
    monkeypatch.setenv("ESTATE_DB_POOL_SIZE", "4")
    with platform("api") as running, ThreadPoolExecutor(20) as pool:
        port = running.stack.port
        with locked(running, "agent_activity"):
            holders = [pool.submit(get, port, "/agent/query") for _ in range(4)]
            wait_until(lambda: running.value(WAITING) == 4, "all connections being busy")
            answers = list(pool.map(lambda _: get(port, "/agent/query"), range(12)))
        released = time.monotonic()
        assert {status for status, _, _ in answers} == {503}
        assert all(after for _, _, after in answers)
        assert max(seconds for _, seconds, _ in answers) <= 2.5
        wait_until(lambda: get(port, "/agent/query")[0] == 200, "recovery")
        assert time.monotonic() - released <= 1
        assert [holder.result()[0] for holder in holders] == [200] * 4


def test_row_17_when_the_server_takes_no_more_connections_callers_are_told_at_once(
    platform: Start, database_server: Postgres
) -> None:
    def limit(connections: int) -> None:
        database_server.execute(f"ALTER ROLE estate_api CONNECTION LIMIT {connections}", database="estate")

    with platform("api") as running:
        assert running.caller.send().acknowledged
        limit(0)
        try:
            for backend in database_server.backends():
                with contextlib.suppress(psutil.NoSuchProcess):
                    backend.terminate()
            wait_until(lambda: get(running.stack.port, "/agent/query")[0] != 200, "no connection being left")
            calls = [running.caller.send() for _ in range(5)]
            status, seconds, retry_after = get(running.stack.port, "/agent/query")
        finally:
            limit(-1)
        released = time.monotonic()
        assert {done.status for done in calls} | {status} == {503}
        assert retry_after
        assert max(seconds, *(done.seconds for done in calls)) <= 2.5
        running.caller.send_until_acknowledged()
        assert time.monotonic() - released <= 1


def test_row_22_a_query_ends_with_the_process_that_asked(platform: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTATE_DB_LOCK_TIMEOUT_MS", "30000")
    monkeypatch.setenv("ESTATE_DB_STATEMENT_TIMEOUT_MS", "30000")
    with platform("api") as running, locked(running, "agent_activity"):
        asking = threading.Thread(target=_get_in_vain, args=(running.stack.port, "/agent/query"))
        asking.start()
        wait_until(lambda: running.value(WAITING) == 1, "a long query")
        (process,) = running.stack.processes("api")
        os.kill(process.pid, signal.SIGKILL)
        killed = time.monotonic()
        wait_until(lambda: running.value(WAITING) == 0, "the end of the query")
        assert time.monotonic() - killed <= 1
        asking.join()


def _get_in_vain(port: int, path: str) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        get(port, path)
