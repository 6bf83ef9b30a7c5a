"""A migration while others read and write: it steps back from whoever is in its way.

Numbers of tests are rows of docs/faults.md.
"""

import shutil
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from benchmarks.harness.stack import repository
from sqlalchemy.engine import URL
from tests.long.platform import Platform
from tests.long.test_faults_api import get

from estate.core import migrate

pytestmark = pytest.mark.long

READER_S = 4.0
REVISION = """
import sqlalchemy as sa
from alembic import op
revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    op.add_column("{table}", sa.Column("remark", sa.Text()))
"""
TABLES = ("agent_activity", "behavior_events")


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Migrations with two more revisions: each adds a column to a table that everybody reads."""
    folder = tmp_path / "migrations"
    shutil.copytree(repository() / "migrations", folder)
    monkeypatch.setattr(migrate, "IN_REPOSITORY", folder)
    monkeypatch.setattr(migrate, "PACKAGED", folder)
    before = ScriptDirectory.from_config(migrate.alembic_config("")).get_current_head()
    for number, table in enumerate(TABLES):
        revision = f"next_{number}"
        text = REVISION.format(revision=revision, before=before, table=table)
        (folder / "versions" / f"{revision}.py").write_text(text)
        before = revision


@pytest.mark.usefixtures("next_release")
def test_row_26_a_migration_holds_up_no_reader_and_no_writer(
    platform: Callable[..., AbstractContextManager[Platform]],
) -> None:
    with platform("api") as running:
        stack = running.stack
        reading = threading.Event()

        def read_for_long() -> None:
            with stack.connection() as connection, connection.transaction():
                connection.execute("SELECT count(*) FROM agent_activity, behavior_events")
                reading.set()
                time.sleep(READER_S)

        reader = threading.Thread(target=read_for_long)
        reader.start()
        assert reading.wait(10)
        upgrade = threading.Thread(target=_upgrade, args=(stack.postgres.url(stack.database),))
        began = time.monotonic()
        upgrade.start()
        reads = []
        with running.caller.calling(threads=2):
            while upgrade.is_alive():
                reads.append(get(stack.port, "/agent/query"))
                time.sleep(0.02)
        seconds = time.monotonic() - began
        for thread in (reader, upgrade):
            thread.join()
        added = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'remark'"
        assert running.value(added) == len(TABLES)
        assert seconds >= READER_S - 1, "it did not meet the reader"
        assert {status for status, _, _ in reads} == {200}
        assert all(done.acknowledged for done in running.caller.calls)
        assert max(took for _, took, _ in reads) <= 1
        assert max(done.seconds for done in running.caller.calls) <= 1


def _upgrade(url: URL) -> None:
    migrate.upgrade(url.render_as_string(hide_password=False))
