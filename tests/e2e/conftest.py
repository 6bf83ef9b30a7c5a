"""A running API server and worker on a database of their own."""

from collections.abc import Iterator

import httpx2
import pytest
from benchmarks.harness.browser import chromium
from benchmarks.harness.house import House, open_house, passing_servers
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine, create_engine
from tests.brokerage import Brokerage, running_brokerage
from tests.live import new_platform, running_api, running_worker

from estate.cli.processes import free_port

expect.set_options(timeout=30_000)  # Milliseconds; a busy machine takes longer than the five seconds by default.


@pytest.fixture(scope="session")
def environment(engine: Engine, redis_url: str) -> dict[str, str]:
    """Settings of the running platform: a migrated database of its own, and Redis."""
    return new_platform(engine, redis_url, "estate_live") | {"ESTATE_WORKER_METRICS_PORT": str(free_port())}


@pytest.fixture(scope="session")
def live_engine(environment: dict[str, str]) -> Iterator[Engine]:
    """Engine of the running platform's database."""
    engine = create_engine(environment["ESTATE_DATABASE_URL"], connect_args={"options": "-c role=estate_system"})
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def server(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """A client of the running API."""
    with running_api(environment, tmp_path_factory.mktemp("api")) as client:
        yield client


@pytest.fixture(scope="session")
def worker(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A real Celery worker with beat."""
    with running_worker(environment, tmp_path_factory.mktemp("worker")):
        yield


@pytest.fixture(scope="session")
def brokerage(engine: Engine, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokerage]:
    """A running API on a small brokerage."""
    with running_brokerage(engine, redis_url, tmp_path_factory.mktemp("brokerage")) as brokerage:
        yield brokerage


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """A platform with its console on the sample world."""
    with (
        passing_servers() as (folder, postgres, redis),
        open_house(postgres, redis, "house", folder / "house", seed=1) as house,
    ):
        yield house


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium; what drives it keeps an event loop running in this thread, which other tests need free."""
    try:
        with chromium() as browser:
            yield browser
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
