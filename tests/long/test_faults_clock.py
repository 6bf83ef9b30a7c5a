"""The clock of a host jumps: that of the database decides, so nothing is lost, late, stale or deleted early.

Numbers of tests are rows of docs/faults.md. A small library (clock.c) shifts the wall clock of API, worker and beat
while they run; the clock of the database is right.
"""

import datetime as dt
import http.client
import re
import shutil
import struct
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from benchmarks.harness.stack import API_KEY, Redis, wait_until
from benchmarks.harness.writers import call
from tests.long.platform import Platform
from tests.long.test_faults_worker import add_work, celery

from estate.cli.processes import HOST

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("cc") is None, reason="the library that shifts clocks needs a C compiler"),
]

Start = Callable[..., AbstractContextManager[Platform]]
Jump = Callable[[dt.timedelta], None]

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
SWEEP_S = 1.0
REFUSED = "SELECT count(*) FROM rejected_rows"
AGENT = "50000000-0000-4000-8000-000000000001"


@pytest.fixture
def jump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jump:
    """Shift the clocks of all programs that are started from here on."""
    source, library, shift = Path(__file__).with_name("clock.c"), tmp_path / "clock.so", tmp_path / "shift"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    shift.write_bytes(struct.pack("l", 0))
    monkeypatch.setenv("CLOCK_SHIFT_FILE", str(shift))
    monkeypatch.setenv("LD_PRELOAD", str(library))

    def by(change: dt.timedelta) -> None:
        with shift.open("r+b") as file:
            file.write(struct.pack("l", int(change.total_seconds())))

    return by


def post(running: Platform, path: str, body: object) -> Any:
    connection = http.client.HTTPConnection(HOST, running.stack.port, timeout=30)
    try:
        return call(connection, path, body, API_KEY)[1]
    finally:
        connection.close()


def ages(running: Platform) -> dict[str, float]:
    """Return every age and lag that the API shows, and the sums of its durations, in seconds."""
    connection = http.client.HTTPConnection(HOST, running.stack.port, timeout=30)
    connection.request("GET", "/metrics", headers={"X-API-Key": API_KEY})
    shown = connection.getresponse().read().decode()
    connection.close()
    found = re.findall(r"^(estate_\w*seconds(?:_sum)?)(?:\{.*\})? (\S+)$", shown, re.MULTILINE)
    assert found
    return {name: float(value) for name, value in found}


@pytest.mark.parametrize("by", [-HOUR, DAY, -DAY], ids=["an hour back", "a day ahead", "a day back"])
def test_row_20_whatever_the_clock_says_events_are_stored_counted_and_kept(
    platform: Start, jump: Jump, monkeypatch: pytest.MonkeyPatch, by: dt.timedelta
) -> None:
    monkeypatch.setenv("ESTATE_RETENTION_REJECTED_DAYS", "1")
    monkeypatch.setenv("ESTATE_RETENTION_INTERVAL_S", "1")
    monkeypatch.setenv("ESTATE_METRICS_CACHE_S", "0")
    with platform() as running:
        assert post(running, "/agent/ingest", {"agent_id": AGENT, "name": "Before"})["created"] == 1
        post(running, "/behavior/ingest", [{"event_id": "none"}])
        assert running.value(REFUSED) == 1
        running.caller.send_until_acknowledged()
        running.wait_folded()
        with running.caller.calling():
            for change in (by, dt.timedelta(0), by):
                jump(change)
                time.sleep(1)
        assert all(done.acknowledged for done in running.caller.calls)
        assert running.wait_folded() <= SWEEP_S + 2
        assert post(running, "/agent/ingest", {"agent_id": AGENT, "name": "After"})["updated"] == 1
        undated = dict(running.caller.send().event)
        undated |= {"event_id": AGENT, "time_of_event": None}
        assert running.caller.send(undated).acknowledged
        late = running.value(
            "SELECT abs(extract(epoch FROM now() - time_of_event))::float8 FROM behavior_events WHERE event_id = %s",
            AGENT,
        )
        assert late < 10
        add_work(running)
        wait_until(lambda: running.left() == 0, "a sweep", 10)
        assert running.value(REFUSED) == 1, "deleted a day early"
        assert {name: age for name, age in ages(running).items() if age < 0} == {}
        running.check()


def test_row_12_a_beat_that_slept_an_hour_catches_up_once(
    platform: Start, jump: Jump, redis_server: Redis, tmp_path: Path
) -> None:
    with platform("api") as running, redis_server.client() as client:
        client.flushall()
        with celery(running, tmp_path, "beat", "--schedule", str(tmp_path / "schedule")):
            wait_until(lambda: int(client.llen("celery")) > 0, "a beat")
            before, began = int(client.llen("celery")), time.monotonic()
            jump(HOUR)
            wait_until(lambda: int(client.llen("celery")) > before, "a beat after the jump", 30)
            time.sleep(4)
            sent = int(client.llen("celery")) - before
            assert 1 <= sent <= (time.monotonic() - began) / SWEEP_S + 2
