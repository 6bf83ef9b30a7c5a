"""How records are named and linked to where only their ids are told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from htpy import Element, Node, a

from estate.console import text
from estate.console.parts import badge
from estate.console.units import unit_link
from estate.sdk import Estate
from estate.sdk.models.agent import AgentRank

__all__ = ["IDS", "Names", "agent_names", "deal_totals", "deals_link", "outcome_badge"]

AGENTS = 200
IDS = {"client_id": "Client id", "unit": "Unit id"}
"""Filters of lists by the records that their rows are about, as they are called."""
TONES = {"won": "good", "lost": "bad"}


def agent_names(estate: Estate) -> dict[str, str]:
    """Return the names of all agents by id."""
    return {str(one.agent_id): one.name or "No name" for one in estate.agent.query(limit=AGENTS)}


@dataclass(frozen=True, slots=True)
class Names:
    """What records are called, by id; one that is absent is not for the reader, or not on record any more."""

    agents: Mapping[str, str]
    clients: Mapping[str, str]
    units: Mapping[str, str | None]

    @classmethod
    def of(
        cls,
        estate: Estate,
        agents: Mapping[str, str],
        clients: Iterable[UUID | None],
        units: Iterable[str | None],
    ) -> "Names":
        """Ask for the names of the clients and units of a page, in a call each."""
        client_ids, unit_ids = {one for one in clients if one}, {one for one in units if one}
        people = estate.client.query(client_id=sorted(client_ids), limit=len(client_ids)).first() if client_ids else ()
        homes = estate.property.query(unit=sorted(unit_ids), limit=len(unit_ids)).first() if unit_ids else ()
        return cls(
            agents,
            {str(one.client_id): one.name or "No name" for one in people},
            {one.property_id: one.title for one in homes},
        )

    def agent(self, agent_id: UUID | None) -> Node:
        """Link to an agent."""
        return _linked("agents", agent_id, self.agents, "Another agent")

    def client(self, client_id: UUID | None) -> Node:
        """Link to a client."""
        return _linked("clients", client_id, self.clients, "Another client")

    def unit(self, property_id: str | None) -> Node:
        """Link to a unit, told as project_id:unit_id."""
        if property_id is None:
            return text.DASH
        if property_id not in self.units:
            return "A unit not on record"
        return unit_link(property_id, self.units[property_id])


def _linked(where: str, one: UUID | None, names: Mapping[str, str], unnamed: str) -> Node:
    if one is None:
        return text.DASH
    name = names.get(str(one))
    return unnamed if name is None else a(href=f"/{where}/{one}", dir="auto")[name]


def deals_link(words: str, **wanted: UUID | str) -> Node:
    """Link a number of deals to the list of them."""
    return a(href=f"/deals?{urlencode(wanted)}")[words]


def deal_totals(one: AgentRank) -> dict[str, int]:
    """Return how many deals of an agent are won, lost and open, as far as the ranking tells; policies hide none."""
    found = (reason.value for reason in one.reasons if reason.field == "deals.outcome")
    won = next(found, None)
    totals = {} if one.open_deals is None else {"open": one.open_deals}
    # The score of an agent may rest on what the CRM states instead of on deals.
    if one.evidence == "deals" and one.n is not None and isinstance(won, int | float):
        totals |= {"won": round(won), "lost": round(one.n - round(won))}
    return totals


def outcome_badge(outcome: str) -> Element:
    """Draw how a deal stands: won, lost or open."""
    return badge(outcome, TONES.get(outcome, ""))
