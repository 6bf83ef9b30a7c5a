"""Many rows: sent in batches within the limits, and each row that was not taken is told with its index."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from estate.sdk.errors import EstateError, Invalid, TooLarge, UnexpectedAnswer
from estate.sdk.models.house import IngestAnswer
from estate.sdk.transport import to_body

Row = Mapping[str, Any]
Progress = Callable[[int], None]

BATCH_ROWS = 500
"""Stored well within the time that the API allows a statement; its limit of rows is far above."""
BATCH_BYTES = 1 << 20
"""Sent in time over a slow line."""

STATUSES = ("created", "updated", "duplicate", "conflict", "stale", "rejected")
NOT_TAKEN = ("rejected", "conflict")
KEPT = "Refused; the reason is kept: GET /ingest/rejected."


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not taken.

    Parameters
    ----------
    index : int
        Position among the rows that were given.
    id : str or None
        Id of the record, where the row names one.
    status : str
        ``rejected``, or ``conflict``: the id exists with other content.
    problem : str
        What is wrong, field by field.
    """

    index: int
    id: str | None
    status: str
    problem: str


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What became of rows: `rows` is the sum of the six counts.

    Parameters
    ----------
    rows : int
        Rows that were answered for.
    created, updated, duplicate, conflict, stale, rejected : int
        How many of them had which fate.
    refused : tuple of RefusedRow
        Those in conflict and rejected, in their order.
    """

    rows: int = 0
    created: int = 0
    updated: int = 0
    duplicate: int = 0
    conflict: int = 0
    stale: int = 0
    rejected: int = 0
    refused: tuple[RefusedRow, ...] = ()


class LoadInterrupted(EstateError):
    """Loading ended early; `report` tells of the rows before, the cause is the error's `__cause__`."""

    hint = "Load the same rows again: what names its id, and snapshots with day and source, count once."

    def __init__(self, report: LoadReport, cause: EstateError) -> None:
        super().__init__(f"{report.rows:,} rows were loaded, then: {cause}", request_id=cause.request_id)
        self.report = report


@dataclass(frozen=True, slots=True)
class _Line:
    """A row as it is sent, or why it cannot be."""

    index: int
    content: bytes
    problem: str | None = None


@dataclass(slots=True)
class _Tally:
    counts: Counter[str] = field(default_factory=Counter)
    refused: list[RefusedRow] = field(default_factory=list)

    def note(self, line: _Line, status: str, problem: str | None, record_id: str | None = None) -> None:
        """Count one row."""
        self.counts[status] += 1
        if status in NOT_TAKEN:
            self.refused.append(RefusedRow(line.index, record_id, status, problem or KEPT))

    def report(self) -> LoadReport:
        """Return what was counted so far."""
        counts = {status: self.counts[status] for status in STATUSES}
        return LoadReport(rows=self.counts.total(), refused=tuple(self.refused), **counts)


def load(
    send: Callable[[bytes], IngestAnswer], rows: Iterable[Row | bytes], progress: Progress | None = None
) -> LoadReport:
    """Send rows batch by batch.

    Parameters
    ----------
    send : callable
        Sends one batch of NDJSON and returns the answer.
    rows : iterable of mapping or bytes
        Objects, or lines of NDJSON as they stand; they are read as they are sent.
    progress : callable or None
        Called with the number of rows answered, batch by batch.

    Raises
    ------
    LoadInterrupted
        When a batch could not be delivered.
    """
    tally = _Tally()
    for batch in _batches(_lines(rows)):
        try:
            _deliver(batch, send, tally)
        except EstateError as error:
            raise LoadInterrupted(tally.report(), error) from error
        if progress is not None:
            progress(len(batch))
    return tally.report()


def _lines(rows: Iterable[Row | bytes]) -> Iterator[_Line]:
    for index, row in enumerate(rows):
        try:
            content = row.strip() if isinstance(row, bytes) else to_body(row)
        except ValueError as error:
            yield _Line(index, b"", f"This row cannot be written as JSON: {error}")
            continue
        is_one = content and b"\n" not in content
        yield _Line(index, content, None if is_one else "A row is one line that is not empty.")


def _batches(lines: Iterable[_Line]) -> Iterator[list[_Line]]:
    """Gather lines up to the limits; one that cannot be sent stands alone."""
    batch, size = list[_Line](), 0
    for line in lines:
        is_full = len(batch) == BATCH_ROWS or size + len(line.content) > BATCH_BYTES
        if batch and (is_full or line.problem or batch[-1].problem):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line.content) + 1
    if batch:
        yield batch


def _deliver(batch: Sequence[_Line], send: Callable[[bytes], IngestAnswer], tally: _Tally) -> None:
    """Send a batch, in halves where the API finds it too large."""
    if batch[0].problem is not None:
        return tally.note(batch[0], "rejected", batch[0].problem)
    try:
        answer = send(b"\n".join(line.content for line in batch))
    except TooLarge as error:
        if len(batch) == 1:
            return tally.note(batch[0], "rejected", error.message)
        _deliver(batch[: len(batch) // 2], send, tally)
        return _deliver(batch[len(batch) // 2 :], send, tally)
    except Invalid as error:
        return _refuse(batch, error, tally)
    if len(answer.items) != len(batch):
        raise UnexpectedAnswer(f"The answer tells of {len(answer.items)} rows; {len(batch)} were sent.")
    for line, item in zip(batch, answer.items, strict=True):
        tally.note(line, item.status, item.problem, item.id)


def _refuse(batch: Sequence[_Line], error: Invalid, tally: _Tally) -> None:
    """Note that every row of a batch was refused; the first problems come with the answer."""
    told: dict[int | None, list[str]] = {}
    for problem in error.errors:
        told.setdefault(problem.row, []).append(": ".join(filter(None, (problem.field, problem.message))))
    if not told.keys() & set(range(len(batch))):
        raise error
    for position, line in enumerate(batch):
        tally.note(line, "rejected", "; ".join(told.get(position, ())))
