"""Payload numbers are those of the bad-input table: the envelope is refused, or the item, and never a crash."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estate.core.errors import BadRequest, TooLarge
from estate.core.strict_json import parse, scan

UNREADABLE = {
    "5 lone surrogate": rb'{"text": "\ud800"}',
    "6 low surrogate": rb'{"metadata": {"a": "\udfff"}}',
    "7 surrogate in any field": rb'{"agent_id": "\ud800"}',
    "8 half an emoji": rb'{"client_input": "\ud83d"}',
    "8 two halves of one side": rb'"\ud83d\ud83d"',
    "8 surrogate in a key": rb'{"\ud800": 1}',
    "9 byte ff in a string": b'{"a": "\xff"}',
    "9 byte ff outside": b"\xff",
    "9 surrogate bytes": b'"\xed\xa0\x80"',
    "9 overlong NUL": b'"\xc0\x80"',
    "11 UTF-16": '{"a": 1}'.encode("utf-16"),
    "11 UTF-16 little endian": '{"a": 1}'.encode("utf-16-le"),
    "11 UTF-32": "[1]".encode("utf-32"),
    "12 byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "13 NaN": b'{"price": NaN}',
    "15 Infinity": b"[Infinity]",
    "15 -Infinity": b"[-Infinity]",
    "16 1e400": b'{"price": 1e400}',
    "16 -1e400 below": b'[{"a": [0, -1e400]}]',
    "17 1e200000": b'{"metadata": {"a": 1e200000}}',
    "18 NaN in an invalid object": b'{"response_speed": NaN}',
    "29 5,000 digits": b"[" + b"9" * 5_000 + b"]",
    "53 duplicate key": b'{"a": 1, "a": 2}',
    "53 duplicate key, escaped": rb'{"a": 1, "\u0061": 2}',
    "53 duplicate key, inner": b'[{"a": {"x": 1, "x": 1}}]',
    "55 depth 33": b"[" * 33 + b"]" * 33,
    "55 depth 500": b'{"a":' * 500 + b"1" + b"}" * 500,
    "56 depth 5,000": b"[" * 5_000 + b"]" * 5_000,
    "57 empty": b"",
    "57 blanks": b" \r\n\t",
    "57 truncated": b'{"a":',
    "57 trailing": b"{} x",
    "57 trailing NUL": b"{}\0",
    "57 two values": b"{}{}",
    "57 raw control character": b'"a\nb"',
    "57 comment": b"{} // a",
    "57 trailing comma": b"[1,]",
    "57 leading zero": b"[01]",
    "57 single quotes": b"{'a': 1}",
    "57 broken escape": rb'"\u12"',
}


@pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_an_unreadable_body_is_a_bad_request(raw: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(raw)
    assert caught.value.message.endswith(".")


def test_the_message_tells_the_place_and_not_the_content() -> None:
    with pytest.raises(BadRequest) as caught:
        parse(b'{"secret-key": 1,\n "secret-key": 2}')
    assert caught.value.message == "An object has the same key twice (line 2 column 15)."


def test_payload_56_a_hundred_thousand_brackets_are_answered_at_once() -> None:
    started = time.perf_counter()
    with pytest.raises(BadRequest):
        parse(b"[" * 100_000)
    assert time.perf_counter() - started < 0.05


def test_more_values_than_can_be_built_quickly_are_too_large() -> None:
    with pytest.raises(TooLarge):
        parse(b"[" + b"[]," * 1_000_000 + b"[]]")


@pytest.mark.parametrize("depth", [1, 32])
def test_the_depth_limit_itself_is_read(depth: int) -> None:
    assert json.dumps(parse(b"[" * depth + b"]" * depth)) == "[" * depth + "]" * depth


def test_a_scalar_below_the_deepest_container_is_read() -> None:
    assert parse(b'[{"a": 1}]', max_depth=2) == [{"a": 1}]
    with pytest.raises(BadRequest):
        parse(b'[{"a": []}]', max_depth=2)


def test_numbers_keep_their_kind() -> None:
    values = parse(b"[1, 1.0, 1e2, -0, 18446744073709551616, true]")
    assert isinstance(values, list)
    assert [(type(v).__name__, v) for v in values] == [
        ("int", 1),
        ("float", 1.0),
        ("float", 100.0),
        ("int", 0),
        ("int", 2**64),
        ("bool", True),
    ]


@pytest.mark.parametrize(
    ("item", "fields"),
    [
        pytest.param(rb'{"text": "a\u0000b"}', ["text"], id="1 NUL in a text"),
        pytest.param(rb'{"metadata": {"a": "\u0000"}}', ["metadata.a"], id="2 NUL in a value"),
        pytest.param(rb'{"metadata": {"a\u0000b": 1}}', ["metadata.a?b"], id="3 NUL in a key"),
        pytest.param(b'{"n": 9223372036854775808}', ["n"], id="27 2^63"),
        pytest.param(b'{"n": -9223372036854775809}', ["n"], id="27 below -2^63"),
        pytest.param(b'{"items": [0, 1, 2, %s]}' % (b"9" * 4_000), ["items.3"], id="29 4,000 digits"),
        pytest.param(rb'"\u0000"', [""], id="a bare string"),
        pytest.param(rb'[{"b": {"c": "\u0000"}}, "\u0000"]', ["1", "0.b.c"], id="several"),
        pytest.param(b'{"n": [9223372036854775807, -9223372036854775808], "b": true}', [], id="the largest"),
        pytest.param(b'{"": {}, "a": [], "b": null, "c": 1e300}', [], id="nothing"),
    ],
)
def test_scan_names_what_cannot_be_stored(item: bytes, fields: list[str]) -> None:
    assert [problem.field for problem in scan(parse(item))] == fields


def test_a_large_batch_is_scanned_quickly() -> None:
    row = {f"field_{i}": value for i, value in enumerate(["some text", 1, 1.5, None, True] * 3)}
    batch = [row] * 10_000
    started = time.process_time()
    assert not [problem for item in batch for problem in scan(item)]
    assert time.process_time() - started < 0.15


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(JSON)
def test_an_accepted_value_is_read_back_as_itself(value: object) -> None:
    assert parse(json.dumps(value).encode()) == value
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value


@settings(deadline=None)
@given(st.binary(max_size=64))
def test_no_bytes_crash_the_reader(raw: bytes) -> None:
    try:
        value = parse(raw)
    except BadRequest:
        return
    assert parse(json.dumps(value).encode()) == value
