"""How likely an agent sells a unit to a client."""

import datetime as dt
import uuid
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from estate.agent.service import get_agent, known_agents
from estate.behavior.schemas import DealOut
from estate.client.schemas import ClientOut
from estate.client.service import get_client, some_clients
from estate.core.db import whole_house
from estate.core.errors import FieldProblem, Invalid
from estate.core.fx import Rates, load_rates
from estate.core.types import UnitRef
from estate.intelligence import cards, register
from estate.intelligence.cards import CLOSING, UNKNOWN, Value
from estate.intelligence.explained import clock, score_fields, status_of
from estate.intelligence.features import History, PastCase, Present, Record, closed_by, load_present, load_record
from estate.intelligence.schemas import ChanceOut, ClosingOut, Reason, Triple
from estate.intelligence.scorer import Cases, Chance, Scorer, as_rows
from estate.intelligence.wishes import Wishes
from estate.market.service import area_names
from estate.property import service as property_service
from estate.property.schemas import UnitOut

__all__ = ["Closing", "closing_cases", "closing_chances", "explain_closing", "load_closing"]

REASONS = 4


def explain_closing(
    session: Session,
    agent_id: uuid.UUID,
    client_id: uuid.UUID,
    unit: UnitRef | None,
    now: dt.datetime | None = None,
) -> ClosingOut:
    """Estimate the chance that an agent wins a deal with a client over a unit, and say why.

    The card `cards.CLOSING`, moved by closed deals. The agent enters as a record shrunk towards the common rate, the
    price only as what it is above the budget, with a weight that is never positive: a higher price never raises the
    score. Currencies are compared through a dated rate or not at all.

    Parameters
    ----------
    unit : UnitRef or None
        None leaves the unit out: what it adds is listed as missing.

    Raises
    ------
    AgentNotFound, ClientNotFound, UnitNotFound
        When one of the three does not exist.
    """
    get_agent(session, agent_id)
    get_client(session, client_id)
    found = None if unit is None else property_service.get_unit(session, unit)
    with whole_house(session):
        return load_closing(session, [client_id], clock(now)).explain(agent_id, client_id, found)


def closing_chances(session: Session, triples: Sequence[Triple], now: dt.datetime | None = None) -> list[ChanceOut]:
    """Estimate the chances of many triples in one pass, in their order.

    Raises
    ------
    Invalid
        When an agent, client or unit does not exist; the problems name the triples.
    """
    agents = known_agents(session, {triple.agent_id for triple in triples})
    units = property_service.units(session, {ref for triple in triples if (ref := triple.property) is not None})
    with whole_house(session):
        closing = load_closing(session, {triple.client_id for triple in triples}, clock(now))
    clients = some_clients(session, closing.present.clients)
    if problems := [p for i, t in enumerate(triples) for p in _unknown(i, t, agents, clients, units)]:
        raise Invalid("Some triples name what does not exist.", problems=tuple(problems))
    asked = [(t.agent_id, t.client_id, None if t.property is None else units[t.property]) for t in triples]
    scorer = closing.scorer
    shared = {"n": scorer.n, "status": status_of(scorer.n), "as_of": closing.present.now}
    return [
        ChanceOut(agent_id=t.agent_id, client_id=t.client_id, property_id=t.property, **chance._asdict(), **shared)
        for t, chance in zip(triples, closing.chances(asked), strict=True)
    ]


def _unknown(
    place: int, triple: Triple, agents: Container[uuid.UUID], clients: Container[uuid.UUID], units: Container[UnitRef]
) -> Iterator[FieldProblem]:
    if triple.agent_id not in agents:
        yield FieldProblem("agent_id", "no such agent", place)
    if triple.client_id not in clients:
        yield FieldProblem("client_id", "no such client", place)
    if triple.property is not None and triple.property not in units:
        yield FieldProblem("property", "no such unit", place)


@dataclass(frozen=True, slots=True)
class Closing:
    """All that a chance of closing is made from, for some clients.

    Parameters
    ----------
    present : Present
        The clients.
    record : Record
        Of the agents.
    scorer : Scorer
        The card, moved by closed deals.
    rates : Rates
        Exchange rates of the day.
    area_names : mapping
        Names of the areas.
    """

    present: Present
    record: Record
    scorer: Scorer
    rates: Rates
    area_names: Mapping[uuid.UUID, str]

    def values(self, agent_id: uuid.UUID, client_id: uuid.UUID, unit: UnitOut | None) -> tuple[Value, ...]:
        """Return the features of a triple as of now, in the order of the card."""
        client, wishes = self.present.clients[client_id], self.present.wishes[client_id]
        return (
            *self.present.values[client_id],
            self.record.skill(agent_id),
            *_unit_values(client, wishes, unit, self.area_names, self._price(client, unit)),
        )

    def explain(self, agent_id: uuid.UUID, client_id: uuid.UUID, unit: UnitOut | None) -> ClosingOut:
        """Explain a triple; the client is one of those present."""
        (fields,) = score_fields(self.scorer, [self.values(agent_id, client_id, unit)], self.present.now)
        strongest = [c for c in fields["contributions"] if c.value is not None][:REASONS]
        return ClosingOut(
            agent_id=agent_id,
            client_id=client_id,
            property_id=None if unit is None else unit.ref,
            reasons=[Reason(field=c.feature, text=c.why, value=c.value) for c in strongest],
            **fields,
        )

    def chances(self, triples: Sequence[tuple[uuid.UUID, uuid.UUID, UnitOut | None]]) -> list[Chance]:
        """Score many triples of present clients in one pass."""
        return self.scorer.chances([self.values(*triple) for triple in triples])

    def _price(self, client: ClientOut, unit: UnitOut | None) -> Decimal | None:
        """Return the price in the currency of the budget, None when it cannot be compared."""
        if unit is None or unit.price is None:
            return None
        return self.rates.convert(unit.price, unit.currency, client.currency)


def load_closing(session: Session, client_ids: Collection[uuid.UUID], now: dt.datetime) -> Closing:
    """Read what closing needs, in a number of queries that does not grow with clients or deals."""
    return Closing(
        load_present(session, client_ids, now),
        load_record(session, now),
        register.scorer(session, CLOSING.kind),
        load_rates(session, now.date()),
        area_names(session),
    )


def closing_cases(session: Session, history: History) -> Cases:
    """Return closed deals as the model learns from them."""
    refs = {ref for case in history.past if (ref := _ref(case.deal)) is not None}
    units, names = property_service.units(session, refs), area_names(session)
    pairs = [_past_values(case, units, names) for case in history.past]
    width = len(CLOSING.features)
    return Cases.of(
        history.past, as_rows([known for known, _ in pairs], width), as_rows([usual for _, usual in pairs], width)
    )


def _past_values(
    case: PastCase, units: Mapping[UnitRef, UnitOut], names: Mapping[uuid.UUID, str]
) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    """Return the features of a closed deal: without what was written after it closed, and with it."""
    client, ref = case.client, _ref(case.deal)
    written_by = closed_by(case.deal)
    unit = None if ref is None else units.get(ref)
    same_currency = unit is not None and unit.currency == client.currency  # Past rates differ.
    price = unit.price if unit is not None and same_currency else None
    usual = _unit_values(client, case.wishes, unit, names, price)
    if client.updated_at > written_by or (unit is not None and unit.listed_at and unit.listed_at > written_by):
        known: tuple[Value, ...] = (UNKNOWN,) * len(usual)
    elif unit is not None and unit.updated_at > written_by:
        known = (UNKNOWN, *usual[1:])  # The price may be what it was sold for.
    else:
        known = usual
    return (*case.values, case.skill, *known), (*case.usual, case.skill, *usual)


def _unit_values(
    client: ClientOut,
    wishes: Wishes,
    unit: UnitOut | None,
    names: Mapping[uuid.UUID, str],
    price: Decimal | None,
) -> tuple[Value, ...]:
    """Return over_budget, area_fit and rooms_fit; `price` is in the currency of the budget."""
    if unit is None:
        return (UNKNOWN, UNKNOWN, UNKNOWN)
    return (
        cards.over_budget(price, client.budget),
        cards.area_fit(_wanted(wishes, unit, names)),
        cards.rooms_fit(_gap(wishes, unit)),
    )


def _wanted(wishes: Wishes, unit: UnitOut, names: Mapping[uuid.UUID, str]) -> bool | None:
    if not wishes.has_area or unit.area_id is None:
        return None
    return wishes.wants_area(unit.area_id, names.get(unit.area_id))


def _gap(wishes: Wishes, unit: UnitOut) -> int | None:
    if not wishes.has_bedrooms or unit.bedrooms is None:
        return None
    return wishes.bedroom_gap(unit.bedrooms)


def _ref(deal: DealOut) -> UnitRef | None:
    if deal.project_id is None or deal.unit_id is None:
        return None
    return UnitRef(deal.project_id, deal.unit_id)
