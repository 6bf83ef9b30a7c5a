"""Every operation of OpenAPI, and the method of the client library that stands for it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from estate.api.app import create_app
from estate.sdk import Estate

__all__ = ["OPERATIONS", "SPEC", "Operation", "Schema", "snake"]

SPEC = create_app().openapi()
Schema = dict[str, Any]


def snake(name: str) -> str:
    return re.sub(r"(?=[A-Z])", "_", name).lower().replace("-", "_")


NAMES = {
    "POST /imports": "imports.bring",
    "GET /imports": "imports.query",
    "POST /imports/{import_id}/rows/{line}": "imports.fix",
}
"""Methods that bear another name than their path."""


@dataclass(frozen=True)
class Operation:
    """One operation of OpenAPI."""

    method: str
    path: str
    described: Schema

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def parameters(self, place: str) -> list[Schema]:
        return [p for p in self.described.get("parameters", []) if p["in"] == place]

    def body(self) -> Schema | None:
        content: Schema = self.described.get("requestBody", {}).get("content", {})
        return content["application/json"]["schema"] if "application/json" in content else None

    def is_upload(self) -> bool:
        return "text/csv" in self.described.get("requestBody", {}).get("content", {})

    def answer(self) -> Schema:
        status = min(status for status in self.described["responses"] if status.startswith("2"))
        content: Schema = self.described["responses"][status].get("content", {})
        return content

    def of(self, estate: Estate) -> Callable[..., Any]:
        """Return the method that stands for the operation: group by the first part of the path, name by the rest."""
        if str(self) in NAMES:
            group, _, word = NAMES[str(self)].partition(".")
            named: Callable[..., Any] = getattr(getattr(estate, group), word)
            return named
        static = [part.replace("-", "_") for part in self.path.strip("/").split("/") if not part.startswith("{")]
        if len(static) == 1 and len(self.path.strip("/").split("/")) == 1:
            found = getattr(estate, static[0])
        else:
            name = "_".join(static[1:]) or self.method.lower()
            siblings = [verb for verb in SPEC["paths"][self.path] if verb != self.method.lower()]
            if siblings and self.method != "GET" and static[1:]:
                name = f"{self.method.lower()}_{name}"
            found = getattr(getattr(estate, static[0]), name)
        method: Callable[..., Any] = found
        return method


OPERATIONS = [
    Operation(method.upper(), path, described)
    for path, methods in SPEC["paths"].items()
    for method, described in methods.items()
]
