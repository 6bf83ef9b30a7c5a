"""What events and deals tell about units: who was interested, what was said and how it ended, what was sold."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from estate.behavior.analytics.terms import canonical
from estate.behavior.crud import about_units as crud
from estate.behavior.crud.about_units import newest_wins
from estate.core.identifiers import UnitRef

__all__ = ["InterestShown", "TermSaid", "interest_in_units", "newest_wins", "terms_about_units"]

MAX_EVENTS = 10_000
"""The newest with a term that are read of one unit: what a recount costs does not grow with the history."""
UNKNOWN = "unknown"
SPEAKERS = ("agent", "client")


@dataclass(frozen=True, slots=True)
class InterestShown:
    """How many different clients named a unit, in how many events and deals, and when the first of these was."""

    people: int
    n: int
    oldest_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class TermSaid:
    """How many events about a unit carry a term, by the outcome of their deal.

    Parameters
    ----------
    speaker : str
        ``agent``, ``client`` or ``unknown``.
    helps : bool or None
        Whether the newest analysis proves that the term goes with winning (True) or losing (False).
    """

    term: str
    speaker: str
    won: int
    lost: int
    open: int
    helps: bool | None

    @property
    def n(self) -> int:
        """Events with the term."""
        return self.won + self.lost + self.open


def interest_in_units(
    session: Session, refs: Sequence[UnitRef], since: dt.datetime, until: dt.datetime
) -> dict[UnitRef, InterestShown]:
    """Return who named units in (since, until]: in an event, or by a deal that was opened then.

    A unit that no client named up to `until` is absent.
    """
    rows = crud.interest(session, refs, since, until)
    return {UnitRef(project, unit): InterestShown(*shown) for project, unit, *shown in rows}


def terms_about_units(session: Session, refs: Sequence[UnitRef]) -> dict[UnitRef, list[TermSaid]]:
    """Return the terms of the events about units; a unit without any is absent."""
    counts: defaultdict[UnitRef, defaultdict[tuple[str, str], Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for project, unit, speaker, word, outcome, n in crud.words(session, refs, MAX_EVENTS):
        who = speaker if speaker in SPEAKERS else UNKNOWN
        counts[UnitRef(project, unit)][who, canonical(word)][outcome] += n
    proven = crud.signs(session)
    return {
        ref: [
            TermSaid(term, speaker, n["won"], n["lost"], n["open"], proven.get((speaker, term)))
            for (speaker, term), n in sorted(said.items())
        ]
        for ref, said in counts.items()
    }
