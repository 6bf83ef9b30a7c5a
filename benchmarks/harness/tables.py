"""Reads what a run left in the database, past the product and past the proxy."""

import json
from decimal import Decimal

import psycopg

from benchmarks.harness.checker import Aggregates, Refused, StoredEvent

__all__ = ["kept_counts", "left_over", "refused_rows", "stored_events"]


def stored_events(connection: psycopg.Connection) -> list[StoredEvent]:
    """Return every row of the events table."""
    rows = connection.execute("""
        SELECT event_id::text, agent_id::text, client_id::text, property_project_id::text, property_unit_id::text,
            trigger_word, response_speed::float8, conversion_effect::float8, deal_id::text
        FROM behavior_events
    """)
    return [StoredEvent(e, a, c, (p, u) if u else None, *rest) for e, a, c, p, u, *rest in rows]


def refused_rows(connection: psycopg.Connection) -> list[Refused]:
    """Return every refused row with the content of its bytes."""
    rows = connection.execute("SELECT status, raw FROM rejected_rows WHERE layer = 'behavior'")
    return [Refused(status, json.loads(raw)) for status, raw in rows]


def kept_counts(connection: psycopg.Connection) -> tuple[Aggregates, int, int]:
    """Return the counts that folding keeps, how many events it has not seen, and how much work was given up."""
    terms = connection.execute("SELECT term, n_won, n_lost, n_open FROM trigger_stats").fetchall()
    agents = connection.execute(
        "SELECT agent_id::text, event_count, response_count, response_seconds_total FROM agent_activity"
    ).fetchall()
    units = connection.execute("SELECT project_id::text, unit_id::text, event_count FROM properties").fetchall()
    unfolded = connection.execute("SELECT count(*) FROM behavior_events WHERE folded_at IS NULL").fetchone()
    dead = connection.execute(
        "SELECT count(*) FROM outbox WHERE dead AND key LIKE 'poison %' AND last_error IS NOT NULL"
    ).fetchone()
    assert unfolded is not None
    assert dead is not None
    kept = Aggregates(
        {term: (won, lost, open_) for term, won, lost, open_ in terms},
        {agent: (events, responses, Decimal(seconds)) for agent, events, responses, seconds in agents},
        {(project, unit): n for project, unit, n in units},
    )
    return kept, unfolded[0], dead[0]


def left_over(connection: psycopg.Connection) -> int:
    """Count the pieces of work that are still to be done."""
    row = connection.execute("SELECT count(*) FROM outbox WHERE NOT dead").fetchone()
    assert row is not None
    return int(row[0])
