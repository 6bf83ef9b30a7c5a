"""A server that counts, for the tests of log-in and limits."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from starlette.testclient import TestClient
from tests.integration.api.identity import HTTPS, addressed

from estate.api.app import create_app
from estate.core.settings import get_settings

Counting = Callable[..., TestClient]


@pytest.fixture
def counting(database: None, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counting]:
    """Make an application with Redis and some settings, called without a key over TLS."""
    with ExitStack() as stack:

        def made(**settings: str) -> TestClient:
            patient = {"redis_url": redis_url, "redis_timeout_ms": "2000"}
            for name, value in (patient | settings).items():
                monkeypatch.setenv(f"ESTATE_{name.upper()}", value)
            get_settings.cache_clear()
            app = addressed(create_app())
            return stack.enter_context(TestClient(app, base_url=HTTPS, raise_server_exceptions=False))

        yield made
    monkeypatch.undo()
    get_settings.cache_clear()
