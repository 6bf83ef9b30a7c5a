"""Chooses the homes that a reply offers: by the limits that the question states, and what suits the client."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from sqlalchemy.orm import Session

from estate.client.schemas import ClientOut
from estate.core.fx import Rates
from estate.core.settings import get_settings
from estate.core.types import UnitRef
from estate.intelligence import matching
from estate.intelligence.schemas import Reason, Recommendation, TradeOff
from estate.intelligence.wishes import type_pattern
from estate.property import service as property_service
from estate.realestate_gpt import figures
from estate.realestate_gpt.asking import UNCOMPARED, Subject
from estate.realestate_gpt.budgets import Budget
from estate.realestate_gpt.homes import HOMES, Home, kinds_in
from estate.realestate_gpt.intent import UNITS_MEANT, Question
from estate.realestate_gpt.records import Record, Value
from estate.realestate_gpt.schemas import AgentContext
from estate.realestate_gpt.subjects import read

__all__ = ["budget_of", "chosen", "ended", "is_uncompared", "is_unlooked", "offered", "prices"]

UNITS = 3
MEETING = 30  # Of those that meet the question, the ones that suit the client come first.
QUOTED = ("title", "project_name", "developer", "unit_type")
WITH_SUMS = frozenset({"price", "budget"})

Fields = Mapping[str, Value]


def chosen(
    session: Session,
    question: Question,
    context: AgentContext,
    named: Sequence[Record],
    projects: frozenset[uuid.UUID],
    budgets: Sequence[Budget],
) -> tuple[dict[UnitRef, Fields], bool]:
    """Return units to offer with why, and whether they meet what the question itself asks for."""
    suited: dict[UnitRef, Fields] = {}
    if context.client_id is not None:
        matches = matching.recommend(session, context.client_id)
        suited = {UnitRef(match.project_id, match.unit_id): _match(match) for match in matches}
    asked = [UnitRef.parse(record.id) for record in named if record.layer == "property"]
    meeting = asked or _meeting(session, question, context, named, projects, budgets)
    if meeting and question.first is None:
        meeting = sorted(meeting, key=lambda ref: ref not in suited)
    offers = meeting or list(suited)
    return {ref: suited.get(ref, {}) for ref in offers[:UNITS]}, bool(meeting) or meeting is None


def _meeting(
    session: Session,
    question: Question,
    context: AgentContext,
    named: Sequence[Record],
    projects: frozenset[uuid.UUID],
    budgets: Sequence[Budget],
) -> list[UnitRef] | None:
    """Return available units within the budget and the limits that the question states; None when it states none."""
    area_ids = [uuid.UUID(record.id) for record in named if record.layer == "market"]
    home = _home(question, context, named)
    if question.budget.is_empty and home.is_open and not (area_ids or projects) and question.first is None:
        return None
    return [
        unit.ref
        for price in budgets
        for unit in property_service.candidates(
            session,
            area_ids=area_ids or None,
            project_ids=projects or None,
            price_min=price.least,
            price_max=price.most,
            currency=price.currency,
            bedrooms_min=home.fewest,
            bedrooms_max=home.most,
            type_pattern=type_pattern(home.kinds) if home.kinds else None,
            refused_pattern=type_pattern(home.refused) if home.refused else None,
            first=question.first,
            limit=MEETING,
        )
    ]


def budget_of(question: Question, client: ClientOut | None) -> Budget:
    """Return what a unit may cost; where the question names no sum, the client's budget bounds it."""
    stated = question.budget
    if stated.currency is not None or client is None:
        return stated
    if stated.is_empty:
        stated = Budget(most=client.budget)
    return stated if stated.is_empty else replace(stated, currency=client.currency)


def _home(question: Question, context: AgentContext, named: Sequence[Record]) -> Home:
    """Return the home asked for; "this villa" is the one of the talk, and a kind may be of an area's name."""
    if context.property_id is not None:
        return question.home.without(HOMES)
    names = " ; ".join(str(record.fields.get("area_name")) for record in named if record.layer == "market")
    return question.home.without(kinds_in(names))


def prices(budget: Budget, rates: Rates) -> Iterator[Budget]:
    """Yield a budget in its own currency, and in that of the house where a rate leads there."""
    yield budget
    house = get_settings().default_currency
    if not budget.is_empty and budget.currency != house and (converted := _converted(budget, house, rates)):
        yield converted


def is_uncompared(question: Question, rates: Rates) -> bool:
    """Tell whether the sum of a question cannot be compared with prices in the currency of the house."""
    if question.budget.is_empty or question.budget.currency is None:
        return question.budget.is_open
    return _converted(question.budget, get_settings().default_currency, rates) is None


def _converted(budget: Budget, currency: str, rates: Rates) -> Budget | None:
    """Return a budget in another currency, None when no rate leads there."""
    if budget.currency is None or rates.convert(Decimal(1), budget.currency, currency) is None:
        return None
    least, most = (end and rates.convert(end, budget.currency, currency) for end in (budget.least, budget.most))
    return Budget(least, most, currency)


def is_unlooked(subject: Subject, context: AgentContext, named: Sequence[Record]) -> bool:
    """Tell whether homes are wished for by what no search for them compares."""
    is_of_one = context.property_id is not None or any(record.layer == "property" for record in named)
    return not is_of_one and not UNITS_MEANT.isdisjoint(subject.intents) and not UNCOMPARED.isdisjoint(subject.said)


def _match(match: Recommendation) -> Fields:
    fields: dict[str, Value] = {"match_score": match.score}
    for place, reason in enumerate(match.reasons[:2], start=1):
        fields[f"reason_{place}"] = _said(reason)
    if match.trade_offs:
        fields["trade_off"] = _said(match.trade_offs[0])
    return fields


def _said(reason: Reason | TradeOff) -> str | None:
    """Return what a reason says, unless a name in it states a sum: only prices and budgets do."""
    text = ended(reason.text)
    return None if figures.states_sum(text) and reason.field not in WITH_SUMS else text


def offered(session: Session, units: Mapping[UnitRef, Fields]) -> Iterable[Record]:
    """Return units with the reasons that quote nothing but names."""
    records = read(session, "property", units)
    places = read(session, "market", {area_id for r in records.values() if (area_id := r.fields.get("area_id"))})
    for ref, fields in units.items():
        if (record := records.get(str(ref))) is not None:
            place = places.get(str(record.fields.get("area_id")))
            held = [record.fields.get(name) for name in QUOTED] + [place.fields.get("area_name") if place else None]
            names = [name for name in held if isinstance(name, str)]
            yield record.with_fields({n: v for n, v in fields.items() if _is_quotable(v, names)})


def _is_quotable(value: Value, names: Sequence[str]) -> bool:
    return not isinstance(value, str) or figures.may_quote(value, names)


def ended(text: str) -> str:
    """End a text with a full stop."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
