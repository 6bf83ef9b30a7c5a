"""Loads events from NDJSON, plain or packed with gzip."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from estate.behavior.service import ingest_events
from estate.core.errors import Invalid
from estate.core.ingest import SourceRow
from estate.core.ndjson import read_lines
from estate.importers.batches import Progress, Report, send

__all__ = ["load_events"]


def load_events(path: Path, progress: Progress) -> Report:
    """Store the events of a file, a transaction a thousand lines.

    After a kill the same file is simply loaded again: what is stored already is a ``duplicate`` and changes nothing,
    so there is no state beside the file that could disagree with the database.

    Parameters
    ----------
    progress : callable
        Called with the number of lines done.

    Raises
    ------
    Invalid
        When the packed file is broken; what was read before is stored.
    """
    report = Report()
    send(report, "events", ingest_events, _rows(path), path.name, progress)
    return report


def _rows(path: Path) -> Iterator[SourceRow]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield from read_lines(file, first=1)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise Invalid(f"{path.name} is not whole gzip.") from None
