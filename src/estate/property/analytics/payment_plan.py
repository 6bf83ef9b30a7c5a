"""Payment plans: read in any usual spelling, checked, dated, and discounted."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cached_property
from typing import Any

from estate.property.analytics.plan_statement import HEADLINES, Statement, read_statement
from estate.property.analytics.plan_steps import PCT_STEP, make_steps
from estate.property.analytics.plan_terms import PlanError, Step, apportion, weights

__all__ = ["DAYS_A_YEAR", "Instalment", "PaymentPlan", "PlanError", "worth"]

DAYS_A_YEAR = 365
PRECISION = 40  # Digits; the error of a power stays far below a cent of the largest price.


@dataclass(frozen=True, slots=True)
class Instalment:
    """What is due, when, and in which stage of the project."""

    due_on: dt.date
    amount: Decimal
    stage: str


def worth(instalments: Sequence[Instalment], annual_rate: Decimal | float | str, booked_on: dt.date) -> Decimal:
    """Return what instalments are worth on the day of booking, not rounded; see `PaymentPlan.present_value`."""
    with localcontext(prec=PRECISION):
        growth = 1 + Decimal(str(annual_rate))
        if growth <= 0:
            raise ValueError("the annual rate must be above -1")
        return sum(
            (part.amount * growth ** (Decimal(-(part.due_on - booked_on).days) / DAYS_A_YEAR) for part in instalments),
            Decimal(0),
        )


@dataclass(frozen=True)
class PaymentPlan:
    """A payment plan that sums to the whole price.

    Parameters
    ----------
    stated : Statement
        What was said about it.
    steps : tuple of Step
        Its instalments in order; empty when too little was said to make any.
    """

    stated: Statement
    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, value: object) -> "PaymentPlan":
        """Read a plan.

        Parameters
        ----------
        value : mapping or str
            An object with ``installments``, or with headline percentages by stage only, under our own names
            or those of schema.org, RESO and off-plan feeds; or ``"60/40"``, ``"10/50/40"``, ``"cash"``,
            ``"10% on booking, 50% during construction, 40% on handover"``.

        Returns
        -------
        PaymentPlan
            With generated instalments when the headline is all there is.

        Raises
        ------
        PlanError
            When it contradicts itself: percentages that do not sum to 100 (within 0.01), amounts that do not
            sum to the price, dates out of order, over 1,000 instalments. `path` says where.

        Examples
        --------
        >>> [step.stage for step in PaymentPlan.parse("20/30/50").steps][-1]
        'handover'
        """
        stated = read_statement(value)
        return cls(stated, make_steps(stated))

    @property
    def schedule_source(self) -> str:
        """Where the instalments come from: ``stated``, ``generated`` from the headline, or ``none``."""
        if not self.steps:
            return "none"
        return "stated" if self.stated.installments and not self.stated.generated else "generated"

    def schedule(self, price: Decimal | int | str, booked_on: dt.date, handover_on: dt.date) -> list[Instalment]:
        """Return what is due when; the amounts sum to the price to the cent.

        Parameters
        ----------
        price : Decimal, int or str
            The whole price, at most two decimals.
        booked_on, handover_on : date
            Days between which construction is taken to run at a steady pace where no date is stated.

        Returns
        -------
        list of Instalment
            By day. Each amount is within a cent of its exact share (largest remainder); at the total price that the
            plan states, amounts are paid as stated.

        Raises
        ------
        PlanError
            When the plan says too little for a schedule.
        ValueError
            When the price is negative or finer than a cent.
        """
        if not self.steps:
            raise PlanError((), "The plan says too little for a schedule.")
        cents = Decimal(price) * 100
        if cents < 0 or cents != int(cents):
            raise ValueError("a price is at least 0 and has at most two decimals")
        parts = apportion(int(cents), weights(self.steps))
        dated = [
            Instalment(step.trigger.due(booked_on, handover_on), Decimal(part).scaleb(-2), step.stage)
            for step, part in zip(self.steps, parts, strict=True)
        ]
        return sorted(dated, key=lambda instalment: instalment.due_on)

    def present_value(
        self,
        price: Decimal | int | str,
        annual_rate: Decimal | float | str,
        booked_on: dt.date,
        handover_on: dt.date,
    ) -> Decimal:
        """Return what the plan is worth on the day of booking, not rounded.

        Parameters
        ----------
        annual_rate : Decimal, float or str
            Effective annual rate r above -1, e.g. ``0.08``.

        Notes
        -----
        Sum over the instalments of ``amount * (1 + r) ** (-days / 365)``, days counted from booking.
        """
        return worth(self.schedule(price, booked_on, handover_on), annual_rate, booked_on)

    @cached_property
    def stage_pct(self) -> dict[str, Decimal]:
        """Per cent of the price by stage, to four decimals; they sum to 100. Empty without instalments."""
        if not self.steps:
            return {}
        shares = list(zip(self.steps, weights(self.steps), strict=True))
        sums = [sum((share for step, share in shares if step.stage == stage), Fraction(0)) for stage in HEADLINES]
        parts = apportion(100 * PCT_STEP, sums)
        return {stage: Decimal(part).scaleb(-4) for stage, part in zip(HEADLINES, parts, strict=True)}

    @property
    def paid_before_handover_pct(self) -> Decimal | None:
        """Per cent of the price that is due before handover; None without instalments."""
        if not self.steps:
            return None
        before = self.stage_pct["down_payment"] + self.stage_pct["construction"]
        return _short(before)

    def before_handover_pct(self, booked_on: dt.date, handover_on: dt.date | None) -> Decimal | None:
        """Return the per cent of the price that a buyer owes at booking and before handover.

        Parameters
        ----------
        booked_on : date
            Day of booking.
        handover_on : date or None
            Where it is past, whatever is due by then is due at booking.
        """
        if handover_on is None or handover_on > booked_on:
            return self.paid_before_handover_pct
        if not self.steps:
            return None
        shares = zip(self.steps, weights(self.steps), strict=True)
        now = sum((pct for step, pct in shares if step.trigger.due(booked_on, handover_on) == booked_on), Fraction(0))
        return _short(Decimal(round(now * PCT_STEP)).scaleb(-4))

    def to_json(self) -> dict[str, Any]:
        """Return the plan under our own names, as it is stored; `parse` reads it back to the same plan."""
        stated = self.stated
        months = [int(step.trigger.value or 0) for step in self.steps if step.trigger.type == "months_after_handover"]
        written = {
            "name": stated.name,
            "plan_type": stated.plan_type,
            "currency": stated.currency,
            "total_price": None if stated.total_price is None else str(stated.total_price),
            **{HEADLINES[stage]: float(pct) for stage, pct in self.stage_pct.items()},
            "post_handover_months": stated.post_months if stated.post_months is not None else max(months, default=None),
            "installment_frequency": stated.every_months,
            "installment_months": stated.term_months,
            "cash_discount_pct": None if stated.cash_discount is None else float(stated.cash_discount),
            "schedule_source": self.schedule_source,
            "installments": [step.to_json(seq) for seq, step in enumerate(self.steps, start=1)],
            "fees": stated.fees,
            "other": stated.other,
        }
        return {key: value for key, value in written.items() if value not in (None, [], {})}


def _short(pct: Decimal) -> Decimal:
    """Write 60, not 60.0000 and not 6E+1."""
    return Decimal(f"{pct.normalize():f}")
