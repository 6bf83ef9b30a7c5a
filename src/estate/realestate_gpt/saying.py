"""How a sentence of a reply is made: our own words around cited fields, or nothing when a field is missing."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from string import Formatter

from estate.realestate_gpt import figures
from estate.realestate_gpt.evidence import Evidence
from estate.realestate_gpt.records import Record
from estate.realestate_gpt.verifier import Audience, Cite, Sentence

__all__ = ["MAX_SHOWN", "Said", "Section", "first", "is_heat_sure", "is_within_budget", "offer", "say"]

Said = Iterator[Sentence | None]
Section = Callable[[Evidence], Said]

MAX_SHOWN = 2  # Units and areas that are described; more are a list, not an answer.
SURE_HEAT = 0.2  # A year among five areas; with less, one of them is first by little more than chance.


def say(template: str, audience: Audience = "agent", /, **records: Record) -> Sentence | None:
    """Make a sentence of fields.

    Parameters
    ----------
    template : str
        Our own words, with ``{role.field}`` for each value.
    audience : {"client", "agent"}
        Who may read it.
    **records : Record
        The record of each role.

    Returns
    -------
    Sentence or None
        None when one of the values is missing.

    Examples
    --------
    >>> area = Record("market", "7", 1.0, {"area_name": "Qamar Quay", "price_avg": "900000", "currency": "AED"})
    >>> say("Prices in {area.area_name} average {area.price_avg}.", area=area).text
    'Prices in Qamar Quay average AED 900,000.'
    """
    text: list[str] = []
    cites: list[Cite] = []
    for literal, slot, _, _ in Formatter().parse(template):
        text.append(literal)
        if slot is None:
            continue
        role, _, field = slot.partition(".")
        record = records[role]
        value = figures.show(record.fields, field)
        if value is None:
            return None
        text.append(value)
        cites.append(Cite(record.layer, record.id, field))
    return Sentence("".join(text), tuple(cites), audience)


def first(*sentences: Sentence | None) -> Sentence | None:
    """Return the first sentence whose values are all known."""
    return next((sentence for sentence in sentences if sentence is not None), None)


def offer(e: Evidence) -> Record | None:
    """Return the unit that prices and chances are about."""
    return e.unit if e.unit is not None else next(iter(e.units), None)


def is_heat_sure(area: Record) -> bool:
    """Tell whether enough months and areas are behind the heat of an area to call it hot or cold without a doubt."""
    return float(area.fields.get("heat_confidence") or 0) >= SURE_HEAT


def is_within_budget(unit: Record, client: Record) -> bool | None:
    """Tell whether a client can pay a unit; None when that is not known, or not in one currency."""
    price, budget = unit.fields.get("price"), client.fields.get("budget")
    if price is None or budget is None or unit.fields.get("currency") != client.fields.get("currency"):
        return None
    return Decimal(str(price)) <= Decimal(str(budget))
