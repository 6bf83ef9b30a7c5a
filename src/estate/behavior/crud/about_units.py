"""SQL of what events and deals tell about units."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from estate.core.identifiers import UnitRef

__all__ = ["interest", "newest_wins", "signs", "units_of_client", "units_with_words", "words"]

_INTEREST = text("""
WITH asked AS (SELECT * FROM unnest(CAST(:projects AS uuid[]), CAST(:units AS uuid[])) AS u (project_id, unit_id))
SELECT a.project_id, a.unit_id, w.people, w.n, w.oldest_at
FROM asked a CROSS JOIN LATERAL (
    SELECT count(DISTINCT client_id) AS people, count(*) AS n, min(at) AS oldest_at FROM (
        SELECT client_id, time_of_event AS at FROM behavior_events
        WHERE property_project_id = a.project_id AND property_unit_id = a.unit_id AND client_id IS NOT NULL
            AND time_of_event > :since AND time_of_event <= :until
        UNION ALL
        SELECT client_id, opened_at FROM deals
        WHERE project_id = a.project_id AND unit_id = a.unit_id AND opened_at > :since AND opened_at <= :until
    ) shown
) w
WHERE w.n > 0 OR EXISTS (
    SELECT FROM behavior_events WHERE property_project_id = a.project_id AND property_unit_id = a.unit_id
        AND client_id IS NOT NULL AND time_of_event <= :until
) OR EXISTS (
    SELECT FROM deals WHERE project_id = a.project_id AND unit_id = a.unit_id AND opened_at <= :until
)
""")
_WORDS = text("""
WITH asked AS (SELECT * FROM unnest(CAST(:projects AS uuid[]), CAST(:units AS uuid[])) AS u (project_id, unit_id))
SELECT a.project_id, a.unit_id, e.speaker, e.trigger_word, e.outcome, count(*)
FROM asked a CROSS JOIN LATERAL (
    SELECT coalesce(metadata ->> 'speaker', '') AS speaker, trigger_word, coalesce(folded_outcome, 'open') AS outcome,
        folded_deal_id, time_of_event
    FROM behavior_events
    WHERE property_project_id = a.project_id AND property_unit_id = a.unit_id AND trigger_word IS NOT NULL
    ORDER BY time_of_event DESC, event_id DESC LIMIT :most
) e
LEFT JOIN deals d ON d.deal_id = e.folded_deal_id
WHERE d.closed_at IS NULL OR e.time_of_event <= d.closed_at
GROUP BY a.project_id, a.unit_id, e.speaker, e.trigger_word, e.outcome
""")
_NEWEST_WINS = text("""
SELECT DISTINCT ON (project_id, unit_id) project_id, unit_id, closed_at FROM deals
WHERE project_id = ANY(:projects) AND outcome = 'won' AND closed_at <= :until
ORDER BY project_id, unit_id, closed_at DESC
""")
_SIGNS = text("""
SELECT speaker, term, log_odds > 0 FROM trigger_findings
WHERE evidence = 'proven' AND run_id = (SELECT run_id FROM analysis_runs ORDER BY as_of DESC, run_id LIMIT 1)
""")
_WITH_WORDS = text("""
SELECT DISTINCT property_project_id, property_unit_id FROM behavior_events
WHERE trigger_word = ANY(:words) AND property_unit_id IS NOT NULL
""")
_OF_CLIENT = text("""
SELECT property_project_id, property_unit_id FROM behavior_events
WHERE client_id = :client AND property_unit_id IS NOT NULL
UNION
SELECT project_id, unit_id FROM deals WHERE client_id = :client AND unit_id IS NOT NULL
""")


def _asked(refs: Sequence[UnitRef]) -> dict[str, list[uuid.UUID]]:
    return {"projects": [ref.project_id for ref in refs], "units": [ref.unit_id for ref in refs]}


def interest(
    session: Session, refs: Sequence[UnitRef], since: dt.datetime, until: dt.datetime
) -> list[tuple[Any, ...]]:
    """Return (project, unit, people, n, time of the first) of clients who named units in (since, until].

    A unit that no client ever named is absent; of one that was named before only, there are none.
    """
    rows = session.execute(_INTEREST, {**_asked(refs), "since": since, "until": until})
    return [tuple(row) for row in rows]


def words(session: Session, refs: Sequence[UnitRef], most: int) -> list[tuple[Any, ...]]:
    """Return (project, unit, speaker, word as sent, outcome, events), from the newest `most` events of each unit.

    Of a closed deal those after its end are left out.
    """
    return [tuple(row) for row in session.execute(_WORDS, {**_asked(refs), "most": most})]


def newest_wins(session: Session, projects: Collection[uuid.UUID], until: dt.datetime) -> dict[UnitRef, dt.datetime]:
    """Return when the newest won deal of each unit of some projects closed."""
    rows = session.execute(_NEWEST_WINS, {"projects": list(projects), "until": until})
    return {UnitRef(project, unit): closed_at for project, unit, closed_at in rows}


def signs(session: Session) -> dict[tuple[str, str], bool]:
    """Return for each (speaker, term) that the newest analysis proves whether it goes with winning."""
    return {(speaker, term): helps for speaker, term, helps in session.execute(_SIGNS)}


def units_with_words(session: Session, sent: Collection[str]) -> list[UnitRef]:
    """Return the units of the events with some trigger words as sent."""
    return [UnitRef(*row) for row in session.execute(_WITH_WORDS, {"words": list(sent)})] if sent else []


def units_of_client(session: Session, client_id: uuid.UUID) -> list[UnitRef]:
    """Return the units that the events and deals of a client name."""
    return [UnitRef(*row) for row in session.execute(_OF_CLIENT, {"client": client_id})]
