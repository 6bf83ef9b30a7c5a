"""Deals: the rows behind the numbers of agents, clients and units."""

from htpy import Node, span

from estate.console import text
from estate.console.page import Sheet, View, page
from estate.console.parts import Column, card, choice, entry, filters, listing, pager
from estate.console.records import Names, outcome_badge
from estate.sdk import Estate
from estate.sdk.models.behavior import Deal

__all__ = ["deals"]

PAGE_ROWS = 25
STAGES = ("new", "qualified", "viewing", "negotiation", "reserved", "won", "lost")
OUTCOMES = {"": "All deals", "won": "Won", "lost": "Lost", "open": "Open"}


@page("/deals")
def deals(estate: Estate, view: View) -> Sheet:
    """List deals with filters, those opened last first."""
    found = estate.behavior.deals(
        agent_id=view.get("agent_id"),
        client_id=view.get("client_id"),
        unit=view.get("unit"),
        stage=view.get("stage"),
        outcome=view.get("outcome"),
        since=view.day("since"),
        until=view.day("until", end=True),
        cursor=view.get("cursor"),
        limit=PAGE_ROWS,
    ).first()
    names = Names.of(estate, (one.client_id for one in found), (one.unit for one in found))
    stages = {"": "All stages"} | {name: text.words(name) for name in STAGES}
    return Sheet(
        "Deals",
        [
            filters(
                view.path,
                choice("agent_id", "Agent", {"": "All agents", **names.agents}, view.get("agent_id")),
                choice("outcome", "Outcome", OUTCOMES, view.get("outcome")),
                choice("stage", "Stage", stages, view.get("stage")),
                entry("since", "Opened from", view.get("since"), type="date"),
                entry("until", "Opened to", view.get("until"), type="date"),
                entry("client_id", "Client id", view.get("client_id")),
                entry("unit", "Unit id", view.get("unit")),
                query=view.query,
            ),
            card(
                "Deals",
                listing("Deals", _columns(names), found, empty="No deal matches. Clear a filter."),
                pager(view.path, view.query, found),
            ),
        ],
    )


def _columns(names: Names) -> list[Column[Deal]]:
    return [
        Column("Opened", lambda one: text.day_of(one.opened_at)),
        Column("Outcome", lambda one: outcome_badge(one.outcome or "open")),
        Column("Stage", _stage),
        Column("Value", lambda one: text.money(one.value, one.currency), numeric=True),
        Column("Agent", lambda one: names.agent(one.agent_id)),
        Column("Client", lambda one: names.client(one.client_id)),
        Column("Unit", lambda one: names.unit(one.unit)),
        Column("Closed", lambda one: text.day_of(one.closed_at)),
        Column("Why lost", lambda one: span(dir="auto")[text.words(one.lost_reason)] if one.lost_reason else text.DASH),
    ]


def _stage(one: Deal) -> Node:
    if one.outcome:
        return text.words(one.stage)
    since = [" since ", text.day_of(one.stage_since)] if one.stage_since else " (since when is not known)"
    return [text.words(one.stage), since]
