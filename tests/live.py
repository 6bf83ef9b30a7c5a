"""A running API server and worker, for the tests that only a running platform can answer."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from sqlalchemy import Engine, create_engine, make_url, text
from tests.conftest import API_KEY

from estate.cli.processes import free_port
from estate.core.db import Database
from estate.core.migrate import upgrade

__all__ = ["committing", "new_database", "new_platform", "running_api", "running_worker", "wait_until"]

DEADLINE_S = 60.0
PASSWORDS = {"estate_api": secrets.token_hex(16), "estate_worker": secrets.token_hex(16)}


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition, no longer than the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {DEADLINE_S} s"
        time.sleep(0.05)


def new_database(engine: Engine, name: str) -> str:
    """Make an empty, migrated database and return its URL."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = engine.url.set(database=name).render_as_string(hide_password=False)
    upgrade(url, PASSWORDS)
    return url


def as_login(url: str, login: str) -> str:
    """Return the URL with which a process of the platform logs in, as no owner of the tables."""
    return make_url(url).set(username=login, password=PASSWORDS[login]).render_as_string(hide_password=False)


@contextmanager
def committing(engine: Engine, name: str) -> Iterator[Database]:
    """Give a migrated database whose transactions commit, and drop it afterwards."""
    url = new_database(engine, name)
    owner = create_engine(url)
    with owner.begin() as connection:  # Tests empty tables between themselves; nobody else may.
        connection.execute(text("GRANT TRUNCATE ON ALL TABLES IN SCHEMA public TO estate_system"))
    owner.dispose()
    own = create_engine(url, connect_args={"options": "-c lock_timeout=5000 -c timezone=UTC -c role=estate_system"})
    yield Database.of(own)
    own.dispose()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP DATABASE {name}"))


def new_platform(engine: Engine, redis_url: str, database: str) -> dict[str, str]:
    """Return the settings of a platform with Redis and an empty database of its own."""
    return {
        "ESTATE_DATABASE_URL": new_database(engine, database),
        "ESTATE_REDIS_URL": redis_url,
        "ESTATE_BOOTSTRAP_API_KEY": API_KEY,
        "ESTATE_API_PORT": str(free_port()),
        "ESTATE_SWEEP_INTERVAL_S": "1",
        "ESTATE_READS_PER_MINUTE": "100000",
        "ESTATE_WRITES_PER_MINUTE": "100000",
        "ESTATE_COSTLY_PER_MINUTE": "100000",
    }


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


def logged_in(environment: dict[str, str], login: str) -> dict[str, str]:
    """Return the settings of one process of a platform."""
    return environment | {"ESTATE_DATABASE_URL": as_login(environment["ESTATE_DATABASE_URL"], login)}


@contextmanager
def running_api(environment: dict[str, str], folder: Path) -> Iterator[httpx2.Client]:
    """Run the API and give a client of it."""
    log = folder / "api.log"
    base = f"http://127.0.0.1:{environment['ESTATE_API_PORT']}"
    with (
        process(log, logged_in(environment, "estate_api"), "-m", "estate", "serve") as child,
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


@contextmanager
def running_worker(environment: dict[str, str], folder: Path) -> Iterator[None]:
    """Run a real Celery worker with beat."""
    command = ("-m", "celery", "-A", "estate.worker", "worker", "--beat", "--concurrency", "1")
    mine = logged_in(environment, "estate_worker")
    with process(folder / "worker.log", mine, *command, "--schedule", str(folder / "beat")):
        yield
