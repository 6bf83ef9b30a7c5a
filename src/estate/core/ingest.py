"""The way of every row into the house: checked one by one, stored together, refused rows kept with their bytes."""

import datetime as dt
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Generic, Literal, TypeVar, cast

from pydantic import BaseModel, ValidationError
from sqlalchemy import Table, insert
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from estate.core.db import database_time
from estate.core.erasure import erased_ids
from estate.core.errors import FieldProblem
from estate.core.models import IngestBatch, RejectedRow
from estate.core.problems import field_problems
from estate.core.settings import get_settings
from estate.core.sqlstate import is_forbidden, problem_of
from estate.core.strict_json import scan
from estate.core.telemetry import INGESTED_ROWS

__all__ = [
    "KEPT_STATUSES",
    "STATUSES",
    "Checked",
    "IngestResult",
    "Item",
    "SourceRow",
    "Store",
    "Stored",
    "check",
    "ingest",
    "ingest_checked",
    "receipt_time",
    "received",
]

M = TypeVar("M", bound=BaseModel)
Status = Literal["created", "updated", "duplicate", "conflict", "stale", "rejected"]
STATUSES: tuple[Status, ...] = ("created", "updated", "duplicate", "conflict", "stale", "rejected")
_ADD_BATCH = insert(cast(Table, IngestBatch.__table__))
_KEEP = insert(cast(Table, RejectedRow.__table__)).inline()  # Asks for no key back: most senders may not read it.
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

    def singly(self) -> list["IngestResult"]:
        """Return a result for each row, as if it had come alone and not as one of a batch."""
        none: dict[str, int] = dict.fromkeys(STATUSES, 0)
        return [IngestResult(self.batch_id, (_alone(item),), none | {item.status: 1}) for item in self.items]


def _alone(item: Item) -> Item:
    return Item(0, item.status, item.id, tuple(replace(problem, row=None) for problem in item.problems))


Store = Callable[[Session, Sequence[M]], Sequence[Stored]]
Explain = Callable[[Session, Sequence[M]], Sequence[Stored | None]]


@dataclass(frozen=True, slots=True)
class Checked(Generic[M]):
    """One row after its check: what it says, or why it is refused."""

    row: SourceRow
    value: M | None
    problems: tuple[FieldProblem, ...] = ()


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
    return ingest_checked(session, layer=layer, rows=[check(model, row) for row in rows], store=store, source=source)


@contextmanager
def received(session: Session, moment: dt.datetime) -> Iterator[None]:
    """Store rows within the block as of the moment at which they came, which in a replay is not now."""
    session.info["received_at"] = moment
    try:
        yield
    finally:
        del session.info["received_at"]


def receipt_time(session: Session) -> dt.datetime:
    """Return when the rows at hand came: what they date themselves by when they state no time."""
    moment: dt.datetime | None = session.info.get("received_at")
    return moment or database_time(session)


def check(model: type[M], row: SourceRow) -> Checked[M]:
    """Check one row against its schema; nothing is raised for a bad one."""
    if row.refusal is not None:
        return Checked(row, None, (FieldProblem("", row.refusal, row.number),))
    if not isinstance(row.content, dict):
        return Checked(row, None, (FieldProblem("", "must be a JSON object", row.number),))
    unsafe = tuple(scan(row.content))
    if unsafe:
        return Checked(row, None, tuple(FieldProblem(p.field, p.message, row.number) for p in unsafe))
    try:
        return Checked(row, model.model_validate(row.content))
    except ValidationError as error:
        return Checked(row, None, field_problems(error, row=row.number, limit=get_settings().problems_max_items))


def ingest_checked(
    session: Session,
    *,
    layer: str,
    rows: Sequence[Checked[M]],
    store: Store[M],
    explain: Explain[M] | None = None,
    again: Store[M] | None = None,
    source: str = "api",
) -> IngestResult:
    """Store rows that were checked before.

    Parameters
    ----------
    explain : callable or None
        Asked when the database refuses: tells of each row at fault what to answer, None for the others.
    again : callable or None
        Stores the others, and may look up what `store` takes for granted; by default it is `store`, since a record
        may have gone meanwhile. What is refused again is found by halving.
    layer, rows, store, source
        As for `ingest`.
    """
    batch_id = uuid.uuid4()
    valid = [row.value for row in rows if row.value is not None]
    stored = iter(_store_or_explain(session, valid, store, explain, again or store))
    items = tuple(_item(position, row, stored) for position, row in enumerate(rows))
    counts = Counter(item.status for item in items)
    session.execute(_ADD_BATCH, {"batch_id": batch_id, "layer": layer, "source": source, "counts": dict(counts)})
    _keep_refused(session, batch_id, layer, items, rows)
    for status, n in counts.items():
        INGESTED_ROWS.labels(layer, status).inc(n)
    return IngestResult(batch_id, items, {status: counts[status] for status in STATUSES})


def _item(position: int, row: Checked[M], stored: Iterator[Stored]) -> Item:
    if row.value is None:
        return Item(position, "rejected", problems=row.problems)
    done = next(stored)
    problems = (FieldProblem("", done.problem, row.row.number),) if done.problem else ()
    return Item(position, done.status, done.id or None, problems)


def _store_or_explain(
    session: Session, valid: Sequence[M], store: Store[M], explain: Explain[M] | None, again: Store[M]
) -> list[Stored]:
    """Store rows together; when the database refuses, set aside those at fault and store the rest again."""
    stored = _stored(session, valid, store)
    if not isinstance(stored, DBAPIError):
        return stored
    at_fault = explain(session, valid) if explain is not None else [None] * len(valid)
    rest = iter(_store_or_split(session, [v for v, f in zip(valid, at_fault, strict=True) if f is None], again))
    return [fault or next(rest) for fault in at_fault]


def _store_or_split(session: Session, valid: Sequence[M], store: Store[M]) -> list[Stored]:
    """Store rows together; when the database refuses, halve until those at fault stand alone."""
    stored = _stored(session, valid, store)
    if not isinstance(stored, DBAPIError):
        return stored
    if len(valid) == 1:
        return [Stored("", "rejected", problem_of(stored))]
    middle = len(valid) // 2
    return [*_store_or_split(session, valid[:middle], store), *_store_or_split(session, valid[middle:], store)]


def _stored(session: Session, valid: Sequence[M], store: Store[M]) -> list[Stored] | DBAPIError:
    """Store rows in a savepoint; return what the database has against them."""
    if not valid:
        return []
    try:
        with session.begin_nested():
            return list(store(session, valid))
    except (IntegrityError, DataError) as error:
        return error
    except ProgrammingError as error:
        if is_forbidden(error):
            return error
        raise


def _keep_refused(
    session: Session,
    batch_id: uuid.UUID,
    layer: str,
    items: Sequence[Item],
    rows: Sequence[Checked[M]],
) -> None:
    refused = [item for item in items if item.status in KEPT_STATUSES]
    named = {item.index: _client_of(rows[item.index].row.content) for item in refused}
    erased = erased_ids(session, {client_id for client_id in named.values() if client_id is not None})
    kept = [
        {
            "batch_id": batch_id,
            "layer": layer,
            "row_number": rows[item.index].row.number,
            "status": item.status,
            "reason": "; ".join(f"{p.field}: {p.message}" if p.field else p.message for p in item.problems),
            "raw": rows[item.index].row.original(),
        }
        for item in refused
        if named[item.index] not in erased
    ]
    if kept:
        session.execute(_KEEP, kept)


def _client_of(content: object) -> uuid.UUID | None:
    """Return the client that a row names: of one that was erased nothing is kept."""
    named = content.get("client_id") if isinstance(content, dict) else None
    try:
        return uuid.UUID(named) if isinstance(named, str) else None
    except ValueError:
        return None
