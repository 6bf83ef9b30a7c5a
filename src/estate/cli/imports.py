"""`estate import`: files of public kinds, and of any layout; `estate load`: files in the platform's own form."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from estate.cli.attach import attached
from estate.cli.failing import HANDLED
from estate.cli.progress import bar
from estate.core.errors import Invalid
from estate.core.queue import drain_all

if TYPE_CHECKING:
    from estate.importers.batches import Progress, Report

__all__ = ["BROKEN", "app", "end_with", "load_app"]

app = typer.Typer(help="Import files; importing one again changes nothing.", no_args_is_help=True)
load_app = typer.Typer(help="Load files in the platform's own form.", no_args_is_help=True)
BROKEN = "{} is not whole gzip; it was loaded as far as it could be read."
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A CSV file.")]


@app.command()
def dld(file: File) -> None:
    """Import transactions of the Dubai Land Department. Exit code 1: rows were refused."""
    from estate.importers.dld import import_transactions

    _import(file, import_transactions)


@app.command()
def listings(file: File) -> None:
    """Import Egyptian listings with payment and delivery terms. Exit code 1: rows were refused."""
    from estate.importers.listings import import_listings

    _import(file, import_listings)


@app.command()
def conversations(file: File) -> None:
    """Import persuasion dialogues and what came of them. Exit code 1: rows were refused."""
    from estate.importers.conversations import import_dialogues

    _import(file, import_dialogues)


@load_app.command()
def events(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="NDJSON, or .gz of it.")]) -> None:
    """Load events, one JSON object a line; after an interruption load the same file again.

    Exit code 1: some were refused; they are kept with the reason.
    """
    from estate.importers.events import load_events

    _import(file, load_events)


def _import(file: Path, importer: "Callable[[Path, Progress], Report]") -> None:
    from estate.importers.files import count_lines

    with attached():
        with bar(file.name, None if file.suffix == ".gz" else count_lines(file)) as progress:
            report = importer(file, progress)
        with bar("Counters, scores and search documents", None) as progress:
            progress(drain_all())
    end_with(file.name, report)


def end_with(title: str, report: "Report") -> NoReturn:
    """Print what was made of each kind of record, and what was left out; exit code 1 says that rows were refused."""
    table = Table("Kind", "What became of it", "Rows", title=title)
    for kind, counts in report.made.items():
        for status, n in sorted(counts.items()):
            table.add_row(kind, status, f"{n:,}")
    for reason, n in sorted(report.left_out.items()):
        table.add_row("left out", reason, f"{n:,}")
    Console().print(table)
    if report.refused:
        Console().print("Refused rows are kept with line number and reason: estate rejected list")
    if not report.is_whole:
        raise Invalid(BROKEN.format(title))
    raise typer.Exit(HANDLED if report.refused else 0)
