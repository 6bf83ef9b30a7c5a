"""One canonical form of a record, so that equal content has equal bytes."""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

__all__ = ["canonical_json", "content_hash"]


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    return str(value)


def canonical_json(content: Mapping[str, Any]) -> bytes:
    """Return JSON with sorted keys and without null fields.

    Examples
    --------
    >>> canonical_json({"b": None, "a": Decimal("1.50")})
    b'{"a":"1.5"}'
    """
    present = {key: value for key, value in content.items() if value is not None}
    return json.dumps(present, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain).encode()


def content_hash(content: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 of the canonical form: 32 bytes."""
    return hashlib.sha256(canonical_json(content)).digest()
