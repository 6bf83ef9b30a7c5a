"""Figures of units that people may state and the platform counts otherwise; a stated one is never overwritten.

`Unit.computed` names the figures of a unit that were counted, with their evidence. A figure with a value that is not
named there was stated: it stands until null is stated in its place.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from estate.core.documents import document_jobs
from estate.core.figures import figure_jobs
from estate.core.identifiers import UnitRef
from estate.core.outbox import enqueue
from estate.property.crud import figures as crud
from estate.property.crud.figures import Paced, lock_projects, paces, projects_beside

__all__ = [
    "FIGURES",
    "Counted",
    "Figure",
    "Paced",
    "enqueue_due",
    "give_back",
    "lock_projects",
    "paces",
    "projects_beside",
    "store",
]

VELOCITY = "sales_velocity"
FIGURES = ("real_demand", VELOCITY, "positive_triggers", "negative_reviews")
MAX_DUE = 5_000
"""Units that one sweep takes up; the next one goes on."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One counted figure.

    Parameters
    ----------
    value : Decimal, list or None
        None when nothing is known to count.
    n : int
        What was counted: events, deals or sales.
    window_days : int or None
        Days up to the count that it covers; None for the whole history.
    why : str
        The count in a sentence.
    """

    value: Any
    n: int
    window_days: int | None
    why: str

    def evidence(self) -> dict[str, Any]:
        """Return what is kept beside the value, but for the time."""
        return {"n": self.n, "window_days": self.window_days, "why": self.why}


@dataclass(frozen=True, slots=True)
class Counted:
    """The figures of one unit by name, and when time alone will change one of them."""

    figures: Mapping[str, Figure]
    recount_at: dt.datetime | None


def store(
    session: Session, counted: Mapping[UnitRef, Counted], velocities: Mapping[uuid.UUID, Figure], now: dt.datetime
) -> None:
    """Write counted figures where nobody stated one, and refresh the documents of the units that changed.

    A count that comes out as before changes nothing, not even its ``as_of``.

    Parameters
    ----------
    counted : mapping
        Unit to its figures; units that are gone are left out.
    velocities : mapping
        Project to ``sales_velocity``, which all its units share.
    """
    wanted = {project: (pace.value, None if pace.value is None else pace.n) for project, pace in velocities.items()}
    rows, changed = [], []
    for before in crud.lock_units(session, list(counted), wanted):
        ref = UnitRef(before["project_id"], before["unit_id"])
        own = counted.get(ref, Counted({}, before["recount_at"]))
        figures = {**own.figures, VELOCITY: velocities[ref.project_id]}
        after = _with_figures(before, figures, now) | {"recount_at": own.recount_at}
        if after != before:
            rows.append(after)
        if any(after[name] != before[name] for name in FIGURES):
            changed.append(str(ref))
    crud.write_units(session, rows)
    enqueue(session, document_jobs("property", sorted(changed)))


def _with_figures(before: Mapping[str, Any], figures: Mapping[str, Figure], now: dt.datetime) -> dict[str, Any]:
    """Return the columns of a unit with those figures that nobody stated."""
    after, computed = dict(before), dict(before["computed"])
    for name, figure in figures.items():
        known = computed.get(name)
        if before[name] is not None and known is None:
            continue
        evidence = None if figure.value is None else figure.evidence()
        if before[name] == figure.value and evidence == _untimed(known):
            continue
        after[name] = figure.value
        computed.pop(name, None)
        if evidence is not None:
            computed[name] = {**evidence, "as_of": now.isoformat()}
    return after | {"computed": computed}


def _untimed(known: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if known is None else {key: value for key, value in known.items() if key != "as_of"}


def give_back(session: Session, stated: Sequence[tuple[UnitRef, Collection[str]]]) -> None:
    """Note that people stated or cleared columns of units: those figures among them are theirs again."""
    crud.forget_computed(session, [(ref, set(names) & set(FIGURES)) for ref, names in stated])


def enqueue_due(session: Session, now: dt.datetime) -> None:
    """Have the units counted again whose figures time alone has changed."""
    enqueue(session, figure_jobs(crud.due(session, now, MAX_DUE)))
