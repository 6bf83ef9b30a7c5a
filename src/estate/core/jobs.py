"""What workers did last, are doing and have failed at, as the database keeps it."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from estate.core.heartbeats import RETAIN, SWEEP, last_beat
from estate.core.models import OutboxClaim, OutboxRow

__all__ = ["Failure", "failures", "last_runs", "work_in_hand"]


class Failure(NamedTuple):
    """An outbox row that failed; without what it holds, which may be about a client."""

    outbox_id: int
    topic: str
    key: str
    attempts: int
    crashes: int
    last_error: str | None
    dead: bool
    created_at: dt.datetime
    available_at: dt.datetime
    request_id: str | None


def last_runs(session: Session) -> dict[str, dt.datetime | None]:
    """Return when each thing that happens again and again last did; None: it never did."""
    return {name: last_beat(session, name) for name in (SWEEP, RETAIN)}


def work_in_hand(session: Session) -> Sequence[OutboxClaim]:
    """Return what workers are doing, the oldest first; a note that stays is of a process that died."""
    return session.scalars(select(OutboxClaim).order_by(OutboxClaim.claimed_at, OutboxClaim.claim_id)).all()


def failures(session: Session, most: int) -> list[Failure]:
    """Return the newest outbox rows that failed and are given up or tried again."""
    columns = [getattr(OutboxRow, name) for name in Failure._fields]
    failed = or_(OutboxRow.dead, OutboxRow.attempts > 0, OutboxRow.crashes > 0)
    query = select(*columns).where(failed).order_by(OutboxRow.outbox_id.desc()).limit(most)
    return [Failure(*row) for row in session.execute(query)]
