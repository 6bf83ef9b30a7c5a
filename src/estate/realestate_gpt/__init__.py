"""The grounded assistant: finds records, writes sentences from their fields, checks each and keeps what it used."""

from estate.realestate_gpt.records import Record
from estate.realestate_gpt.schemas import AgentContext, Reply
from estate.realestate_gpt.service import respond, retriever

__all__ = ["AgentContext", "Record", "Reply", "respond", "retriever"]
