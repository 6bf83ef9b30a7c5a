"""Today: whom an agent calls next, one person at a time."""

from collections.abc import Callable, Sequence

from htpy import Element, Node, a, div, h2, p, section, strong

from estate.console import text
from estate.console.page import Sheet, View, page
from estate.console.pages.calls import contact_form, reach, skip_form, skips_table
from estate.console.parts import (
    Column,
    attempt,
    badge,
    card,
    facts,
    listing,
    long,
    note,
    person,
    reasons,
    with_query,
)
from estate.console.scores import chance, is_vague
from estate.sdk import Estate
from estate.sdk.models.agent import Agent
from estate.sdk.models.client import CallQueue, HeldBack, NextCall, SkipReason

__all__ = ["today"]

SHOWN = 11
AGENTS = 200

NextForm = Callable[[NextCall], Node]


@page("/today")
def today(estate: Estate, view: View) -> Sheet:
    """Show whom to call next, who comes after, and who is held back."""
    if view.agent_id is None:
        return Sheet("Today", _choose(list(estate.agent.query(limit=AGENTS).first())))
    queue = estate.client.recommend(agent_id=view.agent_id, at=view.get("at"), limit=SHOWN)
    skips = tuple(estate.client.skip_reasons())
    forms = _forms(view, skips) if view.acts and view.get("at") is None else None
    first, *others = queue.items or (None,)
    return Sheet(
        "Today",
        [
            _whose(estate, view),
            _planned(view, queue),
            _nobody(view, queue) if first is None else _next(first, queue, forms),
            _after(others, queue) if others else None,
            _held(queue) if queue.held else None,
            card(
                "Did skips turn out right?",
                note("How often a client was reached soon after being skipped, by the reason given."),
                skips_table(skips),
            ),
        ],
    )


def _forms(view: View, skips: Sequence[SkipReason]) -> NextForm:
    """Return what draws the buttons for a client."""
    name = view.me.name if view.me.agent_id else None
    return lambda one: [
        reach(one.phone, one.name, name),
        contact_form(one.client_id, view.agent_id, keys=True),
        skip_form(one.client_id, view.agent_id, skips),
    ]


def _choose(agents: Sequence[Agent]) -> Node:
    if not agents:
        return card(
            "Whose day?",
            note("There are no agents yet. ", a(href="/imports")["Import them"], " to see whom each calls next."),
        )
    columns = [
        Column[Agent]("Agent", lambda one: person(one.name, f"/today?agent_id={one.agent_id}")),
        Column[Agent]("Last event", lambda one: text.moment(one.last_event_at)),
    ]
    return card("Whose day?", note("Choose an agent to see whom they call next."), listing("Agents", columns, agents))


def _whose(estate: Estate, view: View) -> Node:
    """Say whose day this is, where it is not one's own."""
    if view.me.agent_id is not None:
        return None

    def named() -> Node:
        found = next(iter(estate.agent.query(agent_id=view.agent_id).first()), None)
        whom = person(found.name if found else None, f"/agents/{view.agent_id}")
        return p["The day of ", whom, ". ", a(href="/today")["Choose another agent"]]

    return attempt(named)


def _planned(view: View, queue: CallQueue) -> Node:
    if view.get("at") is None:
        return None
    now = a(href=with_query("/today", view.query, at=None))["Back to now"]
    return p(".card")[
        badge("planned", "warn"), " This is the queue for ", text.moment(queue.at), ": read it now, call then. ", now
    ]


def _next(one: NextCall, queue: CallQueue, forms: NextForm | None) -> Element:
    """Draw the person to call now."""
    of = f"First of {queue.callable}" if queue.callable > 1 else "The only one"
    return section(".card.next")[
        div(".card-head")[h2[person(one.name, f"/clients/{one.client_id}")], badge(of, "good")],
        p[_priority(one)],
        facts(_figures(one)),
        reasons(one.reasons),
        forms(one) if forms else None,
    ]


def _figures(one: NextCall) -> dict[str, Node]:
    """Return what is known of a call; what does not apply is not told."""
    figures: dict[str, Node] = {
        "Chance of a sale": chance(one),
        "At stake": text.money(one.at_stake, one.currency),
    }
    if one.callback_at is not None:
        figures["Asked to be called at"] = text.moment(one.callback_at)
    if one.waiting_hours is not None:
        figures["Waiting for an answer"] = text.hours(one.waiting_hours)
    return figures


def _priority(one: NextCall) -> Node:
    """Say in words why this one comes first."""
    if one.callback_at is not None:
        return strong["Asked to be called back."]
    if one.waiting_hours is not None:
        return strong[f"New and waiting for a first answer for {text.hours(one.waiting_hours)}."]
    if one.status != "ok" or is_vague(one.lower, one.upper):
        return strong["Too little is known to say what a call is worth; the order is a best guess."]
    return strong[f"Ten such calls are expected to gain {one.priority * 10:.1f} sales."]


def _after(others: Sequence[NextCall], queue: CallQueue) -> Element:
    columns = [
        Column[NextCall]("Client", lambda one: person(one.name, f"/clients/{one.client_id}")),
        Column[NextCall]("Chance of a sale", lambda one: long(chance(one))),
        Column[NextCall]("At stake", lambda one: text.money(one.at_stake, one.currency), numeric=True),
        Column[NextCall]("Why", _reason),
    ]
    more = queue.callable - 1 - len(others)
    return card(
        "After that",
        listing("After that", columns, others),
        note(f"And {more} more who may be called.") if more > 0 else None,
    )


def _reason(one: NextCall) -> Node:
    """Return the first reason beside the chance, which stands next to it."""
    said = next((said.text for said in one.reasons if said.field != "qualification_score"), text.DASH)
    return long(text.spaced(said))


def _held(queue: CallQueue) -> Element:
    columns = [
        Column[HeldBack]("Reason", lambda one: text.words(one.reason)),
        Column[HeldBack]("Clients", lambda one: text.number(one.n), numeric=True),
        Column[HeldBack]("Why", lambda one: long(one.why)),
        Column[HeldBack]("Free from", lambda one: text.moment(one.from_when) if one.from_when else "Not in sight"),
    ]
    return card("Held back", listing("Held back", columns, queue.held))


def _nobody(view: View, queue: CallQueue) -> Element:
    """Say why nobody may be called, and what to do instead."""
    held = sum(one.n for one in queue.held)
    if not held:
        return card(
            "Nobody to call yet",
            note("No client belongs to this agent. ", a(href="/imports")["Import clients"], " or wait for new leads."),
        )
    if queue.next_free_at is None:
        told: Node = "None of them comes free by itself: see below why."
    else:
        plan = with_query("/today", view.query, at=queue.next_free_at.isoformat())
        told = ["The next one is free at ", text.moment(queue.next_free_at), ". ", a(href=plan)["See who it will be"]]
    mine = a(href=f"/clients?owner_agent_id={view.agent_id}")["Look at the clients"]
    return card("Nobody to call now", p[f"All {held} clients are held back. ", told], p[mine])
