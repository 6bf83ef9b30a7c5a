"""Free JSON as words, for search documents and for fields that a sentence may cite."""

from typing import Any

__all__ = ["json_text"]


def json_text(value: Any) -> str:
    """Write a JSON value as text: its keys, words and numbers, without ids and nulls.

    Parameters
    ----------
    value : JSON value
        What a jsonb column holds.

    Returns
    -------
    str
        Empty when nothing can be said.

    Examples
    --------
    >>> json_text({"bedrooms": 3, "amenities": ["Pool", "Gym"], "area_id": "0b3e", "segment": None})
    'bedrooms 3; amenities Pool, Gym'
    """
    if isinstance(value, dict):
        said = [(_spaced(key), json_text(part)) for key, part in value.items() if not key.endswith("_id")]
        return "; ".join(f"{key} {text}" for key, text in said if text)
    if isinstance(value, list):
        return ", ".join(filter(None, map(json_text, value)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _spaced(key: str) -> str:
    return key.replace("_", " ")
