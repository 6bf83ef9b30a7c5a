"""Counts the figures of units from what clients did: demand, sales, and the terms that went with winning or losing.

Everything is counted anew from stored rows, never added up, so that a count may be repeated or come late. With `now`
the moment of the count:

* ``real_demand`` (people): distinct clients who named the unit within ``ESTATE_DEMAND_WINDOW_DAYS``, in an event or
  by a deal that was opened then. None for a unit that no client ever named.
* ``sales_velocity`` (units a month): units of the project that were sold within ``ESTATE_VELOCITY_WINDOW_DAYS``, over
  the months of `DAYS_PER_MONTH` in it since the first listing or sale of the project, at least one. Sold is a unit
  stated as sold with its time, else one with a won deal. None for a project without a past sale or listing.
* ``positive_triggers``, ``negative_reviews``: terms of the events about the unit. A term that the newest analysis
  proves to go with winning or losing is what it proves; any other is what most of its events with an outcome are
  here. What an agent says is no review. None for a unit about which nothing was said, and an empty list where all
  was said that counts and none of it points that way.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from estate.behavior import service as behavior
from estate.behavior.service import InterestShown, TermSaid
from estate.core.identifiers import UnitRef
from estate.core.settings import get_settings
from estate.property import figures as homes
from estate.property.figures import Counted, Figure, Paced

__all__ = ["count", "demand", "reputation", "velocity"]

DAYS_PER_MONTH = Decimal("30.4375")
MAX_TERMS = 20
DAY = dt.timedelta(days=1)
HUNDREDTH = Decimal("0.01")


def count(session: Session, refs: Collection[UnitRef], now: dt.datetime) -> None:
    """Count the figures of some units and the velocity of their projects, and store them where nobody stated them."""
    ordered = sorted(refs)
    projects = sorted({ref.project_id for ref in ordered})
    homes.lock_projects(session, projects)  # First: what is read below is what no other worker is about to change.
    paced = _velocities(session, projects, now)
    days = get_settings().demand_window_days
    shown = behavior.interest_in_units(session, ordered, now - days * DAY, now)
    said = behavior.terms_about_units(session, ordered)
    counted = {}
    for ref in ordered:
        interest = shown.get(ref)
        figures = {"real_demand": demand(interest, days), **reputation(said.get(ref, ()))}
        leaves = None if interest is None or interest.oldest_at is None else interest.oldest_at + days * DAY
        counted[ref] = Counted(figures, _first(leaves, paced[ref.project_id][1] if ref.project_id in paced else None))
    homes.store(session, counted, {project: figure for project, (figure, _) in paced.items()}, now)


def _first(*moments: dt.datetime | None) -> dt.datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def demand(shown: InterestShown | None, days: int) -> Figure:
    """Return ``real_demand`` of a unit, in people, from the interest of the last `days` days."""
    if shown is None:
        return Figure(None, 0, days, "No client has named the unit.")
    why = f"{shown.people} clients named the unit in {shown.n} events and new deals within {days} days."
    return Figure(Decimal(shown.people), shown.n, days, why)


def _velocities(
    session: Session, projects: Sequence[uuid.UUID], now: dt.datetime
) -> dict[uuid.UUID, tuple[Figure, dt.datetime | None]]:
    """Return the velocity of each project, and when time alone will change it."""
    days = get_settings().velocity_window_days
    wins = behavior.newest_wins(session, projects, now)
    paced = homes.paces(session, projects, wins, now - days * DAY, now)
    return {project: (velocity(pace, days, now), _velocity_changes(pace, days, now)) for project, pace in paced.items()}


def velocity(pace: Paced, days: int, now: dt.datetime) -> Figure:
    """Return ``sales_velocity`` of a project, in units a month, from the sales of the last `days` days."""
    if pace.began_at is None or pace.began_at > now:
        return Figure(None, 0, days, "Neither a sale nor a listing of the project is known.")
    covered = min(days, (now - pace.began_at).days)
    months = max(covered / DAYS_PER_MONTH, Decimal(1))
    why = f"{pace.sold} units of the project were sold in {months.quantize(HUNDREDTH)} months."
    return Figure((pace.sold / months).quantize(HUNDREDTH), pace.sold, round(months * DAYS_PER_MONTH), why)


def _velocity_changes(pace: Paced, days: int, now: dt.datetime) -> dt.datetime | None:
    """Return when a sale leaves the window, or a day is added to what a project younger than the window covers."""
    leaves = None if pace.first_sold_at is None else pace.first_sold_at + days * DAY
    young = pace.began_at is not None and now - pace.began_at < days * DAY
    return _first(leaves, now + DAY if young else None)


def reputation(said: Iterable[TermSaid]) -> dict[str, Figure]:
    """Return ``positive_triggers`` and ``negative_reviews`` of a unit from the terms of the events about it."""
    terms = list(said)
    reviews = [term for term in terms if term.speaker != "agent"]
    return {
        "positive_triggers": _listed(terms, True, "events about the unit carry a term"),
        "negative_reviews": _listed(reviews, False, "events about the unit carry a term that no agent said"),
    }


def _listed(terms: Sequence[TermSaid], helps: bool, what: str) -> Figure:
    n = sum(term.n for term in terms)
    found = sorted((term for term in terms if _helps(term) is helps), key=_strength)
    why = f"{n} {what}; {len(found)} terms went with {'winning' if helps else 'losing'}."
    return Figure([_entry(term) for term in found[:MAX_TERMS]] if n else None, n, None, why)


def _helps(term: TermSaid) -> bool | None:
    """Return whether a term goes with winning (True), with losing (False) or with neither."""
    if term.helps is not None or term.won == term.lost:
        return term.helps
    return term.won > term.lost


def _strength(term: TermSaid) -> tuple[bool, int, int, str, str]:
    return term.helps is None, -abs(term.won - term.lost), -term.n, term.term, term.speaker


def _entry(term: TermSaid) -> Mapping[str, Any]:
    counts = {"won": term.won, "lost": term.lost, "open": term.open}
    evidence = "counted" if term.helps is None else "proven"
    return {"term": term.term, "speaker": term.speaker, **counts, "evidence": evidence}
