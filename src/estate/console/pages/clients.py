"""Clients: the list with its filters."""

from htpy import Node, a

from estate.console import text
from estate.console.page import Sheet, View, page
from estate.console.parts import Column, badge, card, entry, filters, listing, pager
from estate.sdk import Estate
from estate.sdk.models.client import Client

__all__ = ["clients"]

PAGE_ROWS = 25


@page("/clients")
def clients(estate: Estate, view: View) -> Sheet:
    """List clients, page by page."""
    found = estate.client.query(
        search=view.get("search"),
        location=view.get("location"),
        cursor=view.get("cursor"),
        limit=PAGE_ROWS,
    ).first()
    columns = [
        Column[Client]("Client", lambda one: a(href=f"/clients/{one.client_id}")[one.name or "No name"]),
        Column[Client]("Budget", lambda one: text.money(one.budget, one.currency), numeric=True),
        Column[Client]("Score", _score, numeric=True),
        Column[Client]("Contact", _contact),
        Column[Client]("Changed", lambda one: text.moment(one.updated_at)),
    ]
    return Sheet(
        "Clients",
        [
            filters(
                view.path,
                entry("search", "Name, phone or e-mail", view.get("search"), type="search"),
                entry("location", "Wants to live in", view.get("location")),
                query=view.query,
            ),
            card(
                "Clients",
                listing("Clients", columns, found, empty="Nobody matches. Clear a filter."),
                pager(view.path, view.query, found),
            ),
        ],
    )


def _score(one: Client) -> Node:
    return text.DASH if one.qualification_score is None else text.percent(one.qualification_score)


def _contact(one: Client) -> Node:
    return badge("do not contact", "bad") if one.do_not_contact else text.DASH
