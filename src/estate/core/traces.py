"""Finds what a client is known by in any text, and takes it out."""

import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import phonenumbers

from estate.core.phones import parsed
from estate.core.security import fingerprint

__all__ = ["ERASED", "Redaction", "Traces", "client_hash", "pseudonym"]

ERASED = "[erased]"
MIN_WORDS = 2
"""A name of one word may be any word of a text; it is taken out only where the client is cited."""
MOST_TURNED = 6
"""Words of a name that is also searched for from its other words on."""
MIN_DIGITS = 7
BETWEEN_DIGITS = "[ ().-]{0,2}"
DIGITS = ("0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹")

Spelling = Callable[[str], str]


def client_hash(client_id: object) -> bytes:
    """Return the keyed hash under which an erased client is known again, 32 bytes."""
    return fingerprint(f"client {client_id}")


def pseudonym(record_id: object) -> str:
    """Return the id that stands for an erased one: always the same, and of use to nobody without the pepper."""
    return str(uuid.UUID(bytes=client_hash(record_id)[:16]))


@dataclass(frozen=True, slots=True)
class Traces:
    """What a client is known by.

    Parameters
    ----------
    ids : tuple of UUID
        Its id first, then those of the clients that were merged into it.
    names, phones, emails : tuple of str
        Of all their profiles.
    """

    ids: tuple[uuid.UUID, ...]
    names: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()

    @classmethod
    def of(cls, profiles: Iterable[Mapping[str, Any]]) -> "Traces":
        """Return the traces of some profiles; the first is that of the client."""
        listed = list(profiles)

        def all_of(column: str) -> tuple[Any, ...]:
            return tuple(dict.fromkeys(value for profile in listed if (value := profile.get(column))))

        ids = tuple(uuid.UUID(str(client_id)) for client_id in all_of("client_id"))
        return cls(ids, all_of("name"), all_of("phone"), all_of("email"))


@dataclass(frozen=True)
class Redaction:
    """Takes the traces of a client out of texts.

    Names are found as whole words, whatever stands between them and whichever comes first; ids with and without
    hyphens; phone numbers in any digits, with and without separators and the code of their country; all in upper or
    lower case.
    """

    traces: Traces

    @cached_property
    def pattern(self) -> str:
        """A regular expression of PostgreSQL, to be matched without case, that finds every text to look at."""
        return "|".join(self._parts(r"[^[:alnum:]]{1,6}", re.escape))  # Between cells of a row stand four.

    @cached_property
    def bytes_pattern(self) -> str:
        """The same for bytes that are shown by ``encode(…, 'escape')``: UTF-8, or JSON in ASCII."""
        parts = (part for spelled in (_utf8, _json_ascii) for part in self._parts(".{1,6}", spelled))
        return "|".join(dict.fromkeys(parts))  # Ids, addresses and names in ASCII are the same in both.

    def text(self, said: str) -> str:
        """Return a text without the traces; an id becomes its pseudonym."""
        return self._exact.sub(self._instead, said)

    def value(self, value: Any) -> Any:
        """Return a JSON value, keys included, without the traces."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, int) and not isinstance(value, bool) and self.text(str(value)) != str(value):
            return ERASED
        return value

    @cached_property
    def _exact(self) -> re.Pattern[str]:
        parts = self._parts(r"[\W_]{1,3}", re.escape, whole=True)
        return re.compile("|".join(rf"(?<!\w)(?:{part})(?!\w)" for part in parts), re.IGNORECASE)

    def _parts(self, between: str, spelled: Spelling, *, whole: bool = False) -> Iterator[str]:
        """Yield a pattern of each trace; a phone number is found faster without what may stand before it."""
        for client_id in self.traces.ids:
            yield str(client_id).replace("-", "-?")
        for phone in self.traces.phones:
            country, national = _numbers(phone)
            if len(national) < MIN_DIGITS:  # So short a number may be any: it is found with its country only.
                country, national = "", country + national
            if len(national) >= MIN_DIGITS:
                before = (f"(?:{_digits(part, spelled)}{BETWEEN_DIGITS})?" for part in ("00", country, "0"))
                yield (rf"\+?{''.join(before)}" if whole else "") + _digits(national, spelled)
        for email in self.traces.emails:
            yield re.escape(email)
        for words in self._names():
            yield between.join(map(spelled, words))

    def _names(self) -> Iterator[list[str]]:
        """Yield the words of each name, from the first on and, as "Haddad, Omar" is written, from each other on."""
        for words in map(_words, self.traces.names):
            if len(words) >= MIN_WORDS:
                turns = len(words) if len(words) <= MOST_TURNED else 1
                yield from (words[first:] + words[:first] for first in range(turns))

    def _instead(self, found: re.Match[str]) -> str:
        plain = found[0].replace("-", "").lower()
        return next((pseudonym(i) for i in self.traces.ids if i.hex == plain), ERASED)


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W_]+", name)


def _numbers(phone: str) -> tuple[str, str]:
    """Return the code of a phone number's country, and the number within it."""
    number = parsed(phone)
    if number is None:
        return "", re.sub(r"\D", "", phone)
    return str(number.country_code), phonenumbers.national_significant_number(number)


def _digits(digits: str, spelled: Spelling) -> str:
    """Return a pattern of digits, each as Europeans, Arabs or Persians write it, and of what stands between."""
    ways = ("|".join(spelled(script[int(digit)]) for script in DIGITS) for digit in digits)
    return BETWEEN_DIGITS.join(f"(?:{way})" for way in ways)


def _utf8(word: str) -> str:
    return "".join(re.escape(chr(byte)) if byte < 128 else rf"\\{byte:03o}" for byte in word.encode())


def _json_ascii(word: str) -> str:
    return re.escape(json.dumps(word)[1:-1].replace("\\", "\\\\"))
