"""Draws docs/ERD.svg from the models; with --check, tells whether the drawing is up to date."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from sqlalchemy import Column, Dialect, ForeignKeyConstraint, Table
from sqlalchemy.dialects import postgresql

from estate.core.orm import Base
from estate.registry import metadata
from scripts.routing import Box, Point, Router, corners

__all__ = ["DRAWING", "draw"]

DRAWING = Path(__file__).parents[1] / "docs" / "ERD.svg"

DIALECT: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]

ROW = 20
HEAD = 30
BOX_WIDTH = 250
GUTTER = 90
GAP = 40
"""Between two boxes of a column."""
PAD = 20
PANEL_HEAD = 30
MARGIN = 40
TOP = 100
STUB = 20
"""From the edge of a box to where a line may turn; its end is drawn here."""
RADIUS = 6


@dataclass(frozen=True, slots=True)
class Panel:
    """The tables of one layer: its colour, its first column of the drawing and what stands in each column."""

    layer: str
    colour: str
    column: int
    tables: tuple[tuple[str, ...], ...]


PANELS = (
    Panel("market", "#0f766e", 0, (("market_insights", "market_snapshots"),)),
    Panel("property", "#b45309", 1, (("projects", "properties"),)),
    Panel(
        "behavior",
        "#7c3aed",
        2,
        (
            ("deals", "conversations", "utterances", "contacts", "call_skips", "pattern_groups"),
            ("behavior_events", "trigger_stats", "analysis_runs", "trigger_findings"),
        ),
    ),
    Panel("agent", "#1d4ed8", 4, (("agent_activity",),)),
    Panel("client", "#be185d", 4, (("client_profiles",),)),
    Panel("realestate_gpt", "#0e7490", 5, (("gpt_responses", "gpt_feedback", "documents"),)),
    Panel(
        "core",
        "#475569",
        6,
        (
            ("teams", "outbox", "idempotency_keys", "ingest_batches", "rejected_rows", "exchange_rates"),
            ("users", "api_keys", "sessions", "audit_log"),
        ),
    ),
    Panel("intake", "#4d7c0f", 0, (("imports",), ("import_rows", "import_changes"))),
)
"""Where a table stands; one that is not named comes last in its layer."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A table with its place."""

    table: Table
    box: Box
    colour: str

    def row(self, name: str) -> int:
        """Return the y of the middle of a column's row."""
        return self.box.y + HEAD + ROW * list(self.table.columns.keys()).index(name) + ROW // 2


@dataclass(frozen=True, slots=True)
class Area:
    """A panel with its place."""

    panel: Panel
    box: Box


def draw() -> str:
    """Return the drawing as SVG; the same models give the same bytes."""
    areas, tables = _layout()
    width = max(area.box.right for area in areas) + MARGIN
    height = max(area.box.bottom for area in areas) + MARGIN
    labels = [Box(a.box.x, a.box.y, 10 * (len(a.panel.layer) + 2), PANEL_HEAD - 10) for a in areas]
    router = Router(width, height, [*(drawn.box for drawn in tables.values()), *labels])
    parts = [
        *_opening(width, height, len(tables)),
        *(_panel(area) for area in areas),
        *(_line(router, tables, key) for key in _keys(tables)),
        *(part for drawn in tables.values() for part in _table(drawn)),
        *_legend(areas, height),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


# Layout


def _layout() -> tuple[list[Area], dict[str, Drawn]]:
    """Put each panel under those that share a column with it."""
    bottoms = [TOP] * max(panel.column + len(panel.tables) for panel in PANELS)
    areas: list[Area] = []
    tables: dict[str, Drawn] = {}
    for panel in PANELS:
        columns = range(panel.column, panel.column + len(panel.tables))
        y = max(bottoms[column] for column in columns)
        placed = [
            d for column, names in zip(columns, _named(panel), strict=True) for d in _stack(panel, column, names, y)
        ]
        tables |= {drawn.table.name: drawn for drawn in placed}
        bottom = max(drawn.box.bottom for drawn in placed) + PAD
        box = Box(_x(columns[0]) - PAD, y, _x(columns[-1]) + BOX_WIDTH + 2 * PAD - _x(columns[0]), bottom - y)
        areas.append(Area(panel, box))
        for column in columns:
            bottoms[column] = bottom + GAP
    return areas, tables


def _named(panel: Panel) -> list[list[str]]:
    """Return the panel's tables by column, with those that it does not name at the end."""
    columns = [list(names) for names in panel.tables]
    known = {name for other in PANELS for names in other.tables for name in names}
    columns[-1] += [t.name for t in metadata.sorted_tables if t.name not in known and _layer(t) == panel.layer]
    return columns


def _layer(table: Table) -> str:
    """Return the package whose models define a table."""
    module = next(m.class_.__module__ for m in Base.registry.mappers if m.local_table is table)
    return module.split(".")[1]


def _stack(panel: Panel, column: int, names: Iterable[str], y: int) -> Iterator[Drawn]:
    y += PANEL_HEAD + PAD // 2
    for name in names:
        table = metadata.tables[name]
        box = Box(_x(column), y, BOX_WIDTH, HEAD + ROW * len(table.columns) + 10)
        yield Drawn(table, box, panel.colour)
        y = box.bottom + GAP


def _x(column: int) -> int:
    return MARGIN + PAD + column * (BOX_WIDTH + GUTTER)


# Lines


def _keys(tables: dict[str, Drawn]) -> list[ForeignKeyConstraint]:
    """Return the foreign keys by target, the nearest tables first, so that long lines go round short ones."""
    keys = [key for drawn in tables.values() for key in drawn.table.foreign_key_constraints]

    def length(key: ForeignKeyConstraint) -> int:
        child, parent = tables[key.table.name].box, tables[key.referred_table.name].box
        return abs(child.x - parent.x) + abs(child.y - parent.y)

    return sorted(keys, key=lambda key: (length(key), key.table.name, key.column_keys))


def _line(router: Router, tables: dict[str, Drawn], key: ForeignKeyConstraint) -> str:
    child, parent = tables[key.table.name], tables[key.referred_table.name]
    y_child = child.row(key.column_keys[0])
    y_parent = parent.row(key.elements[0].column.name)
    starts = [((child.box.x - STUB, y_child), (-1, 0)), ((child.box.right + STUB, y_child), (1, 0))]
    ends = [((parent.box.x - STUB, y_parent), (1, 0)), ((parent.box.right + STUB, y_parent), (-1, 0))]
    way = corners(router.route(starts, ends, parent.table.name))
    title = f"{key.table.name} ({', '.join(key.column_keys)}) → {parent.table.name}"
    return (
        f'<g stroke="{parent.colour}" fill="none" stroke-width="1.5"><title>{escape(title)}</title>'
        f'<path d="{_path(way)}"/>{_many(way[0], child.box)}{_one(way[-1], parent.box)}</g>'
    )


def _path(way: list[Point]) -> str:
    """Return a polyline with rounded corners."""
    parts = [f"M{way[0][0]} {way[0][1]}"]
    for before, corner, after in zip(way, way[1:], way[2:], strict=False):
        (x1, y1), (x2, y2) = _towards(corner, before), _towards(corner, after)
        parts.append(f"L{x1} {y1}Q{corner[0]} {corner[1]} {x2} {y2}")
    return "".join([*parts, f"L{way[-1][0]} {way[-1][1]}"])


def _towards(corner: Point, other: Point) -> Point:
    """Return the point a radius away from a corner, no further than half way."""
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    reach = min(RADIUS, (abs(dx) + abs(dy)) // 2)
    return corner[0] + _sign(dx) * reach, corner[1] + _sign(dy) * reach


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _many(at: Point, box: Box) -> str:
    """Draw the crow's foot of the table that holds the key."""
    x, y = at
    edge = box.x if x < box.x else box.right
    tip = (x + edge) // 2
    return f'<path d="M{x} {y}H{edge}M{tip} {y}L{edge} {y - 5}M{tip} {y}L{edge} {y + 5}"/>'


def _one(at: Point, box: Box) -> str:
    """Draw the bar of the table that the key names."""
    x, y = at
    edge = box.x if x < box.x else box.right
    bar = edge + 6 * _sign(x - edge)
    return f'<path d="M{x} {y}H{edge}M{bar} {y - 5}V{y + 5}"/>'


# Boxes


def _opening(width: int, height: int, n: int) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="Tables of Estate and their foreign keys" '
        f"font-family=\"'Inter','Segoe UI','Helvetica Neue',Arial,'DejaVu Sans',sans-serif\" font-size=\"12\">",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="{MARGIN}" y="52" font-size="26" font-weight="700" fill="#0f172a">'
        "Estate: tables and foreign keys</text>",
        f'<text x="{MARGIN}" y="76" font-size="13" fill="#64748b">{n} tables by the layer that owns them; '
        "drawn from the models by scripts/erd.py</text>",
    ]


def _panel(area: Area) -> str:
    box, colour = area.box, area.panel.colour
    return (
        f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="12" fill="{colour}" '
        f'fill-opacity="0.05" stroke="{colour}" stroke-opacity="0.25"/>'
        f'<text x="{box.x + PAD}" y="{box.y + 24}" font-size="14" font-weight="700" fill="{colour}">'
        f"{area.panel.layer}</text>"
    )


def _table(drawn: Drawn) -> Iterator[str]:
    box, table = drawn.box, drawn.table
    x, y = box.x, box.y
    yield (
        f'<g><rect x="{x}" y="{y}" width="{box.width}" height="{box.height}" rx="6" fill="#ffffff" '
        f'stroke="{drawn.colour}" stroke-opacity="0.55"/>'
        f'<path d="M{x} {y + HEAD}V{y + 6}a6 6 0 0 1 6 -6H{box.right - 6}a6 6 0 0 1 6 6V{y + HEAD}Z" '
        f'fill="{drawn.colour}"/>'
        f'<text x="{x + 12}" y="{y + 20}" font-size="13" font-weight="700" fill="#ffffff">{table.name}</text>'
    )
    foreign = {column.name for key in table.foreign_key_constraints for column in key.columns}
    for column in table.columns:
        yield from _row(drawn, column, column.name in foreign)
    yield "</g>"


def _row(drawn: Drawn, column: Column[object], is_foreign: bool) -> Iterator[str]:
    x, middle = drawn.box.x, drawn.row(column.key)
    if column.primary_key:
        top = middle - ROW // 2
        yield (
            f'<rect x="{x + 1}" y="{top}" width="{BOX_WIDTH - 2}" height="{ROW}" fill="{drawn.colour}" '
            'fill-opacity="0.08"/>'
        )
    marks = " ".join(mark for mark, holds in (("PK", column.primary_key), ("FK", is_foreign)) if holds)
    style = ' font-style="italic" fill="#475569"' if column.nullable else ' fill="#0f172a"'
    weight = ' font-weight="700"' if column.primary_key else ""
    yield (
        f'<text x="{x + 8}" y="{middle + 4}" font-size="9" font-weight="700" fill="{drawn.colour}">{marks}</text>'
        f'<text x="{x + 46}" y="{middle + 4}"{style}{weight}>{column.name}</text>'
        f'<text x="{drawn.box.right - 8}" y="{middle + 4}" font-size="10.5" text-anchor="end" fill="#94a3b8">'
        f"{_type(column)}</text>"
    )


def _type(column: Column[object]) -> str:
    name = column.type.compile(dialect=DIALECT).lower()
    return (
        name.replace("timestamp with time zone", "timestamptz").replace("double precision", "float8").replace(", ", ",")
    )


def _legend(areas: list[Area], height: int) -> Iterator[str]:
    """Explain the signs, in the lower left corner."""
    x, y = areas[0].box.x + PAD, height - MARGIN - 90
    child, parent = Box(x - STUB, 0, STUB, 0), Box(x + 60, 0, STUB, 0)
    ends = _many((x + STUB, y + 25), child) + _one((x + 60 - STUB, y + 25), parent)
    notes = (
        (75, "many rows on the left name one on the right"),
        (0, "a line has the colour of the layer that it leads to"),
        (0, "PK primary key, FK foreign key"),
        (0, "italics: the column may be null"),
    )
    yield f'<text x="{x}" y="{y}" font-size="13" font-weight="700" fill="#0f172a">How to read it</text>'
    yield (
        f'<g stroke="#475569" fill="none" stroke-width="1.5"><path d="M{x + STUB} {y + 25}H{x + 60 - STUB}"/>{ends}</g>'
    )
    for i, (indent, note) in enumerate(notes):
        yield f'<text x="{x + indent}" y="{y + 29 + 20 * i}" fill="#475569">{note}</text>'


def main() -> int:
    """Write the drawing, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit status 1 when out of date")
    if not parser.parse_args().check:
        DRAWING.write_text(draw())
        return 0
    if DRAWING.is_file() and DRAWING.read_text() == draw():
        return 0
    print("docs/ERD.svg is out of date: run .venv/bin/python -m scripts.erd")
    return 1


if __name__ == "__main__":
    sys.exit(main())
