"""The grounded assistant: finds records, writes sentences from their fields, checks each and keeps what it used."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from estate.realestate_gpt.records import Record
    from estate.realestate_gpt.schemas import AgentContext, Reply
    from estate.realestate_gpt.service import respond, retriever

__all__ = ["AgentContext", "Record", "Reply", "respond", "retriever"]

_HOMES = {
    "AgentContext": "schemas",
    "Record": "records",
    "Reply": "schemas",
    "respond": "service",
    "retriever": "service",
}


def __getattr__(name: str) -> object:
    """Import what is asked for: a migration needs this package's tables, not the numerical libraries behind it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
