"""The way of single events into the database: one group commit for all callers of this process."""

from collections.abc import Sequence

from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from estate.behavior import service
from estate.behavior.schemas import EventIn
from estate.core.group_commit import GroupCommit
from estate.core.ingest import Checked, IngestResult, SourceRow
from estate.core.settings import Settings

__all__ = ["Events", "checked_event", "group_commit"]

INLINE_BYTES = 4_096  # A larger event may take milliseconds to check, which would hold up every other request.

Events = GroupCommit[Checked[EventIn], IngestResult]


def group_commit(settings: Settings) -> Events:
    """Make the group commit of events."""
    return GroupCommit(_write, settings)


def _write(session: Session, rows: Sequence[Checked[EventIn]]) -> list[IngestResult]:
    return service.ingest_checked_events(session, rows).singly()


async def checked_event(row: SourceRow) -> Checked[EventIn]:
    """Check an event before it joins others, so that theirs do not wait for it."""
    if row.raw is not None and len(row.raw) <= INLINE_BYTES:
        return service.check_event(row)
    return await run_in_threadpool(service.check_event, row)
