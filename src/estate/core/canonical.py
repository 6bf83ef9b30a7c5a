"""One canonical form of a record, so that equal content has equal bytes."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic_core import to_json

__all__ = ["canonical_json", "content_hash"]


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is dt.datetime:
        return value.astimezone(dt.UTC)
    if kind is Decimal:
        return format(value.normalize(), "f")
    if kind is dict:
        return {key: _plain(value[key]) for key in sorted(value)}
    if kind is list:
        return [_plain(item) for item in value]
    return value


def canonical_json(content: Mapping[str, Any]) -> bytes:
    """Return JSON with sorted keys and without null fields.

    Examples
    --------
    >>> canonical_json({"b": None, "a": Decimal("1.50")})
    b'{"a":"1.5"}'
    """
    return to_json({key: _plain(content[key]) for key in sorted(content) if content[key] is not None}, fallback=str)


def content_hash(content: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 of the canonical form: 32 bytes."""
    return hashlib.sha256(canonical_json(content)).digest()
