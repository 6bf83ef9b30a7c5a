"""Identifiers that have one spelling only, so that equal ids are equal strings everywhere."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from estate.core.problems import REFUSED, refused

__all__ = ["CANONICAL_UUID", "UnitRef", "Uuid"]

CANONICAL_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_UUID_WANTED = "Write a UUID in lower case with hyphens."
_UUID_RULE = re.compile(CANONICAL_UUID)


def _uuid(value: object) -> UUID:
    """Accept the canonical string, and a UUID that Python code hands over."""
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str) or not _UUID_RULE.fullmatch(value):
        raise refused(_UUID_WANTED)
    return UUID(value)


class _Canonical:
    """Accepts what `_uuid` does, without a step through Python: an event has five of them."""

    @staticmethod
    def __get_pydantic_core_schema__(source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(pattern=f"^{CANONICAL_UUID}$", strict=True)
        either = [
            core_schema.is_instance_schema(UUID),
            core_schema.chain_schema([text, core_schema.uuid_schema(strict=False)]),
        ]
        return core_schema.custom_error_schema(
            core_schema.union_schema(list(either), mode="left_to_right"),
            custom_error_type=REFUSED,
            custom_error_message=_UUID_WANTED,
        )


Uuid = Annotated[
    UUID,
    _Canonical,
    WithJsonSchema({"type": "string", "format": "uuid", "pattern": f"^{CANONICAL_UUID}$"}),
]


@dataclass(frozen=True, slots=True, order=True)
class UnitRef:
    """Identity of a unit, read from ``"project:unit"`` or an object with both ids; written as the string.

    Parameters
    ----------
    project_id, unit_id : UUID
        The two halves of the primary key.
    """

    project_id: UUID
    unit_id: UUID

    def __str__(self) -> str:
        """Return ``"project:unit"``."""
        return f"{self.project_id}:{self.unit_id}"

    @classmethod
    def parse(cls, value: object) -> "UnitRef":
        """Read any accepted spelling.

        Parameters
        ----------
        value : object
            ``"project:unit"``, a mapping with exactly ``project_id`` and ``unit_id``, or a `UnitRef`.

        Returns
        -------
        UnitRef
            The reference.

        Raises
        ------
        PydanticCustomError
            For everything else.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            project, colon, unit = value.partition(":")
            halves: tuple[object, ...] = (project, unit) if colon else ()
        elif isinstance(value, Mapping) and set(value) == {"project_id", "unit_id"}:
            halves = (value["project_id"], value["unit_id"])
        else:
            halves = ()
        if not halves:
            raise refused('Write the unit as "project_id:unit_id", or as an object with these two fields.')
        return cls(*map(_uuid, halves))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read with `parse`, write as a string."""
        return core_schema.no_info_plain_validator_function(
            cls.parse, serialization=core_schema.to_string_ser_schema(when_used="json")
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Describe the string, and the object where one is read."""
        text = {
            "type": "string",
            "pattern": f"^{CANONICAL_UUID}:{CANONICAL_UUID}$",
            "description": "project_id:unit_id",
        }
        if handler.mode == "serialization":
            return text
        part = {"type": "string", "format": "uuid", "pattern": f"^{CANONICAL_UUID}$"}
        both = {
            "type": "object",
            "properties": {"project_id": part, "unit_id": part},
            "required": ["project_id", "unit_id"],
            "additionalProperties": False,
        }
        return {"anyOf": [text, both]}
