"""Runs the Alembic migrations from code, so that every start and every test uses the same ones."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from estate.core.policies import apply_policies, withdraw_policies
from estate.core.roles import ensure_roles
from estate.core.settings import get_settings
from estate.core.sqlstate import waited_for_a_lock

__all__ = ["alembic_config", "downgrade", "revisions", "upgrade"]

PACKAGED = Path(__file__).resolve().parents[1] / "migrations"
IN_REPOSITORY = Path(__file__).resolve().parents[3] / "migrations"
PAUSE_S = 0.5  # Those who came to wait meanwhile are served first.
NO_PASSWORDS: Mapping[str, str] = MappingProxyType({})


def alembic_config(url: str) -> Config:
    """Return the configuration for one database.

    Parameters
    ----------
    url : str
        SQLAlchemy URL; percent signs in its password are escaped for the ini format.
    """
    config = Config()
    folder = PACKAGED if PACKAGED.is_dir() else IN_REPOSITORY
    config.set_main_option("script_location", str(folder))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(url: str, passwords: Mapping[str, str] = NO_PASSWORDS) -> None:
    """Bring roles, schema, grants and row policies up to date, also while others read and write.

    A change of a table that waits for a lock holds up all who come after it. So it waits only a moment, and is
    tried again until nobody is in its way.

    Parameters
    ----------
    url : str
        SQLAlchemy URL; its role owns the database and may create roles.
    passwords : mapping
        Login of `core.roles.LOGINS` to the password that it shall have.

    Raises
    ------
    sqlalchemy.exc.OperationalError
        When somebody was in its way for ``migration_timeout_s``; what was done before stays.
    """
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        ensure_roles(connection, passwords)
    _patiently(lambda: command.upgrade(alembic_config(url), "head"))
    _patiently(lambda: _guard(engine))


def _guard(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {get_settings().migration_lock_timeout_ms}")
        apply_policies(connection)


def _patiently(change: Callable[[], None]) -> None:
    deadline = time.monotonic() + get_settings().migration_timeout_s
    while True:
        try:
            return change()
        except OperationalError as error:
            if not waited_for_a_lock(error) or time.monotonic() > deadline:
                raise
        time.sleep(PAUSE_S)


def downgrade(url: str, revision: str = "base") -> None:
    """Take the schema down to a revision; policies and grants go first, since columns cannot go under them."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        withdraw_policies(connection)
    command.downgrade(alembic_config(url), revision)


def revisions(connection: Connection, url: str) -> tuple[str | None, str | None]:
    """Return the revision of a schema, and the newest one that this release knows."""
    found = MigrationContext.configure(connection).get_current_revision()
    return found, ScriptDirectory.from_config(alembic_config(url)).get_current_head()
