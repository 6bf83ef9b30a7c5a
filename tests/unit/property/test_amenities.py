"""Amenities get one code each, whatever they are called; unknown ones are kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.property.analytics.amenities import normalise


def codes(stated: object) -> list[str]:
    return [item["code"] for item in normalise(stated)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("gym", "FitnessCenter"),
        ("Fitness Center", "FitnessCenter"),
        ("FitnessCenter", "FitnessCenter"),
        ("club house", "Clubhouse"),
        ("24h security", "24HourSecurity"),
        ("Swimming-Pool", "Pool"),
        ("Maid's room", "x_maids_room"),
        ("غرفة خادمة", "x_maids_room"),
        ("Helipad", "x_helipad"),
    ],
)
def test_synonyms(name: str, code: str) -> None:
    assert codes([name]) == [code]


def test_objects_keep_what_they_state_and_gain_what_they_leave_out() -> None:
    (found,) = normalise([{"label": "Pool", "scope": "unit", "label_ar": "مسبح"}])
    assert found == {
        "code": "Pool",
        "label": "Pool",
        "scope": "unit",
        "vocabulary": "reso:CommunityFeatures",
        "label_ar": "مسبح",
    }


def test_each_code_once_in_order() -> None:
    assert codes(["pool", "gym", "Swimming pool", {"code": "FitnessCenter"}]) == ["Pool", "FitnessCenter"]


def test_an_object_of_flags_names_those_that_are_there() -> None:
    assert codes({"pool": True, "gym": False}) == ["Pool"]


def test_what_was_normalised_stays_as_it_is() -> None:
    first = normalise(["gym", "helipad", "Maid's room", "شرفة"])
    assert normalise(first) == first


@pytest.mark.parametrize(
    "item", ["", "--", 5, None, {}, {"label": 5}, {"code": "Pool", "label": 5}, {"code": ["x"], "label": "Pool"}]
)
def test_what_has_no_name_is_refused(item: object) -> None:
    with pytest.raises(ValueError, match="amenity"):
        normalise([item])


NAMES = st.sampled_from(["gym", "Gym ", "Pool", "x_gym", "helipad", "x_helipad", "روف"]) | st.text(max_size=5)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["code", "label", "name", "x"]), inner),
    max_leaves=6,
)


@given(st.lists(ANY, max_size=4) | st.dictionaries(NAMES, ANY, max_size=4))
def test_any_json_is_refused_or_gets_one_text_as_code_for_each(stated: object) -> None:
    try:
        found = normalise(stated)  # type: ignore[arg-type]
    except ValueError:
        return
    assert all(isinstance(item["code"], str) for item in found)
    assert len({item["code"] for item in found}) == len(found)
    assert normalise(found) == found


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("Health club", "FitnessCenter"),
        ("صالة رياضية", "FitnessCenter"),
        ("Jacuzzi", "SpaHotTub"),
        ("أسانسير", "Elevators"),
        ("كمبوند", "GatedCommunity"),
        ("Jogging track", "JoggingPath"),
        ("منزل ذكي", "x_smart_home"),
        ("قبو", "x_قبو"),
    ],
)
def test_what_people_say_in_english_and_arabic_gets_one_code_and_the_unknown_is_kept(said: str, code: str) -> None:
    (amenity,) = normalise([said])
    assert amenity["code"] == code
