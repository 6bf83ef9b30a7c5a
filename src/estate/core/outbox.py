"""The queue of record: work is written with its cause and deleted in the transaction that does it."""

import datetime as dt
import logging
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from pydantic_core import to_json
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from estate.core.context import request_id, working_for
from estate.core.db import unit_of_work
from estate.core.errors import EstateError
from estate.core.models import OutboxClaim, OutboxRow
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.core.sqlstate import is_outage, took_too_long
from estate.core.telemetry import OUTBOX_DEAD, OUTBOX_DONE

__all__ = ["Claim", "Handler", "Job", "Standing", "drain", "enqueue", "enqueue_once", "revive", "standings"]

log = logging.getLogger(__name__)

_ENQUEUE = text("""
INSERT INTO outbox (topic, key, payload, available_at, request_id)
SELECT topic, key, payload, coalesce(due_at, now()), :request_id
FROM jsonb_to_recordset(CAST(:jobs AS jsonb)) AS job (topic text, key text, payload jsonb, due_at timestamptz)
""")

_excused: set[uuid.UUID] = set()
"""Notes of this process whose work an outage ended."""

_STANDINGS = text("""
SELECT topic, count(*) FILTER (WHERE NOT dead), count(*) FILTER (WHERE dead),
    coalesce(extract(epoch FROM now() - min(created_at) FILTER (
        WHERE NOT dead AND (available_at <= now() OR attempts > 0)
    )), 0),
    max(last_error) FILTER (WHERE dead)
FROM outbox GROUP BY topic ORDER BY topic
""")

SUSPECTS = 20  # One of them killed a process; small enough to find it in four crashes of the largest batch.
MAX_CRASHES = 4
BASE_DELAY_S = 2  # A failing row waits 2, 4, 8 ... seconds, so that it cannot starve its topic.


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work to be written to the outbox; in it a UUID or a time becomes text, as in any JSON.

    Parameters
    ----------
    items : sequence
        What came together and is done together, while nothing fails; then each item becomes a row of its own.
    """

    topic: str
    key: str
    payload: Mapping[str, Any] | None = None
    due_at: dt.datetime | None = None
    items: Sequence[Any] = ()

    def stored(self) -> dict[str, Any]:
        """Return the row."""
        payload = {"items": self.items} if self.items else self.payload or {}
        return {"topic": self.topic, "key": self.key, "payload": payload, "due_at": self.due_at}


@dataclass(frozen=True, slots=True)
class Claim:
    """One claimed piece of work, how many processes died with it, and the request that caused it."""

    outbox_id: int
    key: str
    payload: dict[str, Any]
    crashes: int = 0
    request_id: str | None = None

    @property
    def items(self) -> list[Any]:
        """What came together; nothing for work that is known by its key and payload."""
        found: list[Any] = self.payload.get("items", [])
        return found

    @property
    def size(self) -> int:
        """How much work it is."""
        return max(1, len(self.items))


Handler = Callable[[Session, Sequence[Claim]], None]


def enqueue(session: Session, jobs: Iterable[Job]) -> None:
    """Write work in the transaction of its cause; `core.queue` wakes a worker after the commit."""
    rows = [job.stored() for job in jobs]
    if not rows:
        return
    session.execute(_ENQUEUE, {"jobs": to_json(rows).decode(), "request_id": request_id.get()})
    session.info.setdefault("wake", set()).update(row["topic"] for row in rows)


def enqueue_once(session: Session, job: Job, *, due_at: dt.datetime | None = None) -> None:
    """Write work unless the same is waiting already; a row that is being worked on does not count as waiting.

    Parameters
    ----------
    due_at : datetime or None
        Not to be done before; None means now.
    """
    waiting = (
        select(OutboxRow.outbox_id)
        .where(OutboxRow.topic == job.topic, OutboxRow.key == job.key, ~OutboxRow.dead)
        .with_for_update(skip_locked=True)
    )
    if session.execute(waiting.limit(1)).first() is None:
        enqueue(session, [replace(job, due_at=due_at)])
    session.info.setdefault("wake", set()).add(job.topic)  # A worker that was woken before found the row locked.


@dataclass(frozen=True, slots=True)
class Standing:
    """How the work of one topic stands.

    Parameters
    ----------
    waiting, dead : int
        Rows still to be done, and rows given up.
    oldest_s : float
        Age of the oldest row that should be done by now, in seconds; 0 without one.
    reason : str or None
        Type of an error for which a row was given up.
    """

    topic: str
    waiting: int
    dead: int
    oldest_s: float
    reason: str | None


def standings(session: Session) -> list[Standing]:
    """Return how each topic stands that has rows; reads the whole outbox, which is short unless work piles up."""
    rows = session.execute(_STANDINGS)
    return [Standing(topic, waiting, dead, float(age), reason) for topic, waiting, dead, age, reason in rows]


def revive(session: Session) -> int:
    """Let dead rows be tried again as if they were new; return how many."""
    again = {"dead": False, "attempts": 0, "crashes": 0, "available_at": func.now()}
    revived = session.scalars(update(OutboxRow).where(OutboxRow.dead).values(again).returning(OutboxRow.topic)).all()
    session.info.setdefault("wake", set()).update(revived)
    return len(revived)


def drain(topic: str, handler: Handler, *, now: dt.datetime) -> int:
    """Do all due work of one topic, batch after batch.

    A batch is claimed, done and deleted in one transaction: a worker that dies in between leaves nothing
    behind, and one that is delivered twice finds nothing left to do. A row whose work fails is tried
    alone, then item by item, then later again, and after ``outbox_max_attempts`` stays as dead with its
    reason. Rows with which a process died are done in small batches, then one by one, and given up after
    `MAX_CRASHES`.

    Returns
    -------
    int
        Pieces of work done: the items of a row that has some, else the row.
    """
    done = 0
    while True:
        _notice_crashes(topic)
        note = uuid.uuid4()
        with _excused_by_an_outage(note), unit_of_work(Actor.system()) as session:
            claims = _claim(session, topic, now)
            if not claims:
                return done
            _write_note(note, topic, claims)
            finished = _work(session, topic, handler, claims, now)
            session.execute(delete(OutboxClaim).where(OutboxClaim.claim_id == note))
            done += finished
        OUTBOX_DONE.labels(topic).inc(finished)
        log.info("outbox rows done", extra={"topic": topic, "rows": len(claims), "request_ids": _causes(claims)})


def _claim(session: Session, topic: str, now: dt.datetime) -> list[Claim]:
    """Lock the oldest due rows; those that no process has died with go first."""
    # A range of one topic, and the topic in the order: with an equality the planner may walk the primary key instead
    # of the topic's index, past all that waits for other topics, in every batch.
    rows = session.execute(
        select(OutboxRow.outbox_id, OutboxRow.key, OutboxRow.payload, OutboxRow.crashes, OutboxRow.request_id)
        .where(OutboxRow.topic.between(topic, topic), ~OutboxRow.dead, OutboxRow.available_at <= now)
        .order_by(OutboxRow.topic, OutboxRow.outbox_id)
        .limit(get_settings().outbox_batch_rows)
        .with_for_update(skip_locked=True)
    )
    claims = [Claim(*row) for row in rows]
    if fresh := [claim for claim in claims if not claim.crashes]:
        return _bounded(fresh)
    once = [claim for claim in claims if claim.crashes == 1]
    return once[:SUSPECTS] or claims[:1]


def _bounded(claims: Sequence[Claim]) -> list[Claim]:
    """Return the first claims, as many as hold no more pieces of work together than a batch has rows.

    A key that several rows hold is one piece: its work is done once for all of them.
    """
    most, held = get_settings().outbox_batch_rows, 0
    keys: set[str] = set()
    for n, claim in enumerate(claims):
        named = {item for item in claim.items if isinstance(item, str)}
        held += len(named - keys) + max(0 if named else 1, len(claim.items) - len(named))
        keys |= named
        if held > most and n:
            return list(claims[:n])
    return list(claims)


def _write_note(note: uuid.UUID, topic: str, claims: Sequence[Claim]) -> None:
    """Write down what is about to be done, in a transaction of its own: it outlives a process that dies of it."""
    with unit_of_work(Actor.system()) as session:
        session.add(OutboxClaim(claim_id=note, topic=topic, outbox_ids=[claim.outbox_id for claim in claims]))


@contextmanager
def _excused_by_an_outage(note: uuid.UUID) -> Iterator[None]:
    """Withdraw a note when the connection is lost, now or as soon as there is one again: no process has died.

    Work for which the server stopped waiting keeps its note, as if a process had died of it: it may be so every time.
    """
    try:
        yield
    except SQLAlchemyError as error:
        if is_outage(error) and not took_too_long(error):
            _excused.add(note)
            with suppress(SQLAlchemyError):
                _withdraw_excused()
        raise


def _withdraw_excused() -> None:
    if _excused:
        with unit_of_work(Actor.system()) as session:
            session.execute(delete(OutboxClaim).where(OutboxClaim.claim_id.in_(_excused)))
        _excused.clear()


def _notice_crashes(topic: str) -> None:
    """Count a crash for the rows of each note whose writer is gone: their locks are free and they are still here."""
    _withdraw_excused()
    with unit_of_work(Actor.system()) as session:
        notes = session.execute(select(OutboxClaim.claim_id, OutboxClaim.outbox_ids).where(OutboxClaim.topic == topic))
        for claim_id, outbox_ids in notes.all():
            rows = session.scalars(
                select(OutboxRow).where(OutboxRow.outbox_id.in_(outbox_ids)).with_for_update(skip_locked=True)
            ).all()
            for row in rows:
                _count_crash(session, row)
            if rows:
                session.execute(delete(OutboxClaim).where(OutboxClaim.claim_id == claim_id))


def _count_crash(session: Session, row: OutboxRow) -> None:
    row.crashes += 1
    if len(row.payload.get("items", ())) > 1:
        _take_apart(session, row)
    elif row.crashes >= MAX_CRASHES:
        row.dead, row.last_error = True, "ProcessDied"
        OUTBOX_DEAD.labels(row.topic).inc()
        with working_for(row.request_id):
            log.error("outbox row killed its worker", extra={"topic": row.topic, "outbox_id": row.outbox_id})


def _work(session: Session, topic: str, handler: Handler, claims: Sequence[Claim], now: dt.datetime) -> int:
    """Try the batch as a whole; when it fails, each row by itself."""
    if _try(session, handler, claims) is None:
        return sum(claim.size for claim in claims)
    finished = 0
    for claim in claims:
        error = _try(session, handler, [claim])
        if error is None:
            finished += claim.size
        elif claim.size > 1:
            _take_apart(session, session.get_one(OutboxRow, claim.outbox_id))
        else:
            _postpone(session, topic, claim, error, now)
    return finished


def _try(session: Session, handler: Handler, claims: Sequence[Claim]) -> Exception | None:
    """Do the work of some rows; an error that comes from the state of the database is not theirs, and goes on."""
    causes = _causes(claims)
    try:
        with working_for(causes[0] if len(causes) == 1 else None), session.begin_nested():
            handler(session, claims)
            session.execute(delete(OutboxRow).where(OutboxRow.outbox_id.in_([c.outbox_id for c in claims])))
    except (EstateError, SQLAlchemyError, ValueError, LookupError, ArithmeticError, TypeError) as error:
        if is_outage(error):
            raise
        return error
    return None


def _causes(claims: Sequence[Claim]) -> list[str]:
    """Return the requests that caused some work, each once."""
    return list(dict.fromkeys(claim.request_id for claim in claims if claim.request_id is not None))


def _take_apart(session: Session, row: OutboxRow) -> None:
    """Give each item a row of its own, so that the one at fault stands alone."""
    session.add_all(
        OutboxRow(
            topic=row.topic,
            key=row.key,
            payload={"items": [item]},
            crashes=row.crashes,
            request_id=row.request_id,
        )
        for item in row.payload["items"]
    )
    session.delete(row)
    session.flush()


def _postpone(session: Session, topic: str, claim: Claim, error: Exception, now: dt.datetime) -> None:
    row = session.get_one(OutboxRow, claim.outbox_id)
    row.attempts += 1
    row.last_error = type(error).__name__
    row.available_at = now + dt.timedelta(seconds=BASE_DELAY_S**row.attempts)
    row.dead = row.attempts >= get_settings().outbox_max_attempts
    with working_for(claim.request_id):
        log.warning("outbox row failed", extra={"topic": topic, "outbox_id": claim.outbox_id}, exc_info=error)
    if row.dead:
        OUTBOX_DEAD.labels(topic).inc()
