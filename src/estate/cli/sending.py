"""`estate load rows`: rows of any kind, sent through the API in batches."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from estate.cli.calling import AsJson, Debug, Url, calling, hint, show_json, show_table
from estate.cli.failing import HANDLED
from estate.cli.imports import BROKEN
from estate.cli.progress import bar
from estate.core.errors import Invalid
from estate.core.ndjson import LinesOfFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from estate.sdk import Estate
    from estate.sdk.loading import LoadReport

__all__ = ["rows"]

STDIN = Path("-")
SHOWN_ROWS = 20


class Kind(StrEnum):
    """What a row is about."""

    MARKET = "market"
    AGENT = "agent"
    CLIENT = "client"
    PROPERTY = "property"
    EVENT = "event"
    CONVERSATION = "conversation"
    DEAL = "deal"


def rows(
    kind: Annotated[Kind, typer.Argument(help="What the rows are about.")],
    file: Annotated[Path, typer.Argument(help="NDJSON or .gz of it; - is standard input.")],
    as_json: AsJson = False,
    url: Url = None,
    debug: Debug = False,
) -> None:
    """Send rows, one JSON object a line. Exit code 1: some were refused; they are kept with the reason."""
    from estate.sdk.loading import LoadInterrupted

    if file != STDIN and not file.is_file():
        raise typer.BadParameter(f"There is no file {file}.")
    lines = typer.get_binary_stream("stdin") if file == STDIN else LinesOfFile(file)
    numbers: list[int] = []
    show = _show_json if as_json else _show
    with calling(url, debug=debug) as estate:
        try:
            with bar(file.name, None) as progress:
                report = _loader(estate, kind)(_filled(lines, numbers), progress=progress)
        except LoadInterrupted as stopped:
            show(stopped.report, numbers)
            raise
        show(report, numbers)
        if isinstance(lines, LinesOfFile) and not lines.is_whole:
            raise Invalid(BROKEN.format(file.name))
    raise typer.Exit(HANDLED if report.refused else 0)


def _loader(estate: "Estate", kind: Kind) -> "Callable[..., LoadReport]":
    loaders = {
        Kind.EVENT: estate.behavior.load,
        Kind.CONVERSATION: estate.behavior.load_conversations,
        Kind.DEAL: estate.behavior.load_deals,
    }
    return loaders[kind] if kind in loaders else getattr(estate, kind).load


def _filled(lines: Iterable[bytes], numbers: list[int]) -> Iterator[bytes]:
    """Yield the lines that are not blank, and note the number of each."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            numbers.append(number)
            yield line


def _show_json(report: "LoadReport", numbers: list[int]) -> None:
    told = asdict(report)
    show_json(told | {"refused": [one | {"line": numbers[one["index"]]} for one in told["refused"]]})


def _show(report: "LoadReport", numbers: list[int]) -> None:
    counts = ("created", "updated", "duplicate", "stale", "conflict", "rejected")
    show_table(("Rows", "What became of them"), [(getattr(report, name), name) for name in counts])
    console = Console(stderr=True, highlight=False)
    for one in report.refused[:SHOWN_ROWS]:
        console.print(f"line {numbers[one.index]}: {one.status}: {one.problem}", markup=False, soft_wrap=True)
    if report.refused:
        hint("Refused rows are kept with the reason: estate api GET /ingest/rejected")
