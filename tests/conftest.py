"""Fixtures: one throw-away PostgreSQL a run, real migrations, and a rollback after each test."""

import os
from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

API_KEY = "estate-test-key-of-forty-characters-0000"
os.environ["ESTATE_ENVIRONMENT"] = "test"
os.environ["ESTATE_BOOTSTRAP_API_KEY"] = API_KEY
os.environ["ESTATE_KEY_PEPPER"] = "estate-test-pepper-of-32-characters"
os.environ.pop("ESTATE_DATABASE_URL", None)
os.environ.pop("ESTATE_REDIS_URL", None)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an empty server that lives as long as the test run."""
    from estate.cli.servers import start_postgres

    with start_postgres(tmp_path_factory.mktemp("postgres"), for_tests=True) as server:
        yield server.url


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a Redis that lives as long as the test run."""
    from estate.cli.servers import start_redis

    with start_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture(scope="session")
def database_url(postgres: str) -> str:
    """URL of the migrated database."""
    from estate.core.migrate import upgrade
    from estate.core.settings import get_settings

    os.environ["ESTATE_DATABASE_URL"] = postgres
    get_settings.cache_clear()
    upgrade(postgres)
    return postgres


@pytest.fixture(scope="session")
def engine(database_url: str) -> Iterator[Engine]:
    """Engine of the migrated database."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A connection whose transaction is rolled back after the test."""
    with engine.connect() as connection:
        transaction = connection.begin()
        # What a test looks at directly it sees whole; the owner of the tables would see no row that has a policy.
        connection.execute(text("SET LOCAL ROLE estate_system"))
        yield connection
        transaction.rollback()


@pytest.fixture
def owner(engine: Engine) -> Iterator[Connection]:
    """A connection of the owner of the tables, who may change them; its transaction is rolled back after the test."""
    with engine.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


@pytest.fixture
def database(connection: Connection) -> Iterator[None]:
    """Every unit of work of the test runs inside the connection's transaction."""
    from estate.core.db import Database, use_database

    sessions, readers = (
        sessionmaker(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") for _ in range(2)
    )

    # A unit of work sets its role, and how long it may take, for its transaction, here but a part of the test's.
    before = text(
        "SET LOCAL ROLE estate_system; SET LOCAL statement_timeout = 0;"
        " SET LOCAL idle_in_transaction_session_timeout = 0"
    )

    def take_back(_: Session) -> None:
        connection.execute(before)

    def refuse_writes(*_: object) -> None:
        connection.execute(text("SET TRANSACTION READ ONLY"))

    event.listen(sessions, "after_commit", take_back)
    event.listen(readers, "after_commit", take_back)
    event.listen(readers, "after_begin", refuse_writes)
    with use_database(Database(sessions, readers)):
        yield


@pytest.fixture
def session(database: None) -> Iterator[Session]:
    """A unit of work of the system."""
    from estate.core.db import unit_of_work
    from estate.core.security import Actor

    with unit_of_work(Actor.system()) as session:
        yield session


@pytest.fixture(scope="session")
def app(database_url: str) -> FastAPI:
    """The application, made once: it keeps nothing between requests."""
    from estate.api.app import create_app

    return create_app()


@pytest.fixture
def api(app: FastAPI, database: None) -> Iterator[TestClient]:
    """The application, called with a valid key."""
    client = TestClient(app, headers={"X-API-Key": API_KEY}, raise_server_exceptions=False)
    yield client
    client.close()


@pytest.fixture
def drain(database: None) -> Callable[[], int]:
    """Do all work that waits in the outbox, as the worker would."""
    from estate import registry
    from estate.core.queue import drain_all

    registry.register()
    return drain_all
