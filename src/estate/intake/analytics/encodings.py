"""In which encoding a file is written: what its bytes prove, and otherwise what they look like."""

import re
from dataclasses import dataclass

__all__ = ["Encoding", "decode", "detect"]

_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_HIGH_ALONE = re.compile(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])")
_ASCII = bytes(range(128))
_SAMPLE_BYTES = 100_000
_MANY_ZEROS = 0.2
_IN_RUNS = 0.5


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding, whether it is proven, and why it is this one."""

    name: str
    sure: bool
    why: str


def detect(raw: bytes) -> Encoding:
    """Say in which encoding a file is written."""
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return Encoding(name, True, "The file starts with its byte order mark.")
    sample = raw[:_SAMPLE_BYTES]
    for offset, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        half = sample[offset::2]
        if half and half.count(0) > _MANY_ZEROS * len(half) and not sample[1 - offset :: 2].count(0):
            return Encoding(name, True, "Every second byte is a zero.")
    if _is_utf8(raw):
        return Encoding("utf-8", True, "Every byte is valid UTF-8.")
    if _mostly_utf8(raw):
        return Encoding("utf-8", False, "Most lines with accents or Arabic are valid UTF-8; the others are rejected.")
    return _single_byte(raw)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _mostly_utf8(raw: bytes) -> bool:
    """Tell whether more lines hold valid letters of several bytes than broken ones."""
    lines = [line for line in re.split(rb"[\r\n]+", raw) if not line.isascii()]
    return sum(map(_is_utf8, lines)) * 2 > len(lines)


def _single_byte(raw: bytes) -> Encoding:
    """Tell Arabic from accented Latin: in an Arabic word every letter is a high byte, in "José" one is."""
    high = len(raw.translate(None, _ASCII))
    alone = sum(1 for _ in _HIGH_ALONE.finditer(raw))
    if high - alone > _IN_RUNS * high:
        return Encoding("cp1256", False, "Not UTF-8, and the bytes above 127 stand in words, as in Arabic.")
    return Encoding("cp1252", False, "Not UTF-8, and the bytes above 127 stand alone, as accented letters do.")


def decode(raw: bytes, encoding: str) -> str:
    """Return the text without its byte order mark; what is no letter of the encoding becomes a lone surrogate."""
    for mark, name in _MARKS:
        if name == encoding and raw.startswith(mark):
            raw = raw[len(mark) :]
    if encoding.startswith("utf-16"):
        return raw[: len(raw) // 2 * 2].decode(encoding, "surrogatepass")
    return raw.decode(encoding, "surrogateescape")
