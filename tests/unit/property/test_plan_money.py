"""What a plan comes to over time, against sums done by hand."""

import datetime as dt
from decimal import Decimal

import pytest

from estate.property.analytics.payment_plan import PaymentPlan
from estate.property.analytics.plan_money import DELAYS_MONTHS, implied_rate, peak_outlay, stress

BOOKED, HANDOVER = dt.date(2027, 1, 1), dt.date(2028, 1, 1)
PRICE = Decimal("1000000.00")


def test_a_year_later_at_ten_per_cent_more_implies_ten_per_cent() -> None:
    due = PaymentPlan.parse({"on_handover_pct": 100}).schedule(Decimal("1100.00"), BOOKED, HANDOVER)
    assert implied_rate(due, Decimal("1000.00"), BOOKED) == pytest.approx(0.10, abs=1e-9)


def test_what_is_paid_at_booking_implies_no_rate() -> None:
    due = PaymentPlan.parse("cash").schedule(PRICE, BOOKED, HANDOVER)
    assert implied_rate(due, PRICE, BOOKED) is None


def test_the_rate_puts_the_present_value_back_to_the_cash_price() -> None:
    plan = PaymentPlan.parse("20/30/50")
    cash = Decimal("930000.00")
    rate = implied_rate(plan.schedule(PRICE, BOOKED, HANDOVER), cash, BOOKED)
    assert rate is not None
    assert float(plan.present_value(PRICE, Decimal(str(rate)), BOOKED, HANDOVER)) == pytest.approx(
        float(cash), abs=0.01
    )


def test_the_heaviest_twelve_months_are_found_wherever_they_begin() -> None:
    plan = {
        "installments": [
            {"pct": 10, "trigger": {"type": "on_booking"}},
            {"pct": 30, "trigger": {"type": "months_after_booking", "value": 11}},
            {"pct": 35, "trigger": {"type": "months_after_booking", "value": 22}},
            {"pct": 25, "trigger": {"type": "months_after_booking", "value": 23}},
        ]
    }
    due = PaymentPlan.parse(plan).schedule(PRICE, BOOKED, HANDOVER)
    assert peak_outlay(due) == Decimal("650000.00"), "months 11 and 22; month 23 begins the next twelve"


def test_a_late_handover_is_later_and_worth_less() -> None:
    found = stress(PaymentPlan.parse("40/60"), PRICE, 0.10, BOOKED, HANDOVER)
    assert [case.delay_months for case in found] == list(DELAYS_MONTHS)
    values = [case.present_value for case in found]
    assert values == sorted(values, reverse=True)
    assert [case.last_due_on for case in found] == [HANDOVER, dt.date(2028, 7, 1), dt.date(2029, 1, 1)]


def dated(plan: PaymentPlan) -> PaymentPlan:
    """State for each instalment the day on which it is due anyway."""
    on = [step.trigger.due(BOOKED, HANDOVER).isoformat() for step in plan.steps]
    stored = plan.to_json()
    for item, day in zip(stored["installments"], on, strict=True):
        item["trigger"]["expected_date"] = day
    return PaymentPlan.parse(stored)


@pytest.mark.parametrize("stated", ["10/90", "20/30/50", {"down_payment_pct": 20, "post_handover_pct": 80}])
def test_a_late_handover_moves_expected_dates_as_it_moves_those_that_nobody_states(stated: object) -> None:
    plan = PaymentPlan.parse(stated)
    free, bound = (stress(one, PRICE, 0.10, BOOKED, HANDOVER) for one in (plan, dated(plan)))
    assert [case.last_due_on for case in bound] == [case.last_due_on for case in free]
    for one, other in zip(bound, free, strict=True):
        assert float(one.present_value) == pytest.approx(float(other.present_value), rel=1e-3)


def test_a_fixed_date_stays_when_the_handover_is_late() -> None:
    plan = PaymentPlan.parse(
        {"installments": [{"pct": 40, "trigger": "on_booking"}, {"pct": 60, "date": "2028-01-01"}]}
    )
    assert {case.last_due_on for case in stress(plan, PRICE, 0.10, BOOKED, HANDOVER)} == {HANDOVER}


def test_construction_expected_after_a_handover_that_is_over_moves_by_the_delay() -> None:
    trigger = {"type": "construction_pct", "value": 80, "expected_date": "2027-03-01"}
    plan = PaymentPlan.parse({"installments": [{"pct": 100, "trigger": trigger}]})
    found = stress(plan, PRICE, 0.10, BOOKED, dt.date(2026, 12, 1))
    assert [case.last_due_on for case in found] == [dt.date(2027, 3, 1), dt.date(2027, 9, 1), dt.date(2028, 3, 1)]


def test_construction_that_was_over_by_the_booking_stays() -> None:
    stages = [(20, "2026-05-20"), (40, "2026-06-01"), (40, "2026-06-02")]
    plan = PaymentPlan.parse(
        {
            "installments": [
                {"pct": pct, "trigger": {"type": "construction_pct", "value": 10, "expected_date": on}}
                for pct, on in stages
            ]
        }
    )
    found = stress(plan, PRICE, 0.10, dt.date(2026, 6, 1), dt.date(2027, 6, 1))
    assert [case.last_due_on for case in found] == [dt.date(2026, 6, 2), dt.date(2026, 6, 2), dt.date(2026, 6, 3)]


def test_the_stages_of_odd_amounts_sum_to_the_whole() -> None:
    thirds = [{"amount": "33.33", "stage": s} for s in ("down_payment", "construction")]
    plan = PaymentPlan.parse(
        {"total_price": "100.00", "installments": [*thirds, {"amount": "33.34", "stage": "handover"}]}
    )
    assert sum(plan.stage_pct.values()) == 100
