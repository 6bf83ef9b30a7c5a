"""The way of every row into the house: checked one by one, stored together, refused rows kept with their bytes."""

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ValidationError
from sqlalchemy import insert, update
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from estate.core.errors import FieldProblem
from estate.core.models import IngestBatch, RejectedRow
from estate.core.problems import field_problems
from estate.core.sqlstate import problem_of
from estate.core.strict_json import scan
from estate.core.telemetry import INGESTED_ROWS

__all__ = ["STATUSES", "IngestResult", "Item", "SourceRow", "Store", "Stored", "ingest"]

M = TypeVar("M", bound=BaseModel)
Status = Literal["created", "updated", "duplicate", "conflict", "stale", "rejected"]
STATUSES: tuple[Status, ...] = ("created", "updated", "duplicate", "conflict", "stale", "rejected")
KEPT_STATUSES = ("rejected", "conflict")


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row as it came.

    Parameters
    ----------
    number : int
        Position in the batch, or line number in the file.
    content : object
        What was parsed from it.
    raw : bytes or None
        The bytes it came in; None when it came inside a JSON body.
    refusal : str or None
        Why the reader of the file already refuses it.
    """

    number: int
    content: object
    raw: bytes | None = None
    refusal: str | None = None

    def original(self) -> bytes:
        """Return the bytes to keep when the row is refused."""
        if self.raw is not None:
            return self.raw
        return json.dumps(self.content, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store did with one valid row."""

    id: str
    status: Status
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one row of a batch."""

    index: int
    status: Status
    id: str | None = None
    problems: tuple[FieldProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What became of a batch."""

    batch_id: uuid.UUID
    items: tuple[Item, ...]
    counts: dict[str, int] = field(default_factory=dict)


Store = Callable[[Session, Sequence[M]], Sequence[Stored]]


@dataclass(frozen=True, slots=True)
class _Valid(Generic[M]):
    row: SourceRow
    value: M


def ingest(
    session: Session,
    *,
    layer: str,
    model: type[M],
    rows: Iterable[SourceRow],
    store: Store[M],
    source: str = "api",
) -> IngestResult:
    """Check rows one by one, store the good ones, keep the refused ones.

    Parameters
    ----------
    layer : str
        Whose rows these are.
    model : type
        Schema of one row.
    rows : iterable of SourceRow
        The batch, in order.
    store : callable
        Writes valid rows, one result for each, in order.
    source : str
        Where the batch came from: ``api`` or the name of a file.

    Returns
    -------
    IngestResult
        One item a row, in order. Nothing is raised for a bad row.
    """
    batch_id = uuid.uuid4()
    session.execute(insert(IngestBatch).values(batch_id=batch_id, layer=layer, source=source))
    valid: list[_Valid[M]] = []
    items: dict[int, Item] = {}
    originals: dict[int, SourceRow] = {}
    for position, row in enumerate(rows):
        originals[position] = row
        checked = _check(model, row)
        if isinstance(checked, tuple):
            items[position] = Item(position, "rejected", problems=checked)
        else:
            valid.append(_Valid(SourceRow(position, None), checked))
    for entry, stored in zip(valid, _store_or_split(session, valid, store), strict=True):
        position = entry.row.number
        problems = (FieldProblem("", stored.problem, position),) if stored.problem else ()
        items[position] = Item(position, stored.status, stored.id or None, problems)
    ordered = tuple(items[i] for i in range(len(items)))
    _keep_refused(session, batch_id, layer, ordered, originals)
    counts = Counter(item.status for item in ordered)
    session.execute(update(IngestBatch).where(IngestBatch.batch_id == batch_id).values(counts=dict(counts)))
    for status, n in counts.items():
        INGESTED_ROWS.labels(layer, status).inc(n)
    return IngestResult(batch_id, ordered, {status: counts[status] for status in STATUSES})


def _check(model: type[M], row: SourceRow) -> M | tuple[FieldProblem, ...]:
    if row.refusal is not None:
        return (FieldProblem("", row.refusal, row.number),)
    if not isinstance(row.content, dict):
        return (FieldProblem("", "must be a JSON object", row.number),)
    unsafe = tuple(scan(row.content))
    if unsafe:
        return tuple(FieldProblem(p.field, p.message, row.number) for p in unsafe)
    try:
        return model.model_validate(row.content)
    except ValidationError as error:
        return field_problems(error, row=row.number)


def _store_or_split(session: Session, valid: Sequence[_Valid[M]], store: Store[M]) -> list[Stored]:
    """Store rows together; when the database refuses, halve until the rows at fault stand alone."""
    if not valid:
        return []
    try:
        with session.begin_nested():
            return list(store(session, [entry.value for entry in valid]))
    except (IntegrityError, DataError) as error:
        if len(valid) == 1:
            return [Stored("", "rejected", problem_of(error))]
    middle = len(valid) // 2
    return _store_or_split(session, valid[:middle], store) + _store_or_split(session, valid[middle:], store)


def _keep_refused(
    session: Session,
    batch_id: uuid.UUID,
    layer: str,
    items: Sequence[Item],
    originals: dict[int, SourceRow],
) -> None:
    kept = [
        {
            "batch_id": batch_id,
            "layer": layer,
            "row_number": originals[item.index].number,
            "status": item.status,
            "reason": "; ".join(f"{p.field}: {p.message}" if p.field else p.message for p in item.problems),
            "raw": originals[item.index].original(),
        }
        for item in items
        if item.status in KEPT_STATUSES
    ]
    if kept:
        session.execute(insert(RejectedRow), kept)
