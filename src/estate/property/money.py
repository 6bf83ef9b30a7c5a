"""Says what a unit's price and plan come to over time, for a buyer who books on a given day."""

import datetime as dt
from decimal import Decimal

from estate.core.settings import get_settings
from estate.property import describe
from estate.property.analytics.plan_money import implied_rate, stress
from estate.property.models import Unit
from estate.property.schemas import InstalmentOut, LateHandover, MoneyOverTime

__all__ = ["money_over_time"]

CENT = Decimal("0.01")


def money_over_time(unit: Unit, handover_on: dt.date | None, booked_on: dt.date) -> MoneyOverTime | str:
    """Return the instalments of a unit and what they are worth, or which of its figures is missing for that."""
    plan = describe.plan_of(unit)
    if unit.price is None:
        return "The price is not known."
    if plan is None or not plan.steps:
        return "No payment plan with instalments is known."
    if handover_on is None:
        return "The day of handover is not known."
    rate_pct = get_settings().discount_rate_pct
    due = plan.schedule(unit.price, booked_on, handover_on)
    cases = stress(plan, unit.price, rate_pct / 100, booked_on, handover_on)
    discount = plan.stated.cash_discount
    cash = None if discount is None else (unit.price * (100 - discount) / 100).quantize(CENT)
    return MoneyOverTime(
        booked_on=booked_on,
        handover_on=handover_on,
        annual_rate_pct=rate_pct,
        schedule_source=plan.schedule_source,
        instalments=[InstalmentOut(due_on=part.due_on, amount=part.amount, stage=part.stage) for part in due],
        cash_equivalent_price=cases[0].present_value.quantize(CENT),
        cash_equivalent_ratio=float(cases[0].present_value / unit.price) if unit.price else None,
        cash_price=cash,
        implied_annual_rate=implied_rate(due, cash, booked_on) if cash else None,
        peak_12m_outlay=cases[0].peak_outlay,
        late_handover=[
            LateHandover(
                delay_months=case.delay_months,
                last_due_on=case.last_due_on,
                cash_equivalent_price=case.present_value.quantize(CENT),
                peak_12m_outlay=case.peak_outlay,
            )
            for case in cases
        ],
    )
