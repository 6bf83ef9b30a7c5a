"""Folds events into the counts of their terms: what an event added before is taken back, then it is added anew."""

import datetime as dt
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy.orm import Session

from estate.behavior.analytics.terms import canonical
from estate.behavior.crud import events as crud
from estate.behavior.crud import findings
from estate.behavior.crud.events import Folded, Unfolded
from estate.behavior.deals import DEAL_KEY
from estate.core.figures import figure_jobs
from estate.core.outbox import Job, enqueue, enqueue_once
from estate.core.settings import get_settings

__all__ = ["AFRESH", "ANALYSE", "fold", "groups_by_term"]

ANALYSE = "behavior.analyse"
AFRESH = "afresh"
"""Key of an analysis after which earlier ones are forgotten: they knew somebody who was erased."""
STAGE_WITHOUT_DEAL = {"won": "won", "lost": "lost", "open": "new"}


def fold(session: Session, keys: Iterable[str]) -> None:
    """Bring the counts, outcomes and pattern groups of events up to date.

    However often an event is folded, and whatever changed in between, `trigger_stats` equals a recount: each
    event remembers the outcome with which it is counted, under a lock.

    Parameters
    ----------
    keys : iterable of str
        Ids of events; with the prefix ``deal:`` the id of a deal, for all events that it may concern.
    """
    split = _split(keys)
    event_ids = split[""] | crud.events_of_deals(session, split[DEAL_KEY])
    if not event_ids:
        return
    crud.lock_events(session, event_ids)
    groups = groups_by_term(session)
    events = crud.unfolded(session, event_ids)
    folded = [_folded(event, groups) for event in events]
    changed = [(old, new) for old, new in zip(events, folded, strict=True) if _differs(old, new)]
    crud.add_to_stats(session, _changes(changed))
    crud.store_folded(session, [new for _, new in changed])
    # When its deal closed decides whether an event is evidence, also where the outcome stays.
    touched = [old for old, _ in changed] + [event for event in events if event.deal_id in split[DEAL_KEY]]
    enqueue(session, figure_jobs(event.unit for event in touched if event.unit is not None))
    if touched:
        enqueue_once(session, Job(ANALYSE, "all"), due_at=_next_analysis(session))


def _next_analysis(session: Session) -> dt.datetime | None:
    """Return when the next analysis may run: what is folded in a burst is analysed together."""
    run = findings.newest_run(session)
    return None if run is None else run.as_of + dt.timedelta(seconds=get_settings().analysis_interval_s)


def _split(keys: Iterable[str]) -> dict[str, set[uuid.UUID]]:
    split: dict[str, set[uuid.UUID]] = {"": set(), DEAL_KEY: set()}
    for key in keys:
        kind = DEAL_KEY if key.startswith(DEAL_KEY) else ""
        split[kind].add(uuid.UUID(key.removeprefix(kind)))
    return split


def groups_by_term(session: Session) -> dict[str, str]:
    """Return the discovered group of each term that is in one, by the newest analysis."""
    run = findings.newest_run(session)
    groups = [] if run is None else findings.pattern_groups(session, run.run_id)
    return {term: group.name for group in groups for term in group.terms}


def _folded(event: Unfolded, groups: Mapping[str, str]) -> Folded:
    outcome = _outcome(event)
    group = groups.get(canonical(event.trigger_word)) if event.trigger_word is not None else None
    return Folded(event.event_id, event.deal_id, outcome, group or event.stage or STAGE_WITHOUT_DEAL[outcome])


def _outcome(event: Unfolded) -> str:
    """Return the outcome of the event's deal; without one, what its own effect says."""
    if event.deal_id is not None:
        return event.deal_outcome or "open"
    if event.conversion_effect is None:
        return "open"
    return "won" if event.conversion_effect > 0 else "lost"


def _differs(old: Unfolded, new: Folded) -> bool:
    return (old.folded_deal_id, old.folded_outcome, old.pattern_group) != (
        new.deal_id,
        new.outcome,
        new.pattern_group,
    )


def _changes(changed: Sequence[tuple[Unfolded, Folded]]) -> dict[str, Counter[str]]:
    changes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for old, new in changed:
        if old.trigger_word is not None and old.folded_outcome != new.outcome:
            term = canonical(old.trigger_word)
            changes[term][new.outcome] += 1
            if old.folded_outcome is not None:
                changes[term][old.folded_outcome] -= 1
    return changes
