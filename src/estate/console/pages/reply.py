"""An answer as it is kept: sentence by sentence with the records that it cites, and what they held at the time."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from htpy import Element, Node, a, blockquote, code, details, div, h3, li, p, pre, span, summary, ul

from estate.console import text
from estate.console.actions import Done, Sent, action
from estate.console.page import Sheet, View, page
from estate.console.parts import action as action_form
from estate.console.parts import area, badge, card, choice, facts, note, stat, stats, submit, with_query
from estate.sdk import Estate
from estate.sdk.models.gpt import Cite, Claim, StoredReply, UsedRecord

__all__ = ["divided", "feedback", "name_of", "record_href", "reply_page"]

CLIENT_PART, AGENT_PART = "To the client:\n", "For you:\n"
VERDICTS = {"helpful": "Helpful", "not_helpful": "Not helpful", "wrong": "Wrong"}
OUTCOMES = {"": "Not known yet", "won": "Won", "went_on": "Went on", "lost": "Lost"}
LAYERS = ("client", "property", "market", "agent", "behavior")
LAYER_NAMES = {
    "client": "Clients",
    "property": "Properties",
    "market": "Market",
    "agent": "Agents",
    "behavior": "Behavior",
}

Key = tuple[str, str]


@page("/assistant/{response_id}")
def reply_page(estate: Estate, view: View) -> Sheet:
    """Show a kept answer."""
    reply = estate.gpt.responses(view.params["response_id"])
    names = {(one.layer, one.id): name_of(one) for one in reply.records}
    if view.me.name:
        names.setdefault(("agent", str(view.me.agent_id)), view.me.name)
    return Sheet(
        "Answer",
        [
            _question(reply, names, view),
            _abstained(reply) if reply.abstained else _answer(reply, names),
            None if reply.abstained else _confidence(reply),
            _feedback(reply),
            _audit(reply, names),
        ],
    )


@action("feedback")
def feedback(estate: Estate, sent: Sent) -> Done:
    """Keep what somebody thought of an answer."""
    kept = estate.gpt.feedback(
        response_id=sent["response_id"],
        verdict=sent["verdict"],
        note=sent.get("note"),
        edited_text=sent.get("edited_text"),
        outcome=sent.get("outcome"),
        idempotency_key=sent.key,
    )
    return Done(f"Thank you. Kept as: {VERDICTS.get(kept.verdict, text.words(kept.verdict)).lower()}.")


# -------------------------------------------------------------------------------------------------------- the records
def record_href(layer: str, record_id: str) -> str:
    """Return where a cited record is shown; findings and deals stand on the page of behavior."""
    places = {"client": "/clients/", "property": "/properties/", "market": "/market/", "agent": "/agents/"}
    return places[layer] + record_id if layer in places else "/behavior"


def name_of(record: UsedRecord) -> str:
    """Return what a record is called in what it held."""
    named = (record.fields.get(name) for name in ("name", "title", "area_name", "term"))
    return next((str(one) for one in named if one), f"{text.words(record.layer)} record")


def _record_link(key: Key, names: Mapping[Key, str]) -> Element:
    layer, record_id = key
    return a(href=record_href(layer, record_id), dir="auto")[names.get(key, f"{text.words(layer)} record")]


# ------------------------------------------------------------------------------------------------------- the question
def _question(reply: StoredReply, names: Mapping[Key, str], view: View) -> Element:
    about = [("client", reply.client_id), ("property", reply.property), ("agent", reply.agent_id)]
    said = {"client": "About the client", "property": "About the unit", "agent": "For the agent"}
    return card(
        "Question",
        blockquote(dir="auto")[reply.client_input],
        facts(
            {said[layer]: _record_link((layer, str(one)), names) for layer, one in about if one}
            | {"Answered": text.moment(reply.created_at)}
        ),
        aside=a(".button.primary", href=_again(reply, view))["Ask another question"],
    )


def _again(reply: StoredReply, view: View) -> str:
    client_id = str(reply.client_id) if reply.client_id else None
    agent_id = str(reply.agent_id) if reply.agent_id and view.me.agent_id is None else None
    return with_query("/assistant", {}, client_id=client_id, unit=reply.property, agent_id=agent_id)


# --------------------------------------------------------------------------------------------------------- the answer
def divided(reply: StoredReply) -> tuple[list[Claim], list[Claim]]:
    """Divide the sentences into those to the client and those for the agent, as the text has them."""
    before, found, _ = reply.text.partition(AGENT_PART)
    if not found and CLIENT_PART not in reply.text:
        return [], list(reply.reasoning)
    to_client = [one for one in reply.reasoning if CLIENT_PART in before and one.claim in before]
    return to_client, [one for one in reply.reasoning if one not in to_client]


def _answer(reply: StoredReply, names: Mapping[Key, str]) -> Element:
    to_client, to_agent = divided(reply)
    return card(
        "Answer",
        _sentences("To the client", to_client, names),
        _sentences("For you" if to_client else "What the records say", to_agent, names),
        h3["Records it rests on"],
        _layers(reply, names),
    )


def _sentences(title: str, claims: Sequence[Claim], names: Mapping[Key, str]) -> Node:
    if not claims:
        return None
    return [h3[title], ul(".sentences")[[_sentence(one, names) for one in claims]]]


def _sentence(one: Claim, names: Mapping[Key, str]) -> Element:
    return li[p(dir="auto")[one.claim], _cites(one.cites, names)]


def _cites(cites: Iterable[Cite], names: Mapping[Key, str]) -> Node:
    fields: dict[Key, list[str]] = {}
    for cite in cites:
        fields.setdefault((cite.layer, cite.id), []).append(text.words(cite.field).lower())
    if not fields:
        return None
    links = [
        span[", " if at else "From ", _record_link(key, names), f" ({', '.join(dict.fromkeys(used))})"]
        for at, (key, used) in enumerate(fields.items())
    ]
    return p(".cites")[links]


def _layers(reply: StoredReply, names: Mapping[Key, str]) -> Node:
    used = {one.layer: one.ids for one in reply.used_records}
    ordered = [*(layer for layer in LAYERS if layer in used), *(layer for layer in used if layer not in LAYERS)]
    idle = [LAYER_NAMES[layer].lower() for layer in LAYERS if layer not in used]
    return [
        facts(
            {
                f"{LAYER_NAMES.get(layer, text.words(layer))} ({len(used[layer])})": ul(".plain")[
                    [li[_record_link((layer, one), names)] for one in used[layer]]
                ]
                for layer in ordered
            }
        ),
        note(f"Nothing was used of: {', '.join(idle)}.") if idle else None,
    ]


def _abstained(reply: StoredReply) -> Element:
    return card(
        "The records do not say",
        p(dir="auto")[reply.text],
        p["Nothing was made up instead. What helps:"],
        ul[
            li["Name an area, a project, a unit or a client as it stands on record."],
            li["Ask from the page of a client or of a unit, so that it is clear whom you mean."],
            li["If it should be on record, bring the data in: ", a(href="/imports")["Imports"], "."],
        ],
        aside=badge("no answer", "warn"),
    )


def _confidence(reply: StoredReply) -> Element:
    return stats(
        stat(
            "Confidence",
            text.percent(reply.confidence),
            f"Of 100 answers with this confidence, about {reply.confidence * 100:.0f} are expected to be right and to"
            " cite the record that the question needs.",
        ),
        stat(
            "Sentences",
            text.number(len(reply.reasoning)),
            "Each was checked: its figures and names stand in the records that it cites.",
        ),
    )


# ------------------------------------------------------------------------------------------------ feedback and audit
def _feedback(reply: StoredReply) -> Element:
    return card(
        "Was this answer of use?",
        action_form(
            "feedback",
            area("note", "What was good or wrong? (optional)", rows=2),
            area("edited_text", "The text as you sent it in the end (optional)", rows=3),
            choice("outcome", "What came of it with the client", OUTCOMES),
            div(".row")[[submit(title, name="verdict", value=verdict) for verdict, title in VERDICTS.items()],],
            draft=f"feedback {reply.response_id}",
            response_id=reply.response_id,
        ),
        note("Answers get better by this: records that helped are ranked higher."),
        id="feedback",
    )


def _audit(reply: StoredReply, names: Mapping[Key, str]) -> Element:
    made = {
        "Written by": code[reply.composer_version],
        "Made": text.moment(reply.created_at),
        "Understood as": text.words(reply.intent),
        "Number of the answer": code[str(reply.response_id)],
    }
    records = [_record(one, names) for one in reply.records]
    return card(
        "How this answer was made",
        facts(made),
        h3["Records as they were then"],
        records or note("No record was used."),
        id="audit",
    )


def _record(one: UsedRecord, names: Mapping[Key, str]) -> Element:
    version = "before its first version" if one.version is None else f"version {one.version}"
    head = summary[f"{text.words(one.layer)}: ", span(dir="auto")[names[one.layer, one.id]], f", {version}"]
    known = {
        "Record": _record_link((one.layer, one.id), names),
        "Id": code[one.id],
        "SHA-256 of the fields": code[one.content_hash],
    }
    fields: dict[str, Node] = {text.words(name): _value(value) for name, value in sorted(one.fields.items())}
    return details(".record")[head, facts(known), facts(fields)]


def _value(value: Any) -> Node:
    if value is None:
        return None
    if isinstance(value, dict | list):
        return pre[json.dumps(value, ensure_ascii=False, indent=1)]
    return span(dir="auto")[str(value)]
