"""Group commit: what concurrent callers hand in is written in one transaction, and each is answered after it."""

import asyncio
import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from estate.core.context import group_id, request_id, working_for
from estate.core.db import act_as, unit_of_work, wait_for_locks
from estate.core.errors import Unavailable
from estate.core.security import Actor
from estate.core.settings import Settings
from estate.core.sqlstate import estate_error_of, is_transient, is_unavailable, waited_for_a_lock
from estate.core.telemetry import GROUP_COMMIT_REFUSED, GROUP_COMMIT_ROWS

__all__ = ["GroupCommit"]

Row = TypeVar("Row")
Result = TypeVar("Result")

log = logging.getLogger(__name__)

ATTEMPTS = 3  # A deadlock or a serialization failure is gone at the next try.
RETRY_AFTER_S = 1


@dataclass(slots=True)
class _Entry(Generic[Row, Result]):
    actor: Actor
    row: Row
    answer: asyncio.Future[Result]
    request: str | None
    group: str | None = None
    """The request under whose id the group is written: the work that it causes is one row for all of them."""


class GroupCommit(Generic[Row, Result]):
    """Writes the rows of many callers together.

    Whatever waits when a writer is free makes the next group, so a lone caller waits for nobody and a crowd shares
    one commit. Behind a crowd the writer pauses a moment, so that the next group is not the few who came meanwhile.
    A caller is answered after the commit; when it fails, every caller of the group gets the error.

    Parameters
    ----------
    write : callable
        Stores rows in a session and returns one result a row, in order; a row that is refused is a result too.
    settings : Settings
        Names how many rows may wait, how many make a group, how long a caller and a writer wait, and how many
        writers there are.
    """

    def __init__(self, write: Callable[[Session, Sequence[Row]], Sequence[Result]], settings: Settings) -> None:
        self._write = write
        self._max_waiting = settings.group_commit_max_waiting_rows
        self._max_group = settings.group_commit_max_rows
        self._gather_s = settings.group_commit_gather_ms / 1_000
        self._patience_s = settings.group_commit_timeout_s
        self._lock_timeout_ms = settings.group_commit_lock_timeout_ms
        self._max_writers = settings.group_commit_writers
        self._waiting: deque[_Entry[Row, Result]] = deque()
        self._writers = 0
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(self._max_writers, "estate-group-commit")
        self._closed = False

    async def submit(self, actor: Actor, row: Row) -> Result:
        """Hand in a row and wait until it is durable.

        Raises
        ------
        Unavailable
            At once when too many rows wait or the process stops; later when the database does not answer in time.
            Then the row may have been stored all the same: its id makes a repetition harmless.
        """
        entry: _Entry[Row, Result] = _Entry(actor, row, asyncio.get_running_loop().create_future(), request_id.get())
        self._put(entry)
        try:
            async with asyncio.timeout(self._patience_s):
                return await entry.answer
        except TimeoutError:
            raise _unavailable("The database did not answer in time.") from None
        finally:
            if entry.group != entry.request:
                group_id.set(entry.group)

    def close(self) -> None:
        """Take no more rows, and return when all that wait are written."""
        with self._lock:
            self._closed = True
        self._pool.shutdown()

    def _put(self, entry: _Entry[Row, Result]) -> None:
        with self._lock:
            if self._closed or len(self._waiting) >= self._max_waiting:
                GROUP_COMMIT_REFUSED.inc()
                raise _unavailable("Too many events wait to be written.")
            self._waiting.append(entry)
            if self._writers < self._max_writers:
                self._writers += 1
                self._pool.submit(self._write_all)

    def _write_all(self) -> None:
        """Write group after group until nothing waits."""
        while group := self._take():
            GROUP_COMMIT_ROWS.observe(len(group))
            with working_for(group[0].request):
                self._commit(group)
            if len(group) > 1:
                time.sleep(self._gather_s)

    def _take(self) -> list[_Entry[Row, Result]]:
        """Return the next group, without those whose caller has gone; sign off when there is none."""
        with self._lock:
            while self._waiting:
                n = min(len(self._waiting), self._max_group)
                taken = [self._waiting.popleft() for _ in range(n)]
                if group := _waited_for(taken):
                    return group
            self._writers -= 1
            return []

    def _commit(self, group: Sequence[_Entry[Row, Result]], *, hurry: bool = False) -> None:
        """Write a group; unless the database is not there, an error is one row's: halve until that row stands alone.

        A lock that was waited for too long is held on what one row refers to, as by an erasure. The halves wait for
        locks for moments only, else the row would hold up the others again and again.
        """
        try:
            results = self._write_group(group, hurry)
        except Exception as error:
            held = isinstance(error, DBAPIError) and waited_for_a_lock(error)
            if len(group) == 1 or (is_unavailable(error) and not held):
                _answer([(entry, _told(error)) for entry in group])
                log.error("a group was not written", extra={"rows": len(group), "error": type(error).__name__})
                return
            middle = len(group) // 2
            for half in (group[:middle], group[middle:]):
                if waited_for := _waited_for(half):
                    self._commit(waited_for, hurry=hurry or held)
        else:
            _answer(list(zip(group, results, strict=True)))

    def _write_group(self, group: Sequence[_Entry[Row, Result]], hurry: bool) -> list[Result]:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._write_once(group, hurry)
            except DBAPIError as error:
                if attempt == ATTEMPTS or not is_transient(error):
                    raise
        raise AssertionError

    def _write_once(self, group: Sequence[_Entry[Row, Result]], hurry: bool) -> list[Result]:
        """Write each caller's rows on that caller's behalf, all in one transaction."""
        places: defaultdict[Actor, list[int]] = defaultdict(list)
        for place, entry in enumerate(group):
            places[entry.actor].append(place)
            entry.group = request_id.get()
        results: dict[int, Result] = {}
        with unit_of_work(group[0].actor) as session:
            if hurry:
                wait_for_locks(session, self._lock_timeout_ms)
            for actor, own in places.items():
                if actor != group[0].actor:
                    act_as(session, actor)
                written = self._write(session, [group[place].row for place in own])
                results.update(zip(own, written, strict=True))
        return [results[place] for place in range(len(group))]


def _waited_for(entries: Sequence[_Entry[Row, Result]]) -> list[_Entry[Row, Result]]:
    return [entry for entry in entries if not entry.answer.done()]


def _unavailable(message: str) -> Unavailable:
    return Unavailable(message, retry_after_seconds=RETRY_AFTER_S)


def _told(error: Exception) -> Exception:
    """Return what a caller is told: an error of its own, since tasks that share one would write into it."""
    return estate_error_of(error) if isinstance(error, DBAPIError | PoolTimeout) else error


def _answer(outcomes: Sequence[tuple[_Entry[Any, Any], object]]) -> None:
    """Hand outcomes to the loops that wait for them, one call a loop; a loop that is gone needs none."""
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], object]]] = defaultdict(list)
    for entry, outcome in outcomes:
        by_loop[entry.answer.get_loop()].append((entry.answer, outcome))
    for loop, answers in by_loop.items():
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, answers)


def _settle(answers: Sequence[tuple[asyncio.Future[Any], object]]) -> None:
    for answer, outcome in answers:
        if answer.done():
            continue
        if isinstance(outcome, Exception):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)
