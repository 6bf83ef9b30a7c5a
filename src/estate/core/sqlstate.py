"""What a database error means to the caller; its DETAIL may hold whole rows and is never shown."""

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from estate.core.errors import Conflict, EstateError, Invalid, Unavailable

__all__ = [
    "estate_error_of",
    "is_forbidden",
    "is_outage",
    "is_transient",
    "is_unavailable",
    "problem_of",
    "took_too_long",
    "waited_for_a_lock",
]

RETRY_AFTER_S = 1
MESSAGES = {
    "23503": "refers to a record that does not exist ({constraint})",
    "23505": "exists already ({constraint})",
    "23514": "is out of range ({constraint})",
    "23502": "is missing ({column})",
    "42501": "refers to a record that does not exist",
}
FORBIDDEN = "42501"
"""A row policy refused it. It is told as what an unknown record is told, so that nobody learns which records exist."""
TOOK_TOO_LONG = ("25P03", "25P04")
"""The server ended a transaction that took longer than it may, as on an overloaded machine."""
OUTAGES = ("08", "53100", "53300", "55P03", "57P")
"""No connection, a full disk, too many connections, a lock that somebody else holds, a server that stops."""
UNAVAILABLE = (*TOOK_TOO_LONG, "08", "40", "53", "55", "57")
INVALID = ("22", "54")


def problem_of(error: DBAPIError) -> str:
    """Return a sentence that names the constraint, never the values."""
    cause = error.orig
    if not isinstance(cause, psycopg.Error):
        return "the database refused the row"
    text = MESSAGES.get(cause.sqlstate or "", "holds a value that the database cannot store")
    return text.format(constraint=cause.diag.constraint_name, column=cause.diag.column_name)


def estate_error_of(error: DBAPIError | PoolTimeout) -> EstateError:
    """Translate a database error to one with a status: 409, 422, 503 or 500."""
    if isinstance(error, PoolTimeout):
        return Unavailable("The database is busy.", retry_after_seconds=RETRY_AFTER_S)
    state = _state(error)
    if state == "23505":
        return Conflict(problem_of(error))
    if state.startswith("23") or state.startswith(INVALID) or state == FORBIDDEN:
        return Invalid(problem_of(error))
    if not state or state.startswith(UNAVAILABLE):
        return Unavailable("The database did not answer in time.", retry_after_seconds=RETRY_AFTER_S)
    return EstateError("The database refused the request.")


def is_unavailable(error: Exception) -> bool:
    """Tell whether the database is slow or gone, so that smaller pieces would fare no better."""
    return isinstance(error, DBAPIError | PoolTimeout) and isinstance(estate_error_of(error), Unavailable)


def is_outage(error: Exception) -> bool:
    """Tell whether the connection was lost or the server can do nothing now: nobody's row is at fault."""
    return isinstance(error, PoolTimeout) or (
        isinstance(error, DBAPIError) and (error.connection_invalidated or _state(error).startswith(OUTAGES))
    )


def took_too_long(error: Exception) -> bool:
    """Tell whether the server ended a transaction that was silent, or went on, for too long."""
    return isinstance(error, DBAPIError) and _state(error) in TOOK_TOO_LONG


def is_forbidden(error: DBAPIError) -> bool:
    """Tell whether a row policy refused a row."""
    return _state(error) == FORBIDDEN


def is_transient(error: DBAPIError) -> bool:
    """Tell whether the same transaction may succeed at once: it met another in a deadlock or a serialization."""
    return _state(error).startswith("40")


def waited_for_a_lock(error: DBAPIError) -> bool:
    """Tell whether somebody else held a lock for longer than one may wait."""
    return _state(error) == "55P03"


def _state(error: DBAPIError) -> str:
    cause = error.orig
    return (cause.sqlstate or "") if isinstance(cause, psycopg.Error) else ""
