"""Analyses what was said against how it ended, and publishes triggers and pattern groups."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from estate.behavior.analytics import patterns as grouping
from estate.behavior.analytics.patterns import PatternReport
from estate.behavior.analytics.terms import canonical, extract
from estate.behavior.analytics.triggers import Trigger, TriggerReport, discover
from estate.behavior.crud import findings as crud
from estate.behavior.crud.findings import UnitRow
from estate.behavior.folding import groups_by_term
from estate.behavior.schemas import PatternOut, PatternsOut, RunOut, TriggerLift, TriggersOut
from estate.core.documents import document_jobs
from estate.core.outbox import enqueue
from estate.core.settings import get_settings

__all__ = ["DOCUMENTED", "TRIGGER_KEY", "analyse", "patterns", "triggers"]

MAX_UNITS = 20_000  # The newest; an analysis must end within a minute however long the history is.
MAX_EVENTS = 200_000  # The newest: ten a unit. What an analysis costs does not grow with the history behind them.
MAX_CONVERSATIONS = 1_000  # The newest whose words are read: about half a second's work.
MIN_TEXT_UNITS = 10  # Words of free talk are many: rarer ones would only thin out the test of the others.
MIN_TEXT_SHARE = 0.02
PUBLISHED = 500
DOCUMENTED = 20
KEPT_RUNS = 10
SEED = 20_240_501  # Fixed, so that the same events give the same findings.
TRIGGER_KEY = "trigger:"


@dataclass(slots=True)
class _Unit:
    """One unit of counting: what was said in it, how much, by whom, and how it ended."""

    words: set[str]
    amount: int
    agent_id: str | None
    outcome: float
    talk: set[str] = field(default_factory=set)


def analyse(session: Session, *, now: dt.datetime) -> None:
    """Publish a new run: triggers, pattern groups, and the groups of all processed events.

    The unit of counting is the deal that decides an event's outcome, else its conversation, else the event
    itself; without a deal a unit is won when any of its events is, else lost when any is. Its terms are the
    trigger words of its events, and those runs of words in its conversations that are frequent and neither
    contain a trigger word nor are part of one. Pattern groups are made of trigger words alone.
    """
    units = _units(session)
    before, groups_before = _documented(session), groups_by_term(session)
    outcomes = np.array([unit.outcome for unit in units])
    report = discover(
        [unit.words | unit.talk for unit in units],
        outcomes,
        length=[unit.amount for unit in units],
        agents=[unit.agent_id for unit in units],
        max_false_share=float(get_settings().false_discovery_share),
        rng=np.random.default_rng(SEED),
    )
    groups = grouping.group([sorted(unit.words) for unit in units], outcomes, rng=np.random.default_rng(SEED))
    run = {"run_id": uuid.uuid4(), "as_of": now, **_counts(outcomes)}
    crud.publish(session, run, _trigger_rows(report), _group_rows(groups))
    crud.forget_runs(session, KEPT_RUNS)
    _regroup(session, groups_before)
    enqueue(session, document_jobs("behavior", sorted(before | _documented(session))))


def _units(session: Session) -> list[_Unit]:
    units = {row.unit_id: _unit(row) for row in crud.counting_units(session, MAX_UNITS, events=MAX_EVENTS)}
    for unit_id, turns, said in crud.conversation_texts(session, MAX_CONVERSATIONS):
        if unit_id in units:
            units[unit_id].amount += turns
            units[unit_id].talk.update(extract(said))
    _keep_frequent_talk(list(units.values()))
    return list(units.values())


def _unit(row: UnitRow) -> _Unit:
    outcome = 1.0 if row.won else 0.0 if row.lost else np.nan
    return _Unit({canonical(word) for word in row.words or ()}, row.events, row.agent_id, outcome)


def _keep_frequent_talk(units: Sequence[_Unit]) -> None:
    """Leave of free talk only frequent terms that do not overlap with a trigger word."""
    triggers = set().union(*(unit.words for unit in units))
    parts = set().union(*(extract(trigger) for trigger in triggers))
    said = Counter(term for unit in units for term in unit.talk)
    often = max(MIN_TEXT_UNITS, MIN_TEXT_SHARE * sum(bool(unit.talk) for unit in units))
    frequent = {term for term, n in said.items() if n >= often and term not in parts}
    kept = {term for term in frequent if triggers.isdisjoint(extract(term))}
    for unit in units:
        unit.talk &= kept


def _counts(outcomes: np.ndarray[Any, Any]) -> dict[str, int]:
    return {
        "n_won": int((outcomes == 1).sum()),
        "n_lost": int((outcomes == 0).sum()),
        "n_open": int(np.isnan(outcomes).sum()),
    }


def _trigger_rows(report: TriggerReport) -> list[dict[str, Any]]:
    """Return all proven terms and the strongest candidates, in the order of their ranks."""
    strongest = sorted(report.candidates, key=lambda t: (-abs(t.log_odds), t.term))
    kept = {trigger.term for trigger in strongest[: max(0, PUBLISHED - len(report.proven))]}
    listed = [(t, "proven") for t in report.proven]
    listed += [(t, "candidate") for t in report.candidates if t.term in kept]
    return [_trigger_row(trigger, evidence, rank) for rank, (trigger, evidence) in enumerate(listed, start=1)]


def _trigger_row(trigger: Trigger, evidence: str, rank: int) -> dict[str, Any]:
    shown = {name: getattr(trigger, name) for name in TriggerLift.model_fields if name != "evidence"}
    return {**shown, "evidence": evidence, "rank": rank}


def _group_rows(report: PatternReport) -> list[dict[str, Any]]:
    names = ("name", "size", "n_won", "n_lost", "n_open", "lift", "lower", "upper")
    rows = ({**{n: getattr(g, n) for n in names}, "terms": list(g.terms)} for g in report.groups)
    return list({row["name"]: row for row in rows}.values())  # Names are cut, so that two may come out the same.


def _regroup(session: Session, before: Mapping[str, str]) -> None:
    by_term = groups_by_term(session)
    words = crud.trigger_words(session) if by_term or before else []
    names = {word: name for word in words if (name := by_term.get(canonical(word))) is not None}
    changed = [word for word in words if by_term.get(canonical(word)) != before.get(canonical(word))]
    crud.regroup_events(session, names, changed, events=MAX_EVENTS)


def _documented(session: Session) -> set[str]:
    """Return the record ids of the published triggers that have a search document."""
    run = crud.newest_run(session)
    if run is None:
        return set()
    return {TRIGGER_KEY + finding.term for finding in crud.findings(session, run.run_id, DOCUMENTED)}


def triggers(session: Session, top_n: int) -> TriggersOut:
    """Return the first triggers of the newest analysis: the proven ones, then candidates, each by falling lift."""
    run = crud.newest_run(session)
    if run is None:
        return TriggersOut(items=[], run=None, status="insufficient_data", why="No analysis has run yet.")
    found = [TriggerLift.model_validate(_shown(f)) for f in crud.findings(session, run.run_id, top_n)]
    closed = run.n_won + run.n_lost
    proven = sum(item.evidence == "proven" for item in found)
    why = f"{proven} of these {len(found)} terms are proven by {closed} closed deals or what stands for them."
    return TriggersOut(
        items=found,
        run=RunOut.model_validate(run),
        status="ok" if run.n_won and run.n_lost else "insufficient_data",
        why=why if run.n_won and run.n_lost else "Both won and lost deals are needed to compare anything.",
    )


def _shown(finding: object) -> Mapping[str, Any]:
    return {name: getattr(finding, name) for name in TriggerLift.model_fields}


def patterns(session: Session) -> PatternsOut:
    """Return the pattern groups of the newest analysis, the largest first, and how many events each holds."""
    run = crud.newest_run(session)
    events = crud.events_by_group(session)
    if run is None:
        return PatternsOut(
            items=[], events=events, run=None, status="insufficient_data", why="No analysis has run yet."
        )
    groups = crud.pattern_groups(session, run.run_id)
    why = f"{len(groups)} groups of terms are said together and were found again in resamples."
    return PatternsOut(
        items=[PatternOut.model_validate({n: getattr(g, n) for n in PatternOut.model_fields}) for g in groups],
        events=events,
        run=RunOut.model_validate(run),
        status="ok" if groups else "insufficient_data",
        why=why if groups else "No terms keep company reliably; events carry the stage of their deal.",
    )
