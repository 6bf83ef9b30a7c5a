"""Commands that start or prepare something."""

from typing import Annotated

import typer

from estate.cli.attach import attached
from estate.cli.up import up
from estate.core import outbox
from estate.core.db import unit_of_work
from estate.core.queue import drain_all
from estate.core.security import Actor
from estate.core.settings import get_settings

__all__ = ["migrate", "serve", "up", "work"]


def serve() -> None:
    """Serve the API in this process."""
    from estate.main import serve as run

    run()


def migrate() -> None:
    """Bring roles, schema and row policies of the configured database up to date."""
    from estate.core.migrate import upgrade

    settings = get_settings()
    given = {"estate_api": settings.api_database_password, "estate_worker": settings.worker_database_password}
    passwords = {login: password.get_secret_value() for login, password in given.items() if password is not None}
    upgrade(settings.require_database_url(), passwords)


def work(
    revive: Annotated[bool, typer.Option("--revive", help="Try work again that was given up, too.")] = False,
) -> None:
    """Do all work that waits in the outbox, then stop."""
    with attached():
        if revive:
            with unit_of_work(Actor.system()) as session:
                outbox.revive(session)
        typer.echo(f"{drain_all()} pieces of work done.")
