"""Decides what the columns of a file are, from their cells and from what was said, and checks every row by it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from pydantic import BaseModel

from estate.agent.schemas import AgentIn
from estate.client.schemas import ClientIn
from estate.core.errors import FieldProblem, Invalid
from estate.core.ingest import SourceRow, check
from estate.intake.analytics.cells import Cell, is_empty
from estate.intake.analytics.columns import Column, Decided, Question, decide
from estate.intake.analytics.dates import DayRules
from estate.intake.analytics.matching import Match, guess_kind, match
from estate.intake.analytics.rows import CellProblem, RowRead, read_row
from estate.intake.analytics.targets import KINDS, TARGETS, Kind
from estate.intake.analytics.values import Rules
from estate.intake.files import FileRow, Table
from estate.intake.records import Frame, Known, Made, RowRefused, make
from estate.market.schemas import SnapshotIn
from estate.property.schemas import UnitIn

__all__ = ["Plan", "checked", "field_target", "left_out", "plan", "problem_json", "readers"]

Json = dict[str, Any]
Stated = Mapping[str, Any]
_SCHEMAS: Mapping[Kind, type[BaseModel]] = {
    "clients": ClientIn,
    "units": UnitIn,
    "agents": AgentIn,
    "market": SnapshotIn,
}
ANSWERS = ("decimal", "date_order", "day_numbers", "region", "unit", "percent")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file holds: the kind of its records, its columns, and the questions about the file as a whole."""

    kind: Kind | None
    columns: list[Json]
    questions: list[Json]


def plan(table: Table, stated: Stated) -> Plan:
    """Decide what the columns of a file are.

    Parameters
    ----------
    stated : mapping
        What a person said: ``kind``, ``observed_on``, and under ``columns`` what is said of each by its place.

    Raises
    ------
    Invalid
        When a column is brought to a field that the kind lacks, that another has, or that there is no such column.
    """
    cells = _by_column(table)
    filled = [[cell for cell in column if not is_empty(cell)] for column in cells]
    kind = cast("Kind | None", stated.get("kind")) or guess_kind(table.names, filled)
    said: Mapping[str, Json] = stated.get("columns", {})
    if kind is None:
        columns = [_column(at, name, Match(None, 0.0, "It is open what the records are."), filled[at], None, {})
                   for at, name in enumerate(table.names)]  # fmt: skip
        return Plan(None, columns, [_question("kind", {name: name for name in KINDS}, len(table.rows))])
    matches = _with_said(match(table.names, filled, kind), said, kind)
    columns = []
    for at, (name, found) in enumerate(zip(table.names, matches, strict=True)):
        own = said.get(str(at), {})
        answers = {key: own[key] for key in ANSWERS if own.get(key) is not None}
        decided = decide(kind, found.target, name, cells[at], answers) if found.target else None
        columns.append(_column(at, name, found, filled[at], decided, own))
    return Plan(kind, columns, _about_file(kind, columns, stated, len(table.rows)))


def _by_column(table: Table) -> list[list[Cell]]:
    rows = [row.cells for row in table.rows if row.ignored is None and row.refusal is None]
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in table.names]


def _with_said(matches: list[Match], said: Mapping[str, Json], kind: Kind) -> list[Match]:
    """Let what a person said of columns stand above what was found."""
    chosen = {int(at): own["target"] for at, own in said.items() if "target" in own}
    _refuse_wrong(chosen, len(matches), kind)
    taken = {target for target in chosen.values() if target is not None}
    result = []
    for at, found in enumerate(matches):
        if at in chosen:
            result.append(Match(chosen[at], 1.0, "Somebody said so."))
        elif found.target in taken:
            result.append(Match(None, 0.0, "Another column has this field."))
        else:
            result.append(found)
    return result


def _refuse_wrong(chosen: Mapping[int, str | None], width: int, kind: Kind) -> None:
    problems, seen = [], set[str]()
    for at, target in chosen.items():
        if at >= width:
            problems.append(FieldProblem(f"columns.{at}.column", "The file has no such column."))
        elif target is not None and target not in TARGETS[kind]:
            problems.append(FieldProblem(f"columns.{at}.target", f"Of {kind} there is no such field."))
        elif target in seen:
            problems.append(FieldProblem(f"columns.{at}.target", "Another column has this field."))
        if target is not None:
            seen.add(target)
    if problems:
        raise Invalid("The columns cannot be brought to these fields.", problems=tuple(problems))


def _column(at: int, name: str, found: Match, filled: Sequence[Cell], decided: Decided | None, said: Json) -> Json:
    return {
        "column": at,
        "header": name,
        "target": found.target,
        "confidence": found.confidence,
        "why": found.why,
        "filled": len(filled),
        "rules": asdict(decided.rules) if decided else None,
        "decided_by": dict(decided.why) if decided else {},
        "bad_values": said.get("bad_values") or "refuse",
        "questions": [
            _question(q.name, q.options, q.rows, at, name, found.target)
            for q in (*_unlike(found, len(filled), said), *(decided.questions if decided else ()))
        ],
    }


def _unlike(found: Match, filled: int, said: Json) -> tuple[Question, ...]:
    """Ask what becomes of a column whose values are not what it is called like."""
    if found.target is None or found.confidence or said.get("bad_values"):
        return ()
    options = {"refuse": f"rows without a readable {found.target} are refused", "empty": "the field stays empty"}
    return (Question("bad_values", options, filled),)


def _question(
    name: str, options: Mapping[str, str], rows: int, at: int | None = None, header: str | None = None,
    target: str | None = None,
) -> Json:  # fmt: skip
    listed = [{"value": value, "meaning": meaning} for value, meaning in options.items()]
    return {"column": at, "header": header, "target": target, "question": name, "options": listed, "rows": rows}


def _about_file(kind: Kind, columns: Sequence[Json], stated: Stated, rows: int) -> list[Json]:
    has_day = any(column["target"] == "observed_on" for column in columns)
    if kind == "market" and not has_day and stated.get("observed_on") is None:
        return [_question("observed_on", {}, rows)]
    return []


def readers(kind: Kind | None, columns: Sequence[Json]) -> list[Column]:
    """Return what reads the columns that were brought to fields; there are none while the kind is open."""
    if kind is None:
        return []
    return [
        Column(
            column["column"],
            column["header"],
            column["target"],
            TARGETS[kind][column["target"]].how,
            _rules(column["rules"]),
            column["bad_values"] == "empty",
        )
        for column in columns
        if column["target"] is not None
    ]


def _rules(stored: Json) -> Rules:
    days = stored["days"]
    return Rules(**{**stored, "days": DayRules(days["order"], days["serials"])})


def problem_json(problem: CellProblem, columns: Sequence[Json]) -> Json:
    """Return a problem as it is kept; where it knows its field only, with the header of that."""
    header = problem.column
    if header is None and problem.field is not None:
        header = next((column["header"] for column in columns if column["target"] == problem.field), None)
    return {"column": header, "field": problem.field, "message": problem.message}


def checked(
    row: FileRow, kind: Kind | None, columns: Sequence[Json], reading: Sequence[Column], frame: Frame, known: Known
) -> Json:
    """Return the status of a row before it is taken, with what is wrong with it."""
    if row.ignored is not None:
        return {"status": "ignored", "reason": row.ignored, "problems": []}
    if row.refusal is not None:
        return _rejected([CellProblem(None, None, row.refusal)], columns)
    if kind is None:
        return {"status": "waiting", "reason": None, "problems": []}
    read = read_row(row.cells, reading)
    if read.problems:
        return _rejected(read.problems, columns)
    try:
        made = make(kind, read.values, frame, known)
    except RowRefused as error:
        return _rejected([error.problem], columns)
    if problems := refused_fields(kind, row.line, made):
        return _rejected(problems, columns)
    return {"status": "waiting", "reason": None, "problems": left_out(read, columns)}


def refused_fields(kind: Kind, line: int, made: Made) -> list[CellProblem]:
    """Return what the schema of the layer has against a record."""
    found = check(_SCHEMAS[kind], SourceRow(line, made.content)).problems
    return [CellProblem(None, field_target(problem.field), problem.message) for problem in found]


def field_target(path: str) -> str | None:
    """Return the field of a mapping that a field of a schema comes from."""
    first, _, rest = path.partition(".")
    if first == "project":
        return "area" if rest == "area_id" else f"project_{rest}"
    return {"area_name": "area", "area_id": "area"}.get(first, rest if first == "interest" else first) or None


def left_out(read: RowRead, columns: Sequence[Json]) -> list[Json]:
    """Return what was wrong with cells that were left out."""
    return [problem_json(problem, columns) for problem in read.left_out]


def _rejected(problems: Sequence[CellProblem], columns: Sequence[Json]) -> Json:
    return {"status": "rejected", "reason": None, "problems": [problem_json(p, columns) for p in problems]}
