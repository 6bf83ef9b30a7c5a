"""The form of an API key: scanners know its prefix, and a typing error is seen without asking anybody."""

import re
import secrets
import string
import zlib
from dataclasses import dataclass, field

__all__ = ["ID_CHARACTERS", "SECRET_CHARACTERS", "ApiKey", "random_text"]

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_CHARACTERS = 8
SECRET_CHARACTERS = 43
"""43 characters of 62 carry 256 bits."""
CHECK_CHARACTERS = 6
FORM = re.compile(
    rf"estate_([a-z]+)_([0-9A-Za-z]{{{ID_CHARACTERS}}})_"
    rf"([0-9A-Za-z]{{{SECRET_CHARACTERS}}})([0-9A-Za-z]{{{CHECK_CHARACTERS}}})"
)


def random_text(characters: int) -> str:
    """Return unguessable characters of base 62."""
    return "".join(secrets.choice(BASE62) for _ in range(characters))


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key, ``estate_<environment>_<id>_<secret><checksum>``.

    Parameters
    ----------
    environment : str
        Where it is good, in lower-case letters; a key of the test system says so.
    key_id : str
        Its public name, `ID_CHARACTERS` long.
    secret : str
        `SECRET_CHARACTERS` long.
    """

    environment: str
    key_id: str
    secret: str = field(repr=False)

    @classmethod
    def make(cls, environment: str) -> "ApiKey":
        """Return a new key."""
        return cls(environment, random_text(ID_CHARACTERS), random_text(SECRET_CHARACTERS))

    @classmethod
    def parse(cls, text: str) -> "ApiKey | None":
        """Return the key that a text is, or None when it has not the form or a character is wrong."""
        found = FORM.fullmatch(text)
        if found is None or _checksum(text[:-CHECK_CHARACTERS]) != found[4]:
            return None
        return cls(found[1], found[2], found[3])

    def text(self) -> str:
        """Return the key as its owner writes it; it is shown once and kept nowhere."""
        unchecked = f"estate_{self.environment}_{self.key_id}_{self.secret}"
        return unchecked + _checksum(unchecked)


def _checksum(text: str) -> str:
    """Return the CRC-32 of a text in base 62."""
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(CHECK_CHARACTERS):
        number, digit = divmod(number, len(BASE62))
        digits = BASE62[digit] + digits
    return digits
