"""Runs the Alembic migrations from code, so that every start and every test uses the same ones."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

__all__ = ["alembic_config", "downgrade", "revisions", "upgrade"]

PACKAGED = Path(__file__).resolve().parents[1] / "migrations"
IN_REPOSITORY = Path(__file__).resolve().parents[3] / "migrations"


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


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the schema up to a revision."""
    command.upgrade(alembic_config(url), revision)


def downgrade(url: str, revision: str = "base") -> None:
    """Take the schema down to a revision."""
    command.downgrade(alembic_config(url), revision)


def revisions(connection: Connection, url: str) -> tuple[str | None, str | None]:
    """Return the revision of a schema, and the newest one that this release knows."""
    found = MigrationContext.configure(connection).get_current_revision()
    return found, ScriptDirectory.from_config(alembic_config(url)).get_current_head()
