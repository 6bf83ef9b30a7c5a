"""A network that passes nothing is noticed on this side, where no time-out of the server comes through."""

import time
from collections.abc import Iterator

import pytest
from benchmarks.harness.proxy import Proxy
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError

from estate.core.db import STALL_MARGIN_S, Database, make_engine, unit_of_work, use_database
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.core.sqlstate import is_unavailable

STALL_S = 30.0


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    proxy = Proxy(make_url(database_url).port or 5432)
    yield proxy
    proxy.stop()


def test_a_stalled_statement_and_a_stalled_pool_end_in_time(proxy: Proxy, database_url: str) -> None:
    url = make_url(database_url).set(port=proxy.ports["api"]).render_as_string(hide_password=False)
    engine = make_engine(url, get_settings(), statement_timeout_ms=500)
    with use_database(Database.of(engine)):
        with unit_of_work(Actor.system()) as session:
            session.execute(text("SELECT 1"))
            proxy.stall(STALL_S)
            started = time.monotonic()
            with pytest.raises(OperationalError) as caught:
                session.execute(text("SELECT 2"))
            session.rollback()
        assert 0.5 < time.monotonic() - started < 0.5 + STALL_MARGIN_S + 1
        assert is_unavailable(caught.value)
        started = time.monotonic()
        with pytest.raises(OperationalError), unit_of_work(Actor.system()) as session:
            session.execute(text("SELECT 3"))
        assert time.monotonic() - started < 2 * (STALL_MARGIN_S + get_settings().db_connect_timeout_s)
    engine.dispose()
