"""Clients: the list with its filters, and pairs that look like one person."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from htpy import Element, Node, a, div, h3, p, section

from estate.console import shell, text
from estate.console.actions import Done, Sent, action
from estate.console.given import number_of, share_of
from estate.console.page import Sheet, View, page
from estate.console.parts import (
    Column,
    badge,
    card,
    choice,
    counted,
    entry,
    facts,
    filters,
    listing,
    note,
    pager,
    person,
    submit,
)
from estate.console.parts import action as form_of
from estate.console.records import agent_names
from estate.console.scores import is_vague
from estate.sdk import Estate
from estate.sdk.models.base import Page
from estate.sdk.models.client import Client, Duplicate, DuplicateClient

__all__ = ["clients", "contact_badge", "duplicates", "places"]

PAGE_ROWS = 25
PAGE_PAIRS = 10
INTERVALS = "Under each score its 90 % interval and n, the closed deals behind it. Rely on none marked uncertain."
NUMBERS = {"budget_min": "Budget from", "budget_max": "Budget to", "min_score": "Least score, per cent"}
PLACE_KEYS = ("area_name", "name", "area", "areas", "location", "locations", "area_id", "area_ids")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@page("/clients")
def clients(estate: Estate, view: View) -> Sheet:
    """List clients, page by page."""
    numbers = [entry(name, title, view.get(name)) for name, title in NUMBERS.items()]
    return Sheet(
        "Clients",
        [
            filters(
                view.path,
                entry("search", "Name, interest, phone or e-mail", view.get("search"), type="search"),
                entry("location", "Wants to live in", view.get("location")),
                numbers,
                _owner(estate, view),
                query=view.query,
            ),
            card("Clients", shell.found(lambda: _page(estate, view), NUMBERS), aside=_tidy(view)),
        ],
    )


def _page(estate: Estate, view: View) -> Node:
    wanted = _wanted(view)
    found = estate.client.query(**wanted, cursor=view.get("cursor"), limit=PAGE_ROWS).first()
    n = estate.client.count(**wanted).count
    return [
        p[counted(n, "client", "clients")],
        _budgets(view),
        _listed(view, found),
        note(INTERVALS) if any(one.qualification_score is not None for one in found) else None,
        pager(view.path, view.query, found),
    ]


def _wanted(view: View) -> dict[str, Any]:
    return {
        "search": view.get("search"),
        "location": view.get("location"),
        "budget_min": number_of(view.get("budget_min"), "budget_min"),
        "budget_max": number_of(view.get("budget_max"), "budget_max"),
        "min_score": share_of(view.get("min_score"), "min_score"),
        "owner_agent_id": view.get("owner_agent_id"),
    }


@page("/clients/duplicates")
def duplicates(estate: Estate, view: View) -> Sheet:
    """Show pairs of clients side by side, and make one of two."""
    found = estate.client.duplicates(cursor=view.get("cursor"), limit=PAGE_PAIRS).first()
    about = p[
        "Merging hands history, deals and conversations to the client that is kept. What still comes under the other "
        "id goes there, too, and a refusal to be contacted survives. It cannot be undone."
    ]
    pairs = [_pair(one) for one in found]
    return Sheet(
        "Clients that look like one person",
        [
            p[a(href="/clients")["All clients"]],
            about if pairs else card("No pairs", note("No two clients share a phone, an e-mail, or a name and more.")),
            pairs,
            pager(view.path, view.query, found),
        ],
    )


@action("merge")
def merge(estate: Estate, sent: Sent) -> Done:
    """Make one client of two."""
    done = estate.client.merge(keep=sent["keep"], merge=sent["merge"], idempotency_key=sent.key)
    moved = ", ".join(f"{n} of {text.words(table).lower()}" for table, n in done.moved.items() if n)
    return Done(f"Merged. Moved: {moved or 'nothing'}.", "")


def _listed(view: View, found: Page[Client]) -> Node:
    columns = [
        Column[Client]("Client", lambda one: person(one.name, f"/clients/{one.client_id}")),
        Column[Client]("Wants to live in", places),
        Column[Client]("Budget", lambda one: text.money(one.budget, one.currency), numeric=True),
        Column[Client]("Score", _score, numeric=True),
        Column[Client]("Contact", contact_badge),
        Column[Client]("Changed", lambda one: text.moment(one.updated_at)),
    ]
    if not found and not any(view.query.values()):
        return note("There are no clients yet. ", a(href="/imports")["Import your list"], " to begin.")
    return listing("Clients", columns, found, empty="Nobody matches. Clear a filter.")


def _budgets(view: View) -> Node:
    if view.get("budget_min") is None and view.get("budget_max") is None:
        return None
    return note("Only budgets in the currency of the house are compared.")


def places(one: Client) -> Node:
    """Name the areas that a client wants to live in."""
    parted = [[", " if at else "", name] for at, name in enumerate(_places(one.location_targets))]
    return parted or text.DASH


def _places(stored: Any) -> Iterator[Node]:
    """Name places as the API reads them: a text, an id of an area, or an object that holds such."""
    if isinstance(stored, list):
        for place in stored:
            yield from _places(place)
    elif isinstance(stored, Mapping):
        yield from _places(next((stored[key] for key in PLACE_KEYS if stored.get(key)), None))
    elif isinstance(stored, str) and UUID.fullmatch(stored):
        yield a(href=f"/market/{stored}")["Area"]
    elif stored:
        yield person(str(stored))


def contact_badge(one: Client) -> Node:
    """Tell whether a client may be contacted at all."""
    if one.do_not_contact:
        return badge("do not contact", "bad")
    if one.contact_consent is False:
        return badge("refused", "bad")
    return badge("agreed", "good") if one.contact_consent else "not asked"


def _score(one: Client) -> Node:
    if one.qualification_score is None:
        return "not scored yet"
    score = a(href=f"/clients/{one.client_id}#score")[text.percent(one.qualification_score)]
    lower, upper, n = one.qualification_lower, one.qualification_upper, one.qualification_n
    if lower is None or upper is None or n is None:
        return score
    vague = [" ", badge("uncertain", "warn")] if is_vague(lower, upper) else None
    return [score, vague, note(f"{text.percent_span(lower, upper)}, n = {n}")]


def _owner(estate: Estate, view: View) -> Node:
    """Let choose whose clients to list, for those who see more than their own."""
    if view.me.agent_id is not None:
        return None
    return choice("owner_agent_id", "Agent", {"": "Everybody", **agent_names(estate)}, view.get("owner_agent_id"))


def _tidy(view: View) -> Node:
    return a(href="/clients/duplicates")["Find duplicates"] if view.leads else None


def _pair(pair: Duplicate) -> Element:
    tone = "good" if pair.confidence == "certain" else "warn"
    return card(
        "One person?",
        p[pair.why],
        div(".columns")[_side(pair.keep, pair.merge, "suggested"), _side(pair.merge, pair.keep)],
        aside=badge(pair.confidence, tone),
    )


def _side(kept: DuplicateClient, other: DuplicateClient, told: str = "") -> Element:
    keep = form_of(
        "merge",
        submit("Keep this one, merge the other in", kind="primary" if told else ""),
        keep=kept.client_id,
        merge=other.client_id,
    )
    return section(".stat")[
        h3[person(kept.name, f"/clients/{kept.client_id}"), " ", badge(told) if told else None],
        facts(
            {
                "Events, deals and conversations": text.number(kept.n_history),
                "First of them": text.moment(kept.first_at),
            }
        ),
        keep,
    ]
