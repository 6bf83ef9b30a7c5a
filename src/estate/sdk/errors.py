"""What can go wrong: one class a problem type of the API, and those for answers that never came."""

import re
from typing import ClassVar

from pydantic import BaseModel

SHOWN_FIELDS = 3
TYPE_PREFIX = "urn:estate:problem:"


class EstateError(Exception):
    """Base of everything that the client raises; `hint` says what to do about it.

    Parameters
    ----------
    message : str
        What went wrong.
    request_id : str or None
        Id of the call; the log of the API knows it by the same.
    """

    hint: ClassVar[str] = ""

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.request_id = request_id


class Unreachable(EstateError):
    """No answer came: the API is not there, or the connection broke."""

    hint = "Check the address, and that the platform runs (`estate up`, `estate doctor`)."


class TimedOut(Unreachable):
    """No answer came in time; what was asked may have happened."""

    hint = "Try again, or give the client a longer `timeout_s`."


class UnexpectedAnswer(EstateError):
    """The answer is not what the API promises: it comes from something else, or from another version."""

    hint = "Check that the address is that of Estate's API, and that client and server are of one version."


class FieldProblem(BaseModel, frozen=True):
    """One refused field; `row` is the position in a batch."""

    field: str
    message: str
    row: int | None = None

    @property
    def pointer(self) -> str:
        """JSON pointer (RFC 6901) of the field in what was sent; empty for the whole of it."""
        parts = [] if self.row is None else [str(self.row)]
        return "".join(f"/{part}" for part in parts + (self.field.split(".") if self.field else []))


class ProblemDetails(BaseModel, frozen=True):
    """Problem details (RFC 9457) as the API sends them."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    request_id: str | None = None
    errors: tuple[FieldProblem, ...] = ()


class ApiError(EstateError):
    """The API refused, and said why.

    Parameters
    ----------
    problem : ProblemDetails
        What it said.
    retry_after_s : float or None
        After how many seconds the same call may succeed.
    """

    hint = "Look for the request id in the log of the API."

    def __init__(self, problem: ProblemDetails, *, retry_after_s: float | None = None) -> None:
        super().__init__(problem.detail, request_id=problem.request_id)
        self.problem = problem
        self.retry_after_s = retry_after_s

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def errors(self) -> tuple[FieldProblem, ...]:
        """The refused fields."""
        return self.problem.errors

    def __str__(self) -> str:
        """Return the message, the first refused fields, and the id to quote."""
        shown = "".join(f"; {error.pointer or '/'}: {error.message}" for error in self.errors[:SHOWN_FIELDS])
        more = f"; and {len(self.errors) - SHOWN_FIELDS} more" if len(self.errors) > SHOWN_FIELDS else ""
        return f"{self.message}{shown}{more} (status {self.status}, request {self.request_id})"


class BadRequest(ApiError):
    """The envelope of the request cannot be read."""

    hint = "Send JSON in UTF-8, without NaN and repeated names."


class Unauthorized(ApiError):
    """The key or session is missing, not known or no longer good."""

    hint = "Give a good key (ESTATE_API_KEY, `estate keys create`), or log in again."


class Forbidden(ApiError):
    """The caller is known and may not do this."""

    hint = "Use a key or user of one of the roles that the message names."


class NotFound(ApiError):
    """No such record, or none that the caller may see."""

    hint = "Check the id; a record of somebody else's is not found either."


class AgentNotFound(NotFound):
    """No such agent."""


class AreaNotFound(NotFound):
    """No such area."""


class ClientNotFound(NotFound):
    """No such client."""


class ClientUnknown(NotFound):
    """Nothing is known of such a client."""


class ImportNotFound(NotFound):
    """No such import, or it has no such row."""


class ModelNotFound(NotFound):
    """No such trained model."""


class ResponseNotFound(NotFound):
    """No such reply."""


class RunUnknown(NotFound):
    """No such analysis run."""


class UnitNotFound(NotFound):
    """No such unit."""


class Conflict(ApiError):
    """The id exists with other content."""

    hint = "Read the record as it is, and decide which of the two is right."


class MergeConflict(Conflict):
    """The two clients cannot be made one."""


class NotNow(Conflict):
    """The import is in another state than the call needs."""

    hint = "Ask for the import: its state tells what can be done with it now."


class Gone(ApiError):
    """The record is no longer one of its own."""

    hint = "Go on with the id that the message names."


class ClientMerged(Gone):
    """The client was merged into another, which the message names."""


class TooLarge(ApiError):
    """The body or the number of its items is over the limit."""

    hint = "Send less at a time: split the file; `load` splits rows by itself."


class UnsupportedMediaType(ApiError):
    """The body is not JSON, or it is encoded."""

    hint = "Send application/json or application/x-ndjson."


class Invalid(ApiError):
    """The envelope was read; what it says is refused."""

    hint = "Correct the fields that are named."


class AmbiguousUnit(Invalid):
    """Several units bear this id."""

    hint = 'Name the unit as "project_id:unit_id".'


class BadUnits(Invalid):
    """These units cannot be compared."""


class OpenQuestions(Invalid):
    """What the file leaves open must be answered before it is taken."""

    hint = "Answer the `questions` of the import by `imports.mapping`."


class TooManyRequests(ApiError):
    """The caller is over its rate limit."""

    hint = "Wait as long as the answer says, or ask for a higher limit."


class Unavailable(ApiError):
    """A dependency is slow or gone; the same request may succeed later."""

    hint = "Try again later; `estate doctor` says what is wrong."


class InternalError(ApiError):
    """The API failed; it is not the caller's fault."""


def slug(kind: type[ApiError]) -> str:
    """Return the name of the problem type that a class stands for, e.g. ``"not-found"``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower()


def _below(kind: type[ApiError]) -> list[type[ApiError]]:
    return [found for direct in kind.__subclasses__() for found in (direct, *_below(direct))]


BY_TYPE = {TYPE_PREFIX + slug(kind): kind for kind in _below(ApiError)} | {TYPE_PREFIX + "estate-error": InternalError}
BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: TooLarge,
    414: BadRequest,
    415: UnsupportedMediaType,
    422: Invalid,
    429: TooManyRequests,
    500: InternalError,
    503: Unavailable,
}


def error_of(problem: ProblemDetails, *, retry_after_s: float | None = None) -> ApiError:
    """Return the exception of a problem: by its type, or by its status where the type is a newer one."""
    kind = BY_TYPE.get(problem.type) or BY_STATUS.get(problem.status, ApiError)
    return kind(problem, retry_after_s=retry_after_s)
