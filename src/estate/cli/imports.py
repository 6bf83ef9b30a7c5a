"""`estate import`: files of the public kinds that the platform knows."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from estate.cli.attach import attached
from estate.cli.progress import bar
from estate.core.queue import drain_all

if TYPE_CHECKING:
    from estate.importers.batches import Progress, Report

__all__ = ["app"]

app = typer.Typer(help="Import files; importing one again changes nothing.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A CSV file.")]


@app.command()
def dld(file: File) -> None:
    """Import transactions of the Dubai Land Department."""
    from estate.importers.dld import import_transactions

    _import(file, import_transactions)


@app.command()
def listings(file: File) -> None:
    """Import Egyptian listings with payment and delivery terms."""
    from estate.importers.listings import import_listings

    _import(file, import_listings)


@app.command()
def conversations(file: File) -> None:
    """Import persuasion dialogues and what came of them."""
    from estate.importers.conversations import import_dialogues

    _import(file, import_dialogues)


def _import(file: Path, importer: "Callable[[Path, Progress], Report]") -> None:
    from estate.importers.files import count_lines

    with attached():
        with bar(file.name, count_lines(file)) as progress:
            report = importer(file, progress)
        with bar("Counters, scores and search documents", None) as progress:
            progress(drain_all())
    _print(file, report)


def _print(file: Path, report: "Report") -> None:
    table = Table("Kind", "What became of it", "Rows", title=file.name)
    for kind, counts in report.made.items():
        for status, n in sorted(counts.items()):
            table.add_row(kind, status, f"{n:,}")
    for reason, n in sorted(report.left_out.items()):
        table.add_row("left out", reason, f"{n:,}")
    Console().print(table)
    if any(counts["rejected"] for counts in report.made.values()):
        Console().print("Refused rows are kept with line number and reason: GET /ingest/rejected")
