"""The recount of the fold bench sees each figure that folding keeps, and nothing wrong in a history that it made."""

from collections.abc import Iterator

import psycopg
import pytest
from benchmarks.harness.history import fill, recount_differs
from benchmarks.harness.stack import passing_postgres


@pytest.fixture(scope="module")
def history() -> Iterator[psycopg.Connection]:
    with passing_postgres() as postgres:
        postgres.create("history")
        with psycopg.connect(postgres.dsn("history"), autocommit=True) as connection:
            fill(connection, 2_000)
            yield connection


def test_a_history_equals_its_recount(history: psycopg.Connection) -> None:
    assert recount_differs(history) == 0


@pytest.mark.parametrize(
    "fault",
    [
        "UPDATE trigger_stats SET n_won = n_lost, n_lost = n_won",
        "UPDATE trigger_stats SET n_open = n_open + 1 WHERE term = 'term 1'",
        "DELETE FROM trigger_stats WHERE term = 'term 1'",
        "UPDATE agent_activity SET event_count = event_count + 1",
        "UPDATE agent_activity SET response_count = 2 * response_count",
        "UPDATE agent_activity SET response_seconds_total = response_seconds_total + 1",
        "UPDATE properties SET event_count = event_count + 1",
        "UPDATE behavior_events SET folded_at = NULL WHERE trigger_word = 'term 1'",
        "UPDATE behavior_events SET folded_outcome = 'won' WHERE folded_outcome = 'lost'",
        # What folding wrote agrees with itself and with no deal.
        "UPDATE behavior_events SET folded_outcome = CASE folded_outcome WHEN 'won' THEN 'lost' WHEN 'lost' THEN 'won'"
        " ELSE 'open' END; UPDATE trigger_stats SET n_won = n_lost, n_lost = n_won",
    ],
)
def test_each_wrong_figure_is_seen(history: psycopg.Connection, fault: str) -> None:
    with history.transaction(force_rollback=True):
        history.execute(fault.encode())
        assert recount_differs(history) > 0
