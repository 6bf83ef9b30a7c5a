"""`estate seed`: load the sample world."""

import datetime as dt
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from estate.cli.accounts import open_accounts
from estate.cli.attach import attached
from estate.cli.progress import bar
from estate.core.queue import drain_all

__all__ = ["seed"]


def seed(
    scale: Annotated[int, typer.Option(min=1, help="How many times 12 agents, 120 clients and 320 deals.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Same scale, seed and day: same world.")] = 1,
    if_empty: Annotated[bool, typer.Option("--if-empty", help="Load nothing when there are agents already.")] = False,
    accounts: Annotated[bool, typer.Option("--accounts", help="Open accounts when there is no user.")] = False,
) -> None:
    """Load a generated brokerage in a fictional city."""
    from estate.importers.world import is_empty, load_world

    today = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with attached():
        if not if_empty or is_empty():
            with bar("Sample world", None) as progress:
                loaded = load_world(scale, seed, today, progress)
            with bar("Counters, scores and search documents", None) as progress:
                progress(drain_all())
            _print(loaded)
        if accounts:
            open_accounts()


def _print(loaded: dict[str, int]) -> None:
    table = Table("Table", "Rows")
    for name, n in loaded.items():
        table.add_row(name, f"{n:,}")
    Console(stderr=True).print(table)
