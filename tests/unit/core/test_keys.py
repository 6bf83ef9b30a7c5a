"""The form of API keys: it goes round, and a typing error never passes."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from estate.core.keys import BASE62, ApiKey

KEYS = st.builds(
    ApiKey,
    st.sampled_from(["development", "test", "production"]),
    st.text(BASE62, min_size=8, max_size=8),
    st.text(BASE62, min_size=43, max_size=43),
)


@given(KEYS)
def test_a_key_goes_round(key: ApiKey) -> None:
    assert ApiKey.parse(key.text()) == key
    assert len(key.text()) == len(f"estate_{key.environment}_") + 8 + 1 + 43 + 6


@given(KEYS, st.data())
def test_one_wrong_character_is_seen(key: ApiKey, data: st.DataObject) -> None:
    text = key.text()
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(BASE62))
    assume(other != text[place])
    assert ApiKey.parse(text[:place] + other + text[place + 1 :]) is None


@given(KEYS, st.data())
def test_two_neighbours_swapped_are_seen(key: ApiKey, data: st.DataObject) -> None:
    text = key.text()
    place = data.draw(st.integers(0, len(text) - 2))
    assume(text[place] != text[place + 1])
    assert ApiKey.parse(text[:place] + text[place + 1] + text[place] + text[place + 2 :]) is None


@given(st.text(max_size=100))
def test_another_text_is_no_key(text: str) -> None:
    assert ApiKey.parse(text) is None


@pytest.mark.parametrize("around", [" {}", "{} ", "{}\n", "{}0"])
def test_nothing_stands_around_a_key(around: str) -> None:
    assert ApiKey.parse(around.format(ApiKey.make("test").text())) is None


def test_new_keys_differ_and_do_not_show_their_secret() -> None:
    keys = [ApiKey.make("test") for _ in range(100)]
    assert len({key.key_id for key in keys} | {key.secret for key in keys}) == 200
    assert all(key.secret not in repr(key) for key in keys)
