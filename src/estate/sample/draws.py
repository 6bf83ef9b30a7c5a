"""Seeded random streams, and the conversions from drawn numbers to ids, money and times."""

import datetime as dt
from decimal import Decimal
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DAY",
    "Bools",
    "Floats",
    "Ints",
    "Row",
    "date_at",
    "hundredths",
    "logistic",
    "moment",
    "stream",
    "uuids",
    "winter",
]

DAY = 86_400

Row = dict[str, object]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def stream(seed: int, part: str) -> np.random.Generator:
    """Return the random stream of one part of the world, so that parts do not disturb each other."""
    return np.random.default_rng([seed, *part.encode()])


def uuids(rng: np.random.Generator, count: int) -> list[UUID]:
    """Draw `count` ids in the shape of UUID version 4."""
    raw = np.frombuffer(rng.bytes(16 * count), dtype=np.uint8).reshape(count, 16).copy()
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    data = raw.tobytes()
    return [UUID(bytes=data[start : start + 16]) for start in range(0, 16 * count, 16)]


def hundredths(count: int) -> Decimal:
    """Return a decimal with two places.

    >>> hundredths(12345)
    Decimal('123.45')
    """
    return Decimal(count).scaleb(-2)


def moment(seconds: int) -> dt.datetime:
    """Return the UTC time of a Unix time stamp."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def date_at(seconds: int) -> dt.date:
    """Return the UTC date of a Unix time stamp."""
    return moment(seconds).date()


def winter(seconds: Ints) -> Floats:
    """Return the season of each time: cos(2π · month / 12), 1 in January and −1 in July."""
    months = seconds.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    return np.cos(2 * np.pi * (months % 12) / 12)


def logistic(logit: Floats) -> Floats:
    """Return 1 / (1 + exp(−logit))."""
    return 1 / (1 + np.exp(-logit))
