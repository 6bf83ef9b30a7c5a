"""A gzip body comes out as it went in, whatever its members, or is refused; what it costs grows with its size."""

import gzip
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.core.errors import BadRequest, TooLarge
from estate.core.ndjson import MAX_MEMBERS, inflate

EMPTY = gzip.compress(b"", mtime=0)
DECOMPRESSOR = zlib.decompressobj


@given(st.lists(st.binary(max_size=9_000), max_size=6))
def test_the_members_of_a_body_come_out_one_behind_the_other(parts: list[bytes]) -> None:
    whole = b"".join(parts)
    packed = b"".join(map(gzip.compress, parts))
    assert inflate(packed, len(whole)) == whole
    if whole:
        with pytest.raises(TooLarge, match=f"at most {len(whole) - 1} bytes unpacked"):
            inflate(packed, len(whole) - 1)


def test_a_body_that_is_no_gzip_is_refused() -> None:
    for packed in (b"{}", gzip.compress(b"{}") + b"{}"):
        with pytest.raises(BadRequest, match="not gzip"):
            inflate(packed, 100)


@given(st.binary(max_size=9_000), st.data())
def test_a_body_that_is_cut_off_is_refused(content: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(content)
    with pytest.raises(BadRequest, match="ends too early"):
        inflate(EMPTY + packed[: data.draw(st.integers(1, len(packed) - 1))], len(content))


def test_members_that_yield_nothing_are_limited_in_number() -> None:
    assert inflate(EMPTY * MAX_MEMBERS, 100) == b""
    for members in (MAX_MEMBERS + 1, 100_000):
        with pytest.raises(TooLarge, match=f"at most {MAX_MEMBERS} members"):
            inflate(EMPTY * members, 100)


class Counting:
    """A decompressor that counts the bytes that it is given."""

    given = 0

    def __init__(self, wbits: int) -> None:
        self._inner = DECOMPRESSOR(wbits)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        Counting.given += len(data)
        return self._inner.decompress(data, max_length)


def test_the_work_grows_with_the_size_and_not_with_its_square(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(members: int) -> int:
        Counting.given = 0
        inflate(member * members, 10**7)
        return Counting.given

    member = gzip.compress(random.Random(7).randbytes(1_500), mtime=0)
    monkeypatch.setattr("estate.core.ndjson.zlib.decompressobj", Counting)
    assert work(2_000) <= 2.1 * work(1_000)
