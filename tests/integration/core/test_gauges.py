"""Gauges are read at a scrape and kept a moment; one that cannot be read is missing and counted; the page answers."""

import time
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session
from starlette.testclient import TestClient
from tests.live import committing

from estate.api.app import create_app
from estate.core.db import Database, unit_of_work, use_database
from estate.core.security import Actor
from estate.core.settings import get_settings

Samples = dict[tuple[str, str], float]


@pytest.fixture(autouse=True)
def _read_at_every_scrape(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ESTATE_METRICS_CACHE_S", "0")
    get_settings.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


def scrape(api: TestClient) -> Samples:
    """Return every sample by its name and the value of its first label."""
    answer = api.get("/metrics")
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    return {(s.name, next(iter(s.labels.values()), "")): s.value for family in families for s in family.samples}


def errors(samples: Samples, source: str) -> float:
    return samples.get(("estate_scrape_errors_total", source), 0.0)


def add(session: Session, topic: str, columns: str = "", values: str = "") -> None:
    session.execute(text(f"INSERT INTO outbox (topic, key{columns}) VALUES ('{topic}', 'x'{values})"))
    session.flush()


def test_the_outbox_is_told_by_topic(api: TestClient, session: Session) -> None:
    add(session, "agent.fold", ", created_at", ", now() - interval '90 s'")
    add(session, "agent.fold")
    add(session, "agent.fold", ", dead", ", true")
    add(session, "realestate_gpt.document", ", created_at", ", now() - interval '500 s'")
    add(session, "later", ", created_at, available_at", ", now() - interval '1 h', now() + interval '1 h'")
    add(
        session,
        "failing",
        ", created_at, available_at, attempts",
        ", now() - interval '1 h', now() + interval '1 h', 2",
    )
    seen = scrape(api)
    assert seen["estate_outbox_rows", "agent.fold"] == 2
    assert seen["estate_outbox_dead_rows", "agent.fold"] == 1
    assert seen["estate_outbox_oldest_seconds", "agent.fold"] == pytest.approx(90, abs=10)
    assert seen["estate_fold_lag_seconds", ""] == pytest.approx(90, abs=10)
    assert seen["estate_outbox_oldest_seconds", "later"] == 0
    assert seen["estate_outbox_oldest_seconds", "failing"] == pytest.approx(3600, abs=10)
    assert seen["estate_model_unlearned_deals", "closing"] == 0
    assert seen["estate_database_up", ""] == 1


def test_a_gauge_that_fails_is_missing_and_counted(api: TestClient, session: Session) -> None:
    before = scrape(api)
    session.execute(text("SET LOCAL ROLE NONE"))
    session.execute(text("ALTER TABLE heartbeats RENAME TO gone"))
    session.execute(text("SAVEPOINT before_the_scrape"))
    seen = scrape(api)
    assert errors(seen, "sweep") == errors(before, "sweep") + 1
    assert ("estate_sweep_age_seconds", "") not in seen
    assert ("estate_fold_lag_seconds", "") in seen, "one failing source took others with it"


def test_an_exhausted_pool_is_told_by_the_page_itself(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("ESTATE_DB_POOL_SIZE", "2")
    monkeypatch.setenv("ESTATE_DB_POOL_TIMEOUT_S", "0.1")
    get_settings.cache_clear()
    database = Database.connect(database_url, "api")
    with use_database(database), TestClient(create_app()) as api:
        held = [database.sessions() for _ in range(2)]
        for session in held:
            session.execute(text("SELECT 1"))
        before = scrape(api)
        seen = scrape(api)
        for session in held:
            session.close()
        after = scrape(api)
    database.close()
    assert (seen["estate_db_pool_checked_out", ""], seen["estate_db_pool_size", ""]) == (2, 2)
    assert seen["estate_database_up", ""] == 0
    assert errors(seen, "database") == errors(before, "database") + 1
    assert (after["estate_db_pool_checked_out", ""], after["estate_database_up", ""]) == (0, 1)


def test_between_scrapes_nobody_is_asked_again(
    api: TestClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    scrape(api)
    monkeypatch.setenv("ESTATE_METRICS_CACHE_S", "3600")
    get_settings.cache_clear()
    add(session, "agent.fold")
    assert ("estate_outbox_rows", "agent.fold") not in scrape(api)
    monkeypatch.setenv("ESTATE_METRICS_CACHE_S", "0")
    get_settings.cache_clear()
    assert scrape(api)["estate_outbox_rows", "agent.fold"] == 1


def test_a_slow_reading_is_cut_off(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTATE_METRICS_STATEMENT_TIMEOUT_MS", "100")
    get_settings.cache_clear()
    with committing(engine, "estate_slow") as database, use_database(database), TestClient(create_app()) as api:
        before = scrape(api)
        with unit_of_work(Actor.system()) as blocker:
            blocker.execute(text("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE"))
            started = time.monotonic()
            seen = scrape(api)
            seconds = time.monotonic() - started
    assert seconds < 2, "it waited for the lock, for which these sessions would wait 5 s"
    assert errors(seen, "outbox") == errors(before, "outbox") + 1
    assert ("estate_model_unlearned_deals", "closing") in seen
