"""The one shape of a benchmark's result: for people a table, for programs one JSON object, and an exit code."""

import json
import operator
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

__all__ = ["DATA_MISSING", "PASSED", "TARGET_MISSED", "DataMissing", "Options", "Report", "emit", "machine"]

PASSED = 0
TARGET_MISSED = 1
DATA_MISSING = 2

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}


class DataMissing(Exception):
    """A benchmark cannot run without its data; the message says what it needs and where to put it."""


@dataclass(frozen=True, slots=True)
class Options:
    """What every benchmark is run with.

    Parameters
    ----------
    seed : int
        Source of all that is drawn by chance.
    quick : bool
        Run small, on generated data, within half a minute.
    data : Path or None
        Where outside data is; benchmarks that generate theirs ignore it.
    wide : Path or None
        Of the forecast benchmark: a panel of areas by months to run on.
    target, time_column : str or None
        Of a table of cases: the column of the outcome, and the one that orders them in time (None: file order).
    drop : tuple of str
        Columns to leave out.
    split : str or None
        ``time:0.7``, ``cv:5`` or ``rolling``; None is what the benchmark is frozen to.
    price, date : str or None
        Of a table of sales: the columns of price and day.
    features : tuple of str
        Of a table of sales: the columns to value by; by default all but price, date and identifiers.
    roles : tuple of (role, column)
        Which of these are ``area``, ``size``, ``lat`` and ``lon``; by default they are known by their names.
    """

    seed: int
    quick: bool
    data: Path | None
    wide: Path | None = None
    target: str | None = None
    time_column: str | None = None
    drop: tuple[str, ...] = ()
    split: str | None = None
    price: str | None = None
    date: str | None = None
    features: tuple[str, ...] = ()
    roles: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The result of one benchmark.

    Parameters
    ----------
    bench : str
        Its name.
    seed, n : int
        What was drawn with, and how much was measured; each benchmark states the unit of ``n``.
    data : str
        What it was measured on.
    metrics : mapping
        Scalars by name; detail may stand beside them in nested mappings.
    targets : mapping
        Name of a metric to comparison and value; a dot leads into a nested mapping.
    peers : mapping
        Name of a peer to its figures under the same names.
    """

    bench: str
    seed: int
    n: int
    data: str
    metrics: Mapping[str, Any]
    targets: Mapping[str, Sequence[Any]]
    peers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def missed(self) -> list[str]:
        """Names of the metrics that miss their target; one that is absent misses it."""
        return [name for name, (sign, value) in self.targets.items() if not self._meets(name, sign, value)]

    @property
    def passed(self) -> bool:
        """Whether every target is met."""
        return not self.missed

    def _meets(self, name: str, sign: str, value: float) -> bool:
        measured: Any = self.metrics
        for key in name.split("."):
            measured = measured.get(key) if isinstance(measured, Mapping) else None
        return measured is not None and _COMPARE[sign](measured, value)

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        return {**asdict(self), "machine": machine(), "passed": self.passed}


def machine() -> dict[str, Any]:
    """Describe where the figures come from."""
    return {
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def emit(report: Report, *, as_json: bool) -> int:
    """Print a result and return the exit code that goes with it.

    Parameters
    ----------
    report : Report
        What was measured.
    as_json : bool
        Print one JSON object on standard output instead of a table.

    Returns
    -------
    int
        0 when every target is met, else 1.
    """
    console = Console()
    if as_json:
        console.out(json.dumps(report.as_json(), default=str), highlight=False)
    else:
        _print_table(console, report)
    return PASSED if report.passed else TARGET_MISSED


def _print_table(console: Console, report: Report) -> None:
    peers = list(report.peers)
    table = Table("metric", "measured", "target", *peers, title=f"{report.bench}: n = {report.n:,}, seed {report.seed}")
    missed = report.missed
    for name, value in report.metrics.items():
        if isinstance(value, Mapping):
            continue
        sign, wanted = report.targets.get(name, ("", ""))
        style = "red" if name in missed else "green" if sign else ""
        others = [_shown(report.peers[peer].get(name, "")) for peer in peers]
        table.add_row(name, f"[{style}]{_shown(value)}[/]" if style else _shown(value), f"{sign} {wanted}", *others)
    console.print(table)
    for name, detail in report.metrics.items():
        if isinstance(detail, Mapping):
            console.print(_detail_table(name, detail))
    place = machine()
    console.print(f"{report.data}\n{place['cpus']} × {place['processor']}, Python {place['python']}", style="dim")
    verdict = f"missed: {', '.join(missed)}" if missed else "every target met"
    console.print(verdict, style="bold red" if missed else "bold green")


def _detail_table(name: str, detail: Mapping[str, Any]) -> Table:
    columns = list(dict.fromkeys(c for row in detail.values() if isinstance(row, Mapping) for c in row))
    table = Table(name, *(columns or ["value"]))
    for key, row in detail.items():
        cells = [row.get(c, "") for c in columns] if isinstance(row, Mapping) else [row]
        table.add_row(str(key), *map(_shown, cells))
    return table


def _shown(value: object) -> str:
    if isinstance(value, float):
        if 0 < abs(value) < 0.0005:
            return f"{value:.1e}"
        return f"{value:,.3f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
