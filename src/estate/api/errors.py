"""One handler turns every error into RFC 9457 problem details."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response

from estate.api.rights import RIGHTS
from estate.core.context import request_id
from estate.core.errors import EstateError, FieldProblem, Invalid
from estate.core.problems import request_problems
from estate.core.settings import get_settings
from estate.core.sqlstate import estate_error_of

__all__ = ["PROBLEM_JSON", "Problem", "ProblemField", "current_request_id", "install", "problem_of", "problem_response"]

PROBLEM_JSON = "application/problem+json"
CHALLENGE = 'Bearer realm="estate"'
TYPE_PREFIX = "urn:estate:problem:"

log = logging.getLogger(__name__)


class ProblemField(BaseModel):
    """One refused field."""

    field: str = Field(description="Dotted path; empty for the whole item.")
    message: str
    row: int | None = Field(None, description="Zero-based position in a batch.")


class Problem(BaseModel):
    """Problem details as RFC 9457 has them."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str | None = None
    errors: list[ProblemField] = []


def problem_fields(problems: Sequence[FieldProblem]) -> list[ProblemField]:
    """Return the first problems, as many as the setting allows."""
    limit = get_settings().problems_max_items
    return [ProblemField(field=p.field, message=p.message, row=p.row) for p in problems[:limit]]


def problem_of(error: EstateError, request_id: str | None) -> Problem:
    """Describe an error."""
    return Problem(
        type=TYPE_PREFIX + error.slug,
        title=error.title,
        status=error.status,
        detail=error.message,
        request_id=request_id,
        errors=problem_fields(error.problems),
    )


def problem_response(error: EstateError, request_id: str | None) -> Response:
    """Render an error."""
    headers = {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = CHALLENGE
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    return Response(problem_of(error, request_id).model_dump_json(), error.status, headers, media_type=PROBLEM_JSON)


def request_id_of(connection: HTTPConnection) -> str | None:
    """Return the id that the middleware gave to the request."""
    return cast("str | None", connection.scope.get("estate.request_id"))


def current_request_id() -> str | None:
    """Return the id of the request that this code runs for."""
    return request_id.get()


def _estate_error(request: Request, error: Exception) -> Response:
    return problem_response(cast("EstateError", error), request_id_of(request))


def _invalid_request(request: Request, error: Exception) -> Response:
    problems = request_problems(cast("RequestValidationError", error).errors(), limit=get_settings().problems_max_items)
    return problem_response(Invalid("The request was refused.", problems=problems), request_id_of(request))


def _http_error(request: Request, error: Exception) -> Response:
    http = cast("HTTPException", error)
    phrase = HTTPStatus(http.status_code).phrase
    problem = Problem(
        type="about:blank",
        title=phrase,
        status=http.status_code,
        detail=phrase,
        request_id=request_id_of(request),
    )
    headers = dict(http.headers or {})
    if http.status_code == HTTPStatus.METHOD_NOT_ALLOWED and (served := _served(request)):
        headers["Allow"] = ", ".join(served)
    return Response(problem.model_dump_json(), http.status_code, headers, media_type=PROBLEM_JSON)


def _served(request: Request) -> list[str]:
    """Return every method of the path; the framework knows only those of the route that it met first."""
    template = getattr(request.scope.get("route"), "path_format", None)
    return [method for method, path in map(str.split, RIGHTS) if path == template]


def _database_error(request: Request, error: Exception) -> Response:
    translated = estate_error_of(cast("DBAPIError | PoolTimeout", error))
    if translated.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("database error", extra={"sqlstate": getattr(getattr(error, "orig", None), "sqlstate", None)})
    return problem_response(translated, request_id_of(request))


def install(app: FastAPI) -> None:
    """Register the handlers; what none of them knows is answered by `middleware.RequestRecord`."""
    app.add_exception_handler(EstateError, _estate_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(DBAPIError, _database_error)
    app.add_exception_handler(PoolTimeout, _database_error)
