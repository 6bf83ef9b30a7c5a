"""`estate bench plans`: random payment plans, checked with arithmetic that shares nothing with the product's.

Each plan is stated in one of the usual ways: listed instalments by per cent or amount, headline percentages, a ratio.
The stages must sum to the whole, the amounts to the price to the cent; the present value is compared with a sum of
discounted flows by the machine's own floating point, and the implied rate (XIRR) is put back into that sum.
"""

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

from benchmarks.report import Options, Report
from estate.property.analytics.payment_plan import Instalment, PaymentPlan
from estate.property.analytics.plan_money import implied_rate

__all__ = ["TARGETS", "bench"]

PLANS = 100_000
QUICK_PLANS = 500
LOWEST_RATE, HIGHEST_RATE = -0.9, 999_999.0  # Between these a rate must be found where there is one.
FIRST_DAY = dt.date(2020, 1, 1).toordinal()

TARGETS: dict[str, tuple[str, float]] = {
    "sum_error": ("<=", 1e-9),
    "cents_error": ("==", 0),
    "pv_error": ("<=", 1e-9),
    "xirr_residual": ("<=", 1e-6),
    "without_rate": ("==", 0),
}


@dataclass(slots=True)
class _Worst:
    """The largest error of each kind so far."""

    sum_error: float = 0.0
    cents_error: int = 0
    pv_error: float = 0.0
    xirr_residual: float = 0.0
    rates: int = 0
    without_rate: int = 0


def bench(options: Options) -> Report:
    """Run the bench."""
    rng = Random(options.seed)  # noqa: S311 (what is drawn must be repeatable)
    n = QUICK_PLANS if options.quick else PLANS
    worst = _Worst()
    kinds: defaultdict[str, int] = defaultdict(int)
    for _ in range(n):
        price = Decimal(rng.randrange(1_000_000, 5_000_000_000)) / 100
        kind, stated = _draw(rng, price)
        kinds[kind] += 1
        _judge(worst, PaymentPlan.parse(stated), price, rng)
    metrics = {name: getattr(worst, name) for name in _Worst.__slots__} | {"kinds": dict(kinds)}
    return Report("plans", options.seed, n, "random plans, generated", metrics, TARGETS)


# What is drawn


def _draw(rng: Random, price: Decimal) -> tuple[str, Any]:
    kind = rng.choice(("percentages", "amounts", "headline", "ratio", "rhythm"))
    if kind == "ratio":
        before = rng.randrange(1, 100)
        return kind, f"{before}/{100 - before}"
    if kind == "percentages":
        return kind, {"installments": _listed(rng, _split(rng, 10_000), "pct")}
    if kind == "amounts":
        parts = _split(rng, int(price * 100))
        return kind, {"total_price": str(price), "installments": _listed(rng, parts, "amount")}
    down, construction, handover = sorted(rng.sample(range(1, 100), 3))
    headline = {
        "down_payment_pct": down,
        "during_construction_pct": construction - down,
        "on_handover_pct": handover - construction,
        "post_handover_pct": 100 - handover,
        "post_handover_months": rng.randrange(3, 97),
    }
    if kind == "headline":
        return kind, headline
    rhythm = {"installment_frequency": rng.choice(("monthly", "quarterly", "annual"))}
    return kind, headline | rhythm | {"number_of_installments": rng.randrange(1, 25)}


def _split(rng: Random, total: int) -> list[int]:
    """Cut a whole into 4 to 40 parts, none empty."""
    cuts = sorted(rng.sample(range(1, total), rng.randrange(3, 40)))
    return [b - a for a, b in zip([0, *cuts], [*cuts, total], strict=True)]


def _listed(rng: Random, parts: Sequence[int], unit: str) -> list[dict[str, Any]]:
    """State parts in hundredths: a booking, construction by progress, a handover, and some after it."""
    after = rng.randrange(0, len(parts) - 2)
    middle = len(parts) - 2 - after
    progress = sorted(rng.randrange(0, 101) for _ in range(middle))
    months = sorted(rng.randrange(1, 121) for _ in range(after))
    triggers = [
        {"type": "on_booking"},
        *({"type": "construction_pct", "value": value} for value in progress),
        {"type": "on_handover"},
        *({"type": "months_after_handover", "value": value} for value in months),
    ]
    return [{unit: str(Decimal(part) / 100), "trigger": trigger} for part, trigger in zip(parts, triggers, strict=True)]


# What is checked


def _judge(worst: _Worst, plan: PaymentPlan, price: Decimal, rng: Random) -> None:
    booked_on = dt.date.fromordinal(FIRST_DAY + rng.randrange(3_000))
    handover_on = booked_on + dt.timedelta(days=rng.randrange(30, 2_000))
    rate = rng.uniform(-0.05, 0.60)
    due = plan.schedule(price, booked_on, handover_on)
    worst.sum_error = max(worst.sum_error, abs(float(sum(plan.stage_pct.values())) - 100) / 100)
    worst.cents_error = max(worst.cents_error, abs(sum(round(part.amount * 100) for part in due) - round(price * 100)))
    ours = float(plan.present_value(price, Decimal(str(rate)), booked_on, handover_on))
    worst.pv_error = max(worst.pv_error, abs(ours - _value(due, rate, booked_on)) / float(price))
    _judge_rate(worst, due, price, booked_on, rng)


def _judge_rate(worst: _Worst, due: list[Instalment], price: Decimal, booked_on: dt.date, rng: Random) -> None:
    """Put the rate that a discounted cash price implies back into the sum."""
    cash = (price * Decimal(rng.randrange(50, 101)) / 100).quantize(Decimal("0.01"))
    rate = implied_rate(due, cash, booked_on)
    if rate is None:
        worst.without_rate += _value(due, HIGHEST_RATE, booked_on) < float(cash) < _value(due, LOWEST_RATE, booked_on)
        return
    worst.rates += 1
    worst.xirr_residual = max(worst.xirr_residual, abs(_value(due, rate, booked_on) - float(cash)) / float(price))


def _value(due: Sequence[Instalment], rate: float, booked_on: dt.date) -> float:
    """Sum discounted flows, day by day, in floating point."""
    return math.fsum(float(p.amount) * math.pow(1 + rate, -((p.due_on - booked_on).days / 365)) for p in due)
