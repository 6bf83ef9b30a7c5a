"""Read a request body as JSON and nothing looser, before any schema looks at it."""

import math
import re
from collections import deque
from collections.abc import Iterator
from typing import Any

import jiter

from estate.core.errors import BadRequest, FieldProblem, TooLarge
from estate.core.problems import field_path

__all__ = ["INT64_MAX", "INT64_MIN", "levels", "parse", "scan"]

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1
MAX_VALUES = 500_000
"""Building more objects than this stops every other request for over a tenth of a second."""

_BOM = b"\xef\xbb\xbf"
_POSITION = re.compile(r" at (line \d+ column \d+)$")
# The parser's own words may repeat a key of the body, so each kind of failure gets a fixed sentence.
_SENTENCES = {
    "EOF": "The JSON ends too early",
    "Detected duplicate key": "An object has the same key twice",
    "recursion limit": "The JSON is nested too deeply",
    "number out of range": "A number has too many digits",
    "invalid unicode": "A string is not valid UTF-8",
    "lone leading surrogate": "A string has half a surrogate pair",
    "unexpected end of hex escape": "A string has a broken or half escape",
    "trailing characters": "There is something after the JSON value",
}


def parse(raw: bytes, *, max_depth: int = 32) -> object:
    """Parse a whole body, refusing whatever two readers could understand differently.

    Parameters
    ----------
    raw : bytes
        The body as received: UTF-8 without a byte order mark.
    max_depth : int
        The most objects and lists that may stand inside one another.

    Returns
    -------
    object
        dict, list, str, int, float, bool or None; every float is finite and no object had a duplicate key.

    Raises
    ------
    BadRequest
        When the body is not such JSON; the message tells the place and never repeats the content.
    TooLarge
        When it may hold more than `MAX_VALUES`, counted by commas and brackets before it is parsed.

    Examples
    --------
    >>> parse(b'{"price": 12.5}')
    {'price': 12.5}
    """
    if not raw.strip():
        raise BadRequest("The body is empty; send JSON.")
    if raw.startswith(_BOM):
        raise BadRequest("The body starts with a byte order mark; send plain UTF-8.")
    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") > MAX_VALUES:
        raise TooLarge(f"The body holds more than {MAX_VALUES:,} values; send several.")
    try:
        value = jiter.from_json(raw, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")
    except ValueError as error:
        raise BadRequest(_sentence(str(error))) from None
    _check_levels(value, max_depth)
    return value


def _sentence(reason: str) -> str:
    """Say what is wrong and where, in words that are ours."""
    what = next((ours for theirs, ours in _SENTENCES.items() if reason.startswith(theirs)), "The body is not JSON")
    where = _POSITION.search(reason)
    return f"{what} ({where[1]})." if where else f"{what}."


def levels(value: object) -> Iterator[list[Any]]:
    """Yield the values of a JSON tree level by level, the root first, without recursion.

    Parameters
    ----------
    value : object
        What `parse` returns.

    Yields
    ------
    list
        All values at one depth.
    """
    level: list[Any] = [value]
    while level:
        yield level
        containers = [node for node in level if type(node) is dict or type(node) is list]
        level = [child for node in containers for child in (node.values() if type(node) is dict else node)]


def _check_levels(value: object, max_depth: int) -> None:
    """Refuse what the parser lets through: depth up to 200, and 1e400 as infinity."""
    for depth, level in enumerate(levels(value)):
        if math.inf in level or -math.inf in level:
            raise BadRequest("A number is too large.")
        if depth == max_depth and any(type(node) is dict or type(node) is list for node in level):
            raise BadRequest(f"The JSON is nested too deeply; at most {max_depth} levels are read.")


def scan(value: object) -> Iterator[FieldProblem]:
    """Find what is legal JSON and yet cannot be stored: NUL characters, and integers beyond 64 bit.

    Parameters
    ----------
    value : object
        One item of a body, as `parse` returns it.

    Yields
    ------
    FieldProblem
        One for each finding, its field a dotted path such as ``metadata.a`` or ``items.3``.

    Examples
    --------
    >>> [problem.field for problem in scan({"metadata": {"a": chr(0)}})]
    ['metadata.a']
    """
    waiting: deque[tuple[tuple[str | int, ...], Any]] = deque([((), {"": value})])
    while waiting:
        path, node = waiting.popleft()
        for key, child in node.items() if type(node) is dict else enumerate(node):
            kind = type(child)
            if kind is dict or kind is list:
                waiting.append(((*path, key), child))
            elif kind is str and "\0" in child:
                yield FieldProblem(field_path((*path, key)), "This contains a NUL character.")
            elif kind is int and not INT64_MIN <= child <= INT64_MAX:
                yield FieldProblem(field_path((*path, key)), "This number does not fit in 64 bits.")
            if type(key) is str and "\0" in key:
                yield FieldProblem(field_path((*path, key)), "This name contains a NUL character.")
