"""Runs the Alembic migrations from code, so that every start and every test uses the same ones."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from estate.core.policies import apply_policies, withdraw_policies
from estate.core.roles import ensure_roles

__all__ = ["alembic_config", "downgrade", "revisions", "upgrade"]

PACKAGED = Path(__file__).resolve().parents[1] / "migrations"
IN_REPOSITORY = Path(__file__).resolve().parents[3] / "migrations"
LOCK_TIMEOUT = "5s"
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
    """Bring roles, schema, grants and row policies up to date.

    Parameters
    ----------
    url : str
        SQLAlchemy URL; its role owns the database and may create roles.
    passwords : mapping
        Login of `core.roles.LOGINS` to the password that it shall have.
    """
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        ensure_roles(connection, passwords)
    command.upgrade(alembic_config(url), "head")
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        apply_policies(connection)


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
