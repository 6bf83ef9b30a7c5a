"""Analyses what was said against how it ended, and publishes triggers and pattern groups."""

import datetime as dt
import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from estate.behavior.analytics import patterns as grouping
from estate.behavior.analytics.needed import units_needed
from estate.behavior.analytics.patterns import PatternReport
from estate.behavior.analytics.terms import canonical, extract
from estate.behavior.analytics.triggers import Trigger, TriggerReport, discover
from estate.behavior.crud import about_units
from estate.behavior.crud import findings as crud
from estate.behavior.crud.findings import UnitRow
from estate.behavior.crud.references import known_ids
from estate.behavior.errors import RunUnknown
from estate.behavior.folding import groups_by_term
from estate.behavior.models import AnalysisRun, TriggerFinding
from estate.behavior.schemas import PatternOut, PatternsOut, RunOut, TriggerLift, TriggersOut
from estate.core.db import allow_idle
from estate.core.documents import document_jobs
from estate.core.figures import figure_jobs
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
UNKNOWN = "unknown"
SPEAKERS = ("agent", "client", UNKNOWN)
EXAMPLES = 3
SHOWN_LIFT = 1.3
USUAL_SHARE = 0.2  # A word said in one conversation out of five.
MIN_OF_EACH = 5  # Won and lost deals; with fewer the intervals are what words mostly do, not what was seen here.
ADJUSTED_FOR = ["length", "agent", "client", "proven triggers"]
MEASURED = tuple(Trigger.__dataclass_fields__)


Said = tuple[str, str]  # Speaker and term.


@dataclass(slots=True)
class _Unit:
    """One unit of counting: what was said in it, how much, by whom, and how it ended."""

    words: set[Said]
    amount: int
    agent_id: str | None
    client_id: str | None
    outcome: float
    talk: set[Said] = field(default_factory=set)

    def said_by(self, speaker: str) -> set[str]:
        """Return the terms of one speaker."""
        return {term for who, term in self.words | self.talk if who == speaker}


def analyse(session: Session, *, now: dt.datetime, afresh: bool = False) -> None:
    """Publish a new run: triggers, pattern groups, and the groups of all processed events.

    The unit of counting is the deal that decides an event's outcome, else its conversation, else the event
    itself; without a deal a unit is won when any of its events is, else lost when any is. Its terms are the
    trigger words of its events, and those runs of words in its conversations that are frequent and neither
    contain a trigger word nor are part of one. Pattern groups are made of trigger words alone.

    Parameters
    ----------
    now : datetime
        As of when the run is.
    afresh : bool
        Forget all earlier runs, that of an analysis under way included: it is waited for.
    """
    allow_idle(session, get_settings().analysis_timeout_s)
    crud.one_analysis_at_a_time(session)
    units, examples = _units(session)
    before, groups_before = _documented(session), groups_by_term(session)
    signs_before = about_units.signs(session)
    outcomes = np.array([unit.outcome for unit in units])
    reports = {speaker: _discovered(units, outcomes, speaker) for speaker in SPEAKERS}
    words = [sorted({term for _, term in unit.words}) for unit in units]
    groups = grouping.group(words, outcomes, rng=np.random.default_rng(SEED))
    run = {"run_id": uuid.uuid4(), "as_of": now, **_counts(outcomes), "more_needed": _more_needed(reports, outcomes)}
    crud.publish(session, run, _trigger_rows(reports, examples), _group_rows(groups))
    crud.forget_runs(session, 1 if afresh else KEPT_RUNS)
    _regroup(session, groups_before)
    enqueue(session, document_jobs("behavior", sorted(before | _documented(session))))
    _recount_units(session, signs_before)


def _discovered(units: Sequence[_Unit], outcomes: np.ndarray[Any, Any], speaker: str) -> TriggerReport:
    return discover(
        [unit.said_by(speaker) for unit in units],
        outcomes,
        length=[unit.amount for unit in units],
        agents=[unit.agent_id for unit in units],
        clients=[unit.client_id for unit in units],
        max_false_share=float(get_settings().false_discovery_share),
        rng=np.random.default_rng(SEED),
    )


def _more_needed(reports: Mapping[str, TriggerReport], outcomes: np.ndarray[Any, Any]) -> int | None:
    """Return how many more closed units it would take to prove a lift of `SHOWN_LIFT` beside so many terms."""
    closed = outcomes[~np.isnan(outcomes)]
    if not len(closed) or not 0 < closed.mean() < 1:
        return None
    needed = _units_needed(int(closed.sum()), len(closed), max(len(report.known) for report in reports.values()))
    return None if needed is None else max(needed - len(closed), 0)


def _units_needed(won: int, closed: int, terms: int = 1) -> int | None:
    """Return the closed units that would prove a lift of `SHOWN_LIFT`; None where too many are won for one."""
    return units_needed(SHOWN_LIFT, base_rate=won / closed, share=USUAL_SHARE, terms=terms)


def _units(session: Session) -> tuple[list[_Unit], dict[Said, list[str]]]:
    """Return the units of counting, and for each term the first utterances in which it was said."""
    units = {row.unit_id: _unit(row) for row in crud.counting_units(session, MAX_UNITS, events=MAX_EVENTS)}
    examples: defaultdict[Said, list[str]] = defaultdict(list)
    for turn in crud.conversation_turns(session, MAX_CONVERSATIONS):
        if turn.unit_id in units:
            said = [(turn.speaker, term) for term in extract(turn.text)]
            units[turn.unit_id].amount += 1
            units[turn.unit_id].talk.update(said)
            for term in said:
                if len(examples[term]) < EXAMPLES:
                    examples[term].append(f"{turn.conversation_id}:{turn.turn}")
    _keep_frequent_talk(list(units.values()))
    return list(units.values()), dict(examples)


def _unit(row: UnitRow) -> _Unit:
    outcome = 1.0 if row.won else 0.0 if row.lost else np.nan
    words = {(who if who in SPEAKERS else UNKNOWN, canonical(word)) for who, word in row.words or ()}
    return _Unit(words, row.events, row.agent_id, row.client_id, outcome)


def _keep_frequent_talk(units: Sequence[_Unit]) -> None:
    """Leave of free talk only frequent terms that do not overlap with a trigger word."""
    triggers = {term for unit in units for _, term in unit.words}
    parts = set().union(*(extract(trigger) for trigger in triggers))
    said = Counter(term for unit in units for term in unit.talk)
    often = max(MIN_TEXT_UNITS, MIN_TEXT_SHARE * sum(bool(unit.talk) for unit in units))
    frequent = {(who, term) for (who, term), n in said.items() if n >= often and term not in parts}
    kept = {(who, term) for who, term in frequent if triggers.isdisjoint(extract(term))}
    for unit in units:
        unit.talk &= kept


def _counts(outcomes: np.ndarray[Any, Any]) -> dict[str, int]:
    return {
        "n_won": int((outcomes == 1).sum()),
        "n_lost": int((outcomes == 0).sum()),
        "n_open": int(np.isnan(outcomes).sum()),
    }


def _trigger_rows(reports: Mapping[str, TriggerReport], examples: Mapping[Said, Sequence[str]]) -> list[dict[str, Any]]:
    """Return all proven terms and the strongest candidates, in the order of their ranks."""
    proven = [(t, speaker, "proven") for speaker, report in reports.items() for t in report.proven]
    candidates = [(t, speaker, "candidate") for speaker, report in reports.items() for t in report.candidates]
    listed = sorted(proven, key=_strength) + sorted(candidates, key=_strength)
    return [
        {
            **{name: getattr(trigger, name) for name in MEASURED},
            "speaker": speaker,
            "evidence": evidence,
            "rank": rank,
            "adjusted_for": ADJUSTED_FOR,
            "examples": list(examples.get((speaker, trigger.term), ())),
        }
        for rank, (trigger, speaker, evidence) in enumerate(listed[: max(PUBLISHED, len(proven))], start=1)
    ]


def _strength(listed: tuple[Trigger, str, str]) -> tuple[float, int, str, str]:
    trigger, speaker, _ = listed
    return -abs(trigger.log_odds), -trigger.n_with, trigger.term, speaker


def _group_rows(report: PatternReport) -> list[dict[str, Any]]:
    names = ("name", "size", "n_won", "n_lost", "n_open", "lift", "lower", "upper", "stability")
    rows = ({**{n: getattr(g, n) for n in names}, "terms": list(g.terms)} for g in report.groups)
    return list({row["name"]: row for row in rows}.values())  # Names are cut, so that two may come out the same.


def _regroup(session: Session, before: Mapping[str, str]) -> None:
    by_term = groups_by_term(session)
    words = crud.trigger_words(session) if by_term or before else []
    names = {word: name for word in words if (name := by_term.get(canonical(word))) is not None}
    changed = [word for word in words if by_term.get(canonical(word)) != before.get(canonical(word))]
    crud.regroup_events(session, names, changed, events=MAX_EVENTS)


def _recount_units(session: Session, before: Mapping[Said, bool]) -> None:
    """Have the units counted again about which a term was said that is proven now and was not, or the reverse."""
    changed = {term for (_, term), _ in before.items() ^ about_units.signs(session).items()}
    sent = [word for word in crud.trigger_words(session) if canonical(word) in changed] if changed else []
    enqueue(session, figure_jobs(about_units.units_with_words(session, sent)))


def _documented(session: Session) -> set[str]:
    """Return the record ids of the published triggers that have a search document."""
    run = crud.newest_run(session)
    if run is None:
        return set()
    return {TRIGGER_KEY + finding.term for finding in crud.findings(session, run.run_id, DOCUMENTED)}


def triggers(session: Session, top_n: int, run_id: uuid.UUID | None = None) -> TriggersOut:
    """Return the first triggers of an analysis: the proven ones, then candidates, each by falling strength.

    They are the same whoever asks, but for the examples: these are of conversations that the actor may see.

    Raises
    ------
    RunUnknown
        `run_id` is given and no run that is kept has it; without it the newest run answers.
    """
    run = _run(session, run_id)
    if run is None:
        return TriggersOut(items=[], run=None, status="insufficient_data", why="No analysis has run yet.")
    findings = crud.findings(session, run.run_id, top_n)
    talks = _seen_talks(session, findings)
    found = [TriggerLift.model_validate(_shown(f, talks)) for f in findings]
    return TriggersOut(
        items=found,
        run=RunOut.model_validate(run),
        status="ok" if min(run.n_won, run.n_lost) >= MIN_OF_EACH else "insufficient_data",
        why=_why(run, found),
    )


def _run(session: Session, run_id: uuid.UUID | None) -> AnalysisRun | None:
    if run_id is None:
        return crud.newest_run(session)
    run = crud.run_by_id(session, run_id)
    if run is None:
        raise RunUnknown(f"There is no analysis run {run_id}; the newest {KEPT_RUNS} are kept.")
    return run


def _why(run: AnalysisRun, found: Sequence[TriggerLift]) -> str:
    if min(run.n_won, run.n_lost) < MIN_OF_EACH:
        return (
            f"At least {MIN_OF_EACH} won and {MIN_OF_EACH} lost deals, or what stands for them, are needed to compare "
            f"anything; there are {run.n_won} and {run.n_lost}."
        )
    closed = run.n_won + run.n_lost
    proven = sum(item.evidence == "proven" for item in found)
    if proven:
        return f"{proven} of these {len(found)} terms are proven by {closed} closed deals or what stands for them."
    return f"Nothing is proven by {closed} closed deals or what stands for them{_what_it_takes(run)}."


def _what_it_takes(run: AnalysisRun) -> str:
    """Say how far a lift of `SHOWN_LIFT` is from being proven; nothing where an early run did not count it."""
    if run.more_needed:
        return f"; a lift of {SHOWN_LIFT} would need about {run.more_needed} more closed conversations"
    if run.more_needed == 0:
        return f"; there are enough of them to prove a lift of {SHOWN_LIFT}, so none is likely to be that strong"
    if _units_needed(run.n_won, run.n_won + run.n_lost) is None:
        return (
            f"; {run.n_won} of them are won, so many that a term said in one of {1 / USUAL_SHARE:.0f} cannot have "
            f"a lift of {SHOWN_LIFT}"
        )
    return ""


def _seen_talks(session: Session, findings: Sequence[TriggerFinding]) -> set[uuid.UUID]:
    """Return those conversations of the examples that the actor of the session may see."""
    named = {_talk_of(example) for finding in findings for example in finding.examples}
    return known_ids(session, {"conversation_id": named})["conversation_id"]


def _talk_of(example: str) -> uuid.UUID:
    return uuid.UUID(example.partition(":")[0])


def _shown(finding: TriggerFinding, talks: Collection[uuid.UUID]) -> Mapping[str, Any]:
    """Return what a finding tells: of its examples those from some conversations."""
    told = {name: getattr(finding, name) for name in TriggerLift.model_fields}
    return told | {"examples": [example for example in finding.examples if _talk_of(example) in talks]}


def patterns(session: Session, run_id: uuid.UUID | None = None) -> PatternsOut:
    """Return the pattern groups of an analysis, the largest first, and how many events each holds now.

    Raises
    ------
    RunUnknown
        As for `triggers`.
    """
    run = _run(session, run_id)
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
