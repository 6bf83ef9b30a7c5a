"""Reads one record by the decided columns: its values by field, and what is wrong with which cell."""

from collections.abc import Sequence
from dataclasses import dataclass

from estate.intake.analytics.cells import Cell, Record, Unreadable, plain
from estate.intake.analytics.columns import Column
from estate.intake.analytics.values import EMPTY, read

__all__ = ["CellProblem", "RowRead", "read_row", "shaped"]


@dataclass(frozen=True, slots=True)
class CellProblem:
    """What is wrong with one cell; the message never repeats it.

    Parameters
    ----------
    column : str or None
        Its header; None for the row as a whole.
    field : str or None
        The field that it was read for.
    """

    column: str | None
    field: str | None
    message: str


@dataclass(frozen=True, slots=True)
class RowRead:
    """What a row says by field, why it is refused, and which cells were left out because their column may be."""

    values: dict[str, object]
    problems: tuple[CellProblem, ...] = ()
    left_out: tuple[CellProblem, ...] = ()


def shaped(record: Record, width: int) -> tuple[tuple[Cell, ...], str | None]:
    """Return the cells of a row without empty ones too many at its end, and why they cannot be told apart."""
    cells = list(record.cells)
    while len(cells) > width and not plain(cells[-1]):
        cells.pop()
    if record.refusal is not None:
        return tuple(cells), record.refusal
    if len(cells) != width:
        return tuple(cells), f"has {len(cells)} cells, the header {width}"
    return tuple(cells), None


def read_row(cells: Sequence[Cell], columns: Sequence[Column]) -> RowRead:
    """Read the cells of one row, as many as the header has names."""
    values: dict[str, object] = {}
    problems: list[CellProblem] = []
    left_out: list[CellProblem] = []
    for column in columns:
        try:
            value = read(column.how, cells[column.at], column.rules)
        except Unreadable as error:
            (left_out if column.lenient else problems).append(CellProblem(column.name, column.target, str(error)))
            continue
        if value is not EMPTY:
            values[column.target] = value
    return RowRead(values, tuple(problems), tuple(left_out))
