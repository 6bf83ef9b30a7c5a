"""Deals: the rows behind the numbers of agents, clients and units."""

from collections.abc import Mapping
from typing import Any

from htpy import Node, p, span

from estate.console import shell, text
from estate.console.page import Sheet, View, page
from estate.console.parts import Column, card, choice, counted, entry, filters, listing, note, pager
from estate.console.records import IDS, Names, agent_names, deal_totals, outcome_badge
from estate.sdk import Estate
from estate.sdk.models.base import Page
from estate.sdk.models.behavior import Deal

__all__ = ["deals"]

PAGE_ROWS = 25
MOST_COUNTED = 200
TOTALLED = {"won", "lost", "open"}
STAGES = ("new", "qualified", "viewing", "negotiation", "reserved", "won", "lost")
OUTCOMES = {"": "All deals", "won": "Won", "lost": "Lost", "open": "Open"}


@page("/deals")
def deals(estate: Estate, view: View) -> Sheet:
    """List deals with filters, those opened last first."""
    agents = agent_names(estate)
    stages = {"": "All stages"} | {name: text.words(name) for name in STAGES}
    return Sheet(
        "Deals",
        [
            filters(
                view.path,
                choice("agent_id", "Agent", {"": "All agents", **agents}, view.get("agent_id")),
                choice("outcome", "Outcome", OUTCOMES, view.get("outcome")),
                choice("stage", "Stage", stages, view.get("stage")),
                entry("since", "Opened from", view.get("since"), type="date"),
                entry("until", "Opened to", view.get("until"), type="date"),
                [entry(name, title, view.get(name)) for name, title in IDS.items()],
                query=view.query,
            ),
            card("Deals", shell.found(lambda: _page(estate, view, agents), IDS)),
        ],
    )


def _page(estate: Estate, view: View, agents: Mapping[str, str]) -> Node:
    wanted: dict[str, Any] = {
        **{name: view.get(name) for name in ("agent_id", "client_id", "unit", "stage", "outcome")},
        "since": view.day("since"),
        "until": view.day("until", end=True),
    }
    found = estate.behavior.deals(**wanted, cursor=view.get("cursor"), limit=PAGE_ROWS).first()
    is_all = not view.get("cursor") and found.next_cursor is None
    every = found if is_all else estate.behavior.deals(**wanted, limit=MOST_COUNTED).first()
    names = Names.of(estate, agents, (one.client_id for one in found), (one.unit for one in found))
    return [
        p[counted(len(every), "deal", "deals") if every.next_cursor is None else f"More than {MOST_COUNTED} deals"],
        _hidden(estate, view, every),
        listing("Deals", _columns(names), found, empty="No deal matches. Clear a filter."),
        pager(view.path, view.query, found),
    ]


def _hidden(estate: Estate, view: View, listed: Page[Deal]) -> Node:
    """Say how many deals an agent's figures count that the list does not hold, as their clients are of other teams."""
    filtered = {name for name, value in view.query.items() if value.strip()} - {"agent_id", "outcome", "cursor"}
    if view.me.role == "admin" or view.get("agent_id") is None or filtered or listed.next_cursor is not None:
        return None
    ranked = next((one for one in estate.agent.rankings() if str(one.agent_id) == view.get("agent_id")), None)
    totals = deal_totals(ranked) if ranked else {}
    outcome = view.get("outcome")
    total = totals.get(outcome) if outcome else sum(totals.values()) if totals.keys() == TOTALLED else None
    more = (total or 0) - len(listed)
    if more <= 0:
        return None
    return note(f"The agent's figures count {more} more: of clients who are not yours to see.")


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
