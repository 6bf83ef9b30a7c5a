"""Agents: who wins more than their clients explain, and one agent with what every figure rests on."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from htpy import Node, a, p

from estate.console import text
from estate.console.charts import Estimate, drawn, intervals, tone_of
from estate.console.page import Sheet, View, page
from estate.console.parts import Column, badge, card, facts, listing, note, pager, reasons, stat, stats
from estate.console.records import deal_totals, deals_link
from estate.sdk import Estate
from estate.sdk.models.agent import Agent, AgentRank, ExpectedClosings, SkillPart
from estate.sdk.models.base import Page

__all__ = ["agent", "agents", "differences"]

DRAWN = 25
PAGE_ROWS = 50
EVIDENCE = {"deals": "closed deals", "stated": "as the CRM states", "none": "nothing yet"}
FEW = "not enough deals"
TOTALS = (
    "Won, lost and open count every deal of an agent; behind them are listed those of clients who are yours to see."
)


@page("/agents")
def agents(estate: Estate, view: View) -> Sheet:
    """Rank agents, and say which of the differences are real."""
    ranked = estate.agent.rankings().items
    if not ranked:
        return Sheet("Agents", card("No agent yet", note("Bring in agents and deals under Imports.")))
    seen = [one for one in ranked if one.n is not None]
    hidden = len(ranked) - len(seen)
    listed = _page_of(seen, view)
    return Sheet(
        "Agents",
        [
            _leaderboard(seen),
            card(
                "All agents",
                listing("All agents", _COLUMNS, listed, empty="No agent here is yours to see."),
                pager(view.path, view.query, listed),
                note(f"Other agents, not shown: {hidden}; their figures are not yours to see.") if hidden else None,
                None if view.me.role == "admin" else note(TOTALS),
                note(
                    "A score of 1 is what the average agent would win from such clients, 1.2 is a fifth more. The rank "
                    "counts with the ranks it may be by chance (90 % intervals)."
                ),
            ),
        ],
    )


def _page_of(ranked: Sequence[AgentRank], view: View) -> Page[AgentRank]:
    """Cut a page out of the ranking, which comes whole; the cursor counts those before."""
    start = 0
    with suppress(ValueError):
        start = max(0, int(view.get("cursor") or 0))
    end = start + PAGE_ROWS
    return Page(items=tuple(ranked[start:end]), next_cursor=str(end) if end < len(ranked) else None)


@page("/agents/{agent_id}")
def agent(estate: Estate, view: View) -> Sheet:
    """Show one agent: score and reasons, parts of the sale, expected closings, activity."""
    agent_id = view.params["agent_id"]
    expected = estate.agent.predict(agent_id=agent_id)
    record = estate.agent.query(agent_id=agent_id).first()[0]
    place = next((one for one in estate.agent.rankings() if one.agent_id == record.agent_id), None)
    return Sheet(
        record.name or "Agent without a name",
        [
            _figures(record, place, expected),
            card("Score", _score(place), aside=a(href="/agents")["All agents"]),
            card("Parts of the sale", _skills(record.agent_id, place.skills if place else ())),
            card("Expected closings", _expected(expected)),
            card("Activity", _activity(record)),
        ],
    )


def _has_score(one: AgentRank) -> bool:
    return one.score is not None and one.lower is not None and one.upper is not None


def _name(one: AgentRank) -> str:
    return one.name or "No name"


def _leaderboard(ranked: Sequence[AgentRank]) -> Node:
    scored = [one for one in ranked if _has_score(one)]
    if not scored:
        return card("Nobody to rank yet", note("Ranks need closed deals, or a closing rate that the CRM states."))
    shown = scored[:DRAWN]
    rest = f" The first {DRAWN} of {len(scored)} are drawn." if len(scored) > DRAWN else ""
    by_score, by_rank = differences(scored) + rest, _rank_sentence(shown) + rest
    return [
        drawn(
            "Wins next to what was expected",
            by_score,
            intervals([_by_score(one) for one in shown], by_score, reference=1.0),
            ("Agent", "Score", "90 % interval", "n", "Evidence"),
            [_score_row(one) for one in scored],
            "agents-score",
        ),
        drawn(
            "Ranks and how far chance may move them",
            by_rank,
            intervals([_by_rank(one) for one in shown], by_rank),
            ("Agent", "Rank", "Rank interval", "n"),
            [_rank_row(one) for one in scored],
            "agents-rank",
        )
        if any(one.rank_upper > 1 for one in scored)
        else None,
    ]


def differences(scored: Sequence[AgentRank]) -> str:
    """Say which differences between agents are more than chance: whose intervals do not overlap."""
    sure = [one for one in scored if one.status == "ok"]
    if not sure:
        return "Nobody has enough closed deals: the order says nothing yet."
    above = sum((one.lower or 0.0) > 1.0 for one in sure)
    below = sum((one.upper or 0.0) < 1.0 for one in sure)
    lead = _lead(sure[0], sure[1:])
    if not above and not below:
        return f"{lead} Nobody wins clearly more or less than expected."
    return f"{lead} {_count(above)} clearly more than expected, {_count(below).lower()} clearly less."


def _lead(first: AgentRank, others: Sequence[AgentRank]) -> str:
    apart = sum((one.upper or 0.0) < (first.lower or 0.0) for one in others)
    who = text.isolated(_name(first))
    if not others:
        return f"Only {who} is shown."
    if not apart:
        return f"No interval lies wholly below that of {who}, who is ahead of the others: the order may be chance."
    return f"{apart} of {len(others)} others lie wholly below {who}, who is ahead; the rest of the order may be chance."


def _count(n: int) -> str:
    return "Nobody wins" if n == 0 else "1 agent wins" if n == 1 else f"{n} agents win"


def _rank_sentence(shown: Sequence[AgentRank]) -> str:
    if len(shown) == 1:
        return f"{text.isolated(_name(shown[0]))} may rank {shown[0].rank_lower} to {shown[0].rank_upper} of the house."
    firsts = [one for one in shown if one.rank_lower == 1]
    if len(firsts) == 1 and firsts[0].rank_upper == 1:
        return f"{text.isolated(_name(firsts[0]))} is first, whatever chance did."
    return f"{len(firsts)} of {len(shown)} may be first of the house: their rank intervals begin at 1."


def _by_score(one: AgentRank) -> Estimate:
    score, lower, upper = one.score or 0.0, one.lower or 0.0, one.upper or 0.0
    written = text.estimate(score, lower, upper)
    tone = "quiet" if one.status != "ok" else tone_of(lower, upper)
    return Estimate(f"{one.rank}. {_name(one)}", lower, score, upper, written, tone, f"/agents/{one.agent_id}")


def _by_rank(one: AgentRank) -> Estimate:
    written = text.estimate(one.rank, one.rank_lower, one.rank_upper, 0)
    tone = "" if one.status == "ok" else "quiet"
    return Estimate(_name(one), one.rank_lower, one.rank, one.rank_upper, written, tone, f"/agents/{one.agent_id}")


def _score_row(one: AgentRank) -> Sequence[str]:
    interval = text.number_span(one.lower, one.upper, 2)
    return (_name(one), text.number(one.score, 2), interval, text.number(one.n), EVIDENCE.get(one.evidence, "other"))


def _rank_row(one: AgentRank) -> Sequence[str]:
    return (_name(one), str(one.rank), text.span(str(one.rank_lower), str(one.rank_upper)), text.number(one.n))


def _deals(one: AgentRank, outcome: str) -> Node:
    """Link a number of an agent's deals to them."""
    n = deal_totals(one).get(outcome)
    return text.DASH if n is None else deals_link(text.number(n), agent_id=one.agent_id, outcome=outcome)


def _evidence(one: AgentRank) -> Node:
    said = EVIDENCE.get(one.evidence, text.words(one.evidence))
    return [said, " ", badge(FEW, "warn")] if one.status != "ok" else said


_COLUMNS = [
    Column[AgentRank](
        "Rank",
        lambda one: text.estimate(one.rank, one.rank_lower, one.rank_upper, 0) if _has_score(one) else text.DASH,
        numeric=True,
    ),
    Column[AgentRank]("Agent", lambda one: a(href=f"/agents/{one.agent_id}", dir="auto")[_name(one)]),
    Column[AgentRank]("Score", lambda one: text.estimate(one.score, one.lower, one.upper), numeric=True),
    Column[AgentRank]("n", lambda one: text.number(one.n), numeric=True),
    Column[AgentRank]("Won", lambda one: _deals(one, "won"), numeric=True),
    Column[AgentRank]("Lost", lambda one: _deals(one, "lost"), numeric=True),
    Column[AgentRank]("Open", lambda one: _deals(one, "open"), numeric=True),
    Column[AgentRank]("Evidence", _evidence),
]


def _figures(record: Agent, place: AgentRank | None, expected: ExpectedClosings) -> Node:
    scored = place if place and _has_score(place) else None
    return stats(
        stat(
            "Rank",
            str(scored.rank) if scored else text.DASH,
            f"may be {text.span(str(scored.rank_lower), str(scored.rank_upper))}" if scored else "nothing to rank by",
        ),
        stat(
            "Score",
            text.number(scored.score, 2) if scored else text.DASH,
            f"{text.number_span(scored.lower, scored.upper, 2)}, n = {text.number(scored.n)}"
            if scored
            else "not enough data",
        ),
        stat("Won", _deals(place, "won") if place else text.DASH, "deals closed and won"),
        stat("Lost", _deals(place, "lost") if place else text.DASH, "deals closed and lost"),
        stat("Open", deals_link(str(expected.open_deals), agent_id=record.agent_id, outcome="open"), "deals"),
    )


def _score(place: AgentRank | None) -> Node:
    if place is None:
        return note("This agent is not in the ranking.")
    few = p[badge(FEW, "warn"), " One or two deals prove nothing: such an agent follows the others."]
    return [
        few if place.status != "ok" else None,
        reasons(place.reasons),
        note(f"Rests on: {EVIDENCE.get(place.evidence, text.words(place.evidence))}."),
    ]


def _skills(agent_id: UUID, parts: Sequence[SkillPart]) -> Node:
    if not parts:
        return note("No closed deal with known stages yet.")
    known = [one for one in parts if one.status == "ok" and one.score is not None]
    missing = [f"{text.words(one.part)}: {one.n} deals" for one in parts if one not in known]
    closed = [
        deals_link("Won deals", agent_id=agent_id, outcome="won"),
        " · ",
        deals_link("Lost deals", agent_id=agent_id, outcome="lost"),
    ]
    said = _skill_sentence(known)
    return [
        drawn(
            "Passed next to expected",
            said,
            intervals([_skill(one) for one in known], said, reference=1.0) if known else None,
            ("Part", "n", "Passed", "Expected", "Score", "90 % interval"),
            [_skill_row(one) for one in parts],
            f"agent-skills-{agent_id}",
        )
        if known
        else None,
        p[badge("not enough data", "warn"), f" {'; '.join(missing)}."] if missing else None,
        p[closed],
    ]


def _skill_sentence(known: Sequence[SkillPart]) -> str:
    above = [text.words(one.part) for one in known if (one.lower or 0.0) > 1.0]
    below = [text.words(one.part) for one in known if (one.upper or 0.0) < 1.0]
    said = [
        f"Better than such clients lead to expect: {', '.join(above)}." if above else "",
        f"Worse: {', '.join(below)}." if below else "",
    ]
    return " ".join(filter(None, said)) or "In no part a difference from what such clients lead to expect is sure."


def _skill(one: SkillPart) -> Estimate:
    score, lower, upper = one.score or 0.0, one.lower or 0.0, one.upper or 0.0
    written = text.estimate(score, lower, upper)
    return Estimate(f"{text.words(one.part)} (n = {one.n})", lower, score, upper, written, tone_of(lower, upper))


def _skill_row(one: SkillPart) -> Sequence[str]:
    counted = (text.words(one.part), str(one.n), str(one.passed), text.number(one.expected, 1))
    if one.status != "ok":
        return (*counted, "not enough data", text.DASH)
    return (*counted, text.number(one.score, 2), text.number_span(one.lower, one.upper, 2))


def _expected(one: ExpectedClosings) -> Node:
    if one.status != "ok" or one.expected is None:
        return [p[badge("not enough data", "warn")], note(one.why)]
    ends = text.number_span(one.lower, one.upper)
    return [
        p[
            f"{text.number(one.expected, 1)} deals won in the next {one.horizon_days} days; "
            f"{text.percent(one.level)} interval {ends}."
        ],
        note(one.why, f" n = {one.n} closed deals. As of ", text.moment(one.as_of), "."),
    ]


def _activity(record: Agent) -> Node:
    events = a(href=f"/behavior/events?agent_id={record.agent_id}")[text.number(record.event_count)]
    answered = (
        f"{text.hours(record.response_seconds_total / record.response_count / 3600)} (n = {record.response_count})"
        if record.response_count
        else None
    )
    stated = record.avg_response_time
    return facts(
        {
            "Events": events,
            "Last event": text.moment(record.last_event_at),
            "Response time, from events": answered,
            "Response time, as the CRM states": text.hours(None if stated is None else stated / 3600),
            "Calls a day": text.number(record.calls_per_day),
            "Leads answered": text.number(record.lead_responses),
            "Deals won, as the CRM states": text.number(record.deals_closed),
            "Closing rate, as the CRM states": text.percent(record.closing_rate),
            "Mean price of won deals": text.money(record.avg_closing_price, record.currency),
            "Objections heard": _counts(record.objections_heard),
            "Skills, as the CRM states": _shares(record.skill_scores),
            "Projects": text.number(len(record.projects_assigned)) if record.projects_assigned else None,
            "Changed": text.moment(record.updated_at),
        }
    )


def _counts(told: Any) -> str | None:
    if isinstance(told, list):
        return ", ".join(map(str, told)) or None
    if not isinstance(told, Mapping) or not told:
        return None
    ordered = sorted(told.items(), key=lambda item: (-_number(item[1]), item[0]))
    return ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in ordered)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _shares(told: Any) -> str | None:
    if not isinstance(told, Mapping) or not told:
        return None
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in sorted(told.items()))
