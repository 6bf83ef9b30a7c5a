"""The queue of record: work is written with its cause and deleted in the transaction that does it."""

import datetime as dt
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from estate.core.db import unit_of_work
from estate.core.errors import EstateError
from estate.core.models import OutboxRow
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.core.telemetry import OUTBOX_DEAD, OUTBOX_DONE

__all__ = ["Claim", "Handler", "Job", "drain", "enqueue", "enqueue_once", "pending"]

log = logging.getLogger(__name__)

BASE_DELAY_S = 2  # A failing row waits 2, 4, 8 ... seconds, so that it cannot starve its topic.


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work to be written to the outbox."""

    topic: str
    key: str
    payload: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """One claimed piece of work."""

    outbox_id: int
    key: str
    payload: dict[str, Any]


Handler = Callable[[Session, Sequence[Claim]], None]


def enqueue(session: Session, jobs: Iterable[Job]) -> None:
    """Write work in the transaction of its cause; `core.queue` wakes a worker after the commit."""
    rows = [{"topic": j.topic, "key": j.key, "payload": dict(j.payload or {})} for j in jobs]
    if not rows:
        return
    session.execute(insert(OutboxRow), rows)
    session.info.setdefault("wake", set()).update(row["topic"] for row in rows)


def enqueue_once(session: Session, job: Job) -> None:
    """Write work unless the same is waiting already; a row that is being worked on does not count as waiting."""
    waiting = (
        select(OutboxRow.outbox_id)
        .where(OutboxRow.topic == job.topic, OutboxRow.key == job.key, ~OutboxRow.dead)
        .with_for_update(skip_locked=True)
    )
    if session.execute(waiting.limit(1)).first() is None:
        enqueue(session, [job])
    session.info.setdefault("wake", set()).add(job.topic)  # A worker that was woken before found the row locked.


def pending(session: Session, topic: str) -> int:
    """Count the rows of a topic that are not dead."""
    rows = select(func.count()).where(OutboxRow.topic == topic, ~OutboxRow.dead)
    return session.scalars(rows).one()


def drain(topic: str, handler: Handler, *, now: dt.datetime) -> int:
    """Do all due work of one topic, batch after batch.

    A batch is claimed, done and deleted in one transaction: a worker that dies in between leaves nothing
    behind, and one that is delivered twice finds nothing left to do. A row whose work fails is tried
    alone, then later again, and after ``outbox_max_attempts`` stays as dead with its reason.

    Returns
    -------
    int
        Rows done.
    """
    done = 0
    while True:
        with unit_of_work(Actor.system()) as session:
            claims = _claim(session, topic, now)
            if not claims:
                return done
            finished = _work(session, topic, handler, claims, now)
            done += finished
        OUTBOX_DONE.labels(topic).inc(finished)


def _claim(session: Session, topic: str, now: dt.datetime) -> list[Claim]:
    rows = session.execute(
        select(OutboxRow.outbox_id, OutboxRow.key, OutboxRow.payload)
        .where(OutboxRow.topic == topic, ~OutboxRow.dead, OutboxRow.available_at <= now)
        .order_by(OutboxRow.outbox_id)
        .limit(get_settings().outbox_batch_rows)
        .with_for_update(skip_locked=True)
    )
    return [Claim(*row) for row in rows]


def _work(session: Session, topic: str, handler: Handler, claims: Sequence[Claim], now: dt.datetime) -> int:
    """Try the batch as a whole; when it fails, each row by itself."""
    if _try(session, handler, claims) is None:
        return len(claims)
    finished = 0
    for claim in claims:
        error = _try(session, handler, [claim])
        if error is None:
            finished += 1
        else:
            _postpone(session, topic, claim, error, now)
    return finished


def _try(session: Session, handler: Handler, claims: Sequence[Claim]) -> Exception | None:
    try:
        with session.begin_nested():
            handler(session, claims)
            session.execute(delete(OutboxRow).where(OutboxRow.outbox_id.in_([c.outbox_id for c in claims])))
    except (EstateError, SQLAlchemyError, ValueError, LookupError, ArithmeticError, TypeError) as error:
        return error
    return None


def _postpone(session: Session, topic: str, claim: Claim, error: Exception, now: dt.datetime) -> None:
    row = session.get_one(OutboxRow, claim.outbox_id)
    row.attempts += 1
    row.last_error = type(error).__name__
    row.available_at = now + dt.timedelta(seconds=BASE_DELAY_S**row.attempts)
    row.dead = row.attempts >= get_settings().outbox_max_attempts
    log.warning("outbox row failed", extra={"topic": topic, "outbox_id": claim.outbox_id, "error": row.last_error})
    if row.dead:
        OUTBOX_DEAD.labels(topic).inc()
