"""Which record a row is: its UUID, its code within its source, or what it says."""

import re
import uuid

from estate.core.identifiers import CANONICAL_UUID

__all__ = ["code_id", "derived_id", "is_id"]

_NAMESPACE = uuid.UUID("0d7c4b5e-9a44-5c83-8a1b-5e2f6f1f7c30")
_UUID = re.compile(CANONICAL_UUID)


def is_id(code: str) -> bool:
    """Tell whether a code is a UUID."""
    return _UUID.fullmatch(code.strip().lower()) is not None


def derived_id(*parts: str) -> uuid.UUID:
    """Return the same id for the same parts, so that what is brought twice is one record."""
    return uuid.uuid5(_NAMESPACE, "\x1f".join(parts))


def code_id(table: str, source: str, code: str) -> uuid.UUID:
    """Return a UUID as it is; another code is an id within its source."""
    return uuid.UUID(code.strip()) if is_id(code) else derived_id(table, source, code.strip())
