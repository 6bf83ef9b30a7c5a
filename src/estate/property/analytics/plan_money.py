"""What the instalments of a plan come to over time: the rate that they imply, their heaviest year, a late handover."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from scipy.optimize import brentq

from estate.property.analytics.payment_plan import DAYS_A_YEAR, Instalment, PaymentPlan, worth
from estate.property.analytics.plan_terms import add_months

__all__ = ["DELAYS_MONTHS", "Stress", "implied_rate", "peak_outlay", "stress"]

DELAYS_MONTHS = (0, 6, 12)
LOWEST, HIGHEST = -0.99, 1e6
"""Effective annual rates between which one is looked for: money that shrinks to a hundredth, or grows without sense."""
TOLERANCE = 1e-13


@dataclass(frozen=True, slots=True)
class Stress:
    """A plan whose handover comes late: the last day of payment and what it is worth at booking, not rounded."""

    delay_months: int
    last_due_on: dt.date
    present_value: Decimal
    peak_outlay: Decimal


def implied_rate(instalments: Sequence[Instalment], cash_price: Decimal, booked_on: dt.date) -> float | None:
    """Return the effective annual rate at which the instalments are worth the cash price at booking (XIRR).

    Parameters
    ----------
    instalments : sequence of Instalment
        The schedule.
    cash_price : Decimal
        What would be paid at booking instead, > 0.

    Returns
    -------
    float or None
        0.08 is 8 per cent a year; None when no rate does it, as where all is due at booking.

    Notes
    -----
    The root of ``sum(amount * (1 + r) ** (-days / 365)) = cash_price`` by Brent's method; the sum falls in r, so
    there is one root at most.
    """
    years = np.array([(part.due_on - booked_on).days / DAYS_A_YEAR for part in instalments])
    shares = np.array([float(part.amount / cash_price) for part in instalments])

    def excess(log_growth: float) -> float:
        return float(shares @ np.exp(-log_growth * years)) - 1.0

    lowest, highest = np.log1p(LOWEST), np.log1p(HIGHEST)
    if excess(lowest) * excess(highest) >= 0:
        return None
    return float(np.expm1(brentq(excess, lowest, highest, xtol=TOLERANCE, rtol=8.9e-16)))


def peak_outlay(instalments: Sequence[Instalment]) -> Decimal:
    """Return the most that falls due within any twelve months."""
    ends = [add_months(part.due_on, 12) for part in instalments]
    within = (
        sum((other.amount for other in instalments if part.due_on <= other.due_on < end), Decimal(0))
        for part, end in zip(instalments, ends, strict=True)
    )
    return max(within, default=Decimal(0))


def stress(
    plan: PaymentPlan, price: Decimal, annual_rate: Decimal | float, booked_on: dt.date, handover_on: dt.date
) -> list[Stress]:
    """Return what becomes of a plan when the handover comes as much later as `DELAYS_MONTHS` say.

    Notes
    -----
    Dates that are expected for handover, construction and after it move with the delay; fixed dates stay.
    """
    found = []
    for months in DELAYS_MONTHS:
        steps = [replace(step, trigger=step.trigger.delayed(booked_on, handover_on, months)) for step in plan.steps]
        late = PaymentPlan(plan.stated, tuple(steps))
        due = late.schedule(price, booked_on, add_months(handover_on, months))
        last = max(part.due_on for part in due)
        found.append(Stress(months, last, worth(due, annual_rate, booked_on), peak_outlay(due)))
    return found
