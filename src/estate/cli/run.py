"""Commands that start or prepare something."""

import typer

from estate.cli.attach import attached
from estate.cli.up import up
from estate.core.queue import drain_all
from estate.core.settings import get_settings

__all__ = ["migrate", "serve", "up", "work"]


def serve() -> None:
    """Serve the API in this process."""
    from estate.main import serve as run

    run()


def migrate() -> None:
    """Bring the schema of the configured database up to date."""
    from estate.core.migrate import upgrade

    upgrade(get_settings().require_database_url())


def work() -> None:
    """Do all work that waits in the outbox, then stop."""
    with attached():
        typer.echo(f"{drain_all()} pieces of work done.")
