"""What pages say of errors: those of the client library are written for people who program."""

from collections.abc import Mapping
from http import HTTPStatus

from estate.console import text
from estate.sdk import ApiError, EstateError
from estate.sdk.errors import FieldProblem, Forbidden, Invalid, OpenQuestions, Unreachable

__all__ = ["advice", "field_of", "said", "sentences"]

ADVICE: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "Load the page again, then try once more.",
    HTTPStatus.UNAUTHORIZED: "Sign in again.",
    HTTPStatus.FORBIDDEN: "Ask an administrator if you need it.",
    HTTPStatus.NOT_FOUND: "It may be gone, or not yours to see.",
    HTTPStatus.CONFLICT: "Load the page again: it shows how things stand now.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Split the file and bring the parts.",
    HTTPStatus.TOO_MANY_REQUESTS: "Wait a minute, then try again.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Try again in a minute.",
}
"""What to do about an answer, by its status."""
OTHERWISE = "Try again; if that does not help, tell an administrator the number of the request."


def said(error: EstateError) -> str:
    """Say what went wrong."""
    if isinstance(error, Forbidden):  # Its message names a call.
        return "This is not for your role."
    names_address = isinstance(error, Unreachable) and "://" in error.message
    return "The server does not answer." if names_address else error.message


def advice(error: EstateError) -> str:
    """Say what to do about it; nothing where the message or its fields say it already."""
    if isinstance(error, OpenQuestions):
        return "Answer the questions of the import first."
    if isinstance(error, Invalid):
        return ""
    if isinstance(error, Unreachable):
        return ADVICE[HTTPStatus.SERVICE_UNAVAILABLE]
    known = ADVICE.get(error.status) if isinstance(error, ApiError) else None
    return known or OTHERWISE


def field_of(problem: FieldProblem) -> str:
    """Return the name of a refused field, without where it stands in what was sent."""
    return problem.field.rpartition(".")[2]


def sentences(error: EstateError, labels: Mapping[str, str] | None = None) -> list[str]:
    """Say of each refused field, called as on the page, what is wrong with it."""
    problems = error.errors if isinstance(error, ApiError) else ()
    named = ((field_of(one), one.message) for one in problems)
    return [f"{(labels or {}).get(name, text.words(name))}: {message}" if name else message for name, message in named]
