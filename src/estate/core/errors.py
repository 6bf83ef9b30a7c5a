"""Typed errors of the house: each knows its HTTP status, so that one handler can render them all."""

import re
from dataclasses import dataclass

__all__ = [
    "BadRequest",
    "Conflict",
    "EstateError",
    "FieldProblem",
    "Forbidden",
    "Gone",
    "Invalid",
    "NotFound",
    "TooLarge",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "UnsupportedMediaType",
]


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing that is wrong with one field of the input.

    Parameters
    ----------
    field : str
        Dotted path of the field, e.g. ``"metadata.a"``; empty for the whole item.
    message : str
        What must change, in words; it never repeats the refused value.
    row : int or None
        Zero-based position in a batch; None for a single object.
    """

    field: str
    message: str
    row: int | None = None


class EstateError(Exception):
    """Base of every error that a caller may see.

    Parameters
    ----------
    message : str
        A sentence for the caller; it carries no secret and no refused value.
    problems : tuple of FieldProblem
        Field by field details.
    retry_after_seconds : int or None
        When the same request may succeed later.
    """

    status = 500
    title = "Internal error"

    def __init__(
        self,
        message: str,
        *,
        problems: tuple[FieldProblem, ...] = (),
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.problems = problems
        self.retry_after_seconds = retry_after_seconds

    @property
    def slug(self) -> str:
        """Stable name of the problem type, e.g. ``"not-found"``."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", type(self).__name__).lower()


class BadRequest(EstateError):
    """The envelope of the request cannot be read."""

    status = 400
    title = "Bad request"


class Unauthorized(EstateError):
    """The key or session is missing, not known or no longer good."""

    status = 401
    title = "Unauthorized"


class Forbidden(EstateError):
    """The caller is known and may not do this."""

    status = 403
    title = "Forbidden"


class NotFound(EstateError):
    """No such record, or none that the caller may see."""

    status = 404
    title = "Not found"


class Conflict(EstateError):
    """The id exists with other content."""

    status = 409
    title = "Conflict"


class Gone(EstateError):
    """The record is no longer one of its own; the message names the one that stands for it."""

    status = 410
    title = "Gone"


class TooLarge(EstateError):
    """The body or the number of its items is over the limit."""

    status = 413
    title = "Too large"


class UnsupportedMediaType(EstateError):
    """The body is not JSON, or it is encoded."""

    status = 415
    title = "Unsupported media type"


class Invalid(EstateError):
    """The envelope was read; what it says is refused."""

    status = 422
    title = "Invalid input"


class TooManyRequests(EstateError):
    """The caller is over its rate limit."""

    status = 429
    title = "Too many requests"


class Unavailable(EstateError):
    """A dependency is slow or gone; the same request may succeed later."""

    status = 503
    title = "Unavailable"
