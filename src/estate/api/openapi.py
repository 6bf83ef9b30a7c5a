"""OpenAPI: request bodies that our own reader takes, and the problems that every route may answer."""

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from estate.api.cookies import SECURE_NAME
from estate.api.errors import PROBLEM_JSON
from estate.api.headers import DOCS_PAGE
from estate.api.rights import OPEN, RIGHTS
from estate.core.security import ROLES

__all__ = ["IDEMPOTENCY_KEY", "KEYED_ONCE", "PROBLEMS", "event_stream", "install", "json_body"]

PROBLEMS: dict[int | str, str] = {
    400: "The envelope cannot be read.",
    401: "The key or session is missing, unknown or no longer good.",
    403: "The role of the caller may not do this; `detail` names those that may.",
    404: "No such record.",
    409: "The id exists with other content.",
    410: "The client was merged into another, which `detail` names.",
    413: "The body or batch is too large.",
    414: "The address is longer than the server reads.",
    415: "The body is neither JSON nor NDJSON, or packed otherwise than with gzip.",
    422: "A field is refused; `errors` names it.",
    429: "Over the rate limit; see Retry-After.",
    503: "Overloaded; see Retry-After.",
}
REF = "#/components/schemas/{model}"

IDEMPOTENCY_KEY = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
KEYED_ONCE: dict[str, Any] = {
    "parameters": [
        {
            "name": "idempotency-key",
            "in": "header",
            "required": False,
            "description": "1 to 255 visible characters; makes a repeated call harmless for 24 hours.",
            "schema": IDEMPOTENCY_KEY | {"title": "Idempotency-Key"},
        }
    ],
}
"""What FastAPI says of a route that asks for `api.deps.OnceDep`, for the one that reads its request by itself."""

_bodies: dict[str, type[BaseModel]] = {}
_told: dict[str, type[BaseModel]] = {}
"""Models of bodies, and of events that answers consist of."""


def json_body(model: type[BaseModel], *, example: Any, batch: bool = True) -> dict[str, Any]:
    """Describe a body that `api.body` reads.

    Parameters
    ----------
    model : type
        Schema of one item.
    example : JSON value
        One item; shown as an array where a batch is taken.
    batch : bool
        Whether an array of items is taken as well.
    """
    _bodies[model.__name__] = model
    one = {"$ref": REF.format(model=model.__name__)}
    schema = {"anyOf": [{"type": "array", "items": one}, one]} if batch else one
    content = {"schema": schema, "example": [example] if batch else example}
    described: dict[str, Any] = {"application/json": content}
    if batch:
        described["application/x-ndjson"] = {"schema": {"type": "string", "description": "One item a line."}}
    return {"requestBody": {"required": True, "content": described}}


def event_stream(description: str, **events: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Describe an answer of server-sent events.

    Parameters
    ----------
    description : str
        What comes when.
    **events : type
        The schema of each event's data, by its name.
    """
    for model in events.values():
        _told[model.__name__] = model
    each = [
        {
            "type": "object",
            "required": ["event", "data"],
            "properties": {
                "event": {"const": name},
                "data": {
                    "type": "string",
                    "contentMediaType": "application/json",
                    "contentSchema": {"$ref": REF.format(model=model.__name__)},
                },
            },
        }
        for name, model in events.items()
    ]
    return {200: {"description": description, "content": {"text/event-stream": {"itemSchema": {"oneOf": each}}}}}


SECURITY = {
    "APIKeyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An Estate API key."},
    "HTTPBearer": {"type": "http", "scheme": "bearer", "description": "An Estate API key as a bearer token."},
    "Session": {"type": "apiKey", "in": "cookie", "name": SECURE_NAME, "description": "POST /auth/login sets it."},
}


def install(app: FastAPI, *, docs: bool) -> None:
    """Make `app.openapi()` include the schemas of the bodies and who may call what; add the page at `/docs`."""
    if docs:
        app.add_route("/docs", _docs_page, include_in_schema=False)

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                routes=app.routes,
                tags=app.openapi_tags,
            )
            components = schema.setdefault("components", {}).setdefault("schemas", {})
            for name, model in _bodies.items():
                described = model.model_json_schema(ref_template=REF)
                components |= described.pop("$defs", {}) | {name: described}
            for name, model in _told.items():
                described = model.model_json_schema(ref_template=REF, mode="serialization")
                for part, content in (described.pop("$defs", {}) | {name: described}).items():
                    components.setdefault(part, content)
            _describe_rights(schema)
            _describe_answers(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def _describe_rights(schema: dict[str, Any]) -> None:
    schema["components"]["securitySchemes"] = SECURITY
    for path, methods in schema["paths"].items():
        for method, described in methods.items():
            operation = f"{method.upper()} {path}"
            if operation in OPEN:
                continue
            described["security"] = [{name: []} for name in SECURITY]
            described["x-roles"] = [role for role in ROLES if role in RIGHTS[operation]]


def _header(description: str, kind: str = "string", *, always: bool = True) -> dict[str, Any]:
    return {"description": description, "required": always, "schema": {"type": kind}}


REQUEST_ID = {"X-Request-Id": _header("Id of the request, as in the log; one that was sent well-formed is kept.")}
LIMITS = {
    "RateLimit": _header("What is left of the rate limit.", always=False),
    "RateLimit-Policy": _header("The rate limit that counts the call.", always=False),
}
CHALLENGE = {"WWW-Authenticate": _header("How to prove who calls.")}
RETRY = {"Retry-After": _header("Seconds after which the same request may succeed.", "integer")}
HEADERS: dict[str, dict[str, Any]] = {"401": CHALLENGE, "429": RETRY, "503": RETRY}


def _describe_answers(schema: dict[str, Any]) -> None:
    """State the headers of each answer, and that a problem has a media type of its own."""
    for methods in schema["paths"].values():
        for described in methods.values():
            for status, answer in described["responses"].items():
                answer["headers"] = REQUEST_ID | LIMITS | HEADERS.get(status, {})
                if int(status) in PROBLEMS:
                    answer["content"] = {PROBLEM_JSON: answer["content"].pop("application/json")}


async def _docs_page(request: Request) -> Response:
    page = get_swagger_ui_html(openapi_url="/openapi.json", title="Estate")
    page.headers["Content-Security-Policy"] = DOCS_PAGE
    return page
