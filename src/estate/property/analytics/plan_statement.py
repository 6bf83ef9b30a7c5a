"""Reads what somebody states about a payment plan: many spellings in, one vocabulary out."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from estate.property.analytics.plan_terms import MAX_INSTALMENTS, STAGES, PlanError, amount, label, percent, whole

__all__ = ["HEADLINES", "Statement", "read_statement", "snake_key"]

HEADLINES = dict(
    zip(
        STAGES,
        ("down_payment_pct", "during_construction_pct", "on_handover_pct", "post_handover_pct"),
        strict=True,
    )
)
PLAN_TYPES = ("cash", "construction_linked", "time_linked", "post_handover", "custom")
FREQUENCIES = {
    "monthly": 1,
    "quarterly": 3,
    "semi_annual": 6,
    "semi_annually": 6,
    "annual": 12,
    "annually": 12,
    "yearly": 12,
}
# Portals and standards on the left (schema.org, RESO, listing APIs, off-plan feeds), our word on the right.
ALIASES = {
    "booking_pct": "down_payment_pct",
    "deposit_pct": "down_payment_pct",
    "on_booking_pct": "down_payment_pct",
    "construction_pct": "during_construction_pct",
    "on_construction_pct": "during_construction_pct",
    "handover_pct": "on_handover_pct",
    "on_post_handover_pct": "post_handover_pct",
    "min_down_payment": "down_payment_amount",
    "min_installments": "installment_amount",
    "loan_payment_amount": "installment_amount",
    "loan_payment_frequency": "installment_frequency",
    "frequency": "installment_frequency",
    "number_of_loan_payments": "number_of_installments",
    "installments_count": "number_of_installments",
    "instalments": "installments",
    "schedule": "installments",
    "months": "installment_months",
    "duration_months": "installment_months",
    "years": "max_installment_years",
    "installment_years": "max_installment_years",
    "price": "total_price",
    "type": "plan_type",
    "title": "name",
}
_RATIO = re.compile(
    r"([0-9.]{1,6})%? ?[/:-] ?([0-9.]{1,6})%?(?: ?[/:-] ?([0-9.]{1,6})%?(?: ?[/:-] ?([0-9.]{1,6})%?)?)?"
)
_STAGES_SAID = {
    "booking": "down_payment",
    "deposit": "down_payment",
    "down payment": "down_payment",
    "construction": "construction",
    "completion": "handover",
    "delivery": "handover",
    "handover": "handover",
    "after handover": "post_handover",
    "post handover": "post_handover",
    "post-handover": "post_handover",
}
_SHARE = re.compile(rf"([0-9.]{{1,6}}) ?% (?:(?:on|at|upon|during) )?({'|'.join(_STAGES_SAID)})")
_BETWEEN_SHARES = re.compile(r" ?(?:[,;+&]|\band\b) ?")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Statement:
    """A plan as stated, in our words; None where nothing is said.

    `headline` maps a stage to per cent; `before_handover` is the first number of a ratio such as 60/40, of
    which the split into booking and construction is not known; `down_amount` is the down payment stated in money.
    """

    name: str | None
    plan_type: str | None
    currency: str | None
    total_price: Decimal | None
    cash_discount: Decimal | None
    headline: Mapping[str, Decimal]
    down_amount: Decimal | None
    before_handover: Decimal | None
    count: int | None
    every_months: int | None
    term_months: int | None
    post_months: int | None
    installments: list[Any] | None
    fees: list[Any]
    generated: bool
    other: dict[str, Any]


def _canonical_key(key: str) -> str:
    """Return our word for a key, e.g. ``down_payment_pct`` for ``on_booking_percentage``."""
    snake = snake_key(key)
    return ALIASES.get(snake, snake)


def snake_key(key: str) -> str:
    """Return a key in snake case, with ``_pct`` for every spelling of per cent."""
    return re.sub(r"_percent(age)?$", "_pct", _CAMEL.sub("_", key).lower())


def read_statement(value: object) -> Statement:
    """Read an object, or a string such as ``"60/40"``, ``"10% on booking, 90% on handover"`` or ``"cash"``.

    Raises
    ------
    PlanError
        When it is neither, or a field of it cannot be read.
    """
    if isinstance(value, str):
        value = {"name": value.strip(), **_said_shares(value.strip())}
    if not isinstance(value, Mapping):
        raise PlanError((), "This must be an object, or a string such as 60/40.")
    return _statement(_Fields(_canonical(value)))


def _said_shares(text: str) -> dict[str, str]:
    """Return the shares of a text by stage; a ratio and "cash" are read with the name.

    Examples
    --------
    >>> _said_shares("20% on booking and 80% on handover")
    {'down_payment_pct': '20', 'on_handover_pct': '80'}
    """
    if _ratio(text) or text.lower() == "cash":
        return {}
    shares = [_SHARE.fullmatch(" ".join(part.split())) for part in _BETWEEN_SHARES.split(text.lower())]
    said = {HEADLINES[_STAGES_SAID[share[2]]]: share[1] for share in shares if share}
    if len(said) < len(shares):
        raise PlanError(
            (), 'Write "cash", a ratio such as "60/40", or shares such as "10% on booking, 90% on handover".'
        )
    return said


def _canonical(value: Mapping[Any, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key, content in value.items():
        name = _canonical_key(str(key))
        if content is None:
            continue
        if name in fields:
            raise PlanError((str(key),), "This is stated twice.")
        fields[name] = content
    if isinstance(fields.get("installments"), int | float | str):
        fields.setdefault("number_of_installments", fields.pop("installments"))
    return fields


class _Fields:
    """The fields of a plan; each is taken out once, so that the unknown ones are left."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.left = fields

    def take(self, name: str, read: Callable[[object, tuple[str, ...]], Any]) -> Any:
        value = self.left.pop(name, None)
        return None if value is None else read(value, (name,))


def _statement(fields: _Fields) -> Statement:
    name = fields.take("name", label)
    plan_type = _plan_type(fields)
    if name is None and plan_type is not None and plan_type not in PLAN_TYPES:
        name, plan_type = plan_type, None
    total = fields.take("total_price", amount)
    installments = fields.take("installments", _list)
    headline, down_amount = _headline(fields, total)
    down_pct = headline.get("down_payment")
    before = None if installments else _apply_name(headline, name, plan_type)
    years = fields.take("max_installment_years", percent)  # Years may have a fraction; 100 are enough.
    months = fields.take("installment_months", whole)
    return Statement(
        name=name,
        plan_type=plan_type,
        currency=fields.take("currency", label),
        total_price=total,
        cash_discount=fields.take("cash_discount_pct", percent),
        headline=headline,
        down_amount=down_amount if headline.get("down_payment") == down_pct else None,
        before_handover=before,
        count=fields.take("number_of_installments", _count),
        every_months=fields.take("installment_frequency", _frequency),
        term_months=months if years is None else int(years * 12),
        post_months=fields.take("post_handover_months", whole),
        installments=installments,
        fees=fields.take("fees", _list) or [],
        generated=fields.left.pop("schedule_source", None) == "generated",
        other=_other(fields),
    )


def _plan_type(fields: _Fields) -> str | None:
    stated = fields.take("plan_type", label)
    return None if stated is None else stated.lower().replace("-", "_").replace(" ", "_")


def _other(fields: _Fields) -> dict[str, Any]:
    """Return what no rule knows; a plan that was read before brings its own `other`."""
    nested = fields.left.pop("other", {})
    return {**(nested if isinstance(nested, dict) else {"other": nested}), **fields.left}


def _list(value: object, path: tuple[str, ...]) -> list[Any]:
    if not isinstance(value, list):
        raise PlanError(path, "This must be a list.")
    return value


def _count(value: object, path: tuple[str, ...]) -> int:
    return whole(value, path, MAX_INSTALMENTS)


def _frequency(value: object, path: tuple[str, ...]) -> int | None:
    """Return months between instalments; a word that names no rhythm, such as "milestone", names none."""
    if isinstance(value, str) and not value.isdigit():
        return FREQUENCIES.get(value.strip().lower().replace("-", "_").replace(" ", "_"))
    return max(1, whole(value, path))


def _headline(fields: _Fields, total: Decimal | None) -> tuple[dict[str, Decimal], Decimal | None]:
    """Return the per cent by stage, and the down payment where only money is stated."""
    headline = {stage: fields.take(key, percent) for stage, key in HEADLINES.items()}
    pct, money = _down_payment(fields, total)
    if headline["down_payment"] is None:
        headline["down_payment"] = pct
    else:
        money = None
    return {stage: pct for stage, pct in headline.items() if pct is not None}, money


def _down_payment(fields: _Fields, total: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
    """Read a down payment without unit, in per cent and money: below 1 a share, up to 100 per cent, above an amount."""
    stated: Decimal | None = fields.take("down_payment", amount)
    money: Decimal | None = fields.take("down_payment_amount", amount)
    if stated is not None and stated <= 100:
        return stated * 100 if 0 < stated < 1 else stated, None
    money = stated if money is None else money
    if money is None:
        return None, None
    if not total or money > total:
        raise PlanError(("down_payment",), "An amount needs a total_price that is at least as large.")
    return money * 100 / total, money


def _ratio(name: str) -> list[Decimal] | None:
    """Return the parts of "60/40" or "10/50/40".

    Examples
    --------
    >>> _ratio("60/40"), _ratio("flexible")
    ([Decimal('60'), Decimal('40')], None)
    """
    if not _RATIO.fullmatch(name.strip()):
        return None
    return [percent(part, ("name",)) for part in re.split("[/:-]", name)]


def _apply_name(headline: dict[str, Decimal], name: str | None, plan_type: str | None) -> Decimal | None:
    """Let a name such as "60/40" say what the headline does not; return its share before handover."""
    if not headline and (plan_type == "cash" or (name or "").lower() == "cash"):
        headline["down_payment"] = Decimal(100)
        return None
    parts = _ratio(name) if name else None
    if parts is None or "construction" in headline or "handover" in headline:
        return None
    if len(parts) > 2:
        headline.update(zip(STAGES, parts, strict=False))
        return None
    before, after = parts
    headline["handover"] = after - headline.get("post_handover", Decimal(0))
    if headline["handover"] < 0 or headline.get("down_payment", Decimal(0)) > before:
        raise PlanError(("name",), "The percentages contradict the ratio in the name.")
    if "down_payment" not in headline:
        return before
    headline["construction"] = before - headline["down_payment"]
    return None
