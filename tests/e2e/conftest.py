"""A running API server and worker on a database of their own."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import Engine, create_engine, text
from tests.conftest import API_KEY

from estate.cli.processes import free_port
from estate.core.migrate import upgrade

DEADLINE_S = 30.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition, no longer than the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {DEADLINE_S} s"
        time.sleep(0.05)


@contextmanager
def process(log: Path, environment: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of our programs for the duration of a block."""
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, *arguments], env=os.environ | environment, stdout=output, stderr=output
        )
        try:
            yield child
        finally:
            child.terminate()
            child.wait(timeout=20)


@pytest.fixture(scope="session")
def environment(engine: Engine, redis_url: str) -> dict[str, str]:
    """Settings of the running platform: a migrated database of its own, and Redis."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE IF EXISTS estate_live"))
        connection.execute(text("CREATE DATABASE estate_live"))
    url = engine.url.set(database="estate_live").render_as_string(hide_password=False)
    upgrade(url)
    return {
        "ESTATE_DATABASE_URL": url,
        "ESTATE_REDIS_URL": redis_url,
        "ESTATE_BOOTSTRAP_API_KEY": API_KEY,
        "ESTATE_API_PORT": str(free_port()),
        "ESTATE_SWEEP_INTERVAL_S": "1",
        "ESTATE_RATE_LIMIT_PER_MINUTE": "100000",
    }


@pytest.fixture(scope="session")
def live_engine(environment: dict[str, str]) -> Iterator[Engine]:
    """Engine of the running platform's database."""
    engine = create_engine(environment["ESTATE_DATABASE_URL"])
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def server(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """A client of the running API."""
    log = tmp_path_factory.mktemp("api") / "api.log"
    base = f"http://127.0.0.1:{environment['ESTATE_API_PORT']}"
    with (
        process(log, environment, "-m", "estate", "serve") as child,
        httpx2.Client(base_url=base, headers={"X-API-Key": API_KEY}, timeout=30) as client,
    ):

        def ready() -> bool:
            assert child.poll() is None, log.read_text()
            try:
                return client.get("/readyz").status_code == 200
            except httpx2.TransportError:
                return False

        wait_until(ready, "the API getting ready")
        yield client


@pytest.fixture(scope="session")
def worker(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A real Celery worker with beat."""
    folder = tmp_path_factory.mktemp("worker")
    command = ("-m", "celery", "-A", "estate.worker", "worker", "--beat", "--concurrency", "1")
    with process(folder / "log", environment, *command, "--schedule", str(folder / "beat")):
        yield
