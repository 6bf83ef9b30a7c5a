"""Workers and beat killed, stopped, missing or doubled, work that can never be done, and work that is committed late.

Numbers of tests are rows of docs/faults.md.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise
from pathlib import Path

import httpx2
import psycopg
import pytest
from benchmarks.harness.stack import API_KEY, Stack, wait_until
from benchmarks.harness.world import new_event
from tests.live import process
from tests.long.platform import Platform

pytestmark = pytest.mark.long

Start = Callable[..., AbstractContextManager[Platform]]

SWEEP_S = 1.0
KILLED_WORKERS = 15
GOOD_ROWS = 10_000
BATCH = 1_000
POISON_ROWS = 3
IDLE_IN_TRANSACTION_S = 10.0
POISON = """
INSERT INTO outbox (topic, key, payload) SELECT 'behavior.fold', 'poison ' || n, '{"agent_id": "nobody"}'
FROM generate_series(1, %s) n
"""


@contextmanager
def another_worker(running: Platform, folder: Path) -> Iterator[Stack]:
    """Run a second worker on the same database."""
    one = running.stack
    stack = Stack(one.postgres, one.redis, one.database, folder / "another", roles=("worker",), direct=True)
    try:
        yield stack
    finally:
        stack.stop()


@contextmanager
def celery(running: Platform, folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run Celery with some arguments, as the worker of the platform would."""
    environment = running.stack.environment("worker")
    with process(folder / f"{arguments[0]}.log", environment, "-m", "celery", "-A", "estate.worker", *arguments) as one:
        yield one


def add_work(running: Platform) -> None:
    """Put work into the outbox that nobody is woken for."""
    with running.stack.connection() as connection:
        connection.execute("INSERT INTO outbox (topic, key) VALUES ('behavior.analyse', 'all')")


def test_row_9_the_work_of_a_killed_worker_is_done_by_the_next_within_seconds(platform: Start, tmp_path: Path) -> None:
    with platform() as running, another_worker(running, tmp_path):
        running.stack.kill("worker")  # So that what follows shows that the other one is there.
        running.caller.send_until_acknowledged()
        running.wait_folded()
        running.stack.mend()
        lags = []
        for _ in range(KILLED_WORKERS):
            with running.caller.calling(threads=2):
                time.sleep(0.3)
                running.stack.kill("worker")
            lags.append(running.wait_folded())
            running.stack.mend()
        assert sorted(lags)[int(0.95 * KILLED_WORKERS)] <= 2
        running.check()


def test_row_10_a_stopped_worker_gives_back_what_it_holds_and_its_commit_fails(platform: Start, tmp_path: Path) -> None:
    with platform() as running:
        stack = running.stack
        running.caller.send_until_acknowledged()
        running.wait_folded()
        free = "SELECT count(*) FROM (SELECT FROM outbox FOR UPDATE SKIP LOCKED) AS free"

        def stopped_holding() -> bool:
            _send_batch(running, BATCH)
            wait_until(lambda: running.value(free) < running.left(), "a worker at work")
            stack.send("worker", signal.SIGSTOP)
            time.sleep(0.3)
            if running.value(free) < running.left():
                return True
            stack.send("worker", signal.SIGCONT)
            return False

        wait_until(stopped_holding, "a worker that stopped with locks")
        stopped, held = time.monotonic(), running.unfolded()
        assert held > 0
        with another_worker(running, tmp_path):
            running.wait_folded()
            assert time.monotonic() - stopped <= IDLE_IN_TRANSACTION_S + 2
            stack.send("worker", signal.SIGCONT)
            running.caller.send_until_acknowledged()
            running.check()


def test_row_11_what_can_never_be_done_holds_up_nothing_and_is_set_aside(platform: Start) -> None:
    with platform() as running:
        _send_batch(running, GOOD_ROWS)
        plain = running.wait_folded(120)
        with running.stack.connection() as connection:
            connection.execute(POISON, (POISON_ROWS,))
        _send_batch(running, GOOD_ROWS)
        poisoned = running.wait_folded(120)
        assert poisoned <= 1.2 * plain + SWEEP_S
        dead = "SELECT count(*) FROM outbox WHERE dead AND last_error IS NOT NULL AND payload->>'agent_id' = 'nobody'"
        wait_until(lambda: running.value(dead) == POISON_ROWS, "the poison being set aside")
        with running.stack.connection() as connection:  # Mend the cause, then do as docs/operations.md says.
            connection.execute("""UPDATE outbox SET payload = '{"items": []}' WHERE dead""")
        command = [sys.executable, "-m", "estate", "work", "--revive"]
        subprocess.run(command, env=running.stack.environment("worker"), check=True, timeout=60, capture_output=True)
        assert running.value("SELECT count(*) FROM outbox WHERE dead") == 0
        running.check()


def _send_batch(running: Platform, rows: int) -> None:
    caller = running.caller
    with httpx2.Client(headers={"X-API-Key": API_KEY}, timeout=60) as client:
        for _ in range(rows // BATCH):
            events = [new_event(caller.rng, caller.world) for _ in range(BATCH)]
            answer = client.post(f"http://127.0.0.1:{running.stack.port}/behavior/ingest", json=events)
            assert answer.json()["created"] == BATCH, json.dumps(answer.json())[:300]


def test_row_12_without_beat_work_that_nobody_announced_is_done(platform: Start, tmp_path: Path) -> None:
    with platform("api") as running, celery(running, tmp_path, "worker", "--concurrency", "1"):
        wait_until(lambda: running.left() == 0, "a sweep")
        for _ in range(3):
            began = time.monotonic()
            add_work(running)
            wait_until(lambda: running.left() == 0, "a sweep")
            assert time.monotonic() - began <= SWEEP_S + 2


def test_row_12_two_beats_and_two_workers_sweep_as_often_as_one(platform: Start, tmp_path: Path) -> None:
    schedule = str(tmp_path / "schedule")
    with (
        platform() as running,
        another_worker(running, tmp_path),
        celery(running, tmp_path, "beat", "--schedule", schedule),
        running.stack.connection() as connection,
    ):
        last = "SELECT extract(epoch FROM beat_at)::float8 FROM heartbeats WHERE name = 'sweep'"
        wait_until(lambda: running.value(last) is not None, "a sweep")
        began = float(running.value(last))
        wait_until(lambda: running.value(last) > began + 5 * SWEEP_S, "both workers being up")
        beats: list[float] = []
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            (beat,) = connection.execute(last.encode()).fetchone() or (0.0,)
            if beat not in beats:
                beats.append(beat)
            time.sleep(0.01)
        pauses = [after - before for before, after in pairwise(beats)]
        assert min(pauses) >= SWEEP_S / 2
        assert max(pauses) <= SWEEP_S + 2


def test_row_25_work_that_is_committed_late_is_done_although_later_work_went_before(platform: Start) -> None:
    with platform() as running:
        first = running.caller.send_until_acknowledged()
        running.wait_folded()
        with psycopg.connect(running.stack.postgres.dsn(running.stack.database)) as late:
            row = late.execute(
                "INSERT INTO behavior_events (event_id, agent_id, client_id, trigger_word, time_of_event, content_hash)"
                " SELECT gen_random_uuid(), agent_id, client_id, trigger_word, time_of_event, content_hash"
                " FROM behavior_events WHERE event_id = %s RETURNING event_id::text",
                (first.event["event_id"],),
            ).fetchone()
            assert row is not None
            late.execute(
                "INSERT INTO outbox (topic, key, payload) SELECT topic, '', jsonb_build_object('items', ARRAY[%s])"
                " FROM unnest(ARRAY['behavior.fold']) AS topic",
                (row[0],),
            )
            began = time.monotonic()
            while time.monotonic() - began < 5:
                running.caller.send_until_acknowledged()
            running.wait_folded()
        assert running.unfolded() == 1
        assert running.wait_folded() <= SWEEP_S + 2
