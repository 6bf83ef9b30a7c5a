"""What a client is known by is found however it is written, and nothing else is."""

import json
import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.core.traces import ERASED, Redaction, Traces, pseudonym

CLIENT = uuid.UUID("5d2c1f7e-9b64-4a0e-8f3b-7c1d2e3f4a02")
TRACES = Traces((CLIENT,), ("Omar Nasser", "عمر ناصر", "Ali"), ("+971501234567",), ("o.n@example.com",))
REDACTION = Redaction(TRACES)


@pytest.mark.parametrize(
    "said",
    [
        "Omar Nasser",
        "OMAR  NASSER",
        "omar-nasser",
        "عمر ناصر",
        "Nasser, Omar",
        "ناصر عمر",
        "+971501234567",
        "971 50 123-4567",
        "00971501234567",
        "+971 (0)50 1234567",
        "050 123 4567",
        "٠٥٠١٢٣٤٥٦٧",
        "۰۵۰ ۱۲۳ ۴۵۶۷",
        "O.N@Example.com",
    ],
)
def test_every_way_of_writing_is_found(said: str) -> None:
    assert REDACTION.text(f"I met {said}, today.") == f"I met {ERASED}, today."
    assert re.search(REDACTION.pattern.replace("[^[:alnum:]]", r"[\W_]"), said, re.IGNORECASE)


@pytest.mark.parametrize(
    "said", ["Omar Nasserine", "Roomar Nasser", "19715012345678", "0501234568", "so.n@example.com", "Ali", ""]
)
def test_what_only_looks_like_it_stays(said: str) -> None:
    assert REDACTION.text(said) == said


@pytest.mark.parametrize("written", [str(CLIENT), CLIENT.hex, str(CLIENT).upper()])
def test_an_id_becomes_its_pseudonym(written: str) -> None:
    assert REDACTION.text(written) == pseudonym(CLIENT)
    assert uuid.UUID(pseudonym(CLIENT)) != CLIENT


def test_values_are_searched_through() -> None:
    value = {"Omar Nasser": [1, True, None, {"phone": 971501234567, "n": 97150}]}
    assert REDACTION.value(value) == {ERASED: [1, True, None, {"phone": ERASED, "n": 97150}]}


def test_a_short_number_is_found_with_its_country_only() -> None:
    redaction = Redaction(Traces((CLIENT,), phones=("+376312345",)))
    assert redaction.text("+376312345, 00376 312 345, 312345") == f"{ERASED}, {ERASED}, 312345"


words = st.text(st.characters(categories=("L", "Nd")), min_size=1, max_size=12)
names = st.lists(words, min_size=2, max_size=4).map(" ".join)


@given(names, st.text(max_size=30), st.text(max_size=30))
def test_no_name_that_stands_by_itself_is_left(name: str, before: str, after: str) -> None:
    redacted = Redaction(Traces((CLIENT,), (name,))).text(f"{before} {name} {after}")
    assert not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", redacted)


def shown(raw: bytes) -> str:
    """Show bytes as encode(…, 'escape') of PostgreSQL does."""
    return "".join("\\\\" if byte == 92 else chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}" for byte in raw)


@pytest.mark.parametrize("said", ["050 123-4567", "٠٥٠١٢٣٤٥٦٧", "+971501234567"])
def test_a_phone_number_is_found_in_bytes(said: str) -> None:
    for raw in (said.encode(), json.dumps(said).encode()):
        assert re.search(REDACTION.bytes_pattern, shown(raw), re.IGNORECASE)


@given(names)
def test_a_name_is_found_in_bytes(name: str) -> None:
    found = Redaction(Traces((CLIENT,), (name,))).bytes_pattern
    for raw in (name.encode(), repr(name)[1:-1].encode("ascii", "backslashreplace")):
        if all(ord(letter) < 0x10000 for letter in name):
            assert re.search(found, shown(raw), re.IGNORECASE) or b"\\x" in raw
