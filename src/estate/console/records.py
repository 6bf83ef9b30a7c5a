"""How records are named and linked to where only their ids are told."""

from collections.abc import Mapping
from urllib.parse import urlencode
from uuid import UUID

from htpy import Element, Node, a

from estate.console import text
from estate.console.parts import badge
from estate.sdk import Estate

__all__ = ["agent_link", "agent_names", "client_link", "deals_link", "outcome_badge", "unit_link"]

AGENTS = 200
SHOWN = 8
"""Characters of an id."""
TONES = {"won": "good", "lost": "bad"}


def agent_names(estate: Estate) -> dict[str, str]:
    """Return the names of all agents by id."""
    return {str(one.agent_id): one.name or "No name" for one in estate.agent.query(limit=AGENTS)}


def agent_link(agent_id: UUID | None, names: Mapping[str, str]) -> Node:
    """Link to an agent; one whose name is not for the reader has no page for them."""
    if agent_id is None:
        return text.DASH
    name = names.get(str(agent_id))
    return "Another agent" if name is None else a(href=f"/agents/{agent_id}", dir="auto")[name]


def client_link(client_id: UUID | None) -> Node:
    """Link to a client by the beginning of the id."""
    return text.DASH if client_id is None else a(href=f"/clients/{client_id}")[str(client_id)[:SHOWN]]


def unit_link(unit: str | None) -> Node:
    """Link to a unit, told as project_id:unit_id, by the beginning of its own id."""
    return text.DASH if unit is None else a(href=f"/properties/{unit}")[unit.rpartition(":")[2][:SHOWN]]


def deals_link(words: str, **wanted: UUID | str) -> Node:
    """Link a number of deals to the list of them."""
    return a(href=f"/deals?{urlencode(wanted)}")[words]


def outcome_badge(outcome: str) -> Element:
    """Draw how a deal stands: won, lost or open."""
    return badge(outcome, TONES.get(outcome, ""))
