"""`estate rejected`: look at refused rows and send them again."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from estate.cli.attach import attached
from estate.cli.imports import end_with
from estate.cli.progress import bar
from estate.core import rejected
from estate.core.db import unit_of_work
from estate.core.queue import drain_all
from estate.core.rejected import Layer, RejectedFilter, RejectedOut
from estate.core.security import Actor

__all__ = ["app"]

app = typer.Typer(help="Rows that ingestion refused.", no_args_is_help=True)
OfLayer = Annotated[Layer | None, typer.Option("--layer", help="Rows of this layer only.")]
SHOWN_CHARACTERS = 80


@app.command("list")
def list_(
    layer: OfLayer = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many, the newest first.")] = 20,
) -> None:
    """List refused rows, the newest first."""
    with attached(), unit_of_work(Actor.system(), read_only=True) as session:
        page = rejected.list_rejected(session, RejectedFilter(layer=layer, limit=limit))
    table = Table("Id", "Layer", "Received", "Status", "Reason", "Row", "Replayed")
    for row in page.items:
        table.add_row(*_cells(row))
    Console().print(table)


def _cells(row: RejectedOut) -> tuple[str, ...]:
    replayed = f"{row.replayed_at:%Y-%m-%d %H:%M}" if row.replayed_at else "-"
    received = f"{row.received_at:%Y-%m-%d %H:%M}"
    shown = (row.reason[:SHOWN_CHARACTERS], row.raw[:SHOWN_CHARACTERS])
    return (str(row.rejected_id), row.layer, received, row.status, *map(escape, shown), replayed)


@app.command("replay")
def replay_(
    layer: OfLayer = None,
    file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help='Repaired rows, a line each: {"rejected_id": 1, "row": {...}}.'),
    ] = None,
) -> None:
    """Send refused rows through ingestion again, as of when they came; doing it twice changes nothing.

    Exit code 1: some were refused again.
    """
    from estate.importers.replay import read_repairs, replay

    repairs = read_repairs(file) if file else None
    with attached():
        with unit_of_work(Actor.system(), read_only=True) as session:
            total = rejected.count_waiting(session, layer, repairs and repairs.keys())
        with bar("Refused rows", total) as progress:
            report = replay(layer, repairs, progress, now=dt.datetime.now(dt.UTC))
        with bar("Counters, scores and search documents", None) as progress:
            progress(drain_all())
    end_with("Replay", report)
