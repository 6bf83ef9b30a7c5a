"""Calls and skips: the forms that keep them, wherever a client is shown, and what skips led to."""

from collections.abc import Iterable
from urllib.parse import urlencode

from htpy import Element, Node, a, details, div, fieldset, legend, li, summary, ul

from estate.console import text
from estate.console.actions import Done, Sent, action
from estate.console.given import moment_of
from estate.console.parts import Column, area, choice, entry, listing, long, note, submit
from estate.console.parts import action as form_of
from estate.console.scores import NOT_ENOUGH
from estate.sdk import Estate
from estate.sdk.models.client import MayCall, SkipReason

__all__ = ["contact_form", "reach", "skip_form", "skips_table"]

CHANNELS = {"call": "Call", "whatsapp": "WhatsApp", "email": "E-mail", "meeting": "Meeting"}
OUTCOMES = ("reached", "no_answer", "call_back", "booked_viewing", "not_interested", "wrong_number")
REFUSED = "refused"


def reach(phone: str | None, client: str | None, agent: str | None) -> Node:
    """Link to call somebody, and to write by WhatsApp."""
    if phone is None:
        return None
    digits = "".join(sign for sign in phone if sign.isdigit())
    opening = urlencode({"text": _opening(client, agent)})
    return div(".row")[
        a(".button.primary.big", href=f"tel:{phone}", data_key="c")["Call"],
        a(
            ".button.big",
            href=f"https://wa.me/{digits}?{opening}",
            target="_blank",
            rel="noopener",
            data_key="w",
        )["WhatsApp"],
        a(href=f"tel:{phone}", dir="ltr")[phone],
    ]


def contact_form(client_id: object, agent_id: object, *, keys: bool = False) -> Element:
    """Ask what came of a call; with `keys` a digit presses each outcome but the one that is for ever."""
    buttons = [
        submit(text.words(outcome), name="outcome", value=outcome, key=str(at) if keys else "")
        for at, outcome in enumerate(OUTCOMES, 1)
    ]
    refused = submit("Refused", kind="danger", name="outcome", value=REFUSED)
    return form_of(
        "contact",
        div(".filters")[
            choice("channel", "By", CHANNELS, "call"),
            entry("next_at", "Call back at", type="datetime-local"),
        ],
        area("note", "Note (optional)", rows=2),
        fieldset(".plain")[legend["What came of it?"], div(".row")[buttons, refused]],
        note("Call back needs a time. Who refused is never called again."),
        draft=f"contact:{client_id}",
        client_id=client_id,
        agent_id=agent_id,
    )


def skip_form(client_id: object, agent_id: object, reasons: Iterable[SkipReason]) -> Element:
    """Ask why somebody is not called now; each reason tells what followed when it was given before."""
    rows = [
        li[
            submit(text.words(one.reason), name="reason", value=one.reason),
            div(".note")[f"Back in the queue after {text.hours(one.cool_down_hours)}. {_followed(one)}"],
        ]
        for one in reasons
    ]
    return details[
        summary(data_key="s")["Skip for now"],
        form_of(
            "skip",
            entry("note", "Note (optional)", maxlength="200"),
            ul(".choices")[rows],
            draft=f"skip:{client_id}",
            client_id=client_id,
            agent_id=agent_id,
        ),
    ]


def skips_table(reasons: Iterable[SkipReason]) -> Node:
    """Show how often clients were reached in time although they were skipped, reason by reason."""
    columns = [
        Column[SkipReason]("Reason", lambda one: text.words(one.reason)),
        Column[SkipReason]("Times", lambda one: text.number(one.times), numeric=True),
        Column[SkipReason]("Waits", lambda one: text.hours(one.cool_down_hours), numeric=True),
        Column[SkipReason]("Reached afterwards", lambda one: long(_followed(one), note(one.why))),
    ]
    given = [one for one in reasons if one.times]
    return listing("What skips led to", columns, given, empty="Nobody was skipped yet, so there is nothing to judge.")


@action("contact")
def contact(estate: Estate, sent: Sent) -> Done:
    """Keep what came of a call."""
    kept = estate.client.contact(
        sent["client_id"],
        agent_id=sent["agent_id"],
        channel=sent["channel"],
        outcome=sent["outcome"],
        note=sent.get("note"),
        next_at=moment_of(sent.get("next_at"), sent.get("zone"), "next_at"),
        idempotency_key=sent.key,
    )
    return Done(f"Kept: {text.words(kept.contact.outcome).lower()}. {_follows(kept.may_call)}", "")


@action("skip")
def skip(estate: Estate, sent: Sent) -> Done:
    """Keep why somebody is not called now."""
    kept = estate.client.skip(
        sent["client_id"],
        agent_id=sent["agent_id"],
        reason=sent["reason"],
        note=sent.get("note"),
        idempotency_key=sent.key,
    )
    return Done(f"Skipped: {text.words(kept.skip.reason).lower()}. {_follows(kept.may_call)}", "")


def _follows(may: MayCall) -> str:
    return "May be called again at any time." if may.allowed else may.why


def _followed(one: SkipReason) -> str:
    if one.status != "ok":
        return f"{NOT_ENOUGH} (n = {one.n})."
    ends = text.percent_span(one.lower, one.upper)
    return f"{text.percent(one.reached_rate)} reached afterwards ({ends}, n = {one.n})."


def _opening(client: str | None, agent: str | None) -> str:
    """Return how a message may begin."""
    greeting = f"Hello {client}," if client else "Hello,"
    me = f" this is {agent}." if agent else ""
    return f"{greeting}{me} Do you have a moment to talk about the home that you are looking for?"
