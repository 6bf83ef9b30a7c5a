"""Reads what people typed; what cannot be read is refused as the API would refuse it."""

import datetime as dt
import math
import re
from decimal import Decimal
from zoneinfo import ZoneInfo

from estate.core.amounts import MAGNITUDES, to_ascii_digits
from estate.sdk.errors import FieldProblem, Invalid, ProblemDetails

__all__ = ["moment_of", "number_of", "refusal", "share_of"]


WRITTEN = re.compile(r"([+-]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+))\s*([^\W\d_]*)")


def refusal(field: str, message: str) -> Invalid:
    """Return the error that tells which field cannot be read, and why."""
    wrong = FieldProblem(field=field, message=message)
    return Invalid(ProblemDetails(title="Invalid input", status=422, detail="This cannot be read.", errors=(wrong,)))


def number_of(typed: str | None, field: str) -> float | None:
    """Read a number, with or without thousands separators, thousands or millions; None where nothing was typed.

    Raises
    ------
    Invalid
        When it is not a number.
    """
    if typed is None:
        return None
    written = WRITTEN.fullmatch(to_ascii_digits(typed).strip())
    times = MAGNITUDES.get(written[2].casefold()) if written and written[2] else 1
    number = float(Decimal(written[1].replace(",", "")) * times) if written and times else math.inf
    if not math.isfinite(number):
        raise refusal(field, f"Write a number, such as 1500000 or 1.5m, not “{typed}”.")
    return number


def share_of(typed: str | None, field: str) -> float | None:
    """Read per cent as a share in [0, 1]; None where nothing was typed.

    Raises
    ------
    Invalid
        When it is not a number from 0 to 100.
    """
    percent = number_of(typed, field)
    if percent is not None and not 0 <= percent <= 100:
        raise refusal(field, "Write a number from 0 to 100.")
    return None if percent is None else percent / 100


def moment_of(typed: str | None, zone: str | None, field: str) -> dt.datetime | None:
    """Read a moment that was typed on a clock in `zone`, UTC where it is not told; None where nothing was typed.

    Raises
    ------
    Invalid
        When it is no moment, or nobody knows the zone.
    """
    if typed is None:
        return None
    try:
        return dt.datetime.fromisoformat(typed).replace(tzinfo=ZoneInfo(zone or "UTC"))
    except (ValueError, OSError, KeyError):
        raise refusal(field, "Choose a day and a time.") from None
