"""Payment plans of the sample world: instalments that sum to 100 percent, or to the price to the cent."""

import datetime as dt
from dataclasses import dataclass

from estate.sample.draws import hundredths
from estate.sample.market import CURRENCY

__all__ = ["OFF_PLAN_STYLES", "READY_STYLE", "payment_plan"]

READY_STYLE = "cash"
OFF_PLAN_STYLES = ("60/40", "80/20", "50/50 post-handover", "quarterly amounts")

# Counts of equal instalments that keep 60 percent in whole percents.
EVEN_COUNTS = (1, 2, 3, 4, 5, 6, 10)
POST_HANDOVER_QUARTERS = 10


@dataclass(frozen=True, slots=True)
class _Step:
    """One instalment before it is numbered: its stage, share of the price and trigger."""

    stage: str
    pct: int
    trigger: dict[str, object]


def payment_plan(
    style: str, price: int, cash_discount_pct: int, percent_complete: int, today: dt.date, handover_on: dt.date
) -> dict[str, object]:
    """Build one plan as JSON.

    Parameters
    ----------
    style : str
        `READY_STYLE` or one of `OFF_PLAN_STYLES`; an off-plan unit is handed over in 90 days or later.
    price : int
        Price in whole units of `CURRENCY`.
    cash_discount_pct, percent_complete : int
        Discount for cash, and how far the project is built `today`, in percent.
    today, handover_on : date
        Days between which the instalments before handover fall.

    Returns
    -------
    dict
        Its headline percentages are the sums by stage; an instalment has either `pct` or `amount`.
    """
    months = max(0, (handover_on - today).days // 30)
    steps = _steps(style, months, percent_complete, today, handover_on)
    share = {stage: sum(step.pct for step in steps if step.stage == stage) for stage in _STAGES}
    in_amounts = style == "quarterly amounts"
    post_months = 3 * sum(step.stage == "post_handover" for step in steps)
    return {
        "name": style,
        "plan_type": _PLAN_TYPES[style],
        "currency": CURRENCY,
        "total_price": f"{price}.00",
        "down_payment_pct": share["down_payment"],
        "during_construction_pct": share["construction"],
        "on_handover_pct": share["handover"],
        "post_handover_pct": share["post_handover"],
        "post_handover_months": post_months,
        "installment_frequency": "milestone" if style in ("60/40", READY_STYLE) else "quarterly",
        "number_of_installments": len(steps),
        "max_installment_years": -(-(months + post_months) // 12),
        "cash_discount_pct": cash_discount_pct,
        "installments": _numbered(steps, _amounts(steps, price) if in_amounts else None),
        "fees": [
            {"code": "transfer_fee", "pct": 4, "trigger": {"type": "on_booking"}, "in_plan": False},
        ],
    }


_STAGES = ("down_payment", "construction", "handover", "post_handover")
_PLAN_TYPES = {
    READY_STYLE: "cash",
    "60/40": "construction_linked",
    "80/20": "time_linked",
    "50/50 post-handover": "post_handover",
    "quarterly amounts": "custom",
}


def _steps(style: str, months: int, percent_complete: int, today: dt.date, handover_on: dt.date) -> list[_Step]:
    quarters = months // 3
    if style == READY_STYLE:
        return [_booking(10), _handover(90)]
    if style == "60/40":
        return [_booking(10), *_milestones(25, percent_complete, today, handover_on), _handover(40)]
    if style == "80/20":
        count = max(c for c in EVEN_COUNTS if c <= quarters)
        return [_booking(20), *_quarterly(60 // count, count, "construction"), _handover(20)]
    if style == "50/50 post-handover":
        after = _quarterly(50 // POST_HANDOVER_QUARTERS, POST_HANDOVER_QUARTERS, "post_handover")
        return [_booking(10), *_milestones(15, percent_complete, today, handover_on), _handover(10), *after]
    count = max(c for c in (1, 5, 11) if c <= quarters)
    return [_booking(15), *_quarterly(55 // count, count, "construction"), _handover(30)]


def _booking(pct: int) -> _Step:
    return _Step("down_payment", pct, {"type": "on_booking"})


def _handover(pct: int) -> _Step:
    return _Step("handover", pct, {"type": "on_handover"})


def _milestones(pct: int, percent_complete: int, today: dt.date, handover_on: dt.date) -> list[_Step]:
    """Return two instalments at a third and two thirds of what is still to be built, built at a steady pace."""
    steps = []
    for part in (1, 2):
        value = percent_complete + (100 - percent_complete) * part // 3
        expected = today + (handover_on - today) * part / 3
        trigger: dict[str, object] = {"type": "construction_pct", "value": value}
        steps.append(_Step("construction", pct, trigger | {"expected_date": expected.isoformat()}))
    return steps


def _quarterly(pct: int, count: int, stage: str) -> list[_Step]:
    kind = "months_after_handover" if stage == "post_handover" else "months_after_booking"
    return [_Step(stage, pct, {"type": kind, "value": 3 * (i + 1)}) for i in range(count)]


def _amounts(steps: list[_Step], price: int) -> list[str]:
    """Return the amounts: a percent of a price in whole units is always a whole number of cents."""
    return [str(hundredths(step.pct * price)) for step in steps]


def _numbered(steps: list[_Step], amounts: list[str] | None) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for seq, step in enumerate(steps, start=1):
        share: dict[str, object] = {"pct": step.pct} if amounts is None else {"amount": amounts[seq - 1]}
        rows.append({"seq": seq, "stage": step.stage, **share, "trigger": step.trigger})
    return rows
