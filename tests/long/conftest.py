"""Servers and platforms for the tests of faults: each test has a database of its own and nothing is left of it."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from benchmarks.harness.stack import Postgres, Redis, Stack
from tests.long.platform import Platform

SEED = 20_261_126


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that the account of PostgreSQL can reach."""
    with tempfile.TemporaryDirectory(prefix="estate-faults-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture(scope="module")
def database_server(folder: Path) -> Iterator[Postgres]:
    """A PostgreSQL that may be killed."""
    server = Postgres(folder / "postgresql")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def redis_server(folder: Path) -> Iterator[Redis]:
    """A Redis that may be killed."""
    server = Redis(folder / "redis")
    yield server
    server.stop()


@pytest.fixture
def platform(
    database_server: Postgres, redis_server: Redis, folder: Path, request: pytest.FixtureRequest
) -> Callable[..., AbstractContextManager[Platform]]:
    """Start API and worker, or one of them, on a fresh database with a world loaded."""

    @contextmanager
    def started(*roles: str) -> Iterator[Platform]:
        name = request.node.name.partition("[")[0][:60].lower()
        database_server.create(name)
        stack = Stack(database_server, redis_server, name, folder / name, roles=roles or ("api", "worker"))
        try:
            yield Platform.loaded(stack, SEED)
        finally:
            stack.stop()

    return started
