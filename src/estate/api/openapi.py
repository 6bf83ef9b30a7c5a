"""OpenAPI: request bodies that our own reader takes, and the problems that every route may answer."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

__all__ = ["KEYED_ONCE", "PROBLEMS", "install", "json_body"]

PROBLEMS: dict[int | str, str] = {
    400: "The envelope cannot be read.",
    401: "The key is missing or unknown.",
    404: "No such record.",
    409: "The id exists with other content.",
    410: "The client was merged into another, which `detail` names.",
    413: "The body or batch is too large.",
    415: "The body is neither JSON nor NDJSON, or packed otherwise than with gzip.",
    422: "A field is refused; `errors` names it.",
    429: "Over the rate limit; see Retry-After.",
    503: "Overloaded; see Retry-After.",
}
REF = "#/components/schemas/{model}"

KEYED_ONCE: dict[str, Any] = {
    "security": [{"APIKeyHeader": []}, {"HTTPBearer": []}],
    "parameters": [
        {
            "name": "idempotency-key",
            "in": "header",
            "required": False,
            "description": "1 to 255 visible characters; makes a repeated call harmless for 24 hours.",
            "schema": {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "Idempotency-Key"},
        }
    ],
}
"""What FastAPI says of a route that asks for `api.deps.OnceDep`, for the one that reads its request by itself."""

_bodies: dict[str, type[BaseModel]] = {}


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


def install(app: FastAPI) -> None:
    """Make `app.openapi()` include the schemas of the bodies."""

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
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]
