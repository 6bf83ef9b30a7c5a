"""Finds the database that a command works on: the configured one, that of a running `estate up`, or our own."""

import shlex
from collections.abc import Iterator
from contextlib import closing, contextmanager

from estate.cli.folder import held
from estate.core.errors import Unavailable
from estate.core.settings import Settings, get_settings

__all__ = ["attached", "running"]

VARIABLE = "ESTATE_DATABASE_URL"


@contextmanager
def attached() -> Iterator[None]:
    """Run a command on the database; without one, start the embedded server for its duration."""
    # Imported here, so that a command that needs no database does not wait for every layer.
    from estate import registry
    from estate.core.db import Database, use_database

    registry.register()
    with (
        _database_url(get_settings()) as url,
        closing(Database.connect(url, "worker")) as database,
        use_database(database),
    ):
        yield


@contextmanager
def _database_url(settings: Settings) -> Iterator[str]:
    if settings.database_url is not None:
        yield settings.require_database_url()
        return
    if held(settings.data_dir):
        yield _of_running(settings)
        return
    from estate.cli.servers import start_postgres
    from estate.core.migrate import upgrade

    with start_postgres(settings.data_dir / "postgresql") as server:
        upgrade(server.url)
        yield server.url


def _of_running(settings: Settings) -> str:
    """Return the URL that a running `estate up` leaves for other terminals once it is ready."""
    url = running(settings).get(VARIABLE)
    if url is None:
        raise Unavailable("`estate up` is starting in this folder; try again when it is ready.")
    return url


def running(settings: Settings) -> dict[str, str]:
    """Return the variables that a running `estate up` leaves for other terminals; none unless it runs and is ready."""
    addresses = settings.data_dir / "env"
    if not (held(settings.data_dir) and addresses.is_file()):
        return {}
    pairs = (shlex.split(line)[-1].partition("=") for line in addresses.read_text().splitlines())
    return {name: value for name, _, value in pairs}
