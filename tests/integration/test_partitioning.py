"""The SQL of docs/scaling.md does what the page says of it."""

import re
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from estate.core.db import Database

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"
BLOCK = re.compile(r"^```sql\n(.*?)^```$", re.M | re.S)

EVENT = "e7e40000-0000-4000-8000-000000000001"
AGENT = "a9e70000-0000-4000-8000-000000000001"
ADD = text(f"""
SELECT add_event(jsonb_populate_record(NULL::events_by_month, jsonb_build_object(
    'event_id', '{EVENT}', 'agent_id', '{AGENT}', 'time_of_event', CAST(:at AS text),
    'content_hash', '\\x00', 'updated_at', now()
)))
""")


@pytest.fixture
def schemes(owner: Connection) -> Connection:
    """A connection whose transaction has run every statement of the page."""
    driver = owner.connection.cursor()
    for block in BLOCK.findall(PAGE.read_text()):
        driver.execute(block)
    return owner


@pytest.mark.parametrize(("login", "role"), [("estate_api", "api"), ("estate_worker", "worker")])
def test_behind_a_pooler_a_login_has_what_its_connections_ask_for(
    schemes: Connection, database_url: str, login: str, role: Literal["api", "worker"]
) -> None:
    given = text("""
        SELECT split_part(one, '=', 1) AS name, split_part(one, '=', 2) AS value
        FROM pg_roles, unnest(rolconfig) one WHERE rolname = :login
    """)
    wanted = text("SELECT name, setting FROM pg_settings WHERE source = 'client' AND name <> 'client_encoding'")
    for name, value in schemes.execute(given, {"login": login}).all():
        schemes.execute(text("SELECT set_config(:name, :value, true)"), {"name": name, "value": value})
    with (
        closing(Database.connect(database_url, role)) as database,
        database.engine.connect() as connection,
    ):
        asked = {row.name: row.setting for row in connection.execute(wanted)}
    names = text("SELECT name, setting FROM pg_settings WHERE name = ANY(:names)")
    found = schemes.execute(names, {"names": list(asked)})
    assert {row.name: row.setting for row in found} == asked


def test_plain_months_would_lose_the_key(owner: Connection) -> None:
    statement = "CREATE TABLE events (event_id uuid PRIMARY KEY, at timestamptz) PARTITION BY RANGE (at)"
    with pytest.raises(DBAPIError, match="must include all partitioning columns"):
        owner.execute(text(statement))


def test_with_a_table_of_keys_an_event_counts_once_whatever_its_time(schemes: Connection) -> None:
    added = [schemes.execute(ADD, {"at": at}).scalar_one() for at in ("2026-11-03T09:00Z", "2027-01-05T09:00Z")]

    assert added == [1, 0]
    assert schemes.execute(text("SELECT count(*) FROM events_by_month_2026_11")).scalar_one() == 1
    assert schemes.execute(text("SELECT count(*) FROM events_by_month")).scalar_one() == 1


def test_a_month_is_made_once_and_read_alone(schemes: Connection) -> None:
    schemes.execute(text("SELECT ensure_month('events_by_month', '2026-11-30')"))
    months = schemes.execute(text("SELECT count(*) FROM pg_inherits WHERE inhparent = 'events_by_month'::regclass"))
    plan = schemes.execute(text("EXPLAIN SELECT * FROM events_by_month WHERE time_of_event >= '2027-02-01'")).scalars()
    lines = "\n".join(plan)

    assert months.scalar_one() == 4
    assert "events_by_month_2027_02" in lines
    assert "2026" not in lines.replace("2027-02-01", "")


def test_a_restated_snapshot_is_not_doubled(schemes: Connection) -> None:
    state = text("""
        INSERT INTO snapshots_by_year (area_id, segment, observed_on, source, stated, currency, price_avg)
        VALUES ('6f1b6f2e-0c1d-4b59-9a63-2f6f0b7c1a11', 'all', '2026-10-31', 'registry', true, 'AED', :price)
        ON CONFLICT (area_id, segment, observed_on, source) WHERE stated DO UPDATE SET price_avg = excluded.price_avg
    """)
    for price in (1, 2):
        schemes.execute(state, {"price": price})

    assert schemes.execute(text("SELECT price_avg FROM snapshots_by_year")).scalars().all() == [2]


def test_work_of_another_topic_is_in_another_partition(schemes: Connection) -> None:
    schemes.execute(text("INSERT INTO outbox_by_topic (topic, key) VALUES ('behavior.fold', 'a'), ('agent.fold', 'b')"))

    assert schemes.execute(text("SELECT key FROM outbox_fold")).scalars().all() == ["a"]
