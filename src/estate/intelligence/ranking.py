"""The leaderboard of agents: wins against what their clients led to expect."""

import datetime as dt
import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sqlalchemy.orm import Session

from estate.agent.analytics.ranking import MIN_DEALS, AgentRank, rank
from estate.agent.analytics.skill_parts import STAGES, Part, skill_parts
from estate.agent.schemas import AgentOut
from estate.agent.service import all_agents
from estate.behavior import service as behavior
from estate.behavior.schemas import DealOut
from estate.core.db import whole_house
from estate.core.settings import get_settings
from estate.intelligence import register
from estate.intelligence.cards import BASE_RATE, CARD_WEIGHT, QUALIFICATION
from estate.intelligence.explained import clock
from estate.intelligence.features import closed_by, history_of, load_deals
from estate.intelligence.schemas import AgentRankOut, Reason, SkillPart

__all__ = ["Evidence", "evidence_of", "rank_agents"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of an agent's closed deals.

    Parameters
    ----------
    kind : {"deals", "stated", "none"}
        Deal rows, what the CRM states, or nothing.
    won, expected, n : float
        Deals won, the wins that the average agent would have had with these clients, deals closed.
    is_whole : bool
        Whether wins and closed deals are both known; else one is assumed, and the agent's place with it.
    """

    kind: Literal["deals", "stated", "none"]
    won: float
    expected: float
    n: float
    is_whole: bool = True


NOTHING = Evidence("none", 0, 0, 0)
RUNNING = {"new", "qualified", "viewing", "negotiation", "reserved"}


def rank_agents(session: Session, now: dt.datetime | None = None) -> list[AgentRankOut]:
    """Rank every agent, the best first; those without any evidence come last.

    Of agents whom the actor of the session may not see, nothing is told but the place.

    The expected wins of an agent are the sum of the qualification scores of the clients of the closed deals, as of
    when these were open and by models that had not seen them: case mix without the agent's part. Open deals are
    censored. See `estate.agent.analytics.ranking.rank` and `.skill_parts` for the rest.
    """
    seen = {agent.agent_id for agent in all_agents(session)}
    with whole_house(session):
        places = _all_places(session, clock(now))
    return [place if place.agent_id in seen else _only_place(place) for place in places]


def _only_place(place: AgentRankOut) -> AgentRankOut:
    """Return the place of a colleague without the figures behind it."""
    shown = ("agent_id", "rank", "rank_lower", "rank_upper", "status", "evidence")
    none: dict[str, Any] = dict.fromkeys(("name", "score", "lower", "upper", "n", "open_deals"))
    return AgentRankOut(**{name: getattr(place, name) for name in shown}, **none, skills=[], reasons=[])


def _all_places(session: Session, at: dt.datetime) -> list[AgentRankOut]:
    agents = {agent.agent_id: agent for agent in all_agents(session)}
    deals = load_deals(session, at)
    closed = _closed(session, deals, at)
    evidence, parts = evidence_of(closed, agents), _parts(session, closed)
    running = Counter(deal.agent_id for deal in deals if deal.outcome is None)
    known = [agent_id for agent_id in sorted(agents) if evidence[agent_id].n > 0]
    found = [evidence[agent_id] for agent_id in known]
    ranked = rank(known, [e.won for e in found], [e.expected for e in found], [e.n for e in found])
    silent = sorted(agents.keys() - set(known))
    places = [_ranked(agents[place.agent_id], place, evidence[place.agent_id]) for place in ranked]
    places += [_unranked(agents[a], len(known) + 1, len(agents)) for a in silent]
    return [
        place.model_copy(update={"skills": parts.get(place.agent_id, []), "open_deals": running[place.agent_id]})
        for place in places
    ]


def evidence_of(
    closed: Sequence[tuple[DealOut, float]], agents: Mapping[uuid.UUID, AgentOut]
) -> dict[uuid.UUID, Evidence]:
    """Return what is known of each agent: deal rows, else what is stated, else nothing."""
    from_deals = _from_deals(closed)
    rate = _common_rate(from_deals, agents)
    return {agent_id: from_deals.get(agent_id) or _stated(agent, rate) for agent_id, agent in agents.items()}


def _closed(session: Session, deals: Sequence[DealOut], now: dt.datetime) -> list[tuple[DealOut, float]]:
    """Return the closed deals, each with the chance that its client gave it."""
    scorer = register.scorer(session, QUALIFICATION.kind)
    most = get_settings().training_max_deals
    unseen = history_of(session, deals, now, most, but=scorer.out_of_fold.keys()).past
    chances = dict(scorer.out_of_fold)
    if unseen:
        scores = scorer.predict([case.values for case in unseen]).tolist()
        chances |= {case.deal.deal_id: score for case, score in zip(unseen, scores, strict=True)}
    closed = [deal for deal in deals if deal.outcome is not None]
    return [(deal, chances[deal.deal_id]) for deal in closed if deal.deal_id in chances]


def _parts(session: Session, closed: Sequence[tuple[DealOut, float]]) -> dict[uuid.UUID, list[SkillPart]]:
    """Judge the parts of the sale by the closed deals whose way is known: a stage before the outcome was reported."""
    histories = behavior.stages(session, [deal.deal_id for deal, _ in closed])
    judged = [
        (deal.agent_id, _furthest(deal, way), chance)
        for deal, chance in closed
        if (way := _way(deal, histories.get(deal.deal_id, {})))
    ]
    furthest = np.array([place for _, place, _ in judged], dtype=np.int64)
    chances = np.array([chance for _, _, chance in judged], dtype=np.float64)
    found = skill_parts([agent_id for agent_id, _, _ in judged], furthest, chances)
    return {agent_id: [_part(part) for part in parts] for agent_id, parts in found.items()}


def _way(deal: DealOut, reached: Mapping[str, dt.datetime]) -> set[str]:
    """Return the stages that a deal reached before it closed; a reservation is past the negotiation."""
    before = {stage for stage in RUNNING & reached.keys() if reached[stage] < closed_by(deal)}
    return {"negotiation" if stage == "reserved" else stage for stage in before}


def _furthest(deal: DealOut, way: Collection[str]) -> int:
    """Return the place in `STAGES` that a closed deal got to."""
    return STAGES.index("won") if deal.outcome == "won" else max(map(STAGES.index, way))


def _part(part: Part[uuid.UUID]) -> SkillPart:
    return SkillPart(
        part=part.part,
        n=part.n,
        passed=part.passed,
        expected=part.expected,
        score=part.score if part.enough else None,
        lower=part.lower if part.enough else None,
        upper=part.upper if part.enough else None,
        status="ok" if part.enough else "insufficient_data",
    )


def _from_deals(closed: Sequence[tuple[DealOut, float]]) -> dict[uuid.UUID, Evidence]:
    totals: defaultdict[uuid.UUID, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for deal, chance in closed:
        total = totals[deal.agent_id]
        total[0] += deal.outcome == "won"
        total[1] += chance
        total[2] += 1
    return {agent_id: Evidence("deals", won, expected, n) for agent_id, (won, expected, n) in totals.items()}


def _common_rate(from_deals: Mapping[uuid.UUID, Evidence], agents: Mapping[uuid.UUID, AgentOut]) -> float:
    """Return the share won over all that is known, starting from the card's base rate."""
    won = CARD_WEIGHT * BASE_RATE + sum(e.won for e in from_deals.values())
    n = CARD_WEIGHT + sum(e.n for e in from_deals.values())
    for agent_id, agent in agents.items():
        if agent_id not in from_deals and agent.deals_closed and agent.closing_rate:
            won, n = won + agent.deals_closed, n + agent.deals_closed / agent.closing_rate
    return won / n


def _stated(agent: AgentOut, rate: float) -> Evidence:
    """Read `deals_closed` (deals won) and `closing_rate`; one alone says little and is taken so.

    Without a rate, the wins are taken at the common one, which makes the agent average; without a count, or with no
    win, the rate is worth `MIN_DEALS` deals.
    """
    won, share = float(agent.deals_closed or 0), agent.closing_rate
    if won and share:
        n = won / share
    elif won:
        n = won / rate
    elif share is not None:
        won, n = share * MIN_DEALS, float(MIN_DEALS)
    else:
        return NOTHING
    return Evidence("stated", won, n * rate, n, is_whole=bool(agent.deals_closed and share))


def _ranked(agent: AgentOut, place: AgentRank[uuid.UUID], evidence: Evidence) -> AgentRankOut:
    return AgentRankOut(
        agent_id=agent.agent_id,
        name=agent.name,
        rank=place.rank,
        rank_lower=place.rank_lower,
        rank_upper=place.rank_upper,
        score=place.score,
        lower=place.lower,
        upper=place.upper,
        n=evidence.n if evidence.is_whole else agent.deals_closed or 0,
        status="ok" if evidence.is_whole and evidence.n >= MIN_DEALS else "insufficient_data",
        evidence=evidence.kind,
        skills=[],
        open_deals=0,
        reasons=_reasons(agent, place, evidence),
    )


def _reasons(agent: AgentOut, place: AgentRank[uuid.UUID], evidence: Evidence) -> list[Reason]:
    reasons = [
        _wins(agent, evidence),
        Reason(
            field="score",
            text=f"Wins {place.score:.2f} times as often as the average agent would from such clients "
            f"(90 % interval {place.lower:.2f} to {place.upper:.2f}).",
            value=round(place.score, 4),
        ),
    ]
    if agent.avg_response_time is not None:
        text = f"Answers leads after {agent.avg_response_time / 60:,.0f} minutes on average."
        reasons.append(Reason(field="avg_response_time", text=text, value=agent.avg_response_time))
    return reasons


def _wins(agent: AgentOut, evidence: Evidence) -> Reason:
    """Tell the wins that are known, and what is assumed where they are not."""
    won, share = agent.deals_closed or 0, agent.closing_rate
    if evidence.is_whole:
        source = "closed deals" if evidence.kind == "deals" else "closed deals, as the CRM states"
        text = (
            f"Won {evidence.won:.0f} of {evidence.n:.0f} {source}; "
            f"{evidence.expected:.1f} were expected from such clients."
        )
        field = "deals.outcome" if evidence.kind == "deals" else "deals_closed"
        return Reason(field=field, text=text, value=round(evidence.won, 2))
    if share is None or won:
        stated = "no closing rate" if share is None else f"a closing rate of {share:.0%}"
        deals = "1 deal" if won == 1 else f"{won} deals"
        text = f"The CRM states {deals} won and {stated}: the common one is assumed."
        return Reason(field="deals_closed", text=text, value=won)
    text = f"The CRM states a closing rate of {share:.0%} and no deals won: it is taken as that of {MIN_DEALS} deals."
    return Reason(field="closing_rate", text=text, value=share)


def _unranked(agent: AgentOut, first: int, last: int) -> AgentRankOut:
    text = "No closed deal and no stated closing rate yet: there is nothing to rank by."
    return AgentRankOut(
        agent_id=agent.agent_id,
        name=agent.name,
        rank=first,
        rank_lower=1,
        rank_upper=last,
        score=None,
        lower=None,
        upper=None,
        n=0,
        status="insufficient_data",
        evidence="none",
        skills=[],
        open_deals=0,
        reasons=[Reason(field="deals_closed", text=text, value=agent.deals_closed)],
    )
