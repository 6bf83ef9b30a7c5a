"""Turns a stated payment plan into instalments: those that are listed, or even ones for a headline."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from estate.property.analytics.plan_statement import HEADLINES, Statement, snake_key
from estate.property.analytics.plan_terms import (
    MAX_INSTALMENTS,
    MAX_MONTHS,
    STAGES,
    Path,
    PlanError,
    Step,
    Trigger,
    amount,
    apportion,
    day,
    label,
    percent,
    share_of,
    weights,
    whole,
)

__all__ = ["PCT_STEP", "make_steps"]

TOLERANCE_PCT = Fraction(1, 100)
CENT = Fraction(1, 100)
EVEN_STEPS = 6
"""A bare "60/40" names no rhythm: six even parts put a tenth of the price at booking, as is usual off plan."""
DEFAULT_EVERY_MONTHS = 3
DEFAULT_POST_MONTHS = 12
"""Plans after handover run from one to eight years; the shortest does not flatter the present value."""
COMPLETE = Decimal(100)
"""Per cent of construction at handover; a month after it counts one more."""
PCT_STEP = 10_000  # Generated and summed percentages have four decimals,
FINE_STEP = 10**10  # or ten, where four do not hold what is split.

DEFAULT_TRIGGER = {"down_payment": "on_booking", "handover": "on_handover"}
STAGE_OF_TRIGGER = {
    "on_booking": "down_payment",
    "on_contract": "down_payment",
    "on_handover": "handover",
    "months_after_handover": "post_handover",
}
VALUE_LIMITS = {"months_after_booking": MAX_MONTHS, "months_after_handover": MAX_MONTHS, "construction_pct": 100}
TRIGGERS = (*VALUE_LIMITS, *STAGE_OF_TRIGGER, "fixed_date")
ITEM_ALIASES = {
    "pct": ("percentage", "percent"),
    "amount": ("fixed_amount",),
    "seq": ("position", "order"),
    "date": ("due_date", "due_on", "expected_date"),
    "label": ("name", "description"),
}
ITEM_NAMES = {alias: name for name, aliases in ITEM_ALIASES.items() for alias in aliases}


def make_steps(stated: Statement) -> tuple[Step, ...]:
    """Return the instalments of a plan in order; none when too little is stated to make any.

    Raises
    ------
    PlanError
        When the parts do not sum to the whole, more than 1,000 are stated, or their dates are out of order.
    """
    if stated.installments:
        steps = _listed(stated)
        _check_total(steps, stated.total_price)
        _check_order(steps)
        _check_headline(steps, stated.headline)
        return tuple(steps)
    steps = _generated(stated)
    if len(steps) > MAX_INSTALMENTS:
        raise PlanError((), f"A plan has at most {MAX_INSTALMENTS:,} instalments, booking and handover among them.")
    return tuple(steps)


# Listed instalments


def _listed(stated: Statement) -> list[Step]:
    items = stated.installments or []
    if len(items) > MAX_INSTALMENTS:
        raise PlanError(("installments",), f"This must have at most {MAX_INSTALMENTS:,} items.")
    read = [_Item.read(item, ("installments", i)) for i, item in enumerate(items)]
    if all(item.seq is not None for item in read):
        read.sort(key=lambda item: item.seq or 0)
    return _with_triggers([item.step(stated.total_price) for item in read])


@dataclass(frozen=True, slots=True)
class _Item:
    """One listed instalment under our own names."""

    path: Path
    fields: Mapping[str, Any]
    seq: int | None

    @classmethod
    def read(cls, value: object, path: Path) -> "_Item":
        if not isinstance(value, Mapping):
            raise PlanError(path, "This must be an object.")
        names = ((_item_key(str(key)), content) for key, content in value.items())
        fields = {name: content for name, content in names if content is not None}
        seq = fields.get("seq")
        return cls(path, fields, None if seq is None else whole(seq, (*path, "seq"), 1_000_000))

    def step(self, total: Decimal | None) -> Step:
        """Return the instalment; its trigger is empty where none is stated."""
        pct, money = self.fields.get("pct"), self.fields.get("amount")
        if (pct is None) == (money is None):
            raise PlanError((*self.path, "pct"), "State exactly one of pct and amount.")
        trigger = self._trigger()
        name = self.fields.get("label")
        return Step(
            stage=self._stage(trigger),
            share=self._share(pct, money, total),
            trigger=trigger or Trigger(""),
            amount=None if money is None else amount(money, (*self.path, "amount")),
            label=None if name is None else label(name, (*self.path, "label")),
        )

    def _share(self, pct: object, money: object, total: Decimal | None) -> Fraction:
        if pct is not None:
            return Fraction(percent(pct, (*self.path, "pct")))
        if not total:
            raise PlanError(("total_price",), "Instalments in amounts need a total_price above 0.")
        return share_of(amount(money, (*self.path, "amount")), total)

    def _stage(self, trigger: Trigger | None) -> str:
        stage = self.fields.get("stage")
        if stage is None:
            return STAGE_OF_TRIGGER.get(trigger.type, "construction") if trigger else "construction"
        if stage not in STAGES:
            raise PlanError((*self.path, "stage"), f"This must be one of {', '.join(STAGES)}.")
        return str(stage)

    def _trigger(self) -> Trigger | None:
        """Read the trigger, which may stand in an object, in a word, or as a bare date."""
        stated = self.fields.get("trigger", self.fields.get("trigger_type"))
        path = (*self.path, "trigger")
        fields = {_item_key(str(k)): v for k, v in stated.items()} if isinstance(stated, Mapping) else {"type": stated}
        value = fields.get("value", self.fields.get("trigger_value"))
        on = fields.get("date", self.fields.get("date"))
        kind = fields.get("type") or ("fixed_date" if on is not None else None)
        return None if kind is None else _read_trigger(kind, value, on, path)


def _item_key(key: str) -> str:
    snake = snake_key(key)
    return ITEM_NAMES.get(snake, snake)


def _read_trigger(kind: object, value: object, on: object, path: Path) -> Trigger:
    kind = "construction_pct" if kind == "milestone" else kind
    if kind not in TRIGGERS:
        raise PlanError((*path, "type"), f"This must be one of {', '.join(TRIGGERS)}.")
    if kind == "fixed_date":
        return Trigger("fixed_date", None, day(value if on is None else on, (*path, "date")))
    date = None if on is None else day(on, (*path, "expected_date"))
    if kind not in VALUE_LIMITS:
        return Trigger(str(kind), None, date)
    return Trigger(str(kind), _read_value(str(kind), value, date is not None, (*path, "value")), date)


def _read_value(kind: str, value: object, dated: bool, path: Path) -> Decimal | None:
    """Read months or per cent; construction that names its date, or nothing at all, needs none."""
    if value is None and (dated or kind == "construction_pct"):
        return None
    return percent(value, path) if kind == "construction_pct" else Decimal(whole(value, path))


def _with_triggers(steps: Sequence[Step]) -> list[Step]:
    """Give a trigger to the instalments that state none: that of their stage, between the stated ones around them."""
    filled = list(steps)
    for stage in STAGES:
        for run, after, before in _runs(steps, stage):
            for place, i in enumerate(run, start=1):
                filled[i] = replace(steps[i], trigger=_default_trigger(stage, place, len(run), after, before))
    return filled


def _runs(steps: Sequence[Step], stage: str) -> Iterator[tuple[list[int], Decimal, Decimal]]:
    """Find where instalments of a stage that state no trigger lie between two that do, and the progress of those."""
    first, last = (Decimal(0), COMPLETE) if stage == "construction" else (COMPLETE, COMPLETE + MAX_MONTHS)
    run: list[int] = []
    for i, step in enumerate(steps):
        if _vague(step):
            run += [i] if step.stage == stage else []
        elif (progress := dict(_clocks(step)).get("construction")) is not None:
            yield run, first, max(first, min(last, progress))
            run, first = [], max(first, min(last, progress))
    yield run, first, last


def _vague(step: Step) -> bool:
    trigger = step.trigger
    return not trigger.type or (trigger.type == "construction_pct" and trigger.value is None and trigger.on is None)


def _default_trigger(
    stage: str, place: int, count: int, after: Decimal = Decimal(0), before: Decimal = COMPLETE
) -> Trigger:
    """Return the trigger of one of several instalments between two stages of progress; see `_clocks`."""
    even = after + (before - after) * place / (count + 1)
    if stage == "construction":
        return Trigger("construction_pct", min(before, max(after, even.quantize(Decimal("0.01")))))
    if stage == "post_handover":
        months = min(after + DEFAULT_EVERY_MONTHS * place, even) - COMPLETE
        return Trigger("months_after_handover", Decimal(int(months)))
    return Trigger(DEFAULT_TRIGGER[stage])


# Checks


def _check_total(steps: Sequence[Step], total: Decimal | None) -> None:
    amounts = [step.amount for step in steps if step.amount is not None]
    if len(amounts) == len(steps) and total is not None:
        if not any(amounts) or abs(Fraction(sum(amounts)) - Fraction(total)) > CENT:
            raise PlanError(("installments",), "The amounts must sum to total_price.")
    elif abs(_total(steps) - 100) > TOLERANCE_PCT:
        raise PlanError(("installments",), "The percentages must sum to 100, within 0.01.")


def _total(steps: Iterable[Step]) -> Fraction:
    return sum((step.share for step in steps), Fraction(0))


def _check_headline(steps: Sequence[Step], headline: Mapping[str, Decimal]) -> None:
    shares = weights(steps)
    for stage, pct in headline.items():
        of_stage = sum((share for step, share in zip(steps, shares, strict=True) if step.stage == stage), Fraction(0))
        if abs(of_stage - Fraction(pct)) > TOLERANCE_PCT:
            raise PlanError((HEADLINES[stage],), "This must be the sum of the instalments of its stage.")


def _check_order(steps: Sequence[Step]) -> None:
    """Refuse a stage or a clock that runs backwards: months, per cent of construction, and calendar days."""
    reached: dict[str, Decimal] = {}
    for i, step in enumerate(steps):
        for clock, time in _clocks(step):
            if time < reached.get(clock, time):
                raise PlanError(("installments", i, "trigger"), "This is due before an earlier instalment.")
            reached[clock] = time


def _clocks(step: Step) -> Iterable[tuple[str, Decimal]]:
    trigger = step.trigger
    value = trigger.value or Decimal(0)
    yield "stage", Decimal(STAGES.index(step.stage))
    if trigger.on is not None:
        yield "calendar", Decimal(trigger.on.toordinal())
    if trigger.type in ("on_booking", "on_contract", "months_after_booking"):
        yield "booking", value
    elif trigger.type in ("on_handover", "months_after_handover"):
        yield "construction", COMPLETE + value
    elif trigger.type == "construction_pct" and trigger.value is not None:
        yield "construction", value


# Generated instalments


def _generated(stated: Statement) -> list[Step]:
    headline, count, term = stated.headline, stated.count, stated.term_months
    known = sum(headline.values(), Decimal(0)) + (stated.before_handover or 0)
    rest = 100 - known
    if not known and not count and not term:
        return []
    spread = rest > 0 and bool(count or term)
    if not spread and abs(Fraction(rest)) > TOLERANCE_PCT:
        raise PlanError((), "The percentages must sum to 100, within 0.01.")
    construction = headline.get("construction", Decimal(0)) + (rest if spread else 0)
    return [
        *_before_handover(stated, construction),
        *_even("handover", headline.get("handover", Decimal(0)), [Trigger("on_handover")]),
        *_after_handover(stated),
    ]


def _before_handover(stated: Statement, construction: Decimal) -> list[Step]:
    """Return the booking and the parts until handover; without a stated booking the first part is one."""
    triggers = _rhythm(stated)
    if stated.before_handover:
        booking, *others = _even("construction", stated.before_handover, [Trigger("on_booking"), *triggers])
        return [replace(booking, stage="down_payment"), *others]
    return [*_booking(stated), *_even("construction", construction, triggers)]


def _booking(stated: Statement) -> list[Step]:
    down, money, total = stated.headline.get("down_payment"), stated.down_amount, stated.total_price
    if not down:
        return []
    share = share_of(money, total) if money and total else Fraction(down)
    return [Step("down_payment", share, Trigger("on_booking"), money)]


def _rhythm(stated: Statement) -> list[Trigger]:
    """Return when the parts before handover are due: by the calendar where it is stated, else with construction."""
    every, term = stated.every_months, stated.term_months
    count = stated.count or (max(1, term // (every or DEFAULT_EVERY_MONTHS)) if term else EVEN_STEPS - 1)
    if not term and not (every and stated.count):
        return [_default_trigger("construction", place, count) for place in range(1, count + 1)]
    last = every * count if every else term or 0
    return [Trigger("months_after_booking", Decimal(last * place // count)) for place in range(1, count + 1)]


def _after_handover(stated: Statement) -> list[Step]:
    months = stated.post_months or DEFAULT_POST_MONTHS
    every = stated.every_months or DEFAULT_EVERY_MONTHS
    count = max(1, months // every)
    triggers = [Trigger("months_after_handover", Decimal(months * place // count)) for place in range(1, count + 1)]
    return _even("post_handover", stated.headline.get("post_handover", Decimal(0)), triggers)


def _even(stage: str, pct: Decimal, triggers: Sequence[Trigger]) -> list[Step]:
    """Split a per cent evenly over some triggers."""
    if not pct:
        return []
    unit = PCT_STEP if pct == round(pct, 4) else FINE_STEP
    parts = apportion(round(pct * unit), [Fraction(1)] * len(triggers))
    return [Step(stage, Fraction(part, unit), trigger) for part, trigger in zip(parts, triggers, strict=True)]
