"""`estate clients`: erase clients, and keep outside of the database the ledger that a restored backup needs."""

import uuid
from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer

from estate.cli.attach import attached
from estate.core import erasure
from estate.core.db import unit_of_work
from estate.core.erasure import LedgerLine
from estate.core.errors import Invalid
from estate.core.queue import drain_all
from estate.core.security import Actor
from estate.core.traces import client_hash

__all__ = ["app"]

app = typer.Typer(help="Clients: look them up, see why, erase them.", no_args_is_help=True)


@app.command("ledger")
def ledger() -> None:
    """Print the ledger: keyed hash, time and caller of every erasure, one a line. Keep it apart from backups."""
    with attached(), unit_of_work(Actor.system(), read_only=True) as session:
        for line in erasure.ledger(session):
            typer.echo(str(line))


@app.command("erase")
def erase(
    client_ids: Annotated[list[uuid.UUID] | None, typer.Argument(help="Clients to erase.")] = None,
    from_ledger: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Erase every client that this ledger names, after a restore."),
    ] = None,
) -> None:
    """Erase clients, each in one transaction; then do the work that follows from it."""
    from estate.api.privacy import erase_client

    if not client_ids and from_ledger is None:
        raise Invalid("Name clients, or a ledger.")
    lines = _lines(from_ledger) if from_ledger else []
    with attached():
        for client_id in [*(client_ids or ()), *_named({line.client_hash for line in lines})]:
            with unit_of_work(Actor.system()) as session:
                done = erase_client(session, client_id, Actor.system())
            typer.echo(f"{sum(done.erased.values()):,} rows erased.")
        with unit_of_work(Actor.system()) as session:
            erasure.remember(session, lines)
        drain_all()


def _lines(path: Path) -> list[LedgerLine]:
    try:
        return [LedgerLine.parse(line) for line in path.read_text().splitlines() if line.strip()]
    except ValueError:
        raise Invalid("This is no ledger; `estate clients ledger` writes one.") from None


def _named(hashes: Collection[bytes]) -> list[uuid.UUID]:
    """Return the clients that some hashes name; one that was merged stands for the one that holds its history."""
    from estate.client import service

    with unit_of_work(Actor.system(), read_only=True) as session:
        known = {client_id: client_id for client_id in service.client_ids(session)} | service.merged_ids(session)
    return sorted({holder for client_id, holder in known.items() if client_hash(client_id) in hashes})
