"""Sends rows to a layer in transactions of bounded size and adds up what became of them."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from estate.core.db import unit_of_work
from estate.core.ingest import KEPT_STATUSES, IngestResult, SourceRow
from estate.core.security import Actor

__all__ = ["NAMESPACE", "Report", "chunks", "derived_id", "send"]

T = TypeVar("T")
Ingest = Callable[..., IngestResult]
Progress = Callable[[int], None]

BATCH_ROWS = 1_000
NAMESPACE = uuid.UUID("5b0c2f0e-3f0d-5d1c-9a53-7d1f7d4c9e11")


@dataclass(slots=True)
class Report:
    """What an import made, by kind of record, what it left out, and whether the file could be read to its end."""

    made: dict[str, Counter[str]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    is_whole: bool = True

    @property
    def refused(self) -> int:
        """Rows that were not taken, and are kept with the reason."""
        return sum(counts[status] for counts in self.made.values() for status in KEPT_STATUSES)

    def add(self, kind: str, result: IngestResult) -> None:
        """Count the rows of one batch."""
        counts = self.made.setdefault(kind, Counter())
        counts.update({status: n for status, n in result.counts.items() if n})


def derived_id(*parts: str) -> uuid.UUID:
    """Return the same id for the same parts, so that a file imported twice changes nothing."""
    return uuid.uuid5(NAMESPACE, "\x1f".join(parts))


def chunks(items: Iterable[T], size: int = BATCH_ROWS) -> Iterator[list[T]]:
    """Split items into lists of at most `size`."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def send(report: Report, kind: str, ingest: Ingest, rows: Iterable[SourceRow], source: str, progress: Progress) -> None:
    """Ingest rows, a transaction a batch."""
    for chunk in chunks(rows):
        with unit_of_work(Actor.system()) as session:
            report.add(kind, ingest(session, chunk, source=source))
        progress(sum(max(1, row.original().count(b"\n")) for row in chunk))
