"""`estate bench`: runs a benchmark of the checkout and prints what it measured."""

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from estate.core.errors import Unavailable

__all__ = ["bench"]

ALL = "all"
NAMES = (
    "chaos",
    "access",
    "ingest",
    "fold",
    "heatmap",
    "patterns",
    "leaderboard",
    "learning",
    "plans",
    "compare",
    "survival",
    "recommend",
    "retrieval",
    "soak",
    "erase",
    "gpt",
    "console",
)
"""Benchmarks that need no outside data, in the order in which `all` runs them."""
ON_DATA = ("heat", "forecast", "triggers", "qualification", "closing", "valuation")
"""Benchmarks on outside data, which `all` leaves out."""

DATA_MISSING = 2
ROLES = ("area", "size", "lat", "lon")

CHECKOUT = Path(__file__).resolve().parents[3]


def bench(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join((*NAMES, *ON_DATA))}; or {ALL}.")],
    data: Annotated[Path | None, typer.Option(help="File or folder of outside data, where one is needed.")] = None,
    wide: Annotated[Path | None, typer.Option(help="forecast: any CSV of areas by months instead.")] = None,
    seed: Annotated[int, typer.Option(help="Source of all that is drawn by chance.")] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="Run small, within half a minute.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    target: Annotated[str | None, typer.Option(help="Column of the outcome: 0/1, true/false or yes/no.")] = None,
    time_column: Annotated[str | None, typer.Option(help="Column that orders the cases in time.")] = None,
    drop: Annotated[list[str] | None, typer.Option(help="Column to leave out; may be repeated.")] = None,
    split: Annotated[str | None, typer.Option(help="time:0.7, cv:5 or rolling.")] = None,
    price: Annotated[str | None, typer.Option(help="valuation: column of the price paid.")] = None,
    date: Annotated[str | None, typer.Option(help="valuation: column of the day of sale.")] = None,
    features: Annotated[list[str] | None, typer.Option(help="valuation: columns to value by, a,b,c.")] = None,
    roles: Annotated[
        list[str] | None, typer.Option(help="valuation: area=…,size=…,lat=…,lon=… where the names do not tell.")
    ] = None,
) -> None:
    """Run a benchmark. Exit code 1: a target was missed; 2: data is missing or there is no such benchmark."""
    if name not in (*NAMES, *ON_DATA, ALL):
        raise typer.BadParameter(f"There is no benchmark named {name}.")
    names = NAMES if name == ALL else (name,)
    options = _module("report").Options(
        seed,
        quick,
        data,
        wide=wide,
        target=target,
        time_column=time_column,
        drop=_columns(drop),
        split=split,
        price=price,
        date=date,
        features=_columns(features),
        roles=_roles(roles),
    )
    raise typer.Exit(max(_run(one, options, as_json=as_json) for one in names))


def _columns(given: list[str] | None) -> tuple[str, ...]:
    """Return the columns of an option that may be repeated and may hold several, with commas between."""
    return tuple(column.strip() for value in given or () for column in value.split(",") if column.strip())


def _roles(given: list[str] | None) -> tuple[tuple[str, str], ...]:
    pairs = [pair.partition("=") for pair in _columns(given)]
    if wrong := [role for role, _, column in pairs if role not in ROLES or not column]:
        raise typer.BadParameter(f"{wrong[0]}: write area=…, size=…, lat=… or lon=….")
    return tuple((role, column) for role, _, column in pairs)


def _run(name: str, options: Any, *, as_json: bool) -> int:
    report = _module("report")
    try:
        result = _module(name).bench(options)
    except report.DataMissing as missing:
        typer.echo(str(missing), err=True)
        return DATA_MISSING
    return int(report.emit(result, as_json=as_json))


def _module(name: str) -> Any:
    """Import a module of the `benchmarks` folder, which a wheel does not carry."""
    if not (CHECKOUT / "benchmarks" / f"{name}.py").is_file():
        raise Unavailable("Benchmarks run from a checkout of the repository; an installed package has none.")
    if str(CHECKOUT) not in sys.path:
        sys.path.insert(0, str(CHECKOUT))
    return importlib.import_module(f"benchmarks.{name}")
