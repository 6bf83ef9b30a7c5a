"""What speaks for one unit speaks against the other, with figures, and something is always said."""

import datetime as dt
import re
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.property.analytics.comparison import CRITERIA, SHARE, STATED, Comparison, Count, Figure, Listing, compare

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
    assert (pro.difference, pro.unit, pro.threshold) == (4.76, "% of the larger figure", 1.0)
    assert pro.text == "Price: AED 1,000,000 against AED 1,050,000, 5 % lower."
    assert con.text == "Price: AED 1,050,000 against AED 1,000,000, 5 % higher."


@pytest.mark.parametrize(
    ("field", "figures", "said"),
    [
        ("price", (2_705_000, 882_000), ("207 % higher", "67 % lower")),
        ("price_per_sqm", (21_000, 3_990), ("426 % higher", "81 % lower")),
        ("area_sqm", ("301.25", 42), ("617 % larger", "86 % smaller")),
        ("price", (1, 1_000), ("over 99 % lower", "99,900 % higher")),
    ],
)
def test_per_cent_are_of_the_other_unit(field: str, figures: tuple[int | str, int], said: tuple[str, str]) -> None:
    a, b = (Listing(ref, "AED", {field: Decimal(x)}) for ref, x in zip("ab", figures, strict=True))
    points = compare([a, b]).points
    assert tuple(point.text.rpartition(", ")[2] for point in points) == tuple(f"{words}." for words in said)


@given(st.decimals(0, 10**7, places=2), st.decimals(0, 10**7, places=2))
def test_a_per_cent_in_a_sentence_leads_from_the_other_figure_to_this_one(mine: Decimal, other: Decimal) -> None:
    for point in compare([one("a", price=str(mine)), one("b", price=str(other))]).points:
        x, y = Decimal(point.value), Decimal(point.other)
        said = re.search(r", (over )?([\d,]+) % (lower|higher)\.$", point.text)
        if point.kind == "even" or not y:
            assert said is None
            continue
        assert said is not None
        assert (said[3] == "higher") == (x > y)
        away, pct = abs(x - y) * 100 / y, Decimal(said[2].replace(",", ""))
        assert pct < away < 100 if said[1] else abs(away - pct) <= Decimal("0.5")


def test_nothing_is_a_share_of_zero() -> None:
    points = compare([one("a", real_demand=1), one("b", real_demand=0)]).points
    assert [(point.kind, point.text) for point in points] == [
        ("pro", "Demand: 1 against 0."),
        ("con", "Demand: 0 against 1, 100 % lower."),
    ]
    assert {(point.difference, point.unit) for point in points} == {(100.0, SHARE)}


def pace(ref: str, sales: int, days: int = 182) -> Listing:
    velocity = round(Decimal(sales * 30.4375 / days), 2)
    return Listing(ref, "AED", {"sales_velocity": velocity}, {"sales_velocity": Count(sales, days)})


@pytest.mark.parametrize("mean", [1, 3, 6, 12, 30])
def test_projects_of_one_pace_are_seldom_told_apart(mean: int) -> None:
    drawn = np.random.default_rng(mean).poisson(mean, (400, 2)).tolist()
    kinds = [compare([pace("a", x), pace("b", y)]).points[0].kind for x, y in drawn]
    assert np.mean([kind != "even" for kind in kinds]) <= 0.12


def test_counts_are_named_whether_they_tell_units_apart_or_not() -> None:
    (even,) = compare([pace("a", 2), pace("b", 1)]).points
    assert (even.kind, even.difference, even.threshold) == ("even", 48.48, 10.0)
    assert even.text == "Sales velocity: 0.33 a month against 0.17 a month; 2 against 1 sales may be chance."
    (pro,) = compare([pace("a", 30), pace("b", 12)]).of("a", "pro")
    assert pro.text == "Sales velocity: 5.02 a month against 2.01 a month (30 against 12 sales), 150 % higher."


def test_counts_are_held_against_the_days_that_they_took() -> None:
    assert [p.kind for p in compare([pace("a", 6, 30), pace("b", 9, 182)]).of("a", "pro")] == ["pro"]
    (even,) = compare([pace("a", 0, 30), pace("b", 6, 182)]).points
    assert even.kind == "even"


def test_a_stated_figure_is_no_count() -> None:
    (pro,) = compare([pace("a", 2), one("b", sales_velocity="0.17")]).of("a", "pro")
    assert pro.text == "Sales velocity: 0.33 a month against 0.17 a month, 94 % higher."


def test_delivery_is_compared_in_days() -> None:
    early, late = one("a", delivery_date=dt.date(2027, 1, 1)), one("b", delivery_date=dt.date(2027, 3, 1))
    (pro,) = compare([early, late]).of("a", "pro")
    assert pro.text == "Delivery: 1 Jan 2027 against 1 Mar 2027, 59 days earlier."


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (dt.date(2020, 11, 14), "60 days later"),
        (dt.date(2021, 9, 15), "about 12 months later"),
        (dt.date(2023, 3, 15), "about 2.5 years later"),
        (dt.date(2028, 10, 1), "about 8 years later"),
    ],
)
def test_long_spans_are_written_in_months_and_years(later: dt.date, said: str) -> None:
    (con,) = compare([one("a", delivery_date=later), one("b", delivery_date=dt.date(2020, 9, 15))]).of("a", "con")
    assert con.text.endswith(f"against 15 Sep 2020, {said}.")
    assert (con.difference, con.unit) == ((later - dt.date(2020, 9, 15)).days, "days")


def test_a_home_without_bedrooms_is_a_studio() -> None:
    (con,) = compare([one("a", bedrooms=0), one("b", bedrooms=2)]).of("a", "con")
    assert con.text == "Bedrooms: Studio against 2, 2 bedrooms fewer."


def test_equal_units_are_even_with_figures() -> None:
    result = compare([one("a", price=100, bedrooms=2), one("b", price=100, bedrooms=2)])
    assert [p.text for p in result.of("a", "even")] == [
        "Price: AED 100 against AED 100, equal.",
        "Bedrooms: 2 against 2, equal.",
    ]
    assert {p.kind for p in result.points} == {"even"}


def test_a_difference_under_the_threshold_is_even_and_says_so() -> None:
    (point,) = compare([one("a", price=1000), one("b", price=1005)]).points
    assert (point.kind, point.difference) == ("even", 0.5)
    assert point.text == "Price: AED 1,000 against AED 1,005; 0.5 % of the larger figure is under the 1 that counts."


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
