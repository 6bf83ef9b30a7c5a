"""Whose work this is: the ids that every log line, outbox row and error report of a request or task carries."""

import itertools
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["group_id", "id_of_request", "ids", "request_id", "task_id", "working_for"]

_PROCESS = uuid.uuid4().hex[:20]
_NUMBERS = itertools.count()
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The request that is answered, or that caused the work."""

group_id: ContextVar[str | None] = ContextVar("group_id", default=None)
"""The request under whose id the group commit wrote this one's rows, when that is another."""

task_id: ContextVar[str | None] = ContextVar("task_id", default=None)
"""The task that a worker does."""


def id_of_request(sent: str) -> str:
    """Return the id that a client sent with its request if that is well-formed, else a new one."""
    return sent if _REQUEST_ID.fullmatch(sent) else f"{_PROCESS}{next(_NUMBERS):012x}"


def ids() -> dict[str, str]:
    """Return the ids that are known here, by name."""
    found = {var.name: var.get() for var in (request_id, group_id, task_id)}
    return {name: value for name, value in found.items() if value is not None}


@contextmanager
def working_for(request: str | None) -> Iterator[None]:
    """Do what follows on account of a request."""
    token = request_id.set(request)
    try:
        yield
    finally:
        request_id.reset(token)
