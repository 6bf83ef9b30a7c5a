"""Field types that refuse: every schema is made of these, so that what is stored can always be read again."""

import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from estate.core.currencies import CURRENCIES
from estate.core.free_json import JsonList, JsonObject
from estate.core.identifiers import CANONICAL_UUID, UnitRef, Uuid
from estate.core.problems import refused
from estate.core.strict_json import INT64_MAX

__all__ = [
    "MAX_NAMED",
    "NAME_MAX_CHARACTERS",
    "NUMBER_FROM_TEXT",
    "WHOLE_FROM_TEXT",
    "BigCount",
    "Count",
    "Currency",
    "Day",
    "Email",
    "Instant",
    "JsonList",
    "JsonObject",
    "LongText",
    "Money",
    "Name",
    "NoParameters",
    "NonNegative",
    "Number",
    "PageLimit",
    "PastInstant",
    "Percent",
    "Phone",
    "QueryBool",
    "QueryCount",
    "QueryLimit",
    "QueryNumber",
    "QueryShare",
    "Schema",
    "SchemaOut",
    "Score100",
    "Share",
    "ShortText",
    "Text",
    "UnitRef",
    "UnitText",
    "Uuid",
]

INT32_MAX = 2**31 - 1
NUMBER_LIMIT = 1e12
"""Measures beyond a million million are mistakes; float8 still has four decimals there."""


# Models


class Schema(BaseModel):
    """Base of everything that comes in: unknown fields, lax conversions and changes afterwards are refused.

    Notes
    -----
    Being strict, it wants `Literal` for choices; an enum or a tuple needs ``Annotated[..., Strict(False)]``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, hide_input_in_errors=True)


class NoParameters(Schema):
    """The query of a call that takes none, so that a misspelt one is refused."""


class SchemaOut(BaseModel):
    """Base of every answer; it can be read from the attributes of a row."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, from_attributes=True, allow_inf_nan=False, hide_input_in_errors=True
    )


# Text


@dataclass(frozen=True, slots=True)
class Text:
    """Annotation of a string that is visible, stripped, in Unicode form NFC, and free of NUL and surrogates.

    n characters are at most 4n bytes of UTF-8. An index row of PostgreSQL holds 2,700 bytes, so a text that is
    indexed is at most 600 characters long.

    Parameters
    ----------
    max_length : int
        The most characters, before and after the clean-up.

    Examples
    --------
    >>> from pydantic import TypeAdapter
    >>> TypeAdapter(Annotated[str, Text(20)]).validate_python(" Marina Gate ")
    'Marina Gate'
    """

    max_length: int

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check a strict string with `clean`."""
        return core_schema.no_info_after_validator_function(self.clean, core_schema.str_schema(strict=True))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """State the length."""
        return {"type": "string", "minLength": 1, "maxLength": self.max_length}

    def clean(self, value: str) -> str:
        """Return the text as it is stored.

        Parameters
        ----------
        value : str
            The text as sent.

        Returns
        -------
        str
            NFC, without blanks at its ends.

        Raises
        ------
        PydanticCustomError
            When the text is blank, too long or contains what cannot be stored or shown.
        """
        if "\0" in value:
            raise refused("This contains a NUL character.")
        text = value.strip()
        if not text.isascii():
            text = _compose(text, self.max_length)
        if len(text) > self.max_length:
            raise refused("This must have at most {max_length} characters.", max_length=self.max_length)
        if not any(letter.isprintable() and not letter.isspace() for letter in text):
            raise refused("This must not be blank.")
        return text


_MARKS_IN_A_ROW = re.compile(rb"[^\0]{31}")


def _compose(text: str, max_length: int) -> str:
    """Bring a text into form NFC, whose time is quadratic in piled-up marks (UAX 15, Stream-Safe Text)."""
    if len(text) > max_length:
        raise refused("This must have at most {max_length} characters.", max_length=max_length)
    if _MARKS_IN_A_ROW.search(bytes(map(unicodedata.combining, text))):
        raise refused("This has more than 30 combining marks in a row.")
    return unicodedata.normalize("NFC", text).strip()


ShortText = Annotated[str, Text(200)]
NAME_MAX_CHARACTERS = 120
Name = Annotated[str, Text(NAME_MAX_CHARACTERS)]
LongText = Annotated[str, Text(5_000)]
UnitText = Annotated[
    Name,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{CANONICAL_UUID}(:{CANONICAL_UUID})?$",
            "description": "project_id:unit_id, or the bare unit_id where it is unique.",
        }
    ),
]
"""A unit as a query names it; the property layer reads it."""


def _matching(pattern: str, message: str) -> PlainValidator:
    """Accept only a string that matches the whole pattern."""
    compiled = re.compile(pattern)

    def check(value: object) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise refused(message)
        return value

    return PlainValidator(check)


_PHONE = r"\+[1-9][0-9]{6,14}"
_EMAIL_MAX_CHARACTERS = 254
_EMAIL = (
    r"[A-Za-z0-9_%+-]+(\.[A-Za-z0-9_%+-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)

Phone = Annotated[
    str,
    _matching(_PHONE, "Write the number with its country code, such as +971501234567."),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{_PHONE}$",
            "description": "E.164 telephone number, such as +971501234567.",
        }
    ),
]
Email = Annotated[
    str,
    _matching(f"(?=.{{,{_EMAIL_MAX_CHARACTERS}}}$){_EMAIL}", "Write an e-mail address such as name@example.com."),
    WithJsonSchema({"type": "string", "pattern": f"^{_EMAIL}$", "maxLength": _EMAIL_MAX_CHARACTERS}),
]


def _currency(value: object) -> str:
    """Accept a code in force; a look-up of an unhashable value is not tried."""
    if not isinstance(value, str) or value not in CURRENCIES:
        raise refused("Write an ISO 4217 currency code such as AED.")
    return value


Currency = Annotated[
    str,
    PlainValidator(_currency),
    WithJsonSchema(
        {"type": "string", "enum": sorted(CURRENCIES), "description": "ISO 4217 currency code, such as AED."}
    ),
]

# Time

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(2101, 1, 1, tzinfo=UTC)
_CLOCK = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_INSTANT_RULE = re.compile(_CLOCK + r"(Z|[+-][0-9]{2}:[0-9]{2})")
_LOST_PLUS = re.compile(_CLOCK + r" [0-9]{2}:[0-9]{2}")
_DAY_RULE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _instant(value: object) -> datetime:
    """Return a moment in UTC; one outside the years that every reader handles is refused."""
    moment = value if isinstance(value, datetime) else _parsed_instant(value)
    if moment.tzinfo is None:
        raise refused("Write a time with its zone, such as 2026-03-01T09:30:00Z.")
    if not _FIRST <= moment < _END:
        raise refused("This must lie in the years 1970 to 2100.")
    return moment.astimezone(UTC)


def _parsed_instant(value: object) -> datetime:
    """Read the RFC 3339 form, to the microsecond that the database keeps."""
    if isinstance(value, str) and _LOST_PLUS.fullmatch(value):
        raise refused("The + before the offset was read as a space; write it as %2B in a URL.")
    if isinstance(value, str) and _INSTANT_RULE.fullmatch(value):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise refused("There is no such time.") from None
    raise refused("Write a time with its zone, such as 2026-03-01T09:30:00Z, to the microsecond at most.")


def _past_instant(value: datetime, info: ValidationInfo) -> datetime:
    """Refuse the future but for a day of clock skew; ``context={"now": ...}`` sets the clock."""
    now = (info.context or {}).get("now") or datetime.now(UTC)
    if value > now + timedelta(days=1):
        raise refused("This must not lie in the future.")
    return value


def _day(value: object) -> date:
    """Return a calendar day without time."""
    if isinstance(value, str) and _DAY_RULE.fullmatch(value):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            raise refused("There is no such day.") from None
    if not isinstance(value, date) or isinstance(value, datetime):
        raise refused("Write a day such as 2026-03-01.")
    if not _FIRST.year <= value.year < _END.year:
        raise refused("This must lie in the years 1970 to 2100.")
    return value


_TIME_SCHEMA = {
    "type": "string",
    "format": "date-time",
    "description": "RFC 3339 time with zone, 1970 to 2100.",
}

Instant = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema(_TIME_SCHEMA)]
PastInstant = Annotated[
    datetime,
    BeforeValidator(_instant),
    AfterValidator(_past_instant),
    WithJsonSchema(_TIME_SCHEMA | {"description": "RFC 3339 time with zone, 1970 to now."}),
]
Day = Annotated[
    date,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "format": "date", "description": "Calendar day, 1970 to 2100."}),
]

# Numbers

MONEY_LIMIT = Decimal(10) ** 15
_CENT = Decimal("0.01")
_PLAIN_DECIMAL = r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?"
_PLAIN_DECIMAL_RULE = re.compile(_PLAIN_DECIMAL)
_MONEY_WORDS = "Write an amount such as 1250000.50, without separators, exponent or currency."


def _money(value: object) -> Decimal:
    """Return an amount with two decimals; zero has no sign."""
    amount = _decimal(value)
    if not 0 <= amount < MONEY_LIMIT:
        raise refused("This must be at least 0 and less than 1e15.")
    cents = amount.quantize(_CENT)
    if cents != amount:
        raise refused("This must have at most 2 decimals.")
    return abs(cents)


def _decimal(value: object) -> Decimal:
    """Read what JSON can say about an amount; a float is taken as the shortest decimal that names it."""
    if isinstance(value, float) and math.isfinite(value):
        return Decimal(repr(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, Decimal) and value.is_finite():
        return value
    if isinstance(value, str) and _PLAIN_DECIMAL_RULE.fullmatch(value):
        return Decimal(value)
    raise refused(_MONEY_WORDS)


_MONEY_TEXT = {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,2})?$"}
_MONEY_NUMBER = {"type": "number", "minimum": 0, "exclusiveMaximum": float(MONEY_LIMIT)}

Money = Annotated[
    Decimal,
    PlainValidator(_money),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema(
        {"anyOf": [_MONEY_TEXT, _MONEY_NUMBER], "description": "Amount with at most two decimals."},
        mode="validation",
    ),
    WithJsonSchema(_MONEY_TEXT | {"description": "Amount as a decimal string."}, mode="serialization"),
]

Number = Annotated[float, Field(strict=True, ge=-NUMBER_LIMIT, le=NUMBER_LIMIT, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(strict=True, ge=0, le=NUMBER_LIMIT, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False, description="Share between 0 and 1.")]
Percent = Annotated[float, Field(strict=True, ge=0, le=100, allow_inf_nan=False, description="Per cent, 0 to 100.")]
Score100 = Annotated[float, Field(strict=True, ge=0, le=100, allow_inf_nan=False, description="Score, 0 to 100.")]
Count = Annotated[int, Field(strict=True, ge=0, le=INT32_MAX)]
BigCount = Annotated[int, Field(strict=True, ge=0, le=INT64_MAX)]
PageLimit = Annotated[int, Field(strict=True, ge=1, le=200, description="The most items to return.")]

# Query strings: numbers and flags arrive as text and are read just as strictly


def _from_text(pattern: str, convert: Callable[[str], object], message: str) -> BeforeValidator:
    """Convert a text that matches the whole pattern; other types pass on to the strict check behind."""
    compiled = re.compile(pattern)

    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        if not compiled.fullmatch(value):
            raise refused(message)
        return convert(value)

    return BeforeValidator(read)


WHOLE_FROM_TEXT = _from_text(r"-?(0|[1-9][0-9]{0,18})", int, "Write a whole number in plain digits, such as 50.")
NUMBER_FROM_TEXT = _from_text(_PLAIN_DECIMAL, float, "Write a number in plain digits, such as 0.5.")

QueryLimit = Annotated[PageLimit, WHOLE_FROM_TEXT]
QueryCount = Annotated[Count, WHOLE_FROM_TEXT]
QueryNumber = Annotated[Number, NUMBER_FROM_TEXT]
QueryShare = Annotated[Share, NUMBER_FROM_TEXT]
QueryBool = Annotated[bool, Field(strict=True), _from_text("true|false", "true".__eq__, "Write true or false.")]

MAX_NAMED = 50
"""Records that one query may name: with more, its address would be longer than servers between read."""
