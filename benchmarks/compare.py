"""`estate bench compare`: random pairs of units, compared in both orders and checked against the figures drawn.

The checker shares nothing with the comparer: it has its own list of what a buyer wants more or less of, finds each
figure of a statement in the units as they were drawn, works out the difference anew, and reads the sentence back. Of
figures that were counted, it adds up the chance that units with one pace would differ as much.
"""

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from random import Random

from benchmarks.report import Options, Report
from estate.property.analytics.comparison import Comparison, Count, Listing, Point, compare

__all__ = ["TARGETS", "bench"]

PAIRS = 10_000
QUICK_PAIRS = 1_000
TWIN_SHARE = 0.1
"""Units that differ in one figure alone, as two of one floor do."""

TARGETS: dict[str, tuple[str, float]] = {
    "empty_reasons": ("==", 0),
    "mirror_failures": ("==", 0),
    "unsupported_pros": ("==", 0),
    "unsupported_cons": ("==", 0),
    "two_sided_facts": ("==", 0),
}

# What is drawn for each figure, and whether a buyer wants more of it.
DRAWN: Mapping[str, tuple[Callable[[Random], Decimal | dt.date], bool]] = {
    "price": (lambda rng: Decimal(rng.randrange(20_000_000, 900_000_000)) / 100, False),
    "price_per_sqm": (lambda rng: Decimal(rng.randrange(200_000, 9_000_000)) / 100, False),
    "paid_before_handover_pct": (lambda rng: Decimal(rng.randrange(0, 1_001)) / 10, False),
    "cash_ratio": (lambda rng: Decimal(rng.randrange(40, 101)) / 100, False),
    "delivery_date": (lambda rng: dt.date(2026, 1, 1) + dt.timedelta(days=rng.randrange(2_500)), False),
    "area_sqm": (lambda rng: Decimal(rng.randrange(2_500, 60_000)) / 100, True),
    "bedrooms": (lambda rng: Decimal(rng.randrange(0, 7)), True),
    "bathrooms": (lambda rng: Decimal(rng.randrange(1, 7)), True),
    "real_demand": (lambda rng: Decimal(rng.randrange(0, 1_001)) / 10, True),
    "sales_velocity": (lambda rng: Decimal(rng.randrange(0, 500)) / 10, True),
    "amenities": (lambda rng: Decimal(rng.randrange(0, 25)), True),
    "negative_reviews": (lambda rng: Decimal(rng.randrange(0, 30)), False),
    "positive_triggers": (lambda rng: Decimal(rng.randrange(0, 30)), True),
}
# Days in a unit that a span is written in, and how far off a rounded one may be.
SPANS = {
    "days": (Decimal(1), Decimal(0)),
    "months": (Decimal("30.4375"), Decimal("15.5")),
    "years": (Decimal("365.25"), Decimal("18.5")),
}
MONEY = frozenset({"price", "price_per_sqm"})
COUNTED_SHARE = 0.5
"""Units whose pace of sales was counted."""
MOST_SALES = 40
DAYS_PER_MONTH = 30.4375
MAX_CHANCE = 0.1


def bench(options: Options) -> Report:
    """Run the bench."""
    rng = Random(options.seed)  # noqa: S311 (what is drawn must be repeatable)
    n = QUICK_PAIRS if options.quick else PAIRS
    metrics = dict.fromkeys(TARGETS, 0) | {"pros": 0, "cons": 0, "even": 0}
    for number in range(n):
        a, b = _pair(rng, number)
        result = compare([a, b])
        metrics["empty_reasons"] += not result.points
        metrics["mirror_failures"] += _facts(result) != _facts(compare([b, a]))
        metrics["two_sided_facts"] += _two_sided(result)
        drawn = {a.ref: a, b.ref: b}
        for point in result.points:
            metrics[{"pro": "pros", "con": "cons", "even": "even"}[point.kind]] += 1
            if point.kind != "even" and not _supported(point, drawn):
                metrics[f"unsupported_{point.kind}s"] += 1
    return Report("compare", options.seed, n, "random pairs of units, generated", metrics, TARGETS)


def _pair(rng: Random, number: int) -> tuple[Listing, Listing]:
    a = _unit(rng, f"unit {2 * number}")
    b = _unit(rng, f"unit {2 * number + 1}")
    if rng.random() < TWIN_SHARE and a.figures:
        field = rng.choice(sorted(a.figures))
        counts = {name: count for name, count in a.counts.items() if name != field}
        b = Listing(b.ref, a.currency, {**a.figures, field: DRAWN[field][0](rng)}, counts)
    return (a, b) if rng.random() < 0.5 else (b, a)


def _unit(rng: Random, ref: str) -> Listing:
    known = rng.random()
    figures = {field: draw(rng) for field, (draw, _) in DRAWN.items() if rng.random() < known}
    counts = {}
    if "sales_velocity" in figures and rng.random() < COUNTED_SHARE:
        count = counts["sales_velocity"] = Count(rng.randrange(MOST_SALES), rng.choice((30, 90, 182)))
        figures["sales_velocity"] = round(Decimal(count.n * DAYS_PER_MONTH / count.days), 2)
    return Listing(ref, rng.choice(("AED", "AED", "EGP")), figures, counts)


def _facts(result: Comparison) -> set[tuple[object, ...]]:
    """Return everything that is said, without its order."""
    return {
        (p.ref, p.against, p.field, p.kind, p.value, p.other, p.difference, p.threshold, p.unit, p.text)
        for p in result.points
    }


def _two_sided(result: Comparison) -> int:
    """Count the figures that are called a pro and a con of the same unit."""
    pros = {(p.ref, p.against, p.field) for p in result.points if p.kind == "pro"}
    return len(pros & {(p.ref, p.against, p.field) for p in result.points if p.kind == "con"})


def _supported(point: Point, drawn: Mapping[str, Listing]) -> bool:
    """Tell whether a pro or con follows from the figures as they were drawn."""
    mine, theirs = drawn[point.ref], drawn[point.against]
    if point.field == "stated_figures":
        ours, other = Decimal(len(mine.figures)), Decimal(len(theirs.figures))
        more_is_better = True
    elif point.field in MONEY and mine.currency != theirs.currency:
        return False
    elif point.field in mine.figures and point.field in theirs.figures:
        ours, other = _plain(mine.figures[point.field]), _plain(theirs.figures[point.field])
        more_is_better = DRAWN[point.field][1]
    else:
        return False
    if (point.value, point.other) != (_written(mine, point), _written(theirs, point)):
        return False
    if point.field in mine.counts and point.field in theirs.counts:
        counts = mine.counts[point.field], theirs.counts[point.field]
        named = re.search(r"\((\d+)(?: sales in \d+ days)? against (\d+) (?:sales|in \d+)\)", point.text)
        if named is None or named.groups() != tuple(str(count.n) for count in counts) or _chance(*counts) >= MAX_CHANCE:
            return False
    gap = abs(ours - other)
    measured = 100 * gap / max(abs(ours), abs(other)) if point.unit == "% of the larger figure" else gap
    stated = abs(float(measured) - point.difference) <= 0.005001 and point.difference >= point.threshold > 0
    better = (ours > other) == more_is_better
    return bool(point.unit) and stated and better == (point.kind == "pro") and _reads_true(point, ours, other)


def _chance(a: Count, b: Count) -> float:
    """Return how often units with one pace share their sales as unevenly as this, or more."""
    n, share = a.n + b.n, a.days / (a.days + b.days)
    shares = [math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)]
    return sum(p for p in shares if p <= shares[a.n] * (1 + 1e-7))


def _reads_true(point: Point, ours: Decimal, other: Decimal) -> bool:
    """Read how far a sentence says that a unit is from the other one, and hold it against their figures."""
    said = re.search(r", (?P<about>about |over )?(?P<much>[\d,.]+) (?P<unit>.+) (?P<way>\w+)\.$", point.text)
    if said is None:
        return point.unit.startswith("%") and other == 0
    if (said["way"] in ("higher", "larger", "more", "later")) != (ours > other):
        return False
    much, gap = Decimal(said["much"].replace(",", "")), abs(ours - other)
    if said["unit"] == "%":
        share = 100 * gap / other
        return much < share < 100 if said["about"] else abs(share - much) <= Decimal("0.5")
    size, slack = SPANS[said["unit"]] if point.unit == "days" else (Decimal(1), Decimal("0.005"))
    return abs(gap - much * size) <= slack


def _plain(figure: Decimal | dt.date) -> Decimal:
    return Decimal(figure.toordinal()) if isinstance(figure, dt.date) else figure


def _written(unit: Listing, point: Point) -> str:
    return str(len(unit.figures)) if point.field == "stated_figures" else str(unit.figures[point.field])
