"""Turn validation errors into problems that name a field and never repeat what was sent."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from estate.core.errors import FieldProblem

__all__ = ["REFUSED", "field_path", "field_problems", "refused", "request_problems"]

REFUSED = "refused"
"""Type of the errors whose message is shown as it is."""

_PART_LENGTH = 64
_PATH_LENGTH = 256
# Pydantic names its own machinery in a location: "[key]", "function-after[check(), str]", "list[int]".
_MACHINERY = re.compile(r"[a-z-]*\[.*\]", re.DOTALL)

_WHOLE = "This must be a whole number."
_NUMBER = "This must be a number."
_FLAG = "This must be true or false."
_OBJECT = "This must be an object."
_LIST = "This must be a list."
_OTHER = "This value is not accepted."
_MESSAGES = {
    "missing": "This field is required.",
    "extra_forbidden": "There is no such field.",
    "none_required": "This must be null.",
    "string_type": "This must be a string.",
    "string_unicode": "This must be a string of valid Unicode.",
    "string_too_short": "This must have at least {min_length} characters.",
    "string_too_long": "This must have at most {max_length} characters.",
    "string_pattern_mismatch": "This must match the pattern {pattern}.",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": "This number has too many digits.",
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "This must be a finite number.",
    "bool_type": _FLAG,
    "bool_parsing": _FLAG,
    "greater_than": "This must be greater than {gt}.",
    "greater_than_equal": "This must be at least {ge}.",
    "less_than": "This must be less than {lt}.",
    "less_than_equal": "This must be at most {le}.",
    "literal_error": "This must be {expected}.",
    "enum": "This must be {expected}.",
    "union_tag_invalid": "Its kind must be one of {expected_tags}.",
    "union_tag_not_found": "Its kind is required.",
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dict_type": _OBJECT,
    "dataclass_type": _OBJECT,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "too_short": "This must have at least {min_length} items.",
    "too_long": "This must have at most {max_length} items.",
}


def refused(message: str, **limits: object) -> PydanticCustomError:
    """Make the error that a field type raises.

    Parameters
    ----------
    message : str
        What must change; it may hold ``{name}`` of a limit and must not repeat the refused value.
    **limits : object
        What is filled into the message.

    Returns
    -------
    PydanticCustomError
        An error whose message `field_problems` shows as it is.
    """
    return PydanticCustomError(REFUSED, message, limits or None)


def field_path(parts: Iterable[str | int]) -> str:
    """Join the parts of a location to a dotted path, short and printable whatever the keys are.

    Parameters
    ----------
    parts : iterable of str or int
        Names of fields and positions in lists, outermost first.

    Returns
    -------
    str
        For example ``metadata.items.3``.
    """
    return ".".join(filter(None, map(_readable, parts)))[:_PATH_LENGTH]


def _readable(part: str | int) -> str:
    """Cut a key, and put ``?`` where a character could not be shown."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(part)[:_PART_LENGTH])


def field_problems(error: ValidationError, *, row: int | None = None, limit: int) -> tuple[FieldProblem, ...]:
    """Describe a failed validation field by field.

    Parameters
    ----------
    error : pydantic.ValidationError
        What a schema raised for one object.
    row : int or None
        Zero-based position of that object in its batch.
    limit : int
        The most problems to return.

    Returns
    -------
    tuple of FieldProblem
        Sorted by field, so that the order of keys in the input does not matter.
    """
    return _problems(error.errors(include_url=False), row=row, skip=0)[:limit]


def request_problems(details: Sequence[Mapping[str, Any]], *, limit: int) -> tuple[FieldProblem, ...]:
    """Describe what FastAPI found wrong with the parameters of a request.

    Parameters
    ----------
    details : sequence of mapping
        ``RequestValidationError.errors()``: pydantic's error details, each location starting with the place
        (``query``, ``path``, ``header``), which is left out.
    limit : int
        The most problems to return.

    Returns
    -------
    tuple of FieldProblem
        Sorted by field.
    """
    return _problems(details, row=None, skip=1)[:limit]


def _problems(details: Iterable[Mapping[str, Any]], *, row: int | None, skip: int) -> tuple[FieldProblem, ...]:
    """Sort the details by location, positions by value, and render each."""
    ordered = sorted((_location(detail)[skip:], _message(detail)) for detail in details)
    return tuple(FieldProblem(field_path(part for _, _, part in place), text, row) for place, text in ordered)


def _location(detail: Mapping[str, Any]) -> list[tuple[int, str, str]]:
    """Return a sortable location; the name of an unknown field stays, whatever it looks like."""
    parts = detail["loc"]
    if detail["type"] != "extra_forbidden":
        parts = [part for part in parts if isinstance(part, int) or not _MACHINERY.fullmatch(part)]
    return [(part, "", str(part)) if isinstance(part, int) else (-1, part, part) for part in parts]


def _message(detail: Mapping[str, Any]) -> str:
    """Say what must change, from our own sentences and the limits of the schema only."""
    kind, context = detail["type"], detail.get("ctx") or {}
    if kind == REFUSED:
        return str(detail["msg"])
    if kind in ("value_error", "assertion_error"):
        return _raised(str(context.get("error", "")), detail.get("input"))
    return _MESSAGES.get(kind, _OTHER).format_map(context)


def _raised(message: str, value: object) -> str:
    """Take a validator's own sentence, unless it repeats the input as the standard library's messages do."""
    return _OTHER if not message or repr(value) in message else message
