"""The parts of a payment plan: what an instalment is, when it falls due, and how its numbers are read."""

import calendar
import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

__all__ = [
    "MAX_INSTALMENTS",
    "STAGES",
    "Path",
    "PlanError",
    "Step",
    "Trigger",
    "add_months",
    "amount",
    "apportion",
    "day",
    "label",
    "percent",
    "share_of",
    "weights",
    "whole",
]

Path = tuple[str | int, ...]

STAGES = ("down_payment", "construction", "handover", "post_handover")
HANG_ON_HANDOVER = ("construction_pct", "on_handover", "months_after_handover")
MAX_INSTALMENTS = 1_000
MAX_MONTHS = 1_200
MAX_TEXT = 200
AMOUNT_LIMIT = Decimal(10) ** 15
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,14})(\.[0-9]{1,40})?")
FINEST_PCT = Decimal("1e-10")
"""A per cent is kept to ten decimals, which a float holds: what is written as JSON reads back as the same number."""


class PlanError(ValueError):
    """A payment plan that contradicts itself or cannot be read.

    Parameters
    ----------
    path : tuple of str and int
        Where in the plan.
    message : str
        What must change; it never repeats the refused value.
    """

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(f"{'.'.join(map(str, path))}: {message}" if path else message)
        self.path = path
        self.message = message


@dataclass(frozen=True, slots=True)
class Trigger:
    """What makes an instalment due.

    Parameters
    ----------
    type : str
        ``on_booking``, ``on_contract``, ``months_after_booking``, ``fixed_date``, ``construction_pct``,
        ``on_handover`` or ``months_after_handover``.
    value : Decimal or None
        Months, or per cent of construction.
    on : date or None
        The fixed date, or the date on which the stage of construction is expected.
    """

    type: str
    value: Decimal | None = None
    on: dt.date | None = None

    def due(self, booked_on: dt.date, handover_on: dt.date) -> dt.date:
        """Return the day; what was due before the booking is due with it.

        Notes
        -----
        Construction without an expected date is taken to run at a steady pace from booking to handover; a
        contract without a date is signed with the booking.
        """
        return max(booked_on, self.on or self._relative(booked_on, max(booked_on, handover_on)))

    def _relative(self, booked_on: dt.date, handover_on: dt.date) -> dt.date:
        value = self.value or Decimal(0)
        if self.type == "months_after_booking":
            return add_months(booked_on, int(value))
        if self.type == "months_after_handover":
            return add_months(handover_on, int(value))
        if self.type == "construction_pct":
            return booked_on + dt.timedelta(days=int((handover_on - booked_on).days * value / 100))
        return handover_on if self.type == "on_handover" else booked_on

    def delayed(self, booked_on: dt.date, handover_on: dt.date, months: int) -> "Trigger":
        """Return the trigger when the handover comes later: an expected date moves with it, a fixed one stays.

        Notes
        -----
        A stage of construction that was expected between booking and handover keeps its place between them; one
        that was over by the booking stays.
        """
        if self.on is None or self.type not in HANG_ON_HANDOVER:
            return self
        if self.type == "construction_pct" and self.on <= booked_on:
            return self
        if self.type == "construction_pct" and self.on < handover_on:
            pace = (add_months(handover_on, months) - booked_on) / (handover_on - booked_on)
            return replace(self, on=booked_on + (self.on - booked_on) * pace)
        return replace(self, on=add_months(self.on, months))

    def to_json(self) -> dict[str, Any]:
        """Return the object that `plan_steps` reads back."""
        written: dict[str, Any] = {"type": self.type}
        if self.value is not None:
            written["value"] = _plain(self.value)
        if self.on is not None:
            written["date" if self.type == "fixed_date" else "expected_date"] = self.on.isoformat()
        return written


@dataclass(frozen=True, slots=True)
class Step:
    """One instalment of a plan, before any price or date is known.

    Parameters
    ----------
    stage : str
        One of `STAGES`.
    share : Fraction
        Part of the price in per cent.
    trigger : Trigger
        When it is due.
    amount : Decimal or None
        The amount, when it was stated instead of the per cent.
    label : str or None
        Its name.
    """

    stage: str
    share: Fraction
    trigger: Trigger
    amount: Decimal | None = None
    label: str | None = None

    def to_json(self, seq: int) -> dict[str, Any]:
        """Return the object that `plan_steps` reads back."""
        size = {"pct": _plain(self.share)} if self.amount is None else {"amount": str(self.amount)}
        named = {} if self.label is None else {"label": self.label}
        return {"seq": seq, "stage": self.stage, **named, **size, "trigger": self.trigger.to_json()}


def _plain(value: Decimal | Fraction) -> int | float:
    return int(value) if value == int(value) else float(value)


def add_months(start: dt.date, months: int) -> dt.date:
    """Return the same day of a later month, or the month's last day.

    Examples
    --------
    >>> add_months(dt.date(2027, 1, 31), 1)
    datetime.date(2027, 2, 28)
    """
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return dt.date(year, month + 1, min(start.day, last))


def apportion(total: int, weights: Sequence[Fraction]) -> list[int]:
    """Split whole units by weight so that they sum to the total and none is off by a whole unit.

    Notes
    -----
    Largest remainder (Hamilton): every part is rounded down, then the units that are left go to the largest
    remainders, the earlier part first.

    Examples
    --------
    >>> apportion(100, [Fraction(1), Fraction(1), Fraction(1)])
    [34, 33, 33]
    """
    scale = total / sum(weights, Fraction(0))
    exact = [weight * scale for weight in weights]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: parts[i] - exact[i])
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def share_of(money: Decimal, total: Decimal) -> Fraction:
    """Return an amount as per cent of the total, exactly."""
    return Fraction(money) * 100 / Fraction(total)


def weights(steps: Sequence[Step]) -> list[Fraction]:
    """Return the share of each step in per cent, such that they sum to 100.

    Notes
    -----
    Per cents may be rounded: they take up what is missing, and amounts stay as stated, unless there are only amounts.
    """
    shares = [step.share for step in steps]
    total = sum(shares, Fraction(0))
    fixed = sum((step.share for step in steps if step.amount is not None), Fraction(0))
    if fixed == total or fixed > 100:
        return [share * 100 / total for share in shares]
    scale = (100 - fixed) / (total - fixed)
    return [step.share if step.amount is not None else step.share * scale for step in steps]


def percent(value: object, path: Path) -> Decimal:
    """Read a per cent to ten decimals, also from ``"60"`` and ``"60%"``."""
    text = value.strip().removesuffix("%").rstrip() if isinstance(value, str) else value
    number = _number(text, path)
    if number > 100:
        raise PlanError(path, "This must be a per cent from 0 to 100.")
    kept = number.quantize(FINEST_PCT)
    return number if number == kept else kept


def amount(value: object, path: Path) -> Decimal:
    """Read an amount of money with at most two decimals."""
    number = _number(value, path)
    if number >= AMOUNT_LIMIT or number != number.quantize(Decimal("0.01")):
        raise PlanError(path, "This must be an amount of at least 0 with at most two decimals.")
    return number.quantize(Decimal("0.01"))


def _number(value: object, path: Path) -> Decimal:
    counted = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    text = f"{Decimal(str(value)):f}" if counted else value  # A float of 0.00001 writes itself as 1e-05.
    if isinstance(text, str) and _NUMBER.fullmatch(text):
        return Decimal(text)
    raise PlanError(path, "This must be a number of at least 0, in plain digits.")


def whole(value: object, path: Path, limit: int = MAX_MONTHS) -> int:
    """Read a count, such as of months."""
    number = _number(value, path)
    if number != int(number) or number > limit:
        raise PlanError(path, f"This must be a whole number from 0 to {limit:,}.")
    return int(number)


def day(value: object, path: Path) -> dt.date:
    """Read a calendar day."""
    if isinstance(value, str) and len(value) == 10:
        try:
            value = dt.date.fromisoformat(value)
        except ValueError:
            raise PlanError(path, "There is no such day.") from None
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime) and 1970 <= value.year <= 2100:
        return value
    raise PlanError(path, "Write a day such as 2027-03-01, in the years 1970 to 2100.")


def label(value: object, path: Path) -> str:
    """Read a short text."""
    if isinstance(value, str) and 0 < len(value.strip()) <= MAX_TEXT:
        return value.strip()
    raise PlanError(path, f"This must be a text of 1 to {MAX_TEXT} characters.")
