"""Free JSON of bounded size: what is stored as jsonb and has no schema of its own."""

import math
from typing import Annotated

from pydantic import JsonValue, PlainValidator, WithJsonSchema
from pydantic_core import to_json

from estate.core.problems import refused
from estate.core.strict_json import levels, scan

__all__ = ["JsonList", "JsonObject"]

_JSON_BYTES = 65_536
_JSON_NODES = 1_000
_JSON_DEPTH = 8
_JSON_KINDS = frozenset({dict, list, str, int, float, bool, type(None)})


def _bounded(kind: type) -> PlainValidator:
    """Accept a JSON tree of one kind whose size, depth and leaves fit what is stored and searched."""
    message = "This must be an object." if kind is dict else "This must be a list."

    def check(value: object) -> object:
        if type(value) is not kind:
            raise refused(message)
        _check_tree(value)
        _check_size(value)
        for problem in scan(value):
            raise refused("{what} See {field}.", what=problem.message, field=problem.field)
        return value

    return PlainValidator(check)


def _check_tree(value: object) -> None:
    """Refuse a tree that is too deep or too large, or that has leaves that JSON does not know."""
    nodes = 0
    for depth, level in enumerate(levels(value)):
        nodes += len(level)
        if nodes > _JSON_NODES:
            raise refused("This must have at most {nodes} values.", nodes=_JSON_NODES)
        if depth == _JSON_DEPTH and any(isinstance(node, dict | list) for node in level):
            raise refused("This must be nested at most {depth} levels deep.", depth=_JSON_DEPTH)
        if not all(map(_is_json, level)):
            raise refused("This must be JSON with finite numbers.")


def _is_json(node: object) -> bool:
    """Tell whether this value, leaving its children aside, can be written as JSON."""
    if type(node) is dict:
        return all(type(key) is str for key in node)
    return type(node) in _JSON_KINDS and not (type(node) is float and not math.isfinite(node))


def _check_size(value: object) -> None:
    """Refuse what is too long when written, or cannot be written as UTF-8 at all."""
    try:
        size = len(to_json(value))
    except ValueError:
        raise refused("This must be JSON with valid Unicode.") from None
    if size > _JSON_BYTES:
        raise refused("This must be at most 64 KB of JSON.")


JsonObject = Annotated[
    dict[str, JsonValue],
    _bounded(dict),
    WithJsonSchema(
        {
            "type": "object",
            "description": "JSON of at most 64 KB, 1,000 values and 8 levels.",
            "maxProperties": 999,
        }
    ),
]
JsonList = Annotated[
    list[JsonValue],
    _bounded(list),
    WithJsonSchema(
        {
            "type": "array",
            "items": {},
            "description": "JSON of at most 64 KB, 1,000 values and 8 levels.",
            "maxItems": 999,
        }
    ),
]
