"""How a layer describes its records for search: text to find them by, fields that a sentence may cite."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from estate.core.outbox import Job

__all__ = ["DOCUMENT_TOPIC", "DocumentText", "document_jobs"]

DOCUMENT_TOPIC = "realestate_gpt.document"


@dataclass(frozen=True, slots=True)
class DocumentText:
    """One record as the retriever sees it.

    Parameters
    ----------
    layer, record_id : str
        Where the record is; a unit's id is ``"project:unit"``.
    title, text : str
        What it is found by.
    fields : mapping
        Field name to the exact value (JSON scalars) that a sentence may cite.
    client_id : uuid.UUID or None
        The client that the record is about, if it is about one: only who sees that client finds it.
    names : sequence of str
        What people call the record: found by these also when they are misspelt.
    """

    layer: str
    record_id: str
    title: str
    text: str
    fields: Mapping[str, str | int | float | bool | None]
    client_id: uuid.UUID | None = None
    names: Sequence[str] = ()


def document_jobs(layer: str, record_ids: Iterable[object]) -> list[Job]:
    """Return the work that brings the documents of some records up to date."""
    return [Job(DOCUMENT_TOPIC, f"{layer}:{record_id}") for record_id in record_ids]
