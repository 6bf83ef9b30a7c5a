"""Reads the records that a plain question is about: those it names, or the one of the talk."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy.orm import Session

from estate.behavior import service as behavior_service
from estate.core.types import UnitRef
from estate.intelligence import closings, ranking, unit_value
from estate.market import service as market_service
from estate.market.schemas import AreaHeat
from estate.realestate_gpt import figures
from estate.realestate_gpt.asking import FOREMOST, MINE, THIS_CLIENT, Subject
from estate.realestate_gpt.facts import Fact
from estate.realestate_gpt.layers import documents_of
from estate.realestate_gpt.naming import PEOPLE
from estate.realestate_gpt.records import Key, Record, Value
from estate.realestate_gpt.schemas import AgentContext

__all__ = ["asked_records", "beside_records", "placed", "read", "value_fields", "with_heat"]

STEADY = 1.0  # A change of less than a point of heat is not a trend.

Fields = Mapping[str, Value]


def read(session: Session, layer: str, ids: Iterable[object]) -> dict[str, Record]:
    """Read records of one layer by id, in the order asked for."""
    wanted: list[Key] = [(layer, str(record_id)) for record_id in ids]
    found = documents_of(session, wanted)
    return {key[1]: Record(*key, 1.0, found[key].fields) for key in wanted if key in found}


def asked_records(session: Session, subject: Subject, context: AgentContext, now: dt.datetime) -> list[Record] | None:
    """Return the records that a fact is asked of: those named, else the one of the talk; None: it is no such question.

    Nobody is taken for the one meant while the question has words that may be another name.
    """
    fact = subject.fact
    if fact is None:
        return None
    if subject.match.taken and not subject.match.records:
        return []
    found = [record for record in subject.match.records if record.layer == fact.subject]
    if subject.match.is_part and subject.odd:
        found = []
    if not found and not subject.match.records and not subject.odd:
        found = _of_talk(session, subject, context)
    if not found:
        lacks_unit = _lacks_unit(subject, context)
        return [] if lacks_unit or (subject.odd and _is_bare(subject, context)) else None
    if _is_of_deal(fact):
        return (_deal_of(session, fact, found) if len(found) == 1 else []) or found
    found = _computed(session, subject, found, now)
    return _unlike(found, [asked.field for asked in (fact, subject.second) if asked])


def beside_records(session: Session, subject: Subject, now: dt.datetime) -> list[Record]:
    """Return the further records that a fact is asked of."""
    fact = subject.fact
    if fact is None or fact.layer != fact.subject:
        return []
    return _computed(session, subject, [record for record in subject.beside if record.layer == fact.layer], now)


def _computed(session: Session, subject: Subject, found: Sequence[Record], now: dt.datetime) -> list[Record]:
    """Return records with what is computed of them, where that is asked for."""
    asked = {fact.field for fact in (subject.fact, subject.second) if fact}
    if "rank" in asked:
        return placed(session, found)
    if asked & {"heat_score", "days_on_market"}:
        return with_heat(session, found)
    if "expected_deals" in asked:
        return [record.with_fields(_expected(session, record, now)) for record in found]
    if "fair_value" in asked:
        return [record.with_fields(value_fields(session, UnitRef.parse(record.id))) for record in found]
    return list(found)


def with_heat(session: Session, areas: Sequence[Record]) -> list[Record]:
    """Return areas with their heat, where there is something to tell it by."""
    heat = {str(area.area_id): area for area in market_service.heatmap(session)} if areas else {}
    return [record.with_fields(_heat_fields(heat[record.id])) if record.id in heat else record for record in areas]


def _is_bare(subject: Subject, context: AgentContext) -> bool:
    """Tell whether a fact is asked of somebody who is not on record, and no talk is going on that it may belong to."""
    of_somebody = subject.fact is not None and subject.fact.subject in PEOPLE
    return (of_somebody or not subject.intents) and context.client_id is None and context.property_id is None


def _lacks_unit(subject: Subject, context: AgentContext) -> bool:
    """Tell whether what one unit is worth, or a unit of a number, is asked for, and none is named or talked about."""
    asked = [fact for fact in (subject.fact, subject.second) if fact]
    is_of_one = any(fact.field == "fair_value" or (subject.numbered and fact.subject == "property") for fact in asked)
    return is_of_one and not subject.match.records and not subject.odd and context.property_id is None


def _of_talk(session: Session, subject: Subject, context: AgentContext) -> list[Record]:
    """Return the agent, client or unit of the talk that a fact is asked of, or the agent in the first place."""
    fact = subject.fact
    if fact is not None and fact.field == "rank" and subject.said & FOREMOST:
        first = next((str(place.agent_id) for place in ranking.rank_agents(session)[:1] if place.status == "ok"), None)
        return list(read(session, "agent", [first] if first else []).values())
    if fact is not None and fact.subject == "agent" and subject.said & MINE:
        return list(read(session, "agent", [context.agent_id]).values())
    if fact is not None and fact.subject == "client" and context.client_id and _is_of_client(subject):
        return list(read(session, "client", [context.client_id]).values())
    if fact is not None and fact.subject == "property" and context.property_id and not context.client_id:
        return list(read(session, "property", [context.property_id]).values())
    return []


def _is_of_client(subject: Subject) -> bool:
    """Tell whether a fact is asked of the client of the talk, who need not be spoken of where nothing else is said."""
    is_of_deal = subject.fact is not None and _is_of_deal(subject.fact)
    return bool(subject.said & THIS_CLIENT) or (subject.is_plain and (is_of_deal or not subject.said & MINE))


def _is_of_deal(fact: Fact) -> bool:
    """Tell whether a fact is asked of a client and stands on a deal."""
    return (fact.subject, fact.layer) == ("client", "behavior")


def _deal_of(session: Session, fact: Fact, clients: Sequence[Record]) -> list[Record]:
    """Return the deal of a client that a fact stands on: the lost one, or the open one, else the newest."""
    deals = behavior_service.deals(session, client_ids=[uuid.UUID(client.id) for client in clients])
    if fact.field == "lost_reason":
        chosen = [deal for deal in deals if deal.outcome == "lost"]
    else:
        chosen = [deal for deal in deals if deal.outcome is None] or list(deals)
    return list(read(session, "behavior", [deal.deal_id for deal in chosen[:1]]).values())


def placed(session: Session, agents: Sequence[Record]) -> list[Record]:
    """Return agents with their places on the leaderboard, where there is enough to rank by."""
    places = {str(place.agent_id): place for place in ranking.rank_agents(session) if place.status == "ok"}
    return [
        agent.with_fields({name: getattr(places[agent.id], name) for name in ("rank", "rank_lower", "rank_upper")})
        if agent.id in places
        else agent
        for agent in agents
    ]


def _unlike(records: Sequence[Record], fields: Sequence[str]) -> list[Record]:
    """Keep one of records that say the same: whichever is meant, the answer is right."""
    shown = {tuple(figures.show(record.fields, field) for field in fields): record for record in reversed(records)}
    return list(records) if len(shown) > 1 else list(shown.values())


def _heat_fields(area: AreaHeat) -> Fields:
    """Return the heat of an area as fields, its trend as a word; without it when there is nothing to tell it by."""
    days = {"days_on_market": area.days_on_market}
    if not area.confidence:
        return days
    trend = area.heat_trend
    return days | {
        "heat_score": area.heat_score,
        "heat_band": area.heat_band,
        "heat_n": area.n,
        "heat_peers": area.peers,
        "heat_confidence": area.confidence,
        "heat_direction": None if trend is None else _direction(trend),
    }


def _expected(session: Session, agent: Record, now: dt.datetime) -> Fields:
    """Return the deals that an agent is expected to win as fields; none when too little is known to tell them."""
    found = closings.expected_closings(session, uuid.UUID(agent.id), now)
    if found.status != "ok":
        return {}
    return {
        "expected_deals": found.expected,
        "expected_deals_lower": found.lower,
        "expected_deals_upper": found.upper,
        "horizon_days": found.horizon_days,
    }


def value_fields(session: Session, ref: UnitRef) -> Fields:
    """Return the fair value of a unit as fields; none when too little is known to tell it."""
    value = unit_value.predict(session, ref)
    if value.value is None or value.status != "ok":
        return {}
    return {
        "fair_value": str(value.value),
        "fair_value_lower": str(value.lower),
        "fair_value_upper": str(value.upper),
        "comparables": value.n,
    }


def _direction(trend: float) -> str:
    if abs(trend) < STEADY:
        return "steady"
    return "rising" if trend > 0 else "falling"
