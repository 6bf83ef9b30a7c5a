"""Why a unit is shown to a client: parts that sum to the score, each with the stored fact that proves it."""

import datetime as dt
import math
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from estate.intelligence.schemas import Reason, TradeOff
from estate.intelligence.taste import FIELDS, Home, Lift, Value
from estate.intelligence.wishes import Wishes, amenity_keys, unit_type_key
from estate.property.analytics.amenities import label
from estate.property.schemas import UnitOut

__all__ = ["Asked", "Fit", "Known", "Part", "explain", "wish_parts"]

WORTH_SAYING = 0.05
"""A log-lift nearer to 0 is neither for nor against a unit."""
REASONS_AT_LEAST = 2
"""Beside what holds of every candidate."""
RARE = 4
FAR_BELOW, NEARLY_ALL = Decimal("0.5"), Decimal("0.95")
"""Shares of the budget."""
MAX_UNWISHED = 3
"""Trade-offs that no stated wish is behind, beside those that one is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the profile states."""

    wishes: Wishes
    budget: Decimal | None
    currency: str


@dataclass(frozen=True)
class Known:
    """What a unit is explained from.

    Parameters
    ----------
    area_names : mapping
        Names of the areas.
    asked_about, refused, enquiries : sequence of Home
        Units that the client asked about and turned down, each once, and those of the newest enquiries of all.
    amenities : mapping
        Amenity to the log-lift of having it.
    """

    area_names: Mapping[uuid.UUID, str]
    asked_about: Sequence[Home]
    refused: Sequence[Home]
    enquiries: Sequence[Home]
    amenities: Mapping[str, float]
    now: dt.datetime

    def asked(self, field: str, value: Value) -> int:
        """Count the units asked about that have a value."""
        return sum(home.values[field] == value for home in self.asked_about)

    def enquired(self, field: str, value: Value) -> int:
        """Count the enquiries about units that have a value."""
        return self._by_value[field][value]

    @cached_property
    def _by_value(self) -> dict[str, Counter[Value]]:
        return {field: Counter(home.values[field] for home in self.enquiries) for field in FIELDS}

    @cached_property
    def by_unit(self) -> Counter[str]:
        """Enquiries of each unit."""
        return Counter(home.key for home in self.enquiries)


@dataclass(frozen=True, slots=True)
class Part:
    """One stated wish against one unit.

    Parameters
    ----------
    fit : float
        0 (missed) to 1 (met).
    text : str
        The fact in words.
    value : str, float, int or None
        The stored value.
    """

    field: str
    fit: float
    text: str
    value: str | float | int | None


@dataclass(frozen=True, slots=True)
class Fit:
    """The score of one unit and what it consists of."""

    score: float
    reasons: tuple[Reason, ...]
    trade_offs: tuple[TradeOff, ...]


Evidence = dict[str, int]
Usual = Mapping[str, float]
"""By field, what a count was held against, as it is stated."""


def explain(
    unit: UnitOut, asked: Asked, known: Known, price: Decimal | None, lifts: Mapping[str, Lift], row: int
) -> Fit:
    """Return the score with its reasons and trade-offs.

    A trait in favour of the unit is a reason whose part is its log-lift over the width of all scales. What neutral
    traits would give, less what speaks against the unit, is the part of the last reason, that it is for sale within
    the limits. So the parts sum to `estate.intelligence.taste.score`.

    Parameters
    ----------
    price : Decimal or None
        In the currency of the budget; None when no rate leads there.
    row : int
        Of the unit in the lifts.
    """
    wishes = {part.field: part for part in wish_parts(unit, asked, known.area_names, price)}
    width = sum(lift.high - lift.low for lift in lifts.values()) or 1.0
    own = {field: float(lift.values[row]) for field, lift in lifts.items()}
    usual = {field: round(float(lift.usual[row]), 1) for field, lift in lifts.items() if lift.usual is not None}
    reasons, base = [], sum(-lift.low for lift in lifts.values())
    for field, lift in sorted(own.items(), key=lambda item: (-item[1], item[0])):
        reason = None if lift <= 0 else _reason(field, unit, wishes.get(field), known, usual, lift / width)
        if reason is not None:
            reasons.append(reason)
        else:
            base += lift
    reasons += _met(wishes, reasons)
    if len(reasons) < REASONS_AT_LEAST:
        reasons += _since(unit, known)
    against = sorted((f for f in own if own[f] < -WORTH_SAYING and f not in wishes), key=lambda f: own[f])
    trade_offs = [point for field in against if (point := _against(field, unit, known, usual)) is not None]
    trade_offs = [*_far_from_target(unit, asked, price), *trade_offs]
    missed = [TradeOff(field=p.field, text=p.text, value=p.value) for p in wishes.values() if p.fit < 1]
    trade_offs = missed + trade_offs[:MAX_UNWISHED]
    reasons += _facts(unit, base / width)
    return Fit(min(1.0, sum(r.part for r in reasons)), tuple(reasons), tuple(trade_offs or [_caveat(unit, known)]))


def _met(wishes: Mapping[str, Part], reasons: Sequence[Reason]) -> list[Reason]:
    """Return the wishes that are met in full and that the taste has no more to say about."""
    said = {reason.field for reason in reasons}
    return [
        Reason(field=p.field, text=p.text, value=p.value) for p in wishes.values() if p.fit == 1 and p.field not in said
    ]


# Stated wishes


def wish_parts(unit: UnitOut, asked: Asked, area_names: Mapping[uuid.UUID, str], price: Decimal | None) -> list[Part]:
    """Compare a unit with every wish that the profile states."""
    found = (
        _place(unit, asked.wishes, area_names),
        _bedrooms(unit, asked.wishes),
        _price(unit, asked, price),
        _type(unit, asked.wishes),
        _amenities(unit, asked.wishes),
        _delivery(unit, asked.wishes.delivery_by),
        _segment(unit, asked.wishes.segment),
    )
    return [part for part in found if part is not None]


def _place(unit: UnitOut, wishes: Wishes, area_names: Mapping[uuid.UUID, str]) -> Part | None:
    if not wishes.has_area:
        return None
    name = None if unit.area_id is None else area_names.get(unit.area_id)
    value = None if unit.area_id is None else str(unit.area_id)
    if wishes.wants_area(unit.area_id, name):
        return Part("area_id", 1, f"In {name or 'a wanted area'}, one of the wanted areas.", value)
    return Part("area_id", 0, f"In {name or 'an unknown area'}, not one of the wanted areas.", value)


def _bedrooms(unit: UnitOut, wishes: Wishes) -> Part | None:
    if not wishes.has_bedrooms:
        return None
    if unit.bedrooms is None:
        return Part("bedrooms", 0, "The number of bedrooms is not stated.", None)
    gap, wish = wishes.bedroom_gap(unit.bedrooms), _span(wishes.bedrooms_min, wishes.bedrooms_max)
    text = f"Bedrooms: {unit.bedrooms}, {'as wished' if gap == 0 else f'wished are {wish}'}."
    return Part("bedrooms", float(gap == 0), text, unit.bedrooms)


def _price(unit: UnitOut, asked: Asked, price: Decimal | None) -> Part | None:
    if not asked.budget:
        return None
    stated = None if unit.price is None else str(unit.price)
    if price is None:
        text = f"The price in {unit.currency} is not compared with the budget in {asked.currency}: no exchange rate."
        return Part("price", 0, text, stated)
    within = price <= asked.budget
    text = f"Asks {_money(unit)}, {'within' if within else 'above'} the budget of {_budget(asked)}."
    return Part("price", float(within), text, stated)


def _far_from_target(unit: UnitOut, asked: Asked, price: Decimal | None) -> list[TradeOff]:
    """Say that a price leaves little of the budget, or is far below it."""
    share = price / asked.budget if price is not None and asked.budget else None
    if share is None or FAR_BELOW < share < NEARLY_ALL or share > 1:
        return []
    how = "little is left of it" if share >= NEARLY_ALL else "far below it"
    text = f"Asks {_money(unit)}, {share:.0%} of the budget of {_budget(asked)}: {how}."
    return [TradeOff(field="price", text=text, value=str(unit.price))]


def _type(unit: UnitOut, wishes: Wishes) -> Part | None:
    if not wishes.unit_types:
        return None
    wanted = " or ".join(sorted(wishes.unit_types))
    if unit_type_key(unit.unit_type) in wishes.unit_types:
        return Part("unit_type", 1, f"Is a wished {unit.unit_type}.", unit.unit_type)
    return Part("unit_type", 0, f"Is {unit.unit_type or 'of unknown type'}, wished is {wanted}.", unit.unit_type)


def _amenities(unit: UnitOut, wishes: Wishes) -> Part | None:
    if not wishes.amenities:
        return None
    has = wishes.amenities & amenity_keys(unit.amenities)
    lacks = sorted(label(code).lower() for code in wishes.amenities - has)
    text = f"Wished amenities: {len(has)} of {len(wishes.amenities)}"
    text += f", without {', '.join(lacks)}." if lacks else "."
    return Part("amenities", len(has) / len(wishes.amenities), text, ", ".join(sorted(has)) or None)


def _delivery(unit: UnitOut, wanted: dt.date | None) -> Part | None:
    if wanted is None:
        return None
    if unit.delivery_date is None:
        return Part("delivery_date", 0, "The delivery date is not stated.", None)
    late, day = (unit.delivery_date - wanted).days, unit.delivery_date.isoformat()
    if late <= 0:
        return Part("delivery_date", 1, f"Delivered by {day}, in time for {wanted.isoformat()}.", day)
    text = f"Delivered by {day}, {_count(late, 'day')} after the wished {wanted.isoformat()}."
    return Part("delivery_date", 0, text, day)


def _segment(unit: UnitOut, wanted: str | None) -> Part | None:
    if wanted is None:
        return None
    stated = (unit.segment or "of unknown segment").replace("_", "-")
    if unit.segment == wanted:
        return Part("segment", 1, f"Is {stated}, as wished.", unit.segment)
    return Part("segment", 0, f"Is {stated}, wished is {wanted.replace('_', '-')}.", unit.segment)


# What behaviour says


def _reason(field: str, unit: UnitOut, wish: Part | None, known: Known, usual: Usual, part: float) -> Reason | None:
    """Say what speaks for a unit; a wish that is missed or half met never does."""
    if wish is not None:
        met = wish.fit == 1
        return Reason(field=field, text=wish.text, value=wish.value, part=part) if met else None
    if field == "enquiries":
        said = _enquired(unit, known, usual, more=True)
    else:
        said = _counted(field, unit, known) if field in FIELDS else _told(field, unit, known)
    if said is None:
        return None
    text, value, evidence = said
    return Reason(field=field, text=text, value=value, part=part, evidence=evidence)


Said = tuple[str, str | float | int | None, Evidence]


def _counted(field: str, unit: UnitOut, known: Known) -> Said | None:
    """Count the units asked about that share a value, else the enquiries of all clients."""
    value = _value(field, unit)
    if value is None:
        return None
    what = _named(field, unit, known)
    asked, of = known.asked(field, value), len(known.asked_about)
    if asked:
        return f"{asked} of the {of} units that the client asked about: {what}.", value, {"asked": asked, "of": of}
    enquiries, all_of = known.enquired(field, value), len(known.enquiries)
    if not enquiries:
        return None
    text = f"{enquiries} of the newest {all_of} enquiries of all clients: {what}."
    return text, value, {"enquiries": enquiries, "enquiries_of": all_of}


def _value(field: str, unit: UnitOut) -> Value:
    if field == "unit_type":
        return unit_type_key(unit.unit_type)
    found = getattr(unit, field)
    return str(found) if isinstance(found, uuid.UUID) else found


def _named(field: str, unit: UnitOut, known: Known) -> str:
    if field == "area_id":
        name = None if unit.area_id is None else known.area_names.get(unit.area_id)
        return f"in {name or 'the same area'}"
    if field == "bedrooms":
        return _count(unit.bedrooms or 0, "bedroom")
    names = {
        "project_id": f"of the project {unit.project_name or unit.project_id}",
        "developer": f"built by {unit.developer}",
        "unit_type": f"of the type {unit.unit_type}",
        "segment": (unit.segment or "").replace("_", "-"),
    }
    return names[field]


def _told(field: str, unit: UnitOut, known: Known) -> Said | None:
    if field == "area_sqm":
        return _size(unit, known)
    if field == "amenities":
        return _liked(unit, known)
    if field == "listed_at" and unit.listed_at is not None:
        days = max(0, (known.now - unit.listed_at).days)
        return f"Listed {_count(days, 'day')} ago.", unit.listed_at.isoformat(), {"days": days}
    if field == "interest":
        return "The client has already asked about or looked at this unit.", unit.property_id, {}
    return None


def _enquired(unit: UnitOut, known: Known, usual: Usual, *, more: bool) -> Said | None:
    """Say that more, or fewer, enquiries than usual are about a unit; nothing where the counts do not bear it out."""
    n, of, expected = known.by_unit[unit.property_id], len(known.enquiries), usual.get("enquiries")
    if expected is None or n == expected or (n > expected) != more:
        return None
    text = f"Of the newest {of} enquiries of all clients {n} {'is' if n == 1 else 'are'} about this unit; usual"
    text += f"{' for its time on sale' if unit.listed_at else ''}: {expected:.1f}."
    return text, n, {"enquiries": n, "enquiries_of": of}


def _size(unit: UnitOut, known: Known) -> Said | None:
    """Say that the size is one of those asked about."""
    sizes = [home.sqm for home in known.asked_about if home.sqm]
    if not sizes or unit.area_sqm is None or not min(sizes) <= unit.area_sqm <= max(sizes):
        return None
    least, most = math.floor(min(sizes)), math.ceil(max(sizes))
    text = f"Has {unit.area_sqm:g} m²; the units that the client asked about have {least} to {most} m²."
    return text, unit.area_sqm, {"least": least, "most": most}


def _liked(unit: UnitOut, known: Known) -> Said | None:
    """Name the amenity that says most for the unit."""
    has = [code for code in amenity_keys(unit.amenities) if known.amenities.get(code, 0.0) > 0]
    if not has:
        return None
    best = max(has, key=lambda code: (known.amenities[code], code))
    asked = sum(best in home.amenities for home in known.asked_about)
    enquired = sum(best in home.amenities for home in known.enquiries)
    if asked:
        of = len(known.asked_about)
        return f"Has {label(best).lower()}, as {asked} of the {of} units asked about.", best, {"asked": asked, "of": of}
    of = len(known.enquiries)
    text = f"Has {label(best).lower()}, as the units of {enquired} of the newest {of} enquiries."
    return text, best, {"enquiries": enquired, "enquiries_of": of}


def _against(field: str, unit: UnitOut, known: Known, usual: Usual) -> TradeOff | None:
    """Say what speaks against a unit, where a count shows it."""
    said: Said | None = None
    if field in FIELDS:
        said = _rarely(field, unit, known)
    elif field == "refused":
        said = _like_refused(unit, known)
    elif field == "enquiries":
        said = _enquired(unit, known, usual, more=False)
    return None if said is None else TradeOff(field=field, text=said[0], value=said[1], evidence=said[2])


def _like_refused(unit: UnitOut, known: Known) -> Said | None:
    places = {f: value for f in ("area_id", "project_id") if (value := _value(f, unit)) is not None}
    n = sum(any(home.values[f] == value for f, value in places.items()) for home in known.refused)
    return (
        (f"The client turned down {_count(n, 'unit')} in the same area or project.", n, {"refused": n}) if n else None
    )


def _rarely(field: str, unit: UnitOut, known: Known) -> Said | None:
    """Count a value that at most one in `RARE` of the units asked about has, or of the enquiries of all."""
    value = _value(field, unit)
    asked, of, evidence = known.asked(field, value), len(known.asked_about), ("asked", "of")
    who = "units that the client asked about"
    if not of:
        asked, of, evidence = known.enquired(field, value), len(known.enquiries), ("enquiries", "enquiries_of")
        who = "newest enquiries of all clients"
    if value is None or asked * RARE > of:
        return None
    text = f"Only {asked} of the {of} {who}: {_named(field, unit, known)}."
    return text, value, dict(zip(evidence, (asked, of), strict=True))


# Plain facts


def _since(unit: UnitOut, known: Known) -> list[Reason]:
    """Return since when a unit of which little speaks in favour is for sale; it adds nothing to the score."""
    said = _told("listed_at", unit, known)
    return [] if said is None else [Reason(field="listed_at", text=said[0], value=said[1], evidence=said[2])]


def _facts(unit: UnitOut, base: float) -> list[Reason]:
    """Return what holds of every candidate; the first carries what neutral traits give."""
    facts = [Reason(field="status", text="It is for sale now and keeps every limit.", value=unit.status, part=base)]
    facts.append(Reason(field="unit_id", text="It is on our own list.", value=str(unit.unit_id)))
    return facts


def _caveat(unit: UnitOut, known: Known) -> TradeOff:
    n, is_own = unit.event_count, any(home.key == unit.property_id for home in known.asked_about)
    whose = ", this one included" if is_own else ": others look at it too"
    text = f"{_count(n, 'event')} of all clients{whose}." if n else "Nobody has asked about it yet."
    return TradeOff(field="event_count", text=text, value=n)


def _money(unit: UnitOut) -> str:
    return "an unknown price" if unit.price is None else f"{unit.price:,.0f} {unit.currency}"


def _budget(asked: Asked) -> str:
    return f"{asked.budget:,.0f} {asked.currency}"


def _span(low: int | None, high: int | None) -> str:
    if low is None:
        return f"up to {high}"
    if high is None:
        return f"{low} or more"
    return f"{low}" if low == high else f"{low} to {high}"


def _count(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"
