"""One computed answer a process, kept until the market or the month changes."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from estate.core.db import take_time
from estate.core.settings import get_settings
from estate.market import crud

__all__ = ["Remembered"]

T = TypeVar("T")


class Remembered(Generic[T]):
    """The newest answer and the version of the market that it belongs to.

    The version is read from the areas' own rows in the reader's transaction, so there is nothing that ingestion
    must remember to invalidate: another process sees a change as soon as it is committed. It is read before the
    data, so an answer can be newer than its version, never older.
    """

    def __init__(self, compute: Callable[[Session], T]) -> None:
        self._compute = compute
        self._lock = threading.Lock()
        self._kept: tuple[object, T] | None = None

    def get(self, session: Session) -> T:
        """Return the answer for the market as the session sees it."""
        version = (str(session.get_bind().engine.url), *crud.version(session))
        kept = self._kept
        if kept is not None and kept[0] == version:
            return kept[1]
        with self._lock:
            if self._kept is None or self._kept[0] != version:
                # One computation serves many requests, and on a busy machine it outlasts the limits of one.
                take_time(session, get_settings().db_worker_statement_timeout_ms)
                self._kept = version, self._compute(session)
            return self._kept[1]
