"""Comparables are the most alike sales; a sale is never its own."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from estate.property.analytics.comparables import MAX_COMPARABLES, MISSING, Homes, Market, size_effect


def homes(n: int, area: str = "a", size: object = 100.0, place: object = None, **columns: Any) -> Homes:
    frame = pd.DataFrame({"area": [area] * n, **{name: [value] * n for name, value in columns.items()}})
    if place is not None:
        frame[["lat", "lon"]] = np.broadcast_to(np.asarray(place, float), (n, 2))
    sizes = np.log(np.broadcast_to(np.asarray(size, float), n).copy())
    return Homes.of(frame, sizes, "area", ["lat", "lon"] if place is not None else [])


def joined(*parts: Homes) -> Homes:
    area = [p.area for p in parts if p.area is not None]
    place = [p.place for p in parts if p.place is not None]
    alike = {name: np.concatenate([p.alike[name] for p in parts]) for name in parts[0].alike}
    sizes = np.concatenate([p.log_size for p in parts])
    return Homes(sizes, np.concatenate(area), np.concatenate(place) if place else None, alike)


def market(sales: Homes, days: object = 0.0) -> Market:
    return Market(sales, np.arange(len(sales), dtype=float), np.broadcast_to(np.asarray(days, float), len(sales)))


def found(sales: Homes, unit: Homes, day: float = 0.0, days: object = 0.0) -> list[int]:
    rows, unlike = market(sales, days).comparables(unit, np.array([day]))
    assert (np.isinf(unlike) == (rows == MISSING)).all()
    return [int(row) for row in rows[0] if row != MISSING]


def test_at_most_fifteen_the_most_alike_first() -> None:
    sales = homes(40, size=np.linspace(50, 150, 40))
    assert found(sales, homes(1, size=50.0)) == list(range(MAX_COMPARABLES))


def test_without_places_areas_are_not_crossed() -> None:
    sales = joined(homes(3, "a"), homes(3, "b"))
    assert found(sales, homes(1, "b")) == [3, 4, 5]
    assert found(sales, homes(1, "c")) == []


@pytest.mark.parametrize(("column", "mine", "theirs"), [("segment", "ready", "off_plan"), ("bedrooms", 2, 5)])
def test_sales_of_the_same_kind_come_first(column: str, mine: Any, theirs: Any) -> None:
    sales = joined(homes(20, **{column: theirs}), homes(15, size=120.0, **{column: mine}))
    assert sorted(found(sales, homes(1, **{column: mine}))) == list(range(20, 35))


def test_near_sales_come_first_and_far_ones_of_another_area_not_at_all() -> None:
    sales = joined(homes(3, place=(25.0, 55.0)), homes(3, place=(25.05, 55.0)), homes(3, "b", place=(25.5, 55.0)))
    assert found(sales, homes(1, place=(25.04, 55.0))) == [3, 4, 5, 0, 1, 2]
    assert found(sales, homes(1, "b", place=(25.04, 55.0))) == [3, 4, 5, 0, 1, 2, 6, 7, 8]


def test_a_year_between_counts() -> None:
    assert found(homes(2), homes(1), day=700.0, days=[0.0, 690.0]) == [1, 0]


def test_without_a_size_nothing_is_comparable() -> None:
    assert found(homes(5), homes(1, size=np.nan)) == []


@pytest.mark.parametrize("place", [None, (25.0, 55.0)])
def test_a_sale_is_never_its_own_comparable_nor_in_its_own_views(place: object) -> None:
    """Also among twins that stand at one distance: changing a price must not change its own features."""
    sales = homes(30, place=place)
    one, rows = market(sales), np.arange(30)
    assert not (one.comparables(sales, np.zeros(30), own=True)[0] == rows[:, None]).any()
    for k in (1, 5, 29, 40):
        nearest, _ = one.nearest(sales, 1.0, k, own=True)
        assert not (nearest == rows[:, None]).any()
    for i in (0, 17):
        changed = np.arange(30, dtype=float)
        changed[i] = 1e6
        other = Market(sales, changed, np.zeros(30))
        assert np.array_equal(one.views(sales, own=True)[i], other.views(sales, own=True)[i], equal_nan=True)


def test_the_effect_of_size_is_found_within_areas_and_drawn_to_one() -> None:
    rng = np.random.default_rng(2)
    size, area = rng.normal(4.6, 0.4, 4_000), rng.integers(0, 9, 4_000)
    assert size_effect(size, 0.7 * size - area, area) == pytest.approx(0.7, abs=0.01)
    assert size_effect(size[:4], 0.0 * size[:4], np.zeros(4, dtype=np.intp)) > 0.3
