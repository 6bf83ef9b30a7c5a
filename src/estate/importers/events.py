"""Loads events from NDJSON, plain or packed with gzip."""

from pathlib import Path

from estate.behavior.service import ingest_events
from estate.core.ndjson import LinesOfFile, read_file
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

    Returns
    -------
    Report
        Not whole when the packing of the file is broken: what stood before is stored.
    """
    report = Report()
    lines = LinesOfFile(path)
    send(report, "events", ingest_events, read_file(lines), path.name, progress)
    report.is_whole = lines.is_whole
    return report
