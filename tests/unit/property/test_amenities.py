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
        ("x_helipad", "x_helipad"),
        ("x_maids_room", "x_maids_room"),
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


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        ({"code": "gym"}, "FitnessCenter"),
        ({"code": "x_gym"}, "FitnessCenter"),
        ({"code": "pool", "label": "Pool"}, "Pool"),
        ({"code": "SWIM", "label": "Swimming pool"}, "Pool"),
        ({"code": "Helipad"}, "x_helipad"),
        ({"code": "helipad-7", "label": "Helipad"}, "helipad-7"),
        ({"code": "", "label": "Pool"}, "Pool"),
    ],
)
def test_the_code_of_an_object_is_the_one_of_the_vocabulary_where_it_has_one(stated: object, code: str) -> None:
    assert codes([stated]) == [code]


@given(st.text(min_size=1, max_size=9) | st.sampled_from(["Gym", "x_gym", "private garden", "Kids' area", "x_helipad"]))
def test_a_name_and_an_object_with_it_as_code_are_one_amenity(name: str) -> None:
    try:
        found = normalise([name])
    except ValueError:
        return
    assert codes([{"code": name}, {"code": found[0]["code"]}, name]) == codes([name])


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
