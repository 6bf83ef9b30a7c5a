"""Payment plans sum to the price to the cent, fall due when they say, and contradictions are refused."""

import datetime as dt
import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from estate.property.analytics.payment_plan import Instalment, PaymentPlan, PlanError
from estate.property.analytics.plan_terms import apportion

BOOKED = dt.date(2026, 1, 31)
HANDOVER = dt.date(2028, 1, 31)
BOOKING: dict[str, Any] = {"type": "on_booking"}
AT_HANDOVER: dict[str, Any] = {"type": "on_handover"}

FULL: dict[str, Any] = {
    "name": "60/40",
    "plan_type": "construction_linked",
    "currency": "AED",
    "total_price": "1000000.00",
    "down_payment_pct": 10,
    "during_construction_pct": 50,
    "on_handover_pct": 40,
    "post_handover_pct": 0,
    "installment_frequency": "milestone",
    "number_of_installments": 4,
    "installments": [
        {"seq": 1, "stage": "down_payment", "label": "Booking", "pct": 10, "trigger": BOOKING},
        {
            "seq": 2,
            "stage": "construction",
            "pct": 25,
            "trigger": {"type": "construction_pct", "value": 20, "expected_date": "2026-11-01"},
        },
        {"seq": 3, "stage": "construction", "pct": 25, "trigger": {"type": "months_after_booking", "value": 18}},
        {"seq": 4, "stage": "handover", "pct": 40, "trigger": AT_HANDOVER},
    ],
    "fees": [{"code": "dld_transfer", "pct": 4, "trigger": BOOKING, "in_plan": False}],
}


def listed(*items: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"installments": list(items)} | fields


def stages(value: object) -> dict[str, float]:
    return {stage: float(pct) for stage, pct in PaymentPlan.parse(value).stage_pct.items()}


def total(schedule: list[Instalment]) -> Decimal:
    return sum((part.amount for part in schedule), Decimal(0))


@pytest.mark.parametrize(
    ("said", "shares"),
    [
        ("10% on booking, 50% during construction, 40% on handover", (10, 50, 40, 0)),
        ("20 % Down Payment; 80% upon completion", (20, 0, 80, 0)),
        ("5% deposit, 35% construction & 60% post-handover", (5, 35, 0, 60)),
        ("20% on booking and 80% after  handover", (20, 0, 0, 80)),
    ],
)
def test_shares_are_read_as_brochures_say_them(said: str, shares: tuple[float, ...]) -> None:
    plan = PaymentPlan.parse(said)
    assert tuple(plan.stage_pct.values()) == shares
    assert plan.stated.name == said
    assert PaymentPlan.parse(plan.to_json()).stage_pct == plan.stage_pct


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("10% on booking, 80% on handover", "sum to 100"),
        ("10% on booking, 10% on booking, 80% on handover", 'shares such as "10% on booking'),
        ("10% on booking, the balance on handover", 'shares such as "10% on booking'),
        ("10% on booking, 90% whenever", 'shares such as "10% on booking'),
    ],
)
def test_shares_that_leave_something_open_are_refused(said: str, why: str) -> None:
    with pytest.raises(PlanError, match=why):
        PaymentPlan.parse(said)


def test_a_listed_plan_falls_due_when_it_says() -> None:
    schedule = PaymentPlan.parse(FULL).schedule("1000000.00", BOOKED, HANDOVER)
    assert schedule == [
        Instalment(BOOKED, Decimal("100000.00"), "down_payment"),
        Instalment(dt.date(2026, 11, 1), Decimal("250000.00"), "construction"),
        Instalment(dt.date(2027, 7, 31), Decimal("250000.00"), "construction"),
        Instalment(HANDOVER, Decimal("400000.00"), "handover"),
    ]


def test_months_end_on_the_last_day_and_construction_runs_at_a_steady_pace() -> None:
    plan = PaymentPlan.parse(
        listed(
            {"pct": 25, "trigger": {"type": "months_after_booking", "value": 1}},
            {"pct": 25, "trigger": {"type": "construction_pct", "value": 50}},
            {"pct": 25, "trigger": AT_HANDOVER},
            {"pct": 25, "trigger": {"type": "months_after_handover", "value": 1}},
        )
    )
    due = [part.due_on for part in plan.schedule(100, BOOKED, HANDOVER)]
    assert due == [dt.date(2026, 2, 28), dt.date(2027, 1, 31), HANDOVER, dt.date(2028, 2, 29)]


def test_what_was_due_before_the_booking_is_due_with_it() -> None:
    plan = PaymentPlan.parse(listed({"pct": 50, "date": "2020-01-01"}, {"pct": 50, "trigger": AT_HANDOVER}))
    due = [part.due_on for part in plan.schedule(100, BOOKED, dt.date(2024, 1, 1))]
    assert due == [BOOKED, BOOKED]


amounts = st.integers(min_value=0, max_value=10**17).map(lambda cents: Decimal(cents).scaleb(-2))
weights = st.lists(st.integers(min_value=1, max_value=10_000), min_size=1, max_size=60)


@given(price=amounts, parts=weights)
def test_every_schedule_sums_to_the_price_and_no_instalment_is_a_cent_off(price: Decimal, parts: list[int]) -> None:
    exact = [Fraction(part * 100, sum(parts)) for part in parts]
    pcts = [Decimal(apportioned).scaleb(-4) for apportioned in apportion(1_000_000, exact)]
    plan = PaymentPlan.parse(listed(*({"pct": str(pct)} for pct in pcts)))
    schedule = plan.schedule(price, BOOKED, HANDOVER)
    assert total(schedule) == price
    for part, pct in zip(schedule, pcts, strict=True):
        assert abs(Fraction(part.amount) - Fraction(price) * Fraction(pct) / 100) < Fraction(1, 100)


@given(
    down=st.integers(0, 100),
    handover=st.integers(0, 100),
    months=st.integers(1, 120),
    price=amounts,
    rate=st.integers(1, 40),
)
def test_a_headline_makes_a_whole_schedule(down: int, handover: int, months: int, price: Decimal, rate: int) -> None:
    handover = min(handover, 100 - down)
    plan = PaymentPlan.parse({"down_payment_pct": down, "on_handover_pct": handover, "installment_months": months})
    schedule = plan.schedule(price, BOOKED, HANDOVER)
    assert total(schedule) == price
    assert plan.schedule_source == "generated"
    assert stages(plan.to_json()) == pytest.approx(
        {"down_payment": down, "construction": 100 - down - handover, "handover": handover, "post_handover": 0}
    )
    assert plan.present_value(price, Decimal(rate) / 100, BOOKED, HANDOVER) <= price


@pytest.mark.parametrize(
    "value",
    [FULL, "60/40", "10/50/40", "10/40/30/20", "cash", {"down_payment_pct": 20, "months": 36}, {"name": "Installment"}],
)
def test_a_stored_plan_reads_back_to_itself(value: object) -> None:
    stored = PaymentPlan.parse(value).to_json()
    again = PaymentPlan.parse(json.loads(json.dumps(stored)))
    assert again.to_json() == stored
    assert again.steps == PaymentPlan.parse(value).steps


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("60/40", (60, 40, 0)),
        ("60-40", (60, 40, 0)),
        ("20% / 80%", (20, 80, 0)),
        ("20/30/50", (50, 50, 0)),
        ("10/40/30/20", (50, 30, 20)),
        ("cash", (100, 0, 0)),
        ({"plan_type": "cash", "name": "Cash"}, (100, 0, 0)),
        ({"name": "60/40", "down_payment_pct": 20}, (60, 40, 0)),
        ({"downPayment": 25, "on_handover_pct": 75}, (25, 75, 0)),
        ({"DownPayment": "250000.00", "total_price": 1000000, "on_handover_percent": "75"}, (25, 75, 0)),
        ({"down_payment": 0.25, "on_handover_percentage": "75%"}, (25, 75, 0)),
        ({"min_down_payment": 100000, "max_installment_years": 8, "total_price": "1000000"}, (100, 0, 0)),
        (
            {
                "on_booking_percent": "10",
                "on_construction_percent": 40,
                "on_handover_percent": 20,
                "post_handover_percent": 30,
            },
            (50, 20, 30),
        ),
        (
            listed({"percentage": 30, "trigger_type": "on_booking"}, {"percentage": 70, "trigger": "on_handover"}),
            (30, 70, 0),
        ),
    ],
)
def test_usual_spellings_are_read(value: object, expected: tuple[float, float, float]) -> None:
    pct = stages(value)
    before = pct["down_payment"] + pct["construction"]
    assert (before, pct["handover"], pct["post_handover"]) == pytest.approx(expected)


def same_when_stored(value: object) -> PaymentPlan:
    plan = PaymentPlan.parse(value)
    again = PaymentPlan.parse(json.loads(json.dumps(plan.to_json())))
    assert again.steps == plan.steps
    assert again.to_json() == plan.to_json()
    return plan


@given(
    cents=st.integers(min_value=1, max_value=10**17 - 1),
    part=st.floats(min_value=0.0001, max_value=0.99),
    count=st.integers(1, 60),
    name=st.sampled_from(["60/40", "Easy"]),
    key=st.sampled_from(["down_payment", "min_down_payment", "down_payment_amount"]),
)
def test_a_down_payment_in_money_is_stored_and_due_as_stated(
    cents: int, part: float, count: int, name: str, key: str
) -> None:
    price, money = Decimal(cents).scaleb(-2), Decimal(int(cents * part)).scaleb(-2)
    assume(money > 100 and (name == "Easy" or money <= price * 6 / 10))
    plan = same_when_stored({"name": name, "total_price": str(price), key: str(money), "number_of_installments": count})
    schedule = plan.schedule(price, BOOKED, HANDOVER)
    assert schedule[0] == Instalment(BOOKED, money, "down_payment")
    assert total(schedule) == price


def test_a_stated_down_payment_goes_before_a_rounded_per_cent() -> None:
    plan = same_when_stored({"total_price": 1_900_000, "down_payment": 250_000, "on_handover_pct": 86.84})
    amounts = [part.amount for part in plan.schedule(1_900_000, BOOKED, HANDOVER)]
    assert amounts == [Decimal("250000.00"), Decimal("1650000.00")]


def test_what_is_left_after_a_down_payment_in_money_is_split_evenly() -> None:
    plan = PaymentPlan.parse({"total_price": 1_900_000, "down_payment": 250_000, "number_of_installments": 20})
    assert {part.amount for part in plan.schedule(1_900_000, BOOKED, HANDOVER)[1:]} == {Decimal("82500.00")}


@given(parts=st.lists(st.integers(1, 10**12), min_size=1, max_size=30))
def test_every_per_cent_is_stored_as_it_is(parts: list[int]) -> None:
    exact = [Decimal(part).scaleb(-10) for part in apportion(10**12, [Fraction(part) for part in parts])]
    same_when_stored(listed(*({"pct": f"{pct:f}"} for pct in exact)))


@given(
    down=st.integers(0, 10**12),
    missing=st.integers(-(10**8), 10**8),
    months=st.integers(1, 1_200),
    discount=st.integers(1, 10**12),
)
def test_every_headline_is_stored_as_it_is(down: int, missing: int, months: int, discount: int) -> None:
    handover = min(max(10**12 - down + missing, 0), 10**12)
    pct = {"down_payment_pct": down, "on_handover_pct": handover, "cash_discount_pct": discount}
    fields = {key: f"{Decimal(value).scaleb(-10):f}" for key, value in pct.items()}
    same_when_stored(fields | {"post_handover_months": months})


@pytest.mark.parametrize(
    "value",
    [
        listed({"pct": "0.00001", "stage": "down_payment"}, {"pct": 99.99999}),
        listed({"pct": 1e-05}, {"pct": "99.9999900000000000000000000001"}),
        {"name": "60/40", "cash_discount_pct": 0.00001},
        {"name": "60/40", "installments": []},
        listed({"pct": 99.98995}, {"pct": "0.00005", "stage": "handover"}),
        listed({"amount": "0.01"}, total_price="0.02"),
    ],
)
def test_small_and_rounded_numbers_are_stored_as_they_are(value: object) -> None:
    same_when_stored(value)


def test_a_plan_stored_with_more_decimals_than_are_kept_is_read() -> None:
    """As a down payment of 250,000 of 1,900,000 was once written."""
    stored = listed({"seq": 1, "pct": 13.157894736842104}, {"seq": 2, "pct": 86.8421}, total_price="1900000.00")
    assert [step.share for step in same_when_stored(stored).steps] == [
        Fraction("13.1578947368"),
        Fraction("86.8421"),
    ]


def test_a_plan_that_says_too_little_is_kept_without_a_schedule() -> None:
    plan = PaymentPlan.parse({"name": "Flexible", "promoter": "bank"})
    assert plan.schedule_source == "none"
    assert plan.to_json() == {"name": "Flexible", "schedule_source": "none", "other": {"promoter": "bank"}}
    with pytest.raises(PlanError):
        plan.schedule(100, BOOKED, HANDOVER)


def test_instalments_in_amounts_are_paid_as_stated() -> None:
    plan = PaymentPlan.parse(
        listed({"amount": "333.33"}, {"amount": "333.33"}, {"amount": "333.34"}, total_price="1000.00")
    )
    assert [part.amount for part in plan.schedule("1000.00", BOOKED, HANDOVER)] == [
        Decimal("333.33"),
        Decimal("333.33"),
        Decimal("333.34"),
    ]


def test_the_order_of_instalments_is_their_seq() -> None:
    plan = PaymentPlan.parse(
        listed({"seq": 2, "pct": 60, "trigger": AT_HANDOVER}, {"seq": 1, "pct": 40, "trigger": BOOKING})
    )
    assert [step.stage for step in plan.steps] == ["down_payment", "handover"]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (listed({"pct": 50}, {"pct": 49.98}), ("installments",)),
        (listed({"pct": 50}, {"pct": 50.02}), ("installments",)),
        (listed(*[{"pct": 0.0999}] * 1001), ("installments",)),
        (listed({"amount": 0}, total_price="0.01"), ("installments",)),
        ({"down_payment_pct": 10, "number_of_installments": 1000}, ()),
        ({"number_of_installments": 1001}, ("number_of_installments",)),
        ({"down_payment_pct": 20, "on_handover_pct": 70}, ()),
        ({"down_payment_pct": 20}, ()),
        ("60/50", ()),
        ("soon", ()),
        (7, ()),
        (listed({"pct": 50, "date": "2027-02-01"}, {"pct": 50, "date": "2027-01-01"}), ("installments", 1, "trigger")),
        (
            listed({"pct": 50, "trigger": AT_HANDOVER}, {"pct": 50, "trigger": BOOKING}),
            ("installments", 1, "trigger"),
        ),
        (
            listed(
                {"pct": 50, "trigger": {"type": "construction_pct", "value": 60}},
                {"pct": 50, "trigger": {"type": "construction_pct", "value": 40}},
            ),
            ("installments", 1, "trigger"),
        ),
        (
            listed(
                {"pct": 50, "stage": "construction", "trigger": AT_HANDOVER},
                {"pct": 50, "trigger": {"type": "construction_pct", "value": 90}},
            ),
            ("installments", 1, "trigger"),
        ),
        (listed({"pct": 100, "amount": 5}), ("installments", 0, "pct")),
        (listed({"label": "x"}), ("installments", 0, "pct")),
        (listed({"pct": -1}, {"pct": 101}), ("installments", 0, "pct")),
        (listed({"pct": float("nan")}), ("installments", 0, "pct")),
        (listed({"pct": True}), ("installments", 0, "pct")),
        (listed({"pct": 100, "trigger": {"type": "someday"}}), ("installments", 0, "trigger", "type")),
        (
            listed({"pct": 100, "trigger": {"type": "fixed_date", "value": "2027-02-30"}}),
            ("installments", 0, "trigger", "date"),
        ),
        (listed({"pct": 100, "stage": "later"}), ("installments", 0, "stage")),
        (listed({"amount": "10.00"}), ("total_price",)),
        (listed({"amount": "10.00"}, total_price="11.00"), ("installments",)),
        (listed({"pct": 100, "trigger": BOOKING}, down_payment_pct=90), ("down_payment_pct",)),
        ({"on_booking_pct": 10, "down_payment_pct": 10}, ("down_payment_pct",)),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused_with_its_place(value: object, path: tuple[object, ...]) -> None:
    with pytest.raises(PlanError) as refused:
        PaymentPlan.parse(value)
    assert refused.value.path == path


def built(value: int) -> dict[str, Any]:
    return {"type": "construction_pct", "value": value}


def moved_in(months: int) -> dict[str, Any]:
    return {"type": "months_after_handover", "value": months}


@pytest.mark.parametrize(
    ("triggers", "expected"),
    [
        ([built(80), None], [80, 90]),
        ([None, built(20), None, None], [10, 20, 46.67, 73.33]),
        ([None, built(1), None, built(2)], [0.5, 1, 1.5, 2]),
        ([built(100), None], [100, 100]),
        ([None, None], [33.33, 66.67]),
    ],
)
def test_construction_without_a_trigger_lies_between_its_neighbours(
    triggers: list[dict[str, Any] | None], expected: list[float]
) -> None:
    items = [{"pct": 20, "stage": "construction", "trigger": trigger} for trigger in triggers]
    plan = same_when_stored(listed({"pct": 100 - 20 * len(items), "trigger": BOOKING}, *items))
    assert [float(step.trigger.value or 0) for step in plan.steps[1:]] == expected


@pytest.mark.parametrize(
    ("triggers", "expected"),
    [
        ([moved_in(12), None, None], [12, 15, 18]),
        ([None, moved_in(2), None], [1, 2, 5]),
        ([None] * 3, [3, 6, 9]),
        ([moved_in(1_200), None], [1_200, 1_200]),
    ],
)
def test_what_is_due_after_handover_without_a_trigger_lies_between_its_neighbours(
    triggers: list[dict[str, Any] | None], expected: list[int]
) -> None:
    items = [{"pct": 20, "stage": "post_handover", "trigger": trigger} for trigger in triggers]
    plan = same_when_stored(listed({"pct": 100 - 20 * len(items), "trigger": AT_HANDOVER}, *items))
    assert [step.trigger.value for step in plan.steps[1:]] == expected


@given(
    values=st.lists(st.integers(0, 10**12), min_size=1, max_size=8),
    vague=st.lists(st.integers(0, 3), min_size=9, max_size=9),
)
def test_no_order_that_is_stated_is_broken_by_a_default(values: list[int], vague: list[int]) -> None:
    known = [{"type": "construction_pct", "value": f"{Decimal(v).scaleb(-10):f}"} for v in sorted(values)]
    triggers = [t for trigger, before in zip([*known, None], vague, strict=False) for t in [*[None] * before, trigger]]
    parts = apportion(10**12, [Fraction(1)] * len(triggers))
    items = [
        {"pct": f"{Decimal(part).scaleb(-10):f}", "trigger": trigger}
        for part, trigger in zip(parts, triggers, strict=True)
    ]
    same_when_stored(listed(*items))


def test_the_sum_may_be_off_by_a_hundredth() -> None:
    plan = PaymentPlan.parse(listed({"pct": 33.33}, {"pct": 33.33}, {"pct": 33.33}))
    assert total(plan.schedule("999.99", BOOKED, HANDOVER)) == Decimal("999.99")


def test_present_value_discounts_at_the_effective_annual_rate() -> None:
    plan = PaymentPlan.parse(listed({"pct": 50, "trigger": BOOKING}, {"pct": 50, "trigger": AT_HANDOVER}))
    days = (HANDOVER - BOOKED).days
    assert days == 730
    value = plan.present_value(1_000_000, "0.08", BOOKED, HANDOVER)
    assert value == pytest.approx(Decimal(500_000) + Decimal(500_000) / Decimal("1.08") ** 2, abs=Decimal("1e-15"))
    assert plan.present_value(1_000_000, 0, BOOKED, HANDOVER) == 1_000_000


def test_a_price_finer_than_a_cent_and_a_rate_of_minus_one_are_refused() -> None:
    plan = PaymentPlan.parse("cash")
    with pytest.raises(ValueError, match="two decimals"):
        plan.schedule("1.001", BOOKED, HANDOVER)
    with pytest.raises(ValueError, match="above -1"):
        plan.present_value(1, -1, BOOKED, HANDOVER)


def test_paid_before_handover_counts_booking_and_construction() -> None:
    assert PaymentPlan.parse(FULL).paid_before_handover_pct == 60
    assert PaymentPlan.parse({"name": "Flexible"}).paid_before_handover_pct is None
