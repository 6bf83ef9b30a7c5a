"""What all clients asked about of late and what is for sale: read for each answer, kept while much is to be read."""

import datetime as dt
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from estate.behavior import service as behavior
from estate.behavior.service import Interest
from estate.property import service as homes
from estate.property.traits import Traits

__all__ = ["Enquiries", "enquiries"]

T = TypeVar("T")

NEWEST = 2_000
SAMPLED = 500
KEPT_S = 60


@dataclass(frozen=True, slots=True)
class Enquiries:
    """The newest enquiries, the traits of the units that they name, and a sample of what is for sale."""

    rows: Sequence[Interest]
    traits: Mapping[str, Traits]
    sample: Sequence[Traits]
    made: dict[object, Any] = field(default_factory=dict)

    def once(self, key: object, make: Callable[["Enquiries"], T]) -> T:
        """Return what was made of these rows under a key before, or make it."""
        if key not in self.made:
            self.made[key] = make(self)
        found: T = self.made[key]
        return found


_lock = threading.Lock()
_kept: dict[str, tuple[object, Enquiries]] = {}


def enquiries(session: Session, now: dt.datetime) -> Enquiries:
    """Return what all clients asked about up to now.

    A full window of enquiries changes little by the minute: it is kept until a newer event comes in, and for a
    minute at most. A smaller one is read every time.
    """
    version = (str(session.get_bind().engine.url), behavior.newest_moment(session, now), int(now.timestamp()) // KEPT_S)
    kept = _kept.get("newest")
    if kept is not None and kept[0] == version:
        return kept[1]
    rows = behavior.newest_interest(session, now, NEWEST)
    found = Enquiries(rows, homes.traits(session, {row.unit for row in rows}), homes.sample(session, SAMPLED))
    if len(rows) == NEWEST:
        with _lock:
            _kept["newest"] = version, found
    return found
