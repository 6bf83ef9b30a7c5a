"""When a unit is paid, and what that is worth on the day of booking."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import accumulate, groupby

from htpy import Element, Node, h3, p, span

from estate.console import text
from estate.console.charts import Bar, drawn, steps
from estate.console.parts import Column, card, facts, listing, note
from estate.sdk.models.property import ComparedUnit, Instalment, LateHandover, MoneyOverTime, Unit

__all__ = ["grouped", "payments_card", "schedule", "worth", "yearly_cost"]

MOST_DUES = 16
SOURCES = {"stated": "Instalments as the developer states them", "generated": "Instalments derived from the headline"}


def payments_card(unit: Unit, compared: ComparedUnit | None) -> Element:
    """Draw when a unit is paid and what that is worth, or why nobody knows."""
    if compared is None:
        return card("Payments", note("The schedule is asked by a comparison, and there is no other unit to compare."))
    money = compared.money_over_time
    if money is None:
        why = compared.money_missing or "Nothing is known of its payments."
        return card("Payments", p["There is no schedule of payments."], note(why))
    return card(
        "Payments",
        facts(_money_facts(unit, money)),
        schedule(money.instalments, unit.currency),
        h3["If the handover comes late"],
        listing("If the handover comes late", _late_columns(unit.currency), money.late_handover, empty="Not computed."),
        id="payments",
    )


def worth(money: MoneyOverTime, currency: str) -> str:
    """Write what a plan of payments is worth on the day of booking."""
    amount = text.money(money.cash_equivalent_price, currency)
    return f"{amount} ({text.percent(money.cash_equivalent_ratio, 1)} of the price)"


def yearly_cost(money: MoneyOverTime) -> str:
    """Write what a plan costs a year against cash."""
    rate = money.implied_annual_rate
    return "No rate: all is due at once" if rate is None else text.percent(rate, 1)


def _money_facts(unit: Unit, money: MoneyOverTime) -> dict[str, Node]:
    plan = unit.payment_plan.get("name") if isinstance(unit.payment_plan, Mapping) else None
    return {
        "Plan": plan and span(dir="auto")[str(plan)],
        "Rests on": SOURCES.get(money.schedule_source, text.words(money.schedule_source)),
        "If booked on": text.day(money.booked_on),
        "Handover": text.day(money.handover_on),
        "Worth on the day of booking": worth(money, unit.currency),
        "Discounted at": f"{money.annual_rate_pct} % a year",
        "Cash price": text.money(money.cash_price, unit.currency),
        "The plan costs a year, against cash": yearly_cost(money),
        "Most due within 12 months": text.money(money.peak_12m_outlay, unit.currency),
    }


def schedule(instalments: Sequence[Instalment], currency: str) -> Node:
    """Draw when a unit is paid: each payment goes on from where the one before ended."""
    if not instalments:
        return None
    total = sum((one.amount for one in instalments), Decimal())
    sums = accumulate(one.amount for one in instalments)
    rows = [
        (text.day(one.due_on), text.words(one.stage), text.number(one.amount), text.number(paid), _share(paid, total))
        for one, paid in zip(instalments, sums, strict=True)
    ]
    sentence = _schedule_sentence(instalments, total, currency)
    moves = [Bar(label, float(amount), text.number(amount), "plain") for label, amount in grouped(instalments)]
    picture = steps(Bar("Before booking", 0.0, "0"), moves, Bar("In all", float(total), text.number(total)), sentence)
    heads = ("Due", "Stage", f"Amount ({currency})", "Paid by then", "Share")
    return drawn("Payments over time", sentence, picture, heads, rows, "payments")


def _schedule_sentence(instalments: Sequence[Instalment], total: Decimal, currency: str) -> str:
    first, last = instalments[0].due_on, instalments[-1].due_on
    at_first = sum((one.amount for one in instalments if one.due_on == first), Decimal())
    written = text.money(total, currency)
    if first == last:
        return f"All of {written} is due on {text.day(first)}."
    count = len(instalments)
    return (
        f"{written} in {count} payments: {_share(at_first, total)} on {text.day(first)}, the last on {text.day(last)}."
    )


def _share(part: Decimal, whole: Decimal) -> str:
    return text.percent(float(part / whole)) if whole else text.DASH


def grouped(instalments: Iterable[Instalment]) -> list[tuple[str, Decimal]]:
    """Sum payments by day; where that makes too many bars, by month, and else by year."""
    ordered = sorted(instalments, key=lambda one: one.due_on)
    written = (_sums(ordered, write) for write in (text.day, text.month, _year))
    return next((sums for sums in written if len(sums) <= MOST_DUES), _sums(ordered, _year))


def _sums(ordered: Iterable[Instalment], write: Callable[[dt.date], str]) -> list[tuple[str, Decimal]]:
    parts = groupby(ordered, key=lambda one: write(one.due_on))
    return [(label, sum((one.amount for one in members), Decimal())) for label, members in parts]


def _year(day: dt.date) -> str:
    return f"{day:%Y}"


def _late_columns(currency: str) -> list[Column[LateHandover]]:
    return [
        Column("Handover", lambda one: f"{one.delay_months} months late" if one.delay_months else "On time"),
        Column("Last payment", lambda one: text.day(one.last_due_on), numeric=True),
        Column("Worth at booking", lambda one: text.money(one.cash_equivalent_price, currency), numeric=True),
        Column("Most due within 12 months", lambda one: text.money(one.peak_12m_outlay, currency), numeric=True),
    ]
