"""`estate up`, run as a person runs it: it gets ready, stops when asked, and leaves nothing behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx2
import psutil
import pytest

READY_S = 180.0
STOP_S = 60.0


@dataclass(frozen=True)
class Run:
    """One `estate up` in a folder."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int

    @property
    def output(self) -> str:
        return self.log.read_text()

    def parts(self) -> list[psutil.Process]:
        """Every process that it started, and those that they started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def call(self, path: str, body: object = None) -> dict[str, object]:
        key = (self.log.parent / ".estate" / "api.key").read_text()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-API-Key": key, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 (our own address)
            return dict(json.load(answer))


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A project folder that every account can reach; the sample world is loaded into it once."""
    with tempfile.TemporaryDirectory(prefix="estate-test-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(folder: Path, port: int, *options: str, output: str = "output") -> Run:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ESTATE_")}
    with (folder / output).open("wb") as lines:
        process = subprocess.Popen(
            [sys.executable, "-m", "estate", "up", *options],
            cwd=folder,
            env={
                **environment,
                "ESTATE_API_PORT": str(port),
                "ESTATE_CONSOLE_PORT": str(free_port()),
                "COLUMNS": "200",
            },
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=lines,
        )
    return Run(process, folder / output, port)


@contextmanager
def up(folder: Path, *options: str) -> Iterator[Run]:
    """A run that is ready; whatever the test does to it, nothing of it survives the test."""
    run = start(folder, free_port(), *options)
    parts = []
    try:
        wait_for(lambda: "Estate is ready" in run.output or run.process.poll() is not None, READY_S)
        assert run.process.poll() is None, run.output
        parts = run.parts()
        yield run
    finally:
        run.process.kill()
        run.process.wait()
        for part in psutil.wait_procs(parts, timeout=STOP_S)[1]:
            part.kill()


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def left_of(parts: list[psutil.Process]) -> list[psutil.Process]:
    return psutil.wait_procs(parts, timeout=STOP_S)[1]


def test_stops_cleanly_on_request_and_keeps_data_and_key(folder: Path) -> None:
    area = str(uuid4())
    with up(folder) as first:
        key = (folder / ".estate" / "api.key").read_text()
        assert first.call("/readyz")["redis"] == "ok"
        first.call("/market/ingest", {"area_id": area, "area_name": "Kept Quarter", "price_avg": "1000.00"})
        wait_for(lambda: "outbox rows done" in first.output, READY_S)
        assert "Task estate." not in first.output, "a line for every task, many of which did nothing"
        parts = first.parts()
        first.process.send_signal(signal.SIGINT)
        assert first.process.wait(STOP_S) == 0, first.output
        assert left_of(parts) == []

    with up(folder) as second:
        assert (folder / ".estate" / "api.key").read_text() == key
        assert key in second.output
        assert second.call(f"/market/predict?area_id={area}")
        second.process.send_signal(signal.SIGTERM)
        assert second.process.wait(STOP_S) == 0, second.output


def test_whoever_it_names_may_sign_in_to_the_console(folder: Path) -> None:
    with up(folder) as run:
        console = re.search(r"Console  (http://\S+)", run.output)
        assert console is not None
        served = next(part for part in run.parts() if part.cmdline()[-1] == "console")
        given = {name for name in served.environ() if name.startswith("ESTATE_")}
        assert given == {"ESTATE_API_PORT", "ESTATE_API_URL", "ESTATE_CONSOLE_PORT"}, "no secret is for the console"
        password = (folder / ".estate" / "console.password").read_text()
        for role in ("agent", "manager", "admin"):
            signed = {"email": f"{role}@estate.example", "password": password}
            with httpx2.Client(base_url=console[1], follow_redirects=True, timeout=30) as browser:
                assert browser.post("/login", json=signed).json()["said"] == "Signed in."
                home = browser.get("/")
                assert home.url.path == {"agent": "/today"}.get(role, "/overview")
                assert home.status_code == 200


def test_an_empty_one_has_no_sample_and_says_how_to_begin() -> None:
    with tempfile.TemporaryDirectory(prefix="estate-test-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        with up(Path(name), "--empty") as run:
            assert "estate users create you@example.com --role admin" in run.output
            assert run.call("/agent/query")["items"] == []


def test_another_up_in_the_folder_is_refused(folder: Path) -> None:
    with up(folder) as first:
        again = start(folder, free_port(), output="refused")

        assert again.process.wait(STOP_S) == 2
        assert "in use by another process" in again.output
        assert first.call("/readyz")


def test_death_of_a_part_ends_everything(folder: Path) -> None:
    with up(folder) as run:
        parts = run.parts()
        api = next(part for part in parts if part.cmdline()[-1] == "serve")
        api.kill()

        assert run.process.wait(STOP_S) == 1
        assert "api ended with exit code -9" in run.output
        assert left_of(parts) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_nothing_outlives_a_killed_supervisor(folder: Path) -> None:
    with up(folder) as run:
        parts = run.parts()
        run.process.kill()

        assert len(parts) >= 4
        assert left_of(parts) == []


def test_a_taken_port_is_said_at_once(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run = start(folder, port)

        assert run.process.wait(STOP_S) == 2
    assert f"Port {port} of 127.0.0.1 is taken" in run.output
