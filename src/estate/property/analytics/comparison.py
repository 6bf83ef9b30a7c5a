"""Compares units figure by figure; what speaks for one speaks against the other, with the same numbers."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import combinations
from typing import Literal

from scipy.stats import binomtest

__all__ = ["CRITERIA", "Comparison", "Count", "Criterion", "Figure", "Listing", "Point", "compare"]

Figure = Decimal | dt.date
Kind = Literal["pro", "con", "even"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One figure that units are compared by.

    Parameters
    ----------
    field, label : str
        Its name for machines and for people.
    higher_is_better : bool
        Which direction is a pro for the buyer.
    threshold : float
        The smallest difference that counts, in `unit`.
    unit : str
        Unit of the difference and the threshold; `SHARE` measures both units alike.
    shown : str
        How a figure is written; ``{figure}`` and ``{currency}`` are filled in.
    words : tuple of str
        What a lower and a higher figure are called.
    zero : str
        What a figure of 0 is called, where it has a name.
    counted : str
        What is counted, where the platform counts the figure.
    """

    field: str
    label: str
    higher_is_better: bool
    threshold: float
    unit: str
    shown: str = "{figure}"
    words: tuple[str, str] = ("lower", "higher")
    zero: str = ""
    counted: str = ""

    @property
    def is_money(self) -> bool:
        """Whether figures in different currencies must not be compared."""
        return "{currency}" in self.shown


SHARE = "% of the larger figure"
# Thresholds: what a buyer would not notice, or what stated figures are rounded to.
CRITERIA = (
    Criterion("price", "Price", False, 1.0, SHARE, "{currency} {figure}"),
    Criterion("price_per_sqm", "Price per m²", False, 1.0, SHARE, "{currency} {figure}"),
    Criterion("paid_before_handover_pct", "Due at booking and before handover", False, 5.0, "points", "{figure} %"),
    Criterion("cash_ratio", "Cash price over plan price", False, 0.01, "of the price"),
    Criterion("delivery_date", "Delivery", False, 30.0, "days", words=("earlier", "later")),
    Criterion("area_sqm", "Size", True, 3.0, SHARE, "{figure} m²", ("smaller", "larger")),
    Criterion("bedrooms", "Bedrooms", True, 1.0, "bedrooms", words=("fewer", "more"), zero="Studio"),
    Criterion("bathrooms", "Bathrooms", True, 1.0, "bathrooms", words=("fewer", "more")),
    Criterion("real_demand", "Demand", True, 10.0, SHARE, counted="clients"),
    Criterion("sales_velocity", "Sales velocity", True, 10.0, SHARE, "{figure} a month", counted="sales"),
    Criterion("amenities", "Amenities", True, 1.0, "amenities", words=("fewer", "more")),
    Criterion(
        "negative_reviews", "Negative reviews", False, 1.0, "reviews", words=("fewer", "more"), counted="reviews"
    ),
    Criterion(
        "positive_triggers", "Positive triggers", True, 1.0, "triggers", words=("fewer", "more"), counted="triggers"
    ),
)
# What is left to say of two units that share no figure: more is known of one of them.
STATED = Criterion("stated_figures", "Figures stated", True, 1.0, "figures", words=("fewer", "more"))
MAX_CHANCE = 0.1
"""Probability of counts as far apart at one and the same pace, from which a difference is put down to chance."""
MOST_DAYS = 60
"""Longer spans are written in months, and from `MONTHS_BELOW` months on in years."""
MONTHS_BELOW = 24
YEAR_DAYS = 365.25


@dataclass(frozen=True, slots=True)
class Count:
    """How many were counted for a figure, and in how many days."""

    n: int
    days: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A unit to compare: its id, currency, and what is known of it by field of `CRITERIA`.

    `counts` has those figures that the platform counted; a stated one has no doubt of its own.
    """

    ref: str
    currency: str
    figures: Mapping[str, Figure]
    counts: Mapping[str, Count] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Point:
    """One statement about a unit against another.

    Parameters
    ----------
    ref, against : str
        The unit that it is about, and the other one.
    field : str
        What was compared.
    kind : str
        ``pro``, ``con``, or ``even`` when the difference is under the threshold or may be chance.
    value, other : str
        The exact figures of both.
    difference, threshold : float
        Both in `unit`; the difference is not negative.
    text : str
        The statement in words.
    """

    ref: str
    against: str
    field: str
    kind: Kind
    value: str
    other: str
    difference: float
    threshold: float
    unit: str
    text: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """All points, by pair and criterion, and what could not be compared."""

    points: tuple[Point, ...]
    not_compared: tuple[str, ...]

    def of(self, ref: str, kind: Kind) -> list[Point]:
        """Return the points of one kind about one unit."""
        return [point for point in self.points if point.ref == ref and point.kind == kind]


def compare(listings: Sequence[Listing]) -> Comparison:
    """Compare every two of some units.

    Parameters
    ----------
    listings : sequence of Listing
        Two or more with different ids.

    Returns
    -------
    Comparison
        At least one point for every pair. A pro of one unit is a con of the other with the same figures, so
        that the order of the units does not matter; an even figure is told once, of the unit with the lower
        id. Amounts are compared within one currency only.

    Notes
    -----
    Two counted figures are even unless a two-sided binomial test of their counts, given the sum and the days of both
    (Przyborowski and Wilenski, 1940), has p below 0.1.
    """
    if len({listing.ref for listing in listings}) != len(listings) or len(listings) < 2:
        raise ValueError("compare two or more different units")
    ordered = sorted(listings, key=lambda listing: listing.ref)
    points = [point for a, b in combinations(ordered, 2) for point in _pair(a, b)]
    return Comparison(tuple(points), tuple(_not_compared(ordered)))


def _not_compared(listings: Sequence[Listing]) -> Iterator[str]:
    currencies = sorted({listing.currency for listing in listings})
    if len(currencies) > 1:
        yield f"Prices in {', '.join(currencies)} are compared within one currency only."


def _pair(a: Listing, b: Listing) -> Iterator[Point]:
    shared = [c for c in CRITERIA if c.field in a.figures and c.field in b.figures]
    shared = [c for c in shared if not c.is_money or a.currency == b.currency]
    if not shared:
        yield from _points(STATED, a, b, Decimal(len(a.figures)), Decimal(len(b.figures)))
    for criterion in shared:
        yield from _points(criterion, a, b, a.figures[criterion.field], b.figures[criterion.field])


def _points(criterion: Criterion, a: Listing, b: Listing, x: Figure, y: Figure) -> Iterator[Point]:
    if _difference(criterion, x, y) < criterion.threshold or _may_be_chance(criterion, a, b):
        yield _point(criterion, a, b, x, y, "even")
        return
    a_wins = _above(x, y) == criterion.higher_is_better
    yield _point(criterion, a, b, x, y, "pro" if a_wins else "con")
    yield _point(criterion, b, a, y, x, "con" if a_wins else "pro")


def _may_be_chance(criterion: Criterion, a: Listing, b: Listing) -> bool:
    """Tell whether both figures were counted, and units with one and the same pace often differ as much."""
    counts = _counts(criterion, a, b)
    if counts is None:
        return False
    mine, other = counts
    total = mine.n + other.n
    return not total or binomtest(mine.n, total, mine.days / (mine.days + other.days)).pvalue >= MAX_CHANCE


def _counts(criterion: Criterion, a: Listing, b: Listing) -> tuple[Count, Count] | None:
    mine, other = a.counts.get(criterion.field), b.counts.get(criterion.field)
    return None if mine is None or other is None else (mine, other)


def _above(x: Figure, y: Figure) -> bool:
    return _number(x) > _number(y)


def _number(figure: Figure) -> Decimal:
    return Decimal(figure.toordinal()) if isinstance(figure, dt.date) else figure


def _difference(criterion: Criterion, x: Figure, y: Figure) -> float:
    """Return the difference as it is shown, so that what is said can be checked."""
    a, b = _number(x), _number(y)
    gap = abs(a - b)
    if criterion.unit == SHARE:
        larger = max(abs(a), abs(b))
        gap = 100 * gap / larger if larger else Decimal(0)
    return float(round(gap, 2))


def _point(criterion: Criterion, about: Listing, other: Listing, x: Figure, y: Figure, kind: Kind) -> Point:
    gap = _difference(criterion, x, y)
    return Point(
        ref=about.ref,
        against=other.ref,
        field=criterion.field,
        kind=kind,
        value=str(x),
        other=str(y),
        difference=gap,
        threshold=criterion.threshold,
        unit=criterion.unit,
        text=_text(criterion, about, other, x, y, gap),
    )


def _text(criterion: Criterion, about: Listing, other: Listing, x: Figure, y: Figure, gap: float) -> str:
    mine, theirs = (_show(criterion, about.currency, figure) for figure in (x, y))
    figures = f"{criterion.label}: {mine} against {theirs}"
    if x == y:
        return f"{figures}, equal."
    if gap < criterion.threshold:
        return f"{figures}; {_counted(gap, criterion.unit)} is under the {_plain(criterion.threshold)} that counts."
    counts = _counts(criterion, about, other)
    counted = counts and _against(*counts, criterion.counted)
    if _may_be_chance(criterion, about, other):
        return f"{figures}; {counted} may be chance."
    if counted:
        figures += f" ({counted})"
    much = _much(criterion, _number(x), _number(y), gap)
    return f"{figures}, {much} {criterion.words[_above(x, y)]}." if much else f"{figures}."


def _against(mine: Count, other: Count, what: str) -> str:
    """Name two counts, and the days that they took where these differ.

    Examples
    --------
    >>> _against(Count(2, 182), Count(1, 182), "sales"), _against(Count(2, 30), Count(1, 182), "sales")
    ('2 against 1 sales', '2 sales in 30 days against 1 in 182')
    """
    if mine.days == other.days:
        return f"{mine.n:,} against {other.n:,} {what}"
    return f"{mine.n:,} {what} in {mine.days} days against {other.n:,} in {other.days}"


def _much(criterion: Criterion, x: Decimal, y: Decimal, gap: float) -> str:
    """Say how far a figure is from the other one; nothing where that one is a 0 to be divided by."""
    if criterion.unit == SHARE:
        return _percent(x, y) if y else ""
    return _span(int(gap)) if criterion.unit == "days" else _counted(gap, criterion.unit)


def _percent(x: Decimal, y: Decimal) -> str:
    """Write the difference in whole per cent of the other figure; only 0 is a whole 100 % lower.

    Examples
    --------
    >>> _percent(Decimal(2_705_000), Decimal(882_000)), _percent(Decimal(1), Decimal(1_000))
    ('207 %', 'over 99 %')
    """
    pct = 100 * abs(x - y) / abs(y)
    return "over 99 %" if x < y and Decimal("99.5") <= pct < 100 else f"{pct:,.0f} %"


def _span(days: int) -> str:
    """Write days, months or years, whichever is easy to grasp.

    Examples
    --------
    >>> _span(59), _span(425), _span(2_938)
    ('59 days', 'about 14 months', 'about 8 years')
    """
    if days <= MOST_DAYS:
        return f"{days} days"
    months = round(12 * days / YEAR_DAYS)
    return f"about {months} months" if months < MONTHS_BELOW else f"about {_plain(round(days / YEAR_DAYS, 1))} years"


def _counted(gap: float, unit: str) -> str:
    return f"{_plain(gap)} {_singular(unit) if gap == 1 else unit}"


def _singular(unit: str) -> str:
    """Write the unit of one.

    Examples
    --------
    >>> _singular("bedrooms"), _singular("amenities"), _singular("%")
    ('bedroom', 'amenity', '%')
    """
    return unit.removesuffix("ies") + "y" if unit.endswith("ies") else unit.removesuffix("s")


def _show(criterion: Criterion, currency: str, figure: Figure) -> str:
    if isinstance(figure, dt.date):
        return f"{figure.day} {figure:%b %Y}"
    if criterion.zero and not figure:
        return criterion.zero
    return criterion.shown.format(figure=_plain(figure), currency=currency)


def _plain(figure: Decimal | float) -> str:
    """Write a figure with thousands separators and without trailing zeros.

    Examples
    --------
    >>> _plain(Decimal("1250000.00")), _plain(0.95)
    ('1,250,000', '0.95')
    """
    text = f"{Decimal(str(figure)):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
