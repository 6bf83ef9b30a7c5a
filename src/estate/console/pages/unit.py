"""One unit: what is known, what it is worth, how long it takes to sell, and when it is paid."""

from collections.abc import Mapping, Sequence
from typing import Any

from htpy import Element, Node, a, div, h3, li, p, span, ul

from estate.console import text
from estate.console.charts import Estimate, drawn, intervals
from estate.console.page import Sheet, View, page
from estate.console.parts import Column, card, facts, listing, note, reasons, stat, stats, with_query
from estate.console.payments import payments_card
from estate.console.units import WITH, find_unit, rooms, size, status_badge, title_of, unit_link
from estate.sdk import Estate
from estate.sdk.models.property import (
    Comparable,
    ComparedUnit,
    Counted,
    SaleChance,
    TimeToSell,
    Unit,
    Value,
)

__all__ = [
    "amenities",
    "counted_rows",
    "price_in_words",
    "said_of",
    "unit_page",
]

METHODS = {"comparables": "Mean of comparable sales", "learned": "Model learned from past sales"}

Figure = tuple[str, Node, Counted | None]


@page("/properties/{property_id}")
def unit_page(estate: Estate, view: View) -> Sheet:
    """Show one unit."""
    property_id = view.params["property_id"]
    value = estate.property.predict(unit=property_id)
    unit = find_unit(estate, value.property_id)
    if unit is None:
        return Sheet("Not found", note("This unit is not on record any more. ", a(href="/properties")["All units"]))
    area = estate.market.query(area_id=unit.area_id).first() if unit.area_id else ()
    area_name = next((one.area_name for one in area), None)
    return Sheet(
        title_of(unit.title),
        [
            _doors(unit, view),
            _headline(unit, value),
            card("Facts", facts(_facts(unit, area_name)), _list("Amenities", amenities(unit.amenities))),
            _value_card(value),
            _time_card(unit, value.time_to_sell),
            payments_card(unit, _money(estate, unit)),
            _counted_card(unit),
        ],
    )


def _money(estate: Estate, unit: Unit) -> ComparedUnit | None:
    """Return when a unit is paid; the API tells it of units that are compared, so another one stands beside it."""
    pairs = (estate.property.query(project_id=where, limit=2).first() for where in (unit.project_id, None))
    ids = (one.property_id for pair in pairs for one in pair)
    sibling = next((one for one in ids if one != unit.property_id), None)
    if sibling is None:
        return None
    compared = estate.property.compare(unit_a=unit.property_id, unit_b=sibling)
    return next((one for one in compared.units if one.property_id == unit.property_id), None)


def _doors(unit: Unit, view: View) -> Node:
    compare = a(".button", href=with_query("/properties", {}, **{WITH: unit.property_id}))["Compare with another unit"]
    ask = a(".button", href=with_query("/assistant", {}, unit=unit.property_id))["Ask the assistant"]
    return div(".row.doors")[compare, ask if view.acts else None]


# ------------------------------------------------------------------------------------------------ figures and facts
def _headline(unit: Unit, value: Value) -> Node:
    money = value.time_to_sell.median_days
    return stats(
        stat("Asking price", text.money(unit.price, unit.currency), price_in_words(value)),
        stat("Fair value", _value_written(value), _value_detail(value)),
        stat(
            "Half are sold within",
            "Not known" if money is None else f"{text.number(money)} days",
            f"{value.time_to_sell.sold} of {value.time_to_sell.n} units of the area with a listing date were sold",
        ),
    )


def _value_written(value: Value) -> str:
    return "Not enough data" if value.value is None else text.money(value.value, value.currency)


def _value_detail(value: Value) -> str:
    if value.value is None:
        return value.why
    return f"{_range(value)}, {text.percent(value.level)} interval, n = {value.n}"


def _range(value: Value) -> str:
    return text.span(text.money(value.lower, value.currency), text.number(value.upper))


def price_in_words(value: Value) -> str:
    """Say how the asking price lies to the fair value."""
    if value.price is None:
        return "No asking price on record."
    if value.price_to_value is None or value.lower is None or value.upper is None:
        return "There is no fair value to hold it against."
    gap = value.price_to_value - 1
    share = text.percent(abs(gap), 1)
    side = "At the fair value" if abs(gap) < 0.0005 else f"{share} {'above' if gap > 0 else 'below'} the fair value"
    if value.lower <= value.price <= value.upper:
        return f"{side}, within its interval."
    return f"{side}, {'above' if value.price > value.upper else 'below'} its whole interval."


def _facts(unit: Unit, area_name: str | None) -> dict[str, Node]:
    project = a(href=with_query("/properties", {}, project_id=str(unit.project_id)), dir="auto")
    area = a(href=f"/market/{unit.area_id}", dir="auto")[area_name or "Area"] if unit.area_id else None
    complete = None if unit.percent_complete is None else f"{text.number(unit.percent_complete)} % built"
    return {
        "Status": status_badge(unit.status),
        "Project": project[unit.project_name or "Project"],
        "Developer": unit.developer and span(dir="auto")[unit.developer],
        "Area": area,
        "Kind": unit.unit_type and text.words(unit.unit_type),
        "Segment": unit.segment and text.words(unit.segment),
        "Size": size(unit),
        "Bedrooms": rooms(unit),
        "Bathrooms": None if unit.bathrooms is None else str(unit.bathrooms),
        "Delivery": text.day(unit.delivery_date),
        "Project's handover": text.day(unit.handover_on),
        "Construction": complete,
        "Listed": text.moment(unit.listed_at),
        "Sold": text.moment(unit.sold_at),
        "Events": _events(unit, str(unit.event_count)),
        "Last event": text.moment(unit.last_event_at),
        "Changed": text.moment(unit.updated_at),
    }


def _events(unit: Unit, count: str) -> Node:
    return a(href=with_query("/behavior/events", {}, unit=unit.property_id))[count]


def _list(title: str, names: Sequence[str], empty: str = "None on record.") -> Node:
    items = ul(".plain")[[li(dir="auto")[one] for one in names]]
    return [h3[title], items if names else note(empty)]


def amenities(held: Any) -> list[str]:
    """Name amenities, however the source wrote them."""
    return [str(one.get("label") or one.get("code")) if isinstance(one, Mapping) else str(one) for one in _items(held)]


def _items(held: Any) -> list[Any]:
    """Return what a source wrote as a list, as an object or as one word."""
    return list(held) if isinstance(held, list | tuple | Mapping) else [held] if held else []


# -------------------------------------------------------------------------------------------------------- fair value
def _value_card(value: Value) -> Element:
    if value.value is None or value.status != "ok":
        return card("Fair value", p["There is not enough data for a fair value."], note(value.why))
    sold = with_query("/properties", {}, status="sold")
    known = {
        "Method": METHODS.get(value.method, text.words(value.method)),
        "How it came about": value.why,
        "As of": text.day(value.as_of),
        "Sales behind the method": a(href=sold)[text.number(value.sales)],
    }
    return card(
        "Fair value",
        facts(known),
        reasons(value.reasons),
        _value_figure(value) if value.comparables else None,
        h3["Comparable sales"],
        listing("Comparable sales", _comparable_columns(value.currency), value.comparables, empty="None."),
        note("Adjusted price = price × the factors for size and for time: what the sale says about this unit today."),
        id="value",
    )


def _value_figure(value: Value) -> Element:
    scale, unit = _axis(value)
    middle, lower, upper = (float(one or 0) / scale for one in (value.value, value.lower, value.upper))
    written = text.money(value.value, value.currency)
    drawn_first = Estimate(f"Fair value, {text.percent(value.level)}", lower, middle, upper, written, "good")
    rest = [_sale(one, scale, value.currency) for one in value.comparables]
    sentence = _value_sentence(value)
    rows = [
        (title_of(one.title), *map(text.number, (one.adjusted_price,) * 3), text.day(one.sold_on))
        for one in value.comparables
    ]
    rows.insert(0, ("Fair value", *map(text.number, (value.lower, value.value, value.upper)), text.day(value.as_of)))
    rows.append(("Asking price", *(text.number(value.price),) * 3, text.DASH))
    return drawn(
        "Comparables, fair value and asking price",
        sentence,
        intervals(
            [drawn_first, *rest],
            sentence,
            reference=None if value.price is None else float(value.price) / scale,
            unit=unit,
        ),
        ("What", f"Lower ({value.currency})", "Middle", "Upper", "Day"),
        rows,
        "fair-value",
    )


def _axis(value: Value) -> tuple[float, str]:
    """Return what the axis counts in: millions or thousands."""
    return (1e6, " m") if (value.upper or 0) >= 1_000_000 else (1e3, " k")


def _sale(one: Comparable, scale: float, currency: str) -> Estimate:
    at = float(one.adjusted_price) / scale
    label = f"{text.day(one.sold_on)}, {text.number(one.area_sqm)} m²"
    return Estimate(label, at, at, at, text.money(one.adjusted_price, currency))


def _value_sentence(value: Value) -> str:
    adjusted = [one.adjusted_price for one in value.comparables]
    sales = f"{len(adjusted)} comparable sale{'s' if len(adjusted) > 1 else ''}"
    asked = "" if value.price is None else f" The dashed line is the asking price: {price_in_words(value)}"
    return (
        f"Fair value {text.money(value.value, value.currency)}, {text.percent(value.level)} interval {_range(value)}."
        f" {sales}, adjusted, lie between {text.number(min(adjusted))} and {text.number(max(adjusted))}.{asked}"
    )


def _comparable_columns(currency: str) -> list[Column[Comparable]]:
    return [
        Column("Unit", lambda one: unit_link(one.property_id, one.title)),
        Column("Sold", lambda one: text.day(one.sold_on), numeric=True),
        Column("Price", lambda one: text.money(one.price, currency), numeric=True),
        Column("Size", lambda one: f"{text.number(one.area_sqm)} m²", numeric=True),
        Column("Per m²", lambda one: text.number(one.price_per_sqm), numeric=True),
        Column("For size", lambda one: f"× {one.size_adjustment:.3f}", numeric=True),
        Column("For time", lambda one: f"× {one.time_adjustment:.3f}", numeric=True),
        Column("Adjusted price", lambda one: text.money(one.adjusted_price, currency), numeric=True),
    ]


# ------------------------------------------------------------------------------------------------------ time to sell
def _time_card(unit: Unit, time: TimeToSell) -> Element:
    if time.status != "ok" or not time.chances:
        return card("Time to sell", p["There is not enough data for the time to sell."], note(time.why))
    return card("Time to sell", _time_figure(time), note(time.why), _peers(unit, time), id="time-to-sell")


def _peers(unit: Unit, time: TimeToSell) -> Node:
    if unit.area_id is None:
        return None
    every = with_query("/properties", {}, area_id=str(unit.area_id))
    return p[a(href=every)[f"Units of the area (n = {time.n})"]]


def _time_figure(time: TimeToSell) -> Element:
    sentence = _time_sentence(time)
    estimates = [_chance(one) for one in time.chances]
    rows = [
        (f"{one.days} days", text.percent(one.lower), text.percent(one.probability), text.percent(one.upper))
        for one in time.chances
    ]
    return drawn(
        "Chance of a sale by days since listing",
        sentence,
        intervals(estimates, sentence, unit=" %"),
        ("Within", "Lower", "Chance", "Upper"),
        rows,
        "time-to-sell",
    )


def _chance(one: SaleChance) -> Estimate:
    lower, middle, upper = (max(0.0, end) * 100 for end in (one.lower, one.probability, one.upper))
    return Estimate(f"within {one.days} days", lower, middle, upper, text.percent(one.probability))


def _time_sentence(time: TimeToSell) -> str:
    last = time.chances[-1]
    half = "" if time.median_days is None else f" Half are sold within {text.number(time.median_days)} days."
    ends = text.percent_span(last.lower, last.upper)
    return f"{text.percent(last.probability)} ({ends}) are sold within {last.days} days of listing.{half}"


# --------------------------------------------------------------------------------------------------- counted figures
def _counted_card(unit: Unit) -> Element:
    return card(
        "Demand, sales and what was said",
        listing("Counted figures", _counted_columns(), counted_rows(unit)),
        _list("What went with winning", said_of(unit.positive_triggers), "Nothing on record."),
        _list("What spoke against it", said_of(unit.negative_reviews), "Nothing on record."),
        id="demand",
    )


def counted_rows(unit: Unit) -> list[Figure]:
    """Return the counted figures with what each of them rests on; a stated one rests on its source."""
    sold = with_query("/properties", {}, project_id=str(unit.project_id), status="sold")
    velocity = f"{text.number(unit.sales_velocity, 2)} sales a month"
    shown: dict[str, tuple[str, Node]] = {
        "real_demand": ("Clients asking (demand)", _events(unit, text.number(unit.real_demand))),
        "sales_velocity": ("Sales of the project", a(href=sold)[velocity]),
        "positive_triggers": ("Terms that went with winning", text.number(len(said_of(unit.positive_triggers)))),
        "negative_reviews": ("Terms and reviews against it", text.number(len(said_of(unit.negative_reviews)))),
    }
    return [
        (title, None if getattr(unit, name) is None else value, unit.computed.get(name))
        for name, (title, value) in shown.items()
    ]


def _counted_columns() -> list[Column[Figure]]:
    return [
        Column("Figure", lambda row: row[0]),
        Column("Value", lambda row: row[1] or text.DASH, numeric=True),
        Column("n", lambda row: text.number(row[2].n) if row[2] else text.DASH, numeric=True),
        Column("Covers", lambda row: _window(row[2])),
        Column("Unchanged since", lambda row: text.moment(row[2].as_of) if row[2] else text.DASH),
        Column(
            "How it came about",
            lambda row: span(".roomy")[_why(row)],
        ),
    ]


def _why(row: Figure) -> str:
    _, value, counted = row
    if counted:
        return counted.why
    return "Neither counted nor stated yet." if value is None else "Stated by the source, not counted."


def _window(counted: Counted | None) -> str:
    if counted is None:
        return text.DASH
    return "Whole history" if counted.window_days is None else f"Last {counted.window_days} days"


def said_of(held: Any) -> list[str]:
    """Write terms and reviews, whether they were counted or stated."""
    return [_said(one) if isinstance(one, Mapping) else str(one) for one in _items(held)]


def _said(one: Mapping[str, Any]) -> str:
    if "term" in one:
        tally = ", ".join(f"{one.get(name, 0)} {name}" for name in ("won", "lost", "open"))
        return f"“{one['term']}” ({one.get('speaker', 'somebody')}; {tally}; {one.get('evidence', 'counted')})"
    more = [str(one[name]) + unit for name, unit in (("stars", " stars"), ("topic", "")) if one.get(name) is not None]
    return f"{one.get('text', text.DASH)}" + (f" ({', '.join(more)})" if more else "")
