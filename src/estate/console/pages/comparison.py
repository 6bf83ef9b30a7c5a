"""Two to five units side by side: what speaks for and against each, and when each is paid."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from string import ascii_uppercase

from htpy import Element, Node, a, details, div, h2, h3, li, ol, p, section, span, summary

from estate.console import text
from estate.console.charts import Bar, bars, drawn
from estate.console.page import Sheet, View, page
from estate.console.parts import Column, badge, card, listing, note, reasons, with_query
from estate.console.payments import worth, yearly_cost
from estate.console.units import WITH, title_of, unit_link
from estate.sdk import Estate
from estate.sdk.models.property import ComparedUnit, Comparison, Point

__all__ = ["Row", "compare_page", "difference", "money_of", "rows_of", "standing"]

FEWEST, MOST = 2, 5
AMOUNTS = frozenset({"price", "price_per_sqm"})
FIELDS = (
    "price",
    "price_per_sqm",
    "area_sqm",
    "bedrooms",
    "bathrooms",
    "delivery_date",
    "paid_before_handover_pct",
    "cash_ratio",
    "real_demand",
    "sales_velocity",
    "amenities",
    "positive_triggers",
    "negative_reviews",
)
"""The order of the rows; what the API compares besides comes last."""
MARKS = {"better": ("▲ better", "good"), "weaker": ("▼ weaker", "warn"), "between": ("◆ between", "")}

Lettered = tuple[str, ComparedUnit]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure that units are compared by, with its exact value for each of them."""

    field: str
    title: str
    values: dict[str, str]


@page("/properties/compare")
def compare_page(estate: Estate, view: View) -> Sheet:
    """Compare the units of the address."""
    chosen = view.all("unit")
    if not FEWEST <= len(chosen) <= MOST:
        return Sheet("Compare units", _count_refused(chosen))
    first, second, *others = chosen
    compared = estate.property.compare(unit_a=first, unit_b=second, unit=others)
    units = list(zip(ascii_uppercase, compared.units, strict=False))
    return Sheet(
        "Compare units",
        [
            _who(units, chosen),
            card("Side by side", listing("Side by side", _columns(units), rows_of(compared)), _legend()),
            section(aria_label="For and against")[div(".columns.narrow")[[_points(one, units) for one in units]]],
            card("Money over time", _money_table(units), _money_figures(units)),
            _basis(compared),
        ],
    )


def _count_refused(chosen: Sequence[str]) -> Node:
    said = {0: "No unit is chosen.", 1: "Only one unit is chosen."}.get(len(chosen), f"{len(chosen)} units are chosen.")
    kept = chosen if len(chosen) < FEWEST else chosen[:MOST]
    more = a(".button.primary", href=_choose(kept) if len(chosen) < FEWEST else "/properties")["Choose units"]
    five = a(".button", href=_address(kept))[f"Compare the first {MOST}"] if len(chosen) > MOST else None
    return div(".card")[
        p[f"{said} Two to five can be compared: tick them in the list, then press “Compare ticked units”."],
        div(".row")[more, five],
    ]


def _choose(kept: Sequence[str]) -> str:
    return with_query("/properties", {}, **{WITH: ",".join(kept)})


def _address(units: Sequence[str]) -> str:
    return "/properties/compare?" + "&".join(with_query("", {}, unit=one).removeprefix("?") for one in units)


def _who(units: Sequence[Lettered], chosen: Sequence[str]) -> Element:
    def line(letter: str, one: ComparedUnit) -> Node:
        rest = [other for other in chosen if other != one.property_id]
        drop = [" ", a(href=_address(rest), aria_label=f"Leave out {letter}")["Leave out"]] if len(rest) > 1 else None
        return li[unit_link(one.property_id, one.title), f" · {text.money(one.price, one.currency)}", drop]

    add = a(".button", href=_choose(chosen))["Add a unit"] if len(chosen) < MOST else None
    return card("Units", ol(".lettered", type="A")[[line(*one) for one in units]], aside=add)


# ------------------------------------------------------------------------------------------------------ side by side
def rows_of(compared: Comparison) -> list[Row]:
    """Return the figures of every unit, field by field."""
    titles: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    for unit in compared.units:
        for point in (*unit.pros, *unit.cons, *unit.even):
            titles[point.field] = point.text.partition(":")[0]
            values.setdefault(point.field, {}).update({unit.property_id: point.value, point.against: point.other})
    known = [field for field in FIELDS if field in values]
    return [Row(field, titles[field], values[field]) for field in dict.fromkeys([*known, *values])]


def standing(unit: ComparedUnit, field: str) -> str:
    """Say how a unit stands in one figure: better, weaker, between or alike; as the checked statements have it."""
    ahead, behind = (any(point.field == field for point in side) for side in (unit.pros, unit.cons))
    return "between" if ahead and behind else "better" if ahead else "weaker" if behind else "alike"


def difference(units: Sequence[ComparedUnit], row: Row) -> str:
    """Say whether units differ in a figure."""
    if any(standing(unit, row.field) != "alike" for unit in units):
        return "≠ differs"
    return "= alike" if len(row.values) == len(units) else "not known of all"


def _columns(units: Sequence[Lettered]) -> list[Column[Row]]:
    every = [unit for _, unit in units]
    return [
        Column("Figure", lambda row: row.title),
        *(Column(f"{letter} · {title_of(unit.title)}", partial(_cell, unit)) for letter, unit in units),
        Column("Difference", lambda row: difference(every, row)),
    ]


def _cell(unit: ComparedUnit, row: Row) -> Node:
    value = row.values.get(unit.property_id)
    if value is None:
        return text.DASH
    mark = MARKS.get(standing(unit, row.field))
    return [_written(value, row.field, unit.currency), " ", badge(*mark) if mark else None]


def _written(value: str, field: str, currency: str) -> str:
    if field in AMOUNTS:
        return text.money(Decimal(value), currency)
    if field == "delivery_date":
        return text.day(dt.date.fromisoformat(value))
    return {
        "area_sqm": f"{value} m²",
        "paid_before_handover_pct": f"{value} %",
        "sales_velocity": f"{value} a month",
    }.get(field, value)


def _legend() -> Node:
    return note(
        "▲ better for the buyer than at least one of the others and weaker than none, ▼ weaker than one and better than"
        " none, ◆ both. A difference that a buyer would not notice, or that may be chance, counts as alike."
    )


# ------------------------------------------------------------------------------------------------- for and against
def _points(lettered: Lettered, units: Sequence[Lettered]) -> Element:
    letter, unit = lettered
    letters = {one.property_id: name for name, one in units}

    def said(points: Sequence[Point]) -> list[str]:
        if len(units) == FEWEST:
            return [point.text for point in points]
        return [f"{point.text.removesuffix('.')} (against {letters.get(point.against, 'another')})" for point in points]

    return section(".card")[
        h2[f"{letter} · ", span(dir="auto")[title_of(unit.title)]],
        h3["For it"],
        reasons(said(unit.pros), "good") or note("Nothing speaks for it against the others."),
        h3["Against it"],
        reasons(said(unit.cons), "against") or note("Nothing speaks against it."),
    ]


def _basis(compared: Comparison) -> Element:
    left_out = reasons(compared.not_compared, "against") or note("Every figure on record could be compared.")
    return card(
        "What this rests on",
        h3["What was not compared"],
        left_out,
        details[summary[f"All {len(compared.reasons)} checked statements"], reasons(compared.reasons)],
    )


# -------------------------------------------------------------------------------------------------- money over time
def _money_table(units: Sequence[Lettered]) -> Element:
    rows = dict.fromkeys(name for _, unit in units for name in money_of(unit))
    columns = [
        Column[str]("Figure", lambda name: name),
        *(Column[str](f"{letter} · {title_of(unit.title)}", partial(_money_cell, unit)) for letter, unit in units),
    ]
    missing = [
        f"{letter}: {unit.money_missing or 'Nothing is known of its payments.'}"
        for letter, unit in units
        if unit.money_over_time is None
    ]
    return div[listing("Money over time", columns, rows, empty="Of none of them."), reasons(missing, "against")]


def _money_cell(unit: ComparedUnit, name: str) -> str:
    return money_of(unit).get(name, text.DASH)


def money_of(unit: ComparedUnit) -> dict[str, str]:
    """Write what a unit costs over time, figure by figure; nothing where it is not known when it is paid."""
    money = unit.money_over_time
    if money is None:
        return {}

    def amount(value: Decimal | None) -> str:
        return text.money(value, unit.currency)

    return {
        "Price": amount(unit.price),
        "Cash price": amount(money.cash_price),
        f"Worth on the day of booking, at {money.annual_rate_pct} % a year": worth(money, unit.currency),
        "The plan costs a year, against cash": yearly_cost(money),
        "Most due within 12 months": amount(money.peak_12m_outlay),
        "Payments": text.number(len(money.instalments)),
        "Last payment": text.day(money.instalments[-1].due_on) if money.instalments else text.DASH,
        **{
            f"Worth if handed over {late.delay_months} months late": amount(late.cash_equivalent_price)
            for late in money.late_handover
            if late.delay_months
        },
    }


def _money_figures(units: Sequence[Lettered]) -> list[Node]:
    """Draw one figure a currency: amounts of two currencies have no common axis."""
    held = [one for one in units if one[1].money_over_time is not None]
    return [
        _money_figure([one for one in held if one[1].currency == currency], currency)
        for currency in dict.fromkeys(unit.currency for _, unit in held)
    ]


def _money_figure(units: Sequence[Lettered], currency: str) -> Element:
    sentence = _money_sentence(units, currency)
    items = [bar for letter, unit in units for bar in _money_bars(letter, unit)]
    rows = [(bar.label, text.number(bar.value)) for bar in items]
    title = f"What is paid, and what it is worth ({currency})"
    return drawn(title, sentence, bars(items, sentence), ("What", currency), rows, "money-over-time")


def _money_bars(letter: str, unit: ComparedUnit) -> list[Bar]:
    money = unit.money_over_time
    if money is None:
        return []
    figures = {
        "price": (unit.price, "total"),
        "worth at booking": (money.cash_equivalent_price, ""),
        "most within 12 months": (money.peak_12m_outlay, "quiet"),
    }
    return [
        Bar(f"{letter}: {name}", float(amount), text.money(amount, unit.currency), tone)
        for name, (amount, tone) in figures.items()
        if amount is not None
    ]


def _money_sentence(units: Sequence[Lettered], currency: str) -> str:
    plans = {letter: one.money_over_time for letter, one in units if one.money_over_time is not None}
    least = min(plans, key=lambda letter: plans[letter].cash_equivalent_price)
    light = min(plans, key=lambda letter: plans[letter].peak_12m_outlay)
    amounts = (plans[least].cash_equivalent_price, plans[light].peak_12m_outlay)
    cost, heaviest = (text.money(amount, currency) for amount in amounts)
    return (
        f"Paid by its plan, {least} costs least in money of today: {cost}."
        f" {light} asks least within 12 months: {heaviest}."
    )
