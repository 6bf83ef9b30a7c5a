"""SQL of the analysis: what it reads and what it publishes."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.orm import Session

from estate.behavior.models import AnalysisRun, BehaviorEvent, PatternGroup, TriggerFinding
from estate.core.db import wait_for_locks
from estate.core.settings import get_settings

__all__ = [
    "TurnRow",
    "UnitRow",
    "conversation_turns",
    "counting_units",
    "events_by_group",
    "findings",
    "forget_runs",
    "newest_run",
    "one_analysis_at_a_time",
    "pattern_groups",
    "publish",
    "regroup_events",
    "run_by_id",
    "trigger_words",
]

# What is said of a deal after it closed cannot have decided it.
_UNITS = text("""
SELECT unit_id, events, words, agent_id, client_id, won, lost FROM (
    SELECT coalesce(e.folded_deal_id, e.conversation_id, e.event_id) AS unit_id, count(*) AS events,
        array_agg(DISTINCT ARRAY[coalesce(e.metadata ->> 'speaker', ''), e.trigger_word])
            FILTER (WHERE e.trigger_word IS NOT NULL) AS words,
        min(CAST(e.agent_id AS text)) AS agent_id, min(CAST(e.client_id AS text)) AS client_id,
        max(e.time_of_event) AS last_at,
        bool_or(e.folded_outcome = 'won') AS won, bool_or(e.folded_outcome = 'lost') AS lost
    FROM (SELECT * FROM behavior_events ORDER BY time_of_event DESC, event_id DESC LIMIT :events) e
    LEFT JOIN deals d ON d.deal_id = e.folded_deal_id
    WHERE e.folded_at IS NOT NULL AND (d.closed_at IS NULL OR e.time_of_event <= d.closed_at)
    GROUP BY 1
) units
ORDER BY last_at DESC, unit_id LIMIT :most
""")
_TEXTS = text("""
SELECT e.unit_id, c.conversation_id, u.turn, u.speaker, u.text
FROM (SELECT * FROM conversations ORDER BY started_at DESC, conversation_id LIMIT :most) c
JOIN LATERAL (
    SELECT coalesce(folded_deal_id, conversation_id) AS unit_id FROM behavior_events
    WHERE conversation_id = c.conversation_id AND folded_at IS NOT NULL LIMIT 1
) e ON true
LEFT JOIN deals d ON d.deal_id = e.unit_id
JOIN utterances u ON u.conversation_id = c.conversation_id
WHERE d.closed_at IS NULL OR c.started_at <= d.closed_at
ORDER BY c.started_at DESC, c.conversation_id, u.turn
""")
# Jumps from word to word in their index, since there are far fewer words than events.
_WORDS = text("""
WITH RECURSIVE words AS (
    (SELECT trigger_word AS word FROM behavior_events WHERE trigger_word IS NOT NULL ORDER BY trigger_word LIMIT 1)
    UNION ALL
    SELECT (SELECT trigger_word FROM behavior_events WHERE trigger_word > words.word ORDER BY trigger_word LIMIT 1)
    FROM words WHERE words.word IS NOT NULL
)
SELECT word FROM words WHERE word IS NOT NULL
""")
# Locked in the order of the ids, as folding does, so that the two never wait for each other in a circle.
_REGROUP = text("""
WITH touched AS (
    (SELECT event_id FROM behavior_events ORDER BY time_of_event DESC, event_id DESC LIMIT :events)
    UNION
    SELECT event_id FROM behavior_events WHERE trigger_word = ANY(:changed)
), wanted AS (
    SELECT e.event_id, coalesce(
        g.name, d.stage, CASE e.folded_outcome WHEN 'open' THEN 'new' ELSE e.folded_outcome END
    ) AS name
    FROM touched JOIN behavior_events e USING (event_id)
    LEFT JOIN unnest(CAST(:words AS text[]), CAST(:names AS text[])) AS g (word, name) ON g.word = e.trigger_word
    LEFT JOIN deals d ON d.deal_id = e.folded_deal_id
    WHERE e.folded_at IS NOT NULL
), locked AS (
    SELECT e.event_id, w.name FROM behavior_events e JOIN wanted w USING (event_id)
    WHERE e.pattern_group IS DISTINCT FROM w.name
    ORDER BY e.event_id FOR NO KEY UPDATE OF e
)
UPDATE behavior_events e SET pattern_group = l.name, updated_at = now()
FROM locked l WHERE e.event_id = l.event_id
""")


@dataclass(frozen=True, slots=True)
class UnitRow:
    """One unit of counting: a deal, else a conversation, else an event by itself."""

    unit_id: uuid.UUID
    events: int
    words: list[list[str]] | None
    agent_id: str | None
    client_id: str | None
    won: bool
    lost: bool


@dataclass(frozen=True, slots=True)
class TurnRow:
    """One turn of a conversation and the unit of counting that it belongs to."""

    unit_id: uuid.UUID
    conversation_id: uuid.UUID
    turn: int
    speaker: str
    text: str


def counting_units(session: Session, most: int, *, events: int) -> list[UnitRow]:
    """Return the units that were active last, at most `most`, with the words of the newest `events` events."""
    return [UnitRow(*row) for row in session.execute(_UNITS, {"most": most, "events": events})]


def conversation_turns(session: Session, most: int) -> list[TurnRow]:
    """Return the turns of the newest conversations, at most `most` conversations."""
    return [TurnRow(*row) for row in session.execute(_TEXTS, {"most": most})]


def trigger_words(session: Session) -> list[str]:
    """Return every trigger word as it was sent."""
    return list(session.scalars(_WORDS))


def newest_run(session: Session) -> AnalysisRun | None:
    """Return the run that was published last."""
    query = select(AnalysisRun).order_by(AnalysisRun.as_of.desc(), AnalysisRun.run_id).limit(1)
    return session.scalars(query).first()


def run_by_id(session: Session, run_id: uuid.UUID) -> AnalysisRun | None:
    """Return one run that is still kept."""
    return session.get(AnalysisRun, run_id)


def findings(session: Session, run_id: uuid.UUID, limit: int | None = None) -> Sequence[TriggerFinding]:
    """Return the findings of a run in the order of their ranks."""
    query = select(TriggerFinding).where(TriggerFinding.run_id == run_id).order_by(TriggerFinding.rank)
    return session.scalars(query.limit(limit)).all()


def pattern_groups(session: Session, run_id: uuid.UUID) -> Sequence[PatternGroup]:
    """Return the groups of a run, the largest first."""
    query = select(PatternGroup).where(PatternGroup.run_id == run_id)
    return session.scalars(query.order_by(PatternGroup.size.desc(), PatternGroup.name)).all()


def events_by_group(session: Session) -> dict[str, int]:
    """Count processed events by pattern group, the most frequent first."""
    n = func.count()
    query = (
        select(BehaviorEvent.pattern_group, n)
        .where(BehaviorEvent.pattern_group.is_not(None))
        .group_by(BehaviorEvent.pattern_group)
        .order_by(n.desc(), BehaviorEvent.pattern_group)
    )
    return {str(name): count for name, count in session.execute(query)}


def publish(
    session: Session,
    run: Mapping[str, Any],
    triggers: Sequence[Mapping[str, Any]],
    groups: Sequence[Mapping[str, Any]],
) -> None:
    """Write a run with its findings and groups."""
    session.execute(insert(AnalysisRun), [dict(run)])
    for table, rows in ((TriggerFinding, triggers), (PatternGroup, groups)):
        if rows:
            session.execute(insert(table), [{**row, "run_id": run["run_id"]} for row in rows])


def one_analysis_at_a_time(session: Session) -> None:
    """Wait for an analysis that is under way, and let others wait until the transaction ends."""
    wait_for_locks(session, get_settings().db_worker_statement_timeout_ms)
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("analysis_runs", 0))))


def forget_runs(session: Session, keep: int) -> None:
    """Delete all but the newest runs."""
    newest = select(AnalysisRun.run_id).order_by(AnalysisRun.as_of.desc(), AnalysisRun.run_id).limit(keep)
    session.execute(delete(AnalysisRun).where(AnalysisRun.run_id.not_in(newest)))


def regroup_events(session: Session, names: Mapping[str, str], changed: Collection[str], *, events: int) -> None:
    """Bring the pattern group of processed events up to date.

    Parameters
    ----------
    names : mapping
        Trigger word as sent to the name of its group. Any other event carries the stage of its deal, and
        without a deal what its outcome stands for.
    changed : collection of str
        Trigger words as sent whose group is another than before: all their events are looked at.
    events : int
        How many of the newest events are looked at as well: some may have been folded with the old groups meanwhile.
    """
    parameters = {"words": list(names), "names": list(names.values()), "changed": list(changed), "events": events}
    session.execute(_REGROUP, parameters)
