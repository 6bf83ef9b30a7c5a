"""Wishes are read from every documented shape, and nonsense is left out."""

import datetime as dt
import re
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estate.intelligence.wishes import Wishes, amenity_keys, parse_must, parse_wishes, type_pattern, unit_type_key

AREA = uuid.UUID(int=7)


def test_object_with_everything() -> None:
    wishes = parse_wishes(
        {
            "purpose": "live",
            "unit_types": ["Flat"],
            "bedrooms": 2,
            "segment": "ready",
            "amenities": ["gym", {"code": "Pool"}],
            "handover_by": "2027-06-30",
        },
        [{"area_id": str(AREA), "area_name": "Lantern Bay"}],
    )
    assert wishes == Wishes(
        area_ids=frozenset({AREA}),
        area_names=frozenset({"lantern bay"}),
        bedrooms_min=2,
        bedrooms_max=2,
        unit_types=frozenset({"apartment"}),
        amenities=frozenset({"FitnessCenter", "Pool"}),
        segment="ready",
        delivery_by=dt.date(2027, 6, 30),
    )


@pytest.mark.parametrize(
    ("interest", "low", "high"),
    [
        ({"bedrooms": [2, 3]}, 2, 3),
        ({"bedrooms": {"min": 1, "max": 2}}, 1, 2),
        ({"bedrooms_min": 2}, 2, None),
        ({"bedrooms_max": 3}, None, 3),
        ({"bedrooms": {"min": 2}}, 2, None),
        ({"bedrooms": {"min": 2, "max": None}}, 2, None),
        ({"bedrooms": {"min": 4}, "bedrooms_max": 2}, 2, 4),
        ([{"bedrooms_min": 2}, {"bedrooms_max": 4}], 2, 4),
        ({"bedrooms": 2, "bedrooms_max": 3}, 2, 3),
        ({"bedrooms": "3"}, 3, 3),
        (["2 bedroom apartment", "3BR villa"], 2, 3),
        ("studio", 0, 0),
        (["studio", "2 bedroom apartment"], 0, 2),
        (["2 bedroom apartment", "studio"], 0, 2),
        ("2-3 bedroom apartment", 2, 3),
        ("2 – 3 BR", 2, 3),
        ("2 or 3 bedrooms", 2, 3),
        ("1, 2 or  3 bedrooms", 1, 3),
        ("2 bedroom or 3 bedroom villa", 2, 3),
        ("tower 5, 2 bedrooms", 2, 2),
        ("at least 2 bedrooms", 2, None),
        ("2+ bedrooms", 2, None),
        ("2 or more bedrooms", 2, None),
        ("Up to 3 bedrooms", None, 3),
        ("٢ أو ٣ غرف", 2, 3),
        ("1 bedroom or at least 3 bedrooms", 1, None),
        ([{"bedrooms": 1}, {"bedrooms_min": 3}], 1, None),
        (["up to 2 bedrooms", "5 bedroom villa"], None, 5),
        ("100 bedrooms", None, None),
        ("99 bedrooms", None, None),
        ("1.5 bedrooms", None, None),
        ({"bedrooms": True}, None, None),
        ({"bedrooms": -4}, None, None),
        ({"bedrooms": "9" * 4_301}, None, None),
        ("sea view", None, None),
    ],
)
def test_bedrooms(interest: object, low: int | None, high: int | None) -> None:
    wishes = parse_wishes(interest, None)
    assert (wishes.bedrooms_min, wishes.bedrooms_max) == (low, high)


def test_a_list_of_counts_is_looked_through_for_a_few_only() -> None:
    assert parse_wishes("1, " + "5, " * 40 + "5 or 6 bedrooms", None).bedrooms_min == 5


@pytest.mark.parametrize(
    "targets",
    [
        ["Lantern Bay"],
        "lantern bay",
        {"areas": ["Lantern Bay"]},
        {"area": {"name": "Lantern Bay"}},
        [{"location": "Lantern Bay"}],
    ],
)
def test_locations(targets: object) -> None:
    assert parse_wishes(None, targets).wants_area(None, "LANTERN BAY")
    assert not parse_wishes(None, targets).wants_area(AREA, "Copper Souk")


def test_areas_inside_interest_and_ids_as_text() -> None:
    wishes = parse_wishes({"bedrooms": 2, "areas": ["Marina"]}, [str(AREA)])
    assert wishes.area_names == {"marina"}
    assert wishes.wants_area(AREA, None)


def test_gap_to_the_wanted_bedrooms() -> None:
    wishes = parse_wishes({"bedrooms": [2, 3]}, None)
    assert [wishes.bedroom_gap(n) for n in range(6)] == [2, 1, 0, 0, 1, 2]
    assert parse_wishes(None, None).bedroom_gap(5) == 0


@given(st.none() | st.integers(0, 20), st.none() | st.integers(0, 20), st.integers(0, 25))
def test_a_limit_of_bedrooms_is_read_as_the_same_wish(low: int | None, high: int | None, bedrooms: int) -> None:
    stated = {"bedrooms": {"min": low, "max": high}}
    wish, limit = parse_wishes(stated, None), parse_must({"must": stated})
    assert wish == limit
    assert wish.has_bedrooms == wish.has_home == (low is not None or high is not None)
    ends = [end for end in (low, high) if end is not None]
    if bedrooms in ends:
        assert wish.bedroom_gap(bedrooms) == 0
    if low is None and ends:
        assert wish.bedroom_gap(bedrooms) == max(bedrooms - ends[0], 0)
    if high is None and ends:
        assert wish.bedroom_gap(bedrooms) == max(ends[0] - bedrooms, 0)


def test_types_and_amenities_are_compared_by_one_name() -> None:
    assert unit_type_key("Apartments") == unit_type_key("flat") == unit_type_key("شقة") == "apartment"
    assert unit_type_key("Chalet") == "chalet"
    assert amenity_keys(["Gym", "24h security"]) == amenity_keys(
        [{"code": "FitnessCenter", "label": "Fitness Center"}, {"code": "24HourSecurity"}]
    )


@pytest.mark.parametrize("code", [["Pool"], {"a": 1}, 5])
def test_an_amenity_that_cannot_be_read_is_no_wish(code: object) -> None:
    assert amenity_keys(["gym", {"code": code, "label": "Pool"}]) == {"FitnessCenter"}


@given(st.text("ab.*شß ", min_size=1, max_size=120).map(str.strip).filter(bool), st.integers(121, 65_000))
def test_a_type_matches_itself_and_a_longer_one_than_any_stored_matches_none(kind: str, length: int) -> None:
    assert re.search(type_pattern([kind]), kind)
    pattern = type_pattern([(kind * length)[:length]])
    assert len(pattern) < 300
    assert not any(re.search(pattern, (kind * length)[:stored]) for stored in range(1, 121))


KEYS = st.sampled_from(["bedrooms", "bedrooms_min", "min", "max", "area", "areas", "type", "amenities", "must", "x"])
NAMES = st.sampled_from(["code", "label", "name", "segment", "delivery_by"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.integers()
    | st.text(max_size=12)
    | st.sampled_from(["Pool", "gym", "villa", "2-3 bedrooms", "9" * 4_301, "2027-01-01", "ready"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | NAMES, inner),
    max_leaves=12,
)


@given(JSON, JSON)
@settings(max_examples=200, deadline=None)
def test_any_json_is_read_without_an_error(interest: object, targets: object) -> None:
    wishes = parse_wishes(interest, targets)
    parse_must(interest)
    if wishes.bedrooms_min is not None and wishes.bedrooms_max is not None:
        assert wishes.bedrooms_min <= wishes.bedrooms_max
    assert "" not in wishes.area_names | wishes.amenities | wishes.unit_types
