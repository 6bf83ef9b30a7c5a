"""Takes personal data and secrets out of what leaves the process: every log line and error report passes here.

Names have no shape that could be recognised, so nothing is shown unless it is known to be harmless: a field by its
name, a message by its fixed text, an exception by its type and place. Shapes are the second line, for what libraries
write.
"""

import re
import traceback
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import psycopg
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError

from estate.core.currencies import CURRENCIES
from estate.core.errors import EstateError
from estate.core.settings import get_settings

__all__ = ["HIDDEN", "describe", "harmless_words", "redact", "said", "scrub"]

HIDDEN = "[redacted]"
MAX_TEXT_CHARACTERS = 4_000
MAX_FRAMES = 40
MAX_CAUSES = 10
MIN_SECRET_CHARACTERS = 6

IDS = frozenset({"request_id", "request_ids", "group_id", "task_id", "response_id"})
"""Fields that are shown as they are: our own ids, and a caller's `X-Request-ID` in its narrow alphabet."""

SHOWN = frozenset(
    {
        *("event", "level", "logger", "timestamp", "exception", "task"),
        *("abstained", "cites", "confidence", "error", "outbox_id", "port", "rows"),
        *("source", "sqlstate", "topic", "used_records", "why"),
    }
)
"""Fields whose values are shown once scrubbed; a new one is hidden until somebody has thought about it."""

_CURRENCY = "|".join(sorted(CURRENCIES))
_SHAPES = re.compile(
    "|".join(
        (
            r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+",  # e-mail
            r"(?<=://)[^/\s@]*@",  # user and password of a URL
            r"\+\d[\d ().-]{6,}\d",  # phone
            r"(?<![\w.:/-])\(?\d[\d ,()-]{6,}\d(?![\w:-])",  # phone or amount, without a sign
            rf"\b(?:{_CURRENCY})\s?\d[\d.,]*(?:\s?[kKmM]\b)?",
            rf"\b\d[\d.,]*\s?[kKmM]?\s?(?:{_CURRENCY})\b",
            r"(?i:\b[\w-]*(?:api[_-]?key|authorization|password|secret|token)\b['\"]?\s*[:=]\s*(?:bearer\s+)?)\S+",
            r"(?i:\bbearer\s+)\S+",
        )
    )
)
_ROWS = re.compile(r"(?:\b(?:DETAIL|CONTEXT|HINT|STATEMENT)\b:|\[(?:SQL|parameters):).*", re.DOTALL)


def scrub(text: str) -> str:
    """Hide what has the shape of personal data or of a secret, and what PostgreSQL tells of a row.

    >>> scrub("mail a.b@example.com or call +971 50 123 4567")
    'mail [redacted] or call [redacted]'
    """
    text = _ROWS.sub(HIDDEN, text[:MAX_TEXT_CHARACTERS])
    for secret in _secrets():
        text = text.replace(secret, HIDDEN)
    return _SHAPES.sub(HIDDEN, text)


@lru_cache(maxsize=1)
def _secrets() -> tuple[str, ...]:
    """Return the secrets of the settings, and the passwords in their URLs."""
    values = [v.get_secret_value() for _, v in get_settings() if isinstance(v, SecretStr)]
    passwords = [urlsplit(value).password or "" for value in values]
    return tuple(s for s in (*values, *passwords) if len(s) >= MIN_SECRET_CHARACTERS)


def redact(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Hide every field that is not known to be harmless, and scrub the text of the others."""
    return {name: _shown(name, value) for name, value in fields.items()}


def _shown(name: str, value: Any) -> Any:
    if name in IDS:
        return value
    return _scrubbed(value) if name in SHOWN else HIDDEN


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Mapping):
        return {scrub(str(name)): _scrubbed(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_scrubbed(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else scrub(str(value))


def said(message: object, arguments: Any, *, failed: bool) -> str:
    """Return the text of a log message.

    Parameters
    ----------
    message : object
        With places for its arguments.
    arguments : tuple or mapping
        What belongs there; exceptions are named by their type.
    failed : bool
        Whether an exception comes with it: arguments and further lines may repeat its words then, and are left out.
    """
    if isinstance(message, BaseException):
        return type(message).__name__
    text = str(message)
    if failed:
        return scrub(text.partition("\n")[0])
    if isinstance(arguments, Mapping):
        arguments = {name: _named(value) for name, value in arguments.items()}
    elif arguments:
        arguments = tuple(map(_named, arguments))
    try:
        return scrub(text % arguments if arguments else text)
    except (TypeError, ValueError, KeyError):
        return scrub(text)


def _named(value: object) -> object:
    return type(value).__name__ if isinstance(value, BaseException) else value


def describe(error: BaseException) -> str:
    """Return the types and places of an exception and of its causes, without their words: those may quote a row."""
    return "\n".join(line for cause in _causes(error) for line in (_title(cause), *_places(cause)))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen and len(seen) < MAX_CAUSES:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _title(error: BaseException) -> str:
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    words = harmless_words(error)
    return f"{name}: {words}" if words else name


def harmless_words(error: BaseException) -> str:
    """Return what may be told of an exception beside its type: our own sentences, and codes of the database."""
    if isinstance(error, EstateError):
        return scrub(error.message)
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, psycopg.Error):
        return " ".join(filter(None, (cause.sqlstate, cause.diag.constraint_name)))
    return ""


def _places(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    return [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
