"""Collects what a reply may stand on: live records by role, with the figures that the floors below compute."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from sqlalchemy.orm import Session

from estate.agent import service as agent_service
from estate.behavior import service as behavior_service
from estate.client import service as client_service
from estate.core.db import whole_house
from estate.core.fx import load_rates
from estate.core.settings import get_settings
from estate.core.types import UnitRef
from estate.intelligence import actions, areas, calls, closing, contacts, qualification, register
from estate.intelligence.analytics.rest import moment
from estate.intelligence.call_schemas import CallQueue
from estate.intelligence.cards import QUALIFICATION
from estate.intelligence.schemas import ClosingOut, Qualification
from estate.market import service as market_service
from estate.property import service as property_service
from estate.property.schemas import UnitOut
from estate.realestate_gpt.asking import AHEAD, COMPARING, THIS_CLIENT, Subject, understand
from estate.realestate_gpt.evidence import Evidence
from estate.realestate_gpt.facts import Fact
from estate.realestate_gpt.intent import UNITS_MEANT, Intent, Question
from estate.realestate_gpt.offering import (
    budget_of,
    chosen,
    ended,
    is_uncompared,
    is_unlooked,
    offered,
    prices,
)
from estate.realestate_gpt.records import Record, Value
from estate.realestate_gpt.retrieval.lexical import words
from estate.realestate_gpt.retrieval.retriever import retrieve
from estate.realestate_gpt.schemas import AgentContext
from estate.realestate_gpt.subjects import asked_records, beside_records, placed, read, value_fields, with_heat

__all__ = ["gather"]

FOUND = 20  # Records that the search may add.
AREAS = 2
CALLS = 5
RANKED = frozenset({Intent.GENERAL, Intent.NEXT_STEP, Intent.CALL})  # Where the agent's own place matters.
ADVISED = frozenset({Intent.MARKET, Intent.UNIT, Intent.OBJECTION, Intent.NEXT_STEP})
"""Topics on which a client who is only named is advised on as one of the talk."""
FORECAST_MONTHS = 12
NAME_FIELDS = ("name", "area_name", "project_name", "title")
PRICED = frozenset({"cheapest", "dearest"})

Fields = Mapping[str, Value]


def gather(session: Session, text: str, question: Question, context: AgentContext, *, now: dt.datetime) -> Evidence:
    """Collect the evidence for a question.

    Records of the context are read straight from the layers, so that a reply is possible before any search
    document was written; the search adds what the question names.

    Raises
    ------
    NotFound
        When the agent, the client or the unit of the context does not exist.
    """
    agent_service.get_agent(session, context.agent_id)
    client = client_service.get_client(session, context.client_id) if context.client_id is not None else None
    unit = property_service.get_unit(session, context.property_id) if context.property_id else None
    found = retrieve(session, text, limit=FOUND, question=question)
    subject = understand(text, [*found, *_context(session, context)], now.date())
    named, projects = _apart(_named(found, question, subject), question, subject)
    callees = _callees(question, subject, named, context)
    if callees:
        others = (intent for intent in subject.intents if intent not in (Intent.CALL, Intent.GENERAL))
        subject = replace(subject, fact=None, intents=(Intent.CALL, *others))
    elif question.calls and question.chooses and subject.fact is None:
        subject = replace(subject, intents=(Intent.CALL, *(i for i in subject.intents if i is not Intent.CALL)))
    asked = asked_records(session, subject, context, now)
    if subject.fact is not None and asked is not None:
        return Evidence(
            agent=read(session, "agent", [context.agent_id])[str(context.agent_id)],
            asked=tuple(asked),
            beside=tuple(beside_records(session, subject, now)),
            named=_whose(subject.fact, subject.match.records),
            fact=subject.fact,
            second=subject.second,
            intents=(Intent.FACT,),
            match=subject.match,
            odd=subject.odd,
            unknown_place=subject.lacks_other,
            today=now.date(),
        ).joined()
    foreign = not callees and _is_foreign(subject, context)
    question = replace(question, intents=_topics(question, subject, named))
    talk, context = context, _about_named(context, question, subject, named)
    client = client or (client_service.get_client(session, context.client_id) if context.client_id else None)
    area_ids = _area_ids(session, question, named, unit, context)
    rates = load_rates(session, now.date())
    budget = budget_of(question, client)
    units, fits = chosen(session, question, context, named, projects, list(prices(budget, rates)))
    queued = Intent.CALL in question.intents and not callees
    queue = calls.next_calls(session, context.agent_id, now, CALLS) if queued else None
    later = _later(session, context.agent_id, queue)
    ref = context.property_id or next(iter(units), None)
    uncompared = is_uncompared(question, rates)
    return Evidence(
        agent=_agent(session, context.agent_id, question).with_fields(_held(queue)),
        client=_client(session, context, question, ref, now) if context.client_id else None,
        unit=_unit(session, context.property_id, question) if context.property_id else None,
        units=tuple(offered(session, units)),
        areas=tuple(_areas(session, area_ids, question, is_ahead=subject.is_ahead)),
        triggers=tuple(_triggers(session, context.client_id)),
        deals=tuple(_deals(session, context)),
        calls=tuple(_calls(session, queue) if queue else _permitted(session, callees, now)),
        later=tuple(_calls(session, later)) if later else (),
        named=tuple(named),
        intents=question.intents,
        match=subject.match,
        foreign=foreign,
        odd=subject.odd,
        unknown_place=_unknown_place(question, [*found, *named]),
        fits=fits or (None if uncompared else False),
        budgeted=budget.most is not None,
        uncompared=uncompared,
        addressed=context == talk,
        unlooked=is_unlooked(subject, context, named),
        today=now.date(),
    ).joined()


# What the question names


def _named(found: Sequence[Record], question: Question, subject: Subject) -> list[Record]:
    """Return found records whose id or name stands in the question; a name of several, of none of them."""
    phrases = {tuple(words(phrase)) for phrase in question.phrases}
    ids = {str(record_id) for record_id in question.ids} | {str(unit) for unit in question.units}
    named = [r for r in found if r.id in ids or phrases.intersection(map(tuple, _names(r)))]
    named += [r for r in (*subject.match.records, *subject.beside) if r.layer != "behavior"]
    return list({record.key: record for record in named}.values())


def _apart(named: Sequence[Record], question: Question, subject: Subject) -> tuple[list[Record], frozenset[uuid.UUID]]:
    """Take out the units of which only the project is named; it is returned as a limit where homes are wanted."""
    phrases = {tuple(words(phrase)) for phrase in question.phrases}
    sure = (*subject.match.records, *subject.beside) if len(subject.match.records) == 1 else ()
    one = {record.key for record in sure}
    ids = {str(record_id) for record_id in question.ids} | {str(unit) for unit in question.units}
    members = [
        record
        for record in named
        if record.layer == "property"
        and record.key not in one
        and record.id not in ids
        and tuple(words(str(record.fields.get("project_name") or ""))) in phrases
    ]
    is_of_units = any(layer == "property" for layer, _ in one)
    if not members or not (is_of_units or UNITS_MEANT.intersection(subject.intents)):
        return list(named), frozenset()
    projects = frozenset(UnitRef.parse(record.id).project_id for record in members)
    return [record for record in named if record not in members], frozenset() if is_of_units else projects


def _whose(fact: Fact, records: Sequence[Record]) -> tuple[Record, ...]:
    """Return whom a fact that stands on another record is about."""
    if fact.layer == fact.subject:
        return ()
    return tuple(record for record in records if record.layer == fact.subject)[:1]


def _callees(question: Question, subject: Subject, named: Sequence[Record], context: AgentContext) -> list[str]:
    """Return the clients whom a call is asked about: those named, else the one of the talk, unless others are meant."""
    if not question.calls:
        return []
    clients = [record.id for record in named if record.layer == "client"]
    if clients:
        return [] if subject.match.is_part and subject.odd else clients
    meant = bool(subject.said & THIS_CLIENT) or not (subject.odd or subject.match.records)
    return [str(context.client_id)] if context.client_id and meant and not question.chooses else []


def _topics(question: Question, subject: Subject, named: Sequence[Record]) -> tuple[Intent, ...]:
    """Return the topics of a question.

    An area alone, compared or in times to come is a question of its market; whether one who is named is the best lead
    is none of whom to call.
    """
    intents, of_areas = subject.intents, {"market"} == {record.layer for record in subject.match.records}
    is_general = {Intent.GENERAL}.issuperset(intents) or not (AHEAD | COMPARING).isdisjoint(subject.said)
    if Intent.CALL in intents and not question.calls and any(record.layer == "client" for record in named):
        return tuple(dict.fromkeys(Intent.NEXT_STEP if intent is Intent.CALL else intent for intent in intents))
    if not of_areas or not is_general or Intent.MARKET in intents:
        return intents
    return (Intent.MARKET, *(intent for intent in intents if intent is not Intent.GENERAL))


def _about_named(context: AgentContext, question: Question, subject: Subject, named: Sequence[Record]) -> AgentContext:
    """Return the context of a question for advice; the one client who is named is advised on as in a talk."""
    clients = [record.id for record in named if record.layer == "client"]
    is_sure = not (subject.match.is_part and subject.odd)
    if context.client_id is None and len(clients) == 1 and is_sure and not ADVISED.isdisjoint(question.intents):
        return replace(context, client_id=uuid.UUID(clients[0]))
    return context


def _context(session: Session, context: AgentContext) -> list[Record]:
    """Return the people of the talk, who may be meant by name as well."""
    found = list(read(session, "agent", [context.agent_id]).values())
    return found + (list(read(session, "client", [context.client_id]).values()) if context.client_id else [])


def _is_foreign(subject: Subject, context: AgentContext) -> bool:
    """Tell whether a question is none of ours; what is said in a talk with a client may wander."""
    if context.client_id is not None and (subject.intents or not subject.match.records):
        return not subject.intents
    return subject.foreign or (subject.is_vague and context.property_id is None)


def _names(record: Record) -> list[list[str]]:
    return [words(str(record.fields[name])) for name in NAME_FIELDS if record.fields.get(name)]


def _unknown_place(question: Question, found: Sequence[Record]) -> bool:
    """Tell whether the question names places and no found record bears one of their names."""
    names = [set(name) for record in found for name in _names(record)]
    places = [set(words(place)) for place in question.places]
    return bool(places) and not any(place <= name or name <= place for place in places for name in names if name)


# Areas


def _area_ids(
    session: Session, question: Question, named: Sequence[Record], unit: UnitOut | None, context: AgentContext
) -> list[str]:
    """Return the areas that matter: those named, else those of the units, else those that suit the client."""
    asked = [record.id for record in named if record.layer == "market"]
    if asked:
        return asked[:AREAS]
    units = [record.fields.get("area_id") for record in named if record.layer == "property"]
    ids = [str(area_id) for area_id in units if area_id is not None]
    ids += [str(unit.area_id)] if unit is not None and unit.area_id is not None else []
    if context.client_id is not None:
        ids += [str(area.area_id) for area in areas.areas_for(session, context.client_id, limit=AREAS)]
    else:
        ids += [str(area.area_id) for area in market_service.heatmap(session)]
    if question.first in PRICED:
        ids = _by_price(session, ids, dearest=question.first == "dearest")
    return list(dict.fromkeys(ids))[:AREAS]


def _by_price(session: Session, ids: Sequence[str], *, dearest: bool) -> list[str]:
    """Return the areas with a price in the currency of the house, in its order."""
    found = read(session, "market", ids).values()
    averages = {
        record.id: Decimal(str(record.fields["price_avg"]))
        for record in found
        if record.fields.get("price_avg") is not None
        and record.fields.get("currency") == get_settings().default_currency
    }
    return sorted(averages, key=lambda area_id: averages[area_id], reverse=dearest)


def _areas(session: Session, ids: Sequence[str], question: Question, *, is_ahead: bool) -> Iterable[Record]:
    for record in with_heat(session, list(read(session, "market", ids).values())):
        is_market = Intent.MARKET in question.intents
        yield record.with_fields(_forecast(session, record.id, is_ahead=is_ahead)) if is_market else record


def _forecast(session: Session, area_id: str, *, is_ahead: bool) -> Fields:
    """Return the forecast of an area as fields; where there is none and it is asked for, why."""
    forecast = market_service.predict(session, uuid.UUID(area_id), FORECAST_MONTHS)
    if not forecast.months:
        return {"forecast_why": forecast.why} if is_ahead else {}
    last = forecast.months[-1]
    return {
        "forecast_month": last.month.isoformat(),
        "forecast_price": last.price,
        "forecast_price_lower": last.lower,
        "forecast_price_upper": last.upper,
        "forecast_n": forecast.n,
    }


def _unit(session: Session, ref: UnitRef, question: Question) -> Record:
    record = read(session, "property", [ref])[str(ref)]
    if not {Intent.PRICE, Intent.OBJECTION}.intersection(question.intents):
        return record
    return record.with_fields(value_fields(session, ref))


# People


def _agent(session: Session, agent_id: uuid.UUID, question: Question) -> Record:
    record = read(session, "agent", [agent_id])[str(agent_id)]
    return placed(session, [record])[0] if RANKED.intersection(question.intents) else record


def _client(
    session: Session, context: AgentContext, question: Question, ref: UnitRef | None, now: dt.datetime
) -> Record:
    """Return the client with score and chance, both from one reading of the client."""
    client_id = context.client_id
    if client_id is None:
        raise ValueError("there is no client")
    record = read(session, "client", [client_id])[str(client_id)]
    with whole_house(session):
        model = closing.load_closing(session, [client_id], now)
        scorer = register.scorer(session, QUALIFICATION.kind)
    fields = _qualification(*qualification.explain_from(model.present, scorer, [client_id]))
    if ref is not None:
        fields |= _chance(model.explain(context.agent_id, client_id, property_service.get_unit(session, ref)))
    if Intent.NEXT_STEP in question.intents:
        fields |= _likely_step(session, client_id)
    if Intent.CALL in question.intents:
        fields |= _not_now(session, client_id, now)
    return record.with_fields(fields)


def _qualification(score: Qualification) -> dict[str, Value]:
    return {
        "qualification_score": score.score,
        "qualification_lower": score.lower,
        "qualification_upper": score.upper,
        "qualification_band": score.band,
        "qualification_n": score.n,
        "qualification_basis": ended(score.why),
        "qualification_why": next((ended(c.why) for c in score.contributions if c.value is not None), None),
        "ask": ended(score.missing[0].why) if score.missing else None,
    }


def _chance(chance: ClosingOut) -> dict[str, Value]:
    return {
        "closing_probability": chance.score,
        "closing_lower": chance.lower,
        "closing_upper": chance.upper,
        "closing_n": chance.n,
    }


def _likely_step(session: Session, client_id: uuid.UUID) -> dict[str, Value]:
    """Return what usually follows the client's last step, when enough was seen."""
    likely = behavior_service.next_step(session, client_id)
    if likely.status != "ok" or not likely.items:
        return {}
    return {
        "last_step": likely.current,
        "likely_step": likely.items[0].step,
        "likely_step_share": likely.items[0].probability,
    }


def _calls(session: Session, queue: CallQueue) -> Iterable[Record]:
    due = {str(call.client_id): call for call in queue.items}
    for client_id, record in read(session, "client", due).items():
        call = due[client_id]
        last_contact = next((r.text for r in call.reasons if r.field == "time_of_event"), None)
        yield record.with_fields(
            {
                "qualification_score": call.score,
                "priority": call.priority,
                "last_contact": ended(last_contact) if last_contact else None,
            }
        )


def _later(session: Session, agent_id: uuid.UUID, queue: CallQueue | None) -> CallQueue | None:
    """Return whom to call at the first moment at which somebody may be called, when nobody may be called now."""
    if queue is None or queue.items or queue.next_free_at is None:
        return None
    return calls.next_calls(session, agent_id, queue.next_free_at, CALLS)


def _held(queue: CallQueue | None) -> dict[str, Value]:
    """Return why nobody may be called, and from when somebody may."""
    if queue is None or queue.items or not queue.held:
        return {}
    counted = ", ".join(f"{line.reason.replace('_', ' ')} ({line.n})" for line in queue.held)
    return {"calls_held": counted, "calls_from": _clock(queue.next_free_at)}


def _not_now(session: Session, client_id: uuid.UUID, now: dt.datetime) -> dict[str, Value]:
    """Return why a client may not be called, and from when."""
    found = contacts.permission(session, client_id, now)
    return {} if found.allowed else {"call_held": ended(found.why), "call_from": _clock(found.from_when)}


def _permitted(session: Session, client_ids: Sequence[str], now: dt.datetime) -> Iterable[Record]:
    """Return the clients whom a call is asked about, with whether they may be called."""
    for client_id, record in read(session, "client", client_ids).items():
        held = _not_now(session, uuid.UUID(client_id), now)
        yield record.with_fields({"may_call": not held, **held})


def _clock(when: dt.datetime | None) -> str | None:
    return None if when is None else moment(when)


# Behaviour


def _triggers(session: Session, client_id: uuid.UUID | None) -> Iterable[Record]:
    """Return the best supported word that helps to win and, for a client, was not said yet."""
    best = actions.trigger_for(session, client_id)
    if best is None:
        return
    for record in read(session, "behavior", [f"trigger:{best.term}"]).values():
        # The record may be about the same word of the other speaker.
        yield record.with_fields(
            {
                "lift": best.lift,
                "lift_lower": best.lower,
                "lift_upper": best.upper,
                "evidence": best.evidence,
                "n_with": best.n_with,
            }
        )


def _deals(session: Session, context: AgentContext) -> Iterable[Record]:
    """Return the open deals of this agent with this client."""
    if context.client_id is None:
        return []
    deals = behavior_service.deals(session, agent_id=context.agent_id, client_ids=[context.client_id])
    return read(session, "behavior", [deal.deal_id for deal in deals if deal.outcome is None]).values()
