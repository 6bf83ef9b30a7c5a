"""One client: who it is, what a deal is worth hoping for, what to offer and do next, and what happened."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from htpy import Element, Node, a, article, details, div, h3, p, span, summary

from estate.console import text
from estate.console.actions import Done, Sent, action
from estate.console.charts import Estimate, Fan, drawn, intervals, line
from estate.console.given import refusal, share_of
from estate.console.page import Sheet, View, page
from estate.console.pages.calls import contact_form, reach
from estate.console.pages.clients import contact_badge, places
from estate.console.parts import (
    Column,
    attempt,
    badge,
    card,
    entry,
    facts,
    listing,
    note,
    pager,
    person,
    reasons,
    submit,
)
from estate.console.parts import action as form_of
from estate.console.records import Names, agent_names
from estate.console.scores import band_badge, chance, not_enough, questions, waterfall, written
from estate.sdk import Estate, EstateError
from estate.sdk.errors import NotFound
from estate.sdk.models.agent import RoutedAgent
from estate.sdk.models.behavior import NextAction, NextStep
from estate.sdk.models.client import Client, Qualification, ScoreInHistory, TimelineItem
from estate.sdk.models.property import Recommendation

__all__ = ["client", "timeline"]

UNITS = 4
AGENTS = 3
RECENT = 12
PAGE_ROWS = 50
ERASE = "ERASE"
EVIDENCE = {"proven": "good", "candidate": "warn"}


@page("/clients/{client_id}")
def client(estate: Estate, view: View) -> Sheet:
    """Show one client; a part that is refused leaves the others standing."""
    client_id = view.params["client_id"]
    one = _found(estate, client_id)
    agents = _names_of_agents(estate)
    return Sheet(
        one.name or "No name",
        [
            _ways(view, one),
            div(".columns")[_profile(one, agents), _log(view, one)],
            div("#score")[attempt(lambda: _score(view, estate.client.qualification(client_id)))],
            div(".columns")[
                card("What to do next", attempt(lambda: _action(estate.behavior.recommend(client_id=client_id)))),
                card("What usually comes next", attempt(lambda: _steps(estate.behavior.predict(client_id=client_id)))),
            ],
            card(
                "Homes to offer",
                attempt(lambda: _units(estate.property.recommend(client_id=client_id, limit=UNITS))),
            ),
            card(
                "Agents who fit",
                attempt(lambda: _agents(estate.agent.recommend(client_id=client_id, limit=AGENTS))),
            ),
            card(
                "What happened",
                attempt(lambda: _items(estate, agents, estate.client.timeline(client_id, limit=RECENT).first())),
                aside=a(href=f"/clients/{client_id}/timeline")["All that happened"],
            ),
            _erase(one) if view.leads else None,
        ],
    )


@page("/clients/{client_id}/timeline")
def timeline(estate: Estate, view: View) -> Sheet:
    """List all that happened with a client, newest first."""
    client_id = view.params["client_id"]
    found = estate.client.timeline(client_id, cursor=view.get("cursor"), limit=PAGE_ROWS).first()
    return Sheet(
        "What happened",
        [
            p[a(href=f"/clients/{client_id}")["Back to the client"]],
            card("Newest first", _items(estate, _names_of_agents(estate), found), pager(view.path, view.query, found)),
        ],
    )


@action("override")
def override(estate: Estate, sent: Sent) -> Done:
    """State a score of one's own, or withdraw it."""
    score = share_of(sent.get("score"), "score")
    estate.client.override(client_id=sent["client_id"], score=score, reason=sent["reason"], idempotency_key=sent.key)
    said = "Your score is withdrawn." if score is None else f"Your score of {text.percent(score)} stands beside ours."
    return Done(said, "")


@action("erase")
def erase(estate: Estate, sent: Sent) -> Done:
    """Erase a client; sent twice it is still done once, as who is gone is not found."""
    if sent.get("confirm") != ERASE:
        raise refusal("confirm", f"Write {ERASE} to erase.")
    try:
        rows = sum(estate.client.delete(sent["client_id"]).erased.values())
    except NotFound:
        return Done("This client is gone.", "/clients")
    return Done(f"Erased, with {rows} rows.", "/clients")


def _found(estate: Estate, client_id: str) -> Client:
    for one in estate.client.query(client_id=client_id).first():
        return one
    # The list says nothing of a client who was merged; the score says into whom.
    estate.client.qualification(client_id)
    raise refusal("client_id", "No client has this id.")


def _ways(view: View, one: Client) -> Element:
    ask = a(".button", href=f"/assistant?client_id={one.client_id}")["Ask the assistant"] if view.acts else None
    deals = a(".button", href=f"/deals?client_id={one.client_id}")["Deals"]
    return div(".row")[a(href="/clients")["All clients"], deals, ask]


def _names_of_agents(estate: Estate) -> Mapping[str, str]:
    """Return the names of agents by id; a page that cannot learn them stands without."""
    with suppress(EstateError):
        return agent_names(estate)
    return {}


def _profile(one: Client, agents: Mapping[str, str]) -> Element:
    wishes = one.interest if isinstance(one.interest, Mapping) else {"interest": one.interest or None}
    owner = Names(agents, {}, {}).agent(one.owner_agent_id) if one.owner_agent_id else "Nobody"
    return card(
        "Profile",
        facts(
            {
                "Budget": text.money(one.budget, one.currency),
                "Wants to live in": places(one),
                **{text.words(name): _plain(value) for name, value in wishes.items()},
                "Objections": _plain(one.objections) or "None on record",
                "Decides": one.decision_speed,
                "Temper": one.emotional_type,
                "Phone": span(dir="ltr")[one.phone] if one.phone else None,
                "E-mail": one.email,
                "Country": one.country,
                "Contact": contact_badge(one),
                "Agent": owner,
                "Changed": text.moment(one.updated_at),
            }
        ),
    )


def _log(view: View, one: Client) -> Node:
    """Ask what came of a call, where there is somebody who made it."""
    if not view.acts:
        return None
    agent_id = view.me.agent_id or one.owner_agent_id
    if agent_id is None:
        return card("Log a call", note("Nobody looks after this client. Give it an owner in the CRM, then log calls."))
    closed = one.do_not_contact or one.contact_consent is False
    ways = None if closed else reach(one.phone, one.name, view.me.name if view.me.agent_id else None)
    hours = a(href=f"/today?agent_id={agent_id}")["Today"]
    hint = note("This client may not be called." if closed else [hours, " tells who may be called at this hour."])
    return card("Log a call", ways, contact_form(one.client_id, agent_id), hint)


def _score(view: View, scored: Qualification) -> Node:
    cuts = ", ".join(f"{band} from {text.percent(cut)}" for band, cut in scored.band_cuts.items())
    alike = f"{scored.like_won} of {scored.like_cases} such clients bought." if scored.like_cases else None
    sure = scored.status == "ok"
    told = (
        [p[band_badge(scored.band), " ", chance(scored)], note(f"{cuts}. {text.percent(scored.level)} interval.")]
        if sure
        else not_enough(scored.why)
    )
    figures = card(
        "Chance of a deal",
        told,
        p[scored.why] if sure else None,
        p[alike] if alike else None,
        waterfall(scored) if sure else None,
    )
    ask = card("What to ask next", questions(scored.missing, scored.score)) if sure else None
    stated = card("Your own estimate", _stated(view, scored))
    history = card("Earlier scores", _history(scored.history, view.zone))
    return [div(".columns")[figures, div[ask, stated]], history]


def _stated(view: View, scored: Qualification) -> Node:
    now = (
        p[f"Somebody stated {text.percent(scored.stated_score)}."]
        if scored.stated_score is not None
        else note("Nobody stated a score. Yours would stand beside ours; ours goes on.")
    )
    if not view.acts:
        return now
    fields = form_of(
        "override",
        entry("score", "Your estimate, per cent", type="number", required=True, min="0", max="100", step="any"),
        entry("reason", "What you know and the records do not", required=True, maxlength="200"),
        submit("State my score"),
        draft=f"override:{scored.client_id}",
        client_id=scored.client_id,
    )
    withdraw = form_of("override", submit("Withdraw it"), client_id=scored.client_id, reason="Withdrawn")
    return [now, fields, withdraw if scored.stated_score is not None else None]


def _history(held: Sequence[ScoreInHistory], zone: dt.tzinfo) -> Node:
    columns = [
        Column[ScoreInHistory]("When", lambda one: text.moment(one.scored_at)),
        Column[ScoreInHistory]("By", lambda one: one.stated_by or text.words(one.kind)),
        Column[ScoreInHistory]("Score", lambda one: written(one.score, one.lower, one.upper), numeric=True),
        Column[ScoreInHistory]("n", lambda one: text.number(one.n), numeric=True),
        Column[ScoreInHistory]("Reason", lambda one: one.reason),
    ]
    models = sorted((one for one in held if one.kind == "model" and one.score is not None), key=lambda it: it.scored_at)
    return [_line(models, zone) if len(models) > 1 else None, listing("Earlier scores", columns, held)]


def _line(models: Sequence[ScoreInHistory], zone: dt.tzinfo) -> Element:
    first, last = models[0], models[-1]
    days = [text.day(one.scored_at.astimezone(zone)) for one in models]
    sentence = (
        f"From {text.percent(first.score)} on {days[0]} to {text.percent(last.score)} on {days[-1]}, "
        f"in {len(models)} scores."
    )
    points = [Fan(day, (one.score or 0.0) * 100) for day, one in zip(days, models, strict=True)]
    rows = [(day, text.percent(one.score, 1)) for day, one in zip(days, models, strict=True)]
    return drawn("Score over time", sentence, line(points, sentence, "{:.0f} %"), ("Day", "Score"), rows, "scores")


def _action(next_: NextAction) -> Node:
    tone = EVIDENCE.get(next_.evidence, "")
    lift: Node = None
    if next_.status == "ok" and next_.lift is not None:
        ends = text.number_span(next_.lower, next_.upper, 2)
        lift = p[f"Deals where it is said are won {next_.lift:.2f} times as often ({ends}, n = {next_.n})."]
    doubt = None if next_.status == "ok" else not_enough(f"Worth a try; not proven by {next_.n} cases.")
    known = badge({"none": "no evidence yet"}.get(next_.evidence, next_.evidence), tone)
    return [p[next_.action, " ", known], lift, doubt, reasons(next_.reasons)]


def _steps(step: NextStep) -> Node:
    if step.status != "ok" or not step.items:
        return not_enough(step.why)
    now = f"now: {text.words(step.current).lower()}" if step.current else "now: nothing yet"
    likely = max(step.items, key=lambda one: one.probability)
    sentence = (
        f"Most often {text.words(likely.step).lower()} follows: "
        f"{written(likely.probability, likely.lower, likely.upper)}; {now}, n = {step.n}."
    )
    items = [
        Estimate(
            text.words(one.step), one.lower * 100, one.probability * 100, one.upper * 100, text.percent(one.probability)
        )
        for one in step.items
    ]
    rows = [
        (
            text.words(one.step),
            text.percent(one.probability),
            text.percent_span(one.lower, one.upper),
            text.number(one.n),
        )
        for one in step.items
    ]
    heads = ("Step", "Share", "90 % interval", "Times")
    return [note(step.why), drawn("Next steps", sentence, intervals(items, sentence, unit=" %"), heads, rows, "steps")]


def _units(found: Iterable[Recommendation]) -> Node:
    drawn_ = [
        article(".stat")[
            h3[person(one.title, f"/properties/{quote(one.property_id, safe=':')}")],
            p[text.money(one.price, one.currency), span(".note")[f" · fit {one.score:.2f}"]],
            reasons(one.reasons, "good"),
            reasons(one.trade_offs, "against"),
        ]
        for one in found
    ]
    if not drawn_:
        return note("No home keeps this client's limits. Ask which wish can give way.")
    return div(".columns")[drawn_]


def _agents(found: Iterable[RoutedAgent]) -> Node:
    drawn_ = [
        article(".stat")[
            h3[person(one.name, f"/agents/{one.agent_id}")],
            p["Chance to win this client: ", chance(one)],
            reasons(one.reasons),
        ]
        for one in found
    ]
    return div(".columns")[drawn_] if drawn_ else note("No agent can be recommended yet.")


def _items(estate: Estate, agents: Mapping[str, str], items: Iterable[TimelineItem]) -> Node:
    held = list(items)
    names = Names.of(estate, agents, (), (one.unit for one in held))
    columns = [
        Column[TimelineItem]("When", lambda one: text.moment(one.at)),
        Column[TimelineItem]("What", lambda one: [badge(text.words(one.kind)), " ", span(dir="auto")[_what(one)]]),
        Column[TimelineItem]("Details", _details),
        Column[TimelineItem]("Agent", lambda one: names.agent(one.agent_id)),
        Column[TimelineItem]("Home", lambda one: names.unit(one.unit)),
    ]
    return listing("What happened", columns, held, empty="Nothing happened yet. Log the first call.")


def _details(one: TimelineItem) -> Node:
    """Write what else is kept of it: plain values only, no ids."""
    fields = {**one.fields, **_metadata(one)}
    if fields.get("value") is not None and fields.get("currency"):
        fields["value"] = text.money(Decimal(str(fields["value"])), str(fields.pop("currency")))
    said = [
        [" · ", text.words(name), ": ", _value(name, value)]
        for name, value in fields.items()
        if isinstance(value, str | int | float) and not name.endswith("id") and str(value) != one.what
    ]
    return [
        p(dir="auto")[one.note] if one.note else None,
        span(".note", dir="auto")[said[0][1:] if said else None, said[1:]],
    ]


def _metadata(one: TimelineItem) -> Mapping[str, Any]:
    nested = one.fields.get("metadata")
    return nested if isinstance(nested, Mapping) else {}


def _what(one: TimelineItem) -> str:
    """Name it: what was said in an event stays as it was written, its type is a name."""
    is_said = one.kind in ("event", "conversation") and one.what != _metadata(one).get("type")
    return one.what if is_said else text.words(one.what)


def _value(name: str, value: object) -> Node:
    if name.endswith("_at"):
        with suppress(ValueError):
            return text.moment(dt.datetime.fromisoformat(str(value)))
    return str(value)


def _erase(one: Client) -> Element:
    return card(
        "Erase",
        details[
            summary["Erase this client for good"],
            p["Profile, scores, events, conversations, deals and contacts are erased. It cannot be undone."],
            form_of(
                "erase",
                entry("confirm", f"Write {ERASE} to confirm", required=True, autocomplete="off"),
                submit("Erase", kind="danger"),
                client_id=one.client_id,
            ),
        ],
    )


def _plain(value: Any) -> Node:
    """Write a stored wish or objection, whatever its shape."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return ", ".join(f"{text.words(str(name)).lower()}: {_plain(held)}" for name, held in value.items())
    if isinstance(value, list):
        return ", ".join(str(_plain(one)) for one in value) or None
    return str(value).removeprefix("x_").replace("_", " ")
