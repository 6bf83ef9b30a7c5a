"""What speaks for one unit speaks against the other, with figures, and something is always said."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.property.analytics.comparison import CRITERIA, STATED, Comparison, Figure, Listing, compare

FIELDS = {criterion.field: criterion for criterion in (*CRITERIA, STATED)}


def one(ref: str, currency: str = "AED", **figures: Figure | int | str) -> Listing:
    read = {k: v if isinstance(v, dt.date) else Decimal(v) for k, v in figures.items()}
    return Listing(ref, currency, read)


figures = st.fixed_dictionaries(
    {},
    optional={
        field: (
            st.dates(dt.date(2026, 1, 1), dt.date(2032, 1, 1))
            if field == "delivery_date"
            else st.decimals(0, 10_000, places=2)
        )
        for field in (criterion.field for criterion in CRITERIA)
    },
)
listings = st.builds(Listing, st.uuids().map(str), st.sampled_from(["AED", "EGP"]), figures)


def facts(result: Comparison) -> set[tuple[object, ...]]:
    return {
        (p.ref, p.against, p.field, p.kind, p.value, p.other, p.difference, p.threshold, p.unit, p.text)
        for p in result.points
    }


@given(st.lists(listings, min_size=2, max_size=5, unique_by=lambda listing: listing.ref))
def test_pros_mirror_cons_and_every_pair_has_a_reason(units: list[Listing]) -> None:
    result = compare(units)
    pros = {(p.ref, p.against, p.field, p.value, p.other, p.difference) for p in result.points if p.kind == "pro"}
    cons = {(p.against, p.ref, p.field, p.other, p.value, p.difference) for p in result.points if p.kind == "con"}
    assert pros == cons
    assert facts(result) == facts(compare(units[::-1]))
    for a in units:
        for b in units:
            assert a is b or any({p.ref, p.against} == {a.ref, b.ref} for p in result.points)


def number(figure: str) -> Decimal:
    return Decimal(figure) if "-" not in figure else Decimal(dt.date.fromisoformat(figure).toordinal())


@given(listings, listings)
def test_every_pro_is_supported_by_its_figures(a: Listing, b: Listing) -> None:
    for point in compare([a, Listing("z" + b.ref, b.currency, b.figures)]).points:
        if point.kind == "even":
            assert point.difference < point.threshold
            continue
        better = point.kind == "pro"
        mine, other = number(point.value), number(point.other)
        assert (mine > other) == (better == FIELDS[point.field].higher_is_better)
        assert point.difference >= point.threshold


def test_a_lower_price_is_a_pro_with_number_unit_and_threshold() -> None:
    result = compare([one("a", price="1000000.00"), one("b", price="1050000.00")])
    (pro,), (con,) = result.of("a", "pro"), result.of("b", "con")
    assert (pro.difference, pro.unit, pro.threshold) == (4.76, "%", 1.0)
    assert pro.text == "Price: 1,000,000 AED against 1,050,000 AED, 4.76 % lower."
    assert con.text == "Price: 1,050,000 AED against 1,000,000 AED, 4.76 % higher."


def test_delivery_is_compared_in_days() -> None:
    early, late = one("a", delivery_date=dt.date(2027, 1, 1)), one("b", delivery_date=dt.date(2027, 3, 1))
    (pro,) = compare([early, late]).of("a", "pro")
    assert pro.text == "Delivery: 2027-01-01 against 2027-03-01, 59 days earlier."


def test_equal_units_are_even_with_figures() -> None:
    result = compare([one("a", price=100, bedrooms=2), one("b", price=100, bedrooms=2)])
    assert [p.text for p in result.of("a", "even")] == [
        "Price: 100 AED against 100 AED, equal.",
        "Bedrooms: 2 against 2, equal.",
    ]
    assert {p.kind for p in result.points} == {"even"}


def test_a_difference_under_the_threshold_is_even_and_says_so() -> None:
    (point,) = compare([one("a", price=1000), one("b", price=1005)]).points
    assert (point.kind, point.difference) == ("even", 0.5)
    assert point.text == "Price: 1,000 AED against 1,005 AED; 0.5 % is under the 1 that counts."


def test_prices_are_compared_in_one_currency_only() -> None:
    result = compare([one("a", price=100, bedrooms=1), one("b", "EGP", price=5, bedrooms=2)])
    assert {point.field for point in result.points} == {"bedrooms"}
    assert result.not_compared == ("Prices in AED, EGP are compared within one currency only.",)


def test_units_without_a_shared_figure_still_get_a_reason() -> None:
    (pro,) = compare([one("a", price=100), one("b")]).of("a", "pro")
    assert (pro.field, pro.value, pro.other) == ("stated_figures", "1", "0")
    (even,) = compare([one("a"), one("b")]).points
    assert (even.kind, even.text) == ("even", "Figures stated: 0 against 0, equal.")


@pytest.mark.parametrize("units", [[one("a")], [one("a"), one("a")]])
def test_one_unit_is_not_compared_with_itself(units: list[Listing]) -> None:
    with pytest.raises(ValueError, match="different units"):
        compare(units)
