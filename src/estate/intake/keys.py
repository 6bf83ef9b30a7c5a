"""Which record a row is: its UUID, its code within its source, or what it says."""

import re
import uuid

from estate.core.identifiers import CANONICAL_UUID

__all__ = ["code_id", "derived_id"]

_NAMESPACE = uuid.UUID("0d7c4b5e-9a44-5c83-8a1b-5e2f6f1f7c30")
_UUID = re.compile(CANONICAL_UUID)


def derived_id(*parts: str) -> uuid.UUID:
    """Return the same id for the same parts, so that what is brought twice is one record."""
    return uuid.uuid5(_NAMESPACE, "\x1f".join(parts))


def code_id(table: str, source: str, code: str) -> uuid.UUID:
    """Return a UUID as it is; another code is an id within its source."""
    plain = code.strip().lower()
    return uuid.UUID(plain) if _UUID.fullmatch(plain) else derived_id(table, source, code.strip())
