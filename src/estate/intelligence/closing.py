"""How likely an agent sells a unit to a client."""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from estate.agent.service import get_agent
from estate.behavior.schemas import DealOut
from estate.client.schemas import ClientOut
from estate.client.service import get_client
from estate.core.fx import Rates, load_rates
from estate.core.types import UnitRef
from estate.intelligence import cards
from estate.intelligence.cards import CLOSING, UNKNOWN, Value
from estate.intelligence.explained import clock, score_fields
from estate.intelligence.features import Book, PastCase, as_cases, load_book
from estate.intelligence.schemas import ClosingOut, Reason
from estate.intelligence.scorecard import FittedCard, fit
from estate.intelligence.wishes import Wishes
from estate.market.service import all_areas
from estate.property import service as property_service
from estate.property.schemas import UnitOut

__all__ = ["ClosingModel", "explain_closing", "load_closing"]

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
    return load_closing(session, [client_id], clock(now)).explain(agent_id, client_id, found)


@dataclass(frozen=True, slots=True)
class ClosingModel:
    """A fitted closing card with the book that it was fitted on.

    Parameters
    ----------
    book : Book
        What was known.
    fitted : FittedCard
        The card after the closed deals.
    rates : Rates
        Exchange rates of the day.
    area_names : mapping
        Names of the areas.
    units : mapping
        Units of the closed deals.
    """

    book: Book
    fitted: FittedCard
    rates: Rates
    area_names: Mapping[uuid.UUID, str]
    units: Mapping[UnitRef, UnitOut]

    def values(self, agent_id: uuid.UUID, client_id: uuid.UUID, unit: UnitOut | None) -> tuple[Value, ...]:
        """Return the features of a triple as of now, in the order of the card."""
        client = self.book.clients[client_id]
        return (
            *self.book.present[client_id],
            self.book.record.skill(agent_id, self.book.now),
            *_unit_values(client, self.book.wishes[client_id], unit, self.area_names, self._price(client, unit)),
        )

    def explain(self, agent_id: uuid.UUID, client_id: uuid.UUID, unit: UnitOut | None) -> ClosingOut:
        """Explain a triple; the client is one that the book was loaded for."""
        fields = score_fields(self.fitted, self.values(agent_id, client_id, unit), self.book.now)
        strongest = fields["contributions"][:REASONS]
        return ClosingOut(
            agent_id=agent_id,
            client_id=client_id,
            property_id=None if unit is None else unit.ref,
            reasons=[Reason(field=c.feature, text=c.why, value=c.value) for c in strongest],
            **fields,
        )

    def _price(self, client: ClientOut, unit: UnitOut | None) -> Decimal | None:
        """Return the price in the currency of the budget, None when it cannot be compared."""
        if unit is None or unit.price is None:
            return None
        return self.rates.convert(unit.price, unit.currency, client.currency)


def load_closing(session: Session, client_ids: Collection[uuid.UUID], now: dt.datetime) -> ClosingModel:
    """Read everything and fit the card, in a number of queries that does not grow with the deals."""
    book = load_book(session, client_ids, now)
    refs = {ref for case in book.past if (ref := _ref(case.deal)) is not None}
    units = property_service.units(session, refs)
    names = {area.area_id: area.area_name for area in all_areas(session)}
    pairs = [_past_values(book, case, units, names) for case in book.past]
    values, usual = [known for known, _ in pairs], [usual for _, usual in pairs]
    fitted = fit(CLOSING, as_cases(book.past, values, usual, len(CLOSING.features)))
    return ClosingModel(book, fitted, load_rates(session, now.date()), names, units)


def _past_values(
    book: Book, case: PastCase, units: Mapping[UnitRef, UnitOut], names: Mapping[uuid.UUID, str]
) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    """Return the features of a closed deal: without what was written after it closed, and with it."""
    client, ref = book.clients[case.deal.client_id], _ref(case.deal)
    written_by = case.deal.closed_at or case.at
    unit = None if ref is None else units.get(ref)
    wishes = book.wishes[client.client_id]
    skill = book.record.skill(case.deal.agent_id, case.at)
    same_currency = unit is not None and unit.currency == client.currency  # Past rates differ.
    price = unit.price if unit is not None and same_currency else None
    usual = _unit_values(client, wishes, unit, names, price)
    if client.updated_at > written_by or (unit is not None and unit.listed_at and unit.listed_at > written_by):
        known: tuple[Value, ...] = (UNKNOWN,) * len(usual)
    elif unit is not None and unit.updated_at > written_by:
        known = (UNKNOWN, *usual[1:])  # The price may be what it was sold for.
    else:
        known = usual
    return (*case.values, skill, *known), (*case.usual, skill, *usual)


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
    if wishes.bedrooms_min is None or unit.bedrooms is None:
        return None
    return wishes.bedroom_gap(unit.bedrooms)


def _ref(deal: DealOut) -> UnitRef | None:
    if deal.project_id is None or deal.unit_id is None:
        return None
    return UnitRef(deal.project_id, deal.unit_id)
