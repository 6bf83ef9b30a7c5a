"""Behavior: terms that go with winning or losing, groups of terms, and the events themselves."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from htpy import Node, a, details, div, h3, li, ol, p, span, strong, summary, ul

from estate.console import shell, text
from estate.console.charts import Estimate, drawn, intervals
from estate.console.page import Sheet, View, page
from estate.console.parts import Column, badge, card, choice, entry, filters, listing, note, pager
from estate.console.records import IDS, Names, agent_names, outcome_badge
from estate.sdk import Estate
from estate.sdk.models.behavior import Event, Pattern, Patterns, Run, TriggerLift, Triggers

__all__ = ["behavior", "events", "triggers_sentence"]

PAGE_ROWS = 25
DRAWN = 20
FIRST_TERMS, MOST_TERMS = "20", "100"


@page("/behavior")
def behavior(estate: Estate, view: View) -> Sheet:
    """Show proven terms and candidates with their lifts, and the groups of terms that are said together."""
    shown = MOST_TERMS if view.get("top") == MOST_TERMS else FIRST_TERMS
    triggers = estate.behavior.triggers(top_n=int(shown))
    patterns = estate.behavior.patterns()
    compared = triggers.items if triggers.status == "ok" else ()
    proven = [one for one in compared if one.evidence == "proven"]
    candidates = [one for one in compared if one.evidence != "proven"]
    return Sheet(
        "Behavior",
        [
            _summary(triggers),
            _forest("Proven terms", proven, "triggers-proven", _said_of(proven)),
            _forest(
                "Candidates: not proven", candidates[:DRAWN], "triggers-candidates", _said_of_candidates(candidates)
            ),
            _terms(compared, shown),
            _meaning(),
            _groups(patterns),
            _stages(patterns),
        ],
    )


@page("/behavior/events")
def events(estate: Estate, view: View) -> Sheet:
    """List events with filters, newest first."""
    agents = agent_names(estate)
    return Sheet(
        "Events",
        [
            filters(
                view.path,
                choice("agent_id", "Agent", {"": "All agents", **agents}, view.get("agent_id")),
                entry("trigger_word", "Term", view.get("trigger_word")),
                entry("pattern_group", "Group", view.get("pattern_group")),
                entry("since", "From", view.get("since"), type="date"),
                entry("until", "To", view.get("until"), type="date"),
                [entry(name, title, view.get(name)) for name, title in IDS.items()],
                query=view.query,
            ),
            card(
                "Events",
                shell.found(lambda: _page(estate, view, agents), IDS),
                aside=a(href="/behavior")["Terms and groups"],
            ),
        ],
    )


def _page(estate: Estate, view: View, agents: Mapping[str, str]) -> Node:
    found = estate.behavior.query(
        agent_id=view.get("agent_id"),
        client_id=view.get("client_id"),
        unit=view.get("unit"),
        trigger_word=view.get("trigger_word"),
        pattern_group=view.get("pattern_group"),
        since=view.day("since"),
        until=view.day("until", end=True),
        cursor=view.get("cursor"),
        limit=PAGE_ROWS,
    ).first()
    names = Names.of(estate, agents, (one.client_id for one in found), map(_unit, found))
    return [
        listing(
            "Events",
            _event_columns(names),
            found,
            empty="No event matches. Clear a filter. A term is found here only where an event carries it by that "
            "name; terms found in the words of conversations have none.",
        ),
        pager(view.path, view.query, found),
    ]


def triggers_sentence(triggers: Triggers) -> str:
    """Say how many terms are proven and which is the strongest, with its lift and n."""
    proven = [one for one in triggers.items if one.evidence == "proven"]
    if triggers.status != "ok":
        return triggers.why
    if not proven:
        return "No term is proven yet: what follows are candidates, and each may be chance."
    first = max(proven, key=lambda one: abs(one.log_odds))
    count = "1 term is proven: it is" if len(proven) == 1 else f"{len(proven)} terms are proven; the strongest is"
    return (
        f"{count} “{text.isolated(first.term)}” ({_speaker(first)}). Deals with it are won {_lift(first)} times as "
        f"often, n = {first.n_with} with and {first.n_without} without."
    )


def _summary(triggers: Triggers) -> Node:
    lacking = badge("not enough data", "warn") if triggers.status != "ok" else None
    return card(
        "What goes with winning", p[lacking, " " if lacking else "", triggers_sentence(triggers)], _seen(triggers.run)
    )


def _seen(run: Run | None) -> Node:
    """Say what the analysis saw, and how much more would likely prove something."""
    if run is None:
        return note("No analysis ran yet. It runs by itself when conversations and outcomes of deals have come.")
    needed = (
        None
        if run.more_needed is None
        else p[
            strong[f"{text.number(run.more_needed)} more closed conversations"],
            " are needed until a term with which deals are won 1.3 times as often would likely be proven.",
        ]
        if run.more_needed > 0
        else p["There are enough closed conversations to prove a term that makes a difference of 1.3 times."]
    )
    counted = f"n = {run.n_won} won and {run.n_lost} lost; {run.n_open} are open and enter no rate. As of "
    stand_in = " Where no deal is known, a conversation or an event counts for itself."
    return [needed, note(counted, text.moment(run.as_of), ".", stand_in)]


def _forest(title: str, items: Sequence[TriggerLift], name: str, said: str) -> Node:
    if not items:
        return None
    return drawn(
        title,
        said,
        intervals([_estimate(one) for one in items], said, reference=1.0),
        ("Term", "Said by", "Lift", "90 % interval", "n with", "n without"),
        [_forest_row(one) for one in items],
        name,
    )


def _said_of(proven: Sequence[TriggerLift]) -> str:
    more = sum(one.lift > 1 for one in proven)
    return (
        f"{more} of {len(proven)} go with winning (right of 1), {len(proven) - more} with losing (left of 1). "
        "The line is the 90 % interval."
    )


def _said_of_candidates(candidates: Sequence[TriggerLift]) -> str:
    apart = sum(one.lower > 1 or one.upper < 1 for one in candidates)
    drawn_only = f" The first {DRAWN} are drawn." if len(candidates) > DRAWN else ""
    crossing = "all intervals hold 1, no difference" if not apart else f"{apart} intervals lie off 1"
    return (
        f"Candidates: {len(candidates)}; {crossing}. Among so many terms some differ by chance alone, so none of them "
        f"is proven.{drawn_only}"
    )


def _estimate(one: TriggerLift) -> Estimate:
    tone = "quiet" if one.evidence != "proven" else "good" if one.lift > 1 else "bad"
    return Estimate(_label(one), one.lower, one.lift, one.upper, _lift(one), tone, _events(trigger_word=one.term))


def _forest_row(one: TriggerLift) -> Sequence[str]:
    ends = text.number_span(one.lower, one.upper, 2)
    return (one.term, _speaker(one), text.number(one.lift, 2), ends, str(one.n_with), str(one.n_without))


def _label(one: TriggerLift) -> str:
    return f"{one.term} ({one.speaker})" if one.speaker != "unknown" else one.term


def _speaker(one: TriggerLift) -> str:
    return one.speaker if one.speaker != "unknown" else "speaker not known"


def _lift(one: TriggerLift | Pattern) -> str:
    return text.estimate(one.lift, one.lower, one.upper)


def _events(**wanted: str) -> str:
    return f"/behavior/events?{urlencode(wanted)}"


def _terms(items: Sequence[TriggerLift], shown: str) -> Node:
    if not items:
        return None
    examples = [_examples(one) for one in items if one.evidence == "proven" and one.examples]
    more = a(href=f"/behavior?top={MOST_TERMS}")[f"Show up to {MOST_TERMS} terms"] if shown == FIRST_TERMS else None
    return card(
        "Terms",
        listing("Terms", _TERMS, items),
        _adjusted(items),
        p[more] if more and len(items) >= int(FIRST_TERMS) else None,
        note(
            "Win rates and lifts compare like with like and are drawn towards no difference where there is little "
            "data. q: the expected share of false ones among all terms at least as well supported. "
            "Would be won: an estimate of the share among deals otherwise alike, not what was won. "
            "The lift in a random half of the deals is not drawn towards anything; the same deals chose the terms, so "
            "that it overstates."
        ),
        [h3["Where proven terms were said"], examples] if examples else None,
    )


def _verdict(one: TriggerLift) -> Node:
    if one.evidence != "proven":
        return badge("candidate")
    return badge("proven: winning", "good") if one.lift > 1 else badge("proven: losing", "bad")


def _term(one: TriggerLift) -> Node:
    return [a(href=_events(trigger_word=one.term), dir="auto")[one.term], f" ({_speaker(one)})"]


def _win_rates(one: TriggerLift) -> str:
    return f"{text.percent(one.win_rate_with)} / {text.percent(one.win_rate_without)}"


_TERMS = [
    Column[TriggerLift]("Term, said by", _term),
    Column[TriggerLift]("Evidence", _verdict),
    Column[TriggerLift]("Lift", _lift, numeric=True),
    Column[TriggerLift]("n with / without", lambda one: f"{one.n_with} / {one.n_without}", numeric=True),
    Column[TriggerLift]("Would be won with / without", _win_rates, numeric=True),
    Column[TriggerLift]("q", lambda one: text.number(one.q, 3), numeric=True),
    Column[TriggerLift]("Agents", lambda one: text.number(one.n_agents), numeric=True),
    Column[TriggerLift]("Lift in a random half", lambda one: text.number(one.held_out_lift, 2), numeric=True),
]


def _adjusted(items: Sequence[TriggerLift]) -> Node:
    """Say what the compared deals have alike; terms that differ in it are named."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for one in items:
        alike.setdefault(one.adjusted_for, []).append(text.isolated(one.term))
    return [
        note(
            f"Compared deals have alike: {', '.join(names) or 'nothing'}",
            "." if len(alike) == 1 else f" ({', '.join(terms)}).",
        )
        for names, terms in alike.items()
    ]


def _examples(one: TriggerLift) -> Node:
    return details[
        summary["Examples of ", span(dir="auto")[one.term]],
        ul[[li[_utterance(example)] for example in one.examples]],
        p[a(href=_events(trigger_word=one.term))["Events with this term"]],
    ]


def _utterance(example: str) -> str:
    conversation, _, turn = example.rpartition(":")
    return f"Conversation {conversation}, turn {turn}"


def _meaning() -> Node:
    return card(
        "What this means, and what it does not",
        p[
            "A lift of 1.3 means: among deals that are otherwise alike, those in which the term was said are won 1.3 "
            "times as often. Below 1 they are won less often."
        ],
        p[
            "It is an association, not a cause: the term may only show how far a client is already. Saying it more "
            "often need not win more. Take proven terms as signs to act on, candidates as ideas to watch."
        ],
    )


def _groups(patterns: Patterns) -> Node:
    if not patterns.items:
        return card("Terms said together", p[badge("not enough data", "warn"), f" {patterns.why}"])
    return card(
        "Terms said together",
        note(patterns.why, " The most frequent term stands first; it need not be said first."),
        ol(".flows")[[_flow(one, patterns.events.get(one.name)) for one in patterns.items]],
    )


def _flow(one: Pattern, counted: int | None) -> Node:
    terms: list[Node] = []
    for term in one.terms:
        terms += [span(".plus")["+"] if terms else None, span(".term", dir="auto")[term]]
    ends = [
        badge(f"{one.n_won} won", "good"),
        badge(f"{one.n_lost} lost", "bad"),
        badge(f"{one.n_open} open"),
    ]
    link = a(href=_events(pattern_group=one.name))[f"{'' if counted is None else text.number(counted)} events".strip()]
    return li[
        h3(dir="auto")[one.name],
        div(".flow")[terms, _arrow(), span(".term")[f"{one.size} deals"], _arrow(), ends],
        p[
            _group_lift(one),
            f" Found again in resamples: {text.percent(one.stability)}. " if one.stability is not None else " ",
            link,
        ],
    ]


def _arrow() -> Node:
    return span(".arrow", aria_hidden="true")["→"]


def _group_lift(one: Pattern) -> str:
    if one.lift is None or one.lower is None or one.upper is None:
        return "Lift: not enough data."
    sure = "" if one.lower > 1 or one.upper < 1 else " The interval holds 1: no difference is sure."
    return f"Won {_lift(one)} times as often as without, n = {one.n_won + one.n_lost} closed.{sure}"


def _stages(patterns: Patterns) -> Node:
    names = {one.name for one in patterns.items}
    rows = [(name, n) for name, n in patterns.events.items() if name not in names]
    if not rows:
        return None
    columns = [
        Column[tuple[str, int]]("Stage or outcome", lambda one: text.words(one[0])),
        Column[tuple[str, int]](
            "Events", lambda one: a(href=_events(pattern_group=one[0]))[text.number(one[1])], numeric=True
        ),
    ]
    return card("Events in no group, by stage of their deal", listing("Events by stage", columns, rows))


def _event_columns(names: Names) -> list[Column[Event]]:
    return [
        Column[Event]("When", lambda one: text.moment(one.time_of_event)),
        Column[Event]("What", _what),
        Column[Event]("Emotion", lambda one: text.words(one.emotion_detected or text.DASH)),
        Column[Event]("Agent", lambda one: names.agent(one.agent_id)),
        Column[Event]("Client", lambda one: names.client(one.client_id)),
        Column[Event]("Unit", lambda one: names.unit(_unit(one))),
        Column[Event]("Group", lambda one: _or_dash(one.pattern_group)),
        Column[Event]("Deal", _outcome),
    ]


def _told(one: Event, name: str) -> Any:
    return (one.metadata or {}).get(name)


def _what(one: Event) -> Node:
    if one.trigger_word is None:
        return text.words(str(_told(one, "type") or "contact"))
    speaker = _told(one, "speaker")
    return [f"{text.words(str(speaker))} said " if speaker else "Said ", "“", span(dir="auto")[one.trigger_word], "”"]


def _or_dash(words: str | None) -> Node:
    return span(dir="auto")[words] if words else text.DASH


def _unit(one: Event) -> str | None:
    if one.property_project_id is None or one.property_unit_id is None:
        return None
    return f"{one.property_project_id}:{one.property_unit_id}"


def _outcome(one: Event) -> Node:
    return text.DASH if one.folded_outcome is None else outcome_badge(one.folded_outcome)
