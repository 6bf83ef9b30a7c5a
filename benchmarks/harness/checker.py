"""Judges a run: compares what the writers were told with what the database holds."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from benchmarks.harness.journal import Journal
from benchmarks.harness.world import Event

__all__ = ["Aggregates", "Refused", "StoredEvent", "Verdict", "compare", "judge", "recount"]


class StoredEvent(NamedTuple):
    """One row of the events table, as far as the writers decide it."""

    event_id: str
    agent_id: str | None
    client_id: str | None
    unit: tuple[str, str] | None
    trigger_word: str | None
    response_speed: float | None
    conversion_effect: float | None
    deal_id: str | None


class Refused(NamedTuple):
    """One kept row: why, and its content."""

    status: str
    content: Event


@dataclass(frozen=True, slots=True)
class Aggregates:
    """The counts that folding keeps.

    Parameters
    ----------
    terms : mapping
        Term to (won, lost, open).
    agents : mapping
        Agent to (events, responses, seconds).
    units : mapping
        Project and unit to events.
    """

    terms: Mapping[str, tuple[int, int, int]]
    agents: Mapping[str, tuple[int, int, Decimal]]
    units: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with a run; all zero and all shares one when nothing is."""

    lost: int
    duplicates: int
    strangers: int
    altered: int
    failed_stored: int
    unknown: int
    unknown_stored: int
    false_answers: int
    malformed: int
    malformed_kept_share: float
    malformed_stored: int
    conflicts: int
    conflicts_reported_share: float
    wrong: Mapping[str, int] = field(default_factory=dict)


def judge(
    journal: Journal, stored: Sequence[StoredEvent], refused: Sequence[Refused], mended: Iterable[str] = ()
) -> Verdict:
    """Compare the journal with the tables.

    Parameters
    ----------
    journal : Journal
        Of all writers.
    stored : sequence of StoredEvent
        Every row of the events table.
    refused : sequence of Refused
        Every row that was kept.
    mended : iterable of str
        Ids of malformed rows that were mended and sent anew after the run.

    Returns
    -------
    Verdict
        ``lost``: acknowledged and not there. ``duplicates``: rows beyond the first of an id, and ids that were
        answered `created` twice. ``strangers``: ids that nobody sent. ``altered``: content that is not what was
        sent first. ``failed_stored``: refused for good and there all the same.
    """
    rows = {row.event_id: row for row in stored}
    broken = {str(m.sent["event_id"]) for m in journal.malformed}
    acknowledged, unknown, failed = (journal.known(state) for state in ("ok", "unknown", "failed"))
    kept = Counter((r.status, _key(r.content)) for r in refused)
    reported = sum(bool(kept["conflict", _key(content)]) for content in journal.conflicts)
    unreported = sum(n for name, n in journal.wrong.items() if name.startswith("conflict answered"))
    stored_ids = rows.keys() - set(mended)
    return Verdict(
        lost=len(acknowledged - rows.keys()),
        duplicates=len(stored) - len(rows) + journal.wrong["created twice"],
        strangers=len(rows.keys() - journal.events.keys() - broken - set(mended)),
        altered=sum(_altered(journal.events[i], row) for i, row in rows.items() if i in journal.events),
        failed_stored=len(failed & rows.keys()),
        unknown=len(unknown),
        unknown_stored=len(unknown & rows.keys()),
        false_answers=sum(n for name, n in journal.wrong.items() if _is_false(name)),
        malformed=len(journal.malformed),
        malformed_kept_share=_share(
            sum(bool(kept["rejected", _key(m.sent)]) for m in journal.malformed), journal.malformed
        ),
        malformed_stored=len(broken & stored_ids),
        conflicts=len(journal.conflicts),
        conflicts_reported_share=_share(min(reported, len(journal.conflicts) - unreported), journal.conflicts),
        wrong=dict(journal.wrong),
    )


def _is_false(contradiction: str) -> bool:
    """Tell whether an answer promised something that is not so."""
    return contradiction.endswith(("answered created", "answered duplicate", "at first sight", "answered missing"))


def _share(n: int, of: Sequence[object]) -> float:
    return n / len(of) if of else 1.0


def _key(content: Event) -> str:
    return repr(sorted(content.items(), key=lambda pair: pair[0]))


def _altered(sent: Event, row: StoredEvent) -> bool:
    unit = (sent["property_project_id"], sent["property_unit_id"]) if "property_unit_id" in sent else None
    names = ("trigger_word", "response_speed", "conversion_effect", "agent_id", "client_id", "deal_id")
    return unit != row.unit or any(sent.get(name) != getattr(row, name) for name in names)


def recount(stored: Iterable[StoredEvent], outcomes: Mapping[str, str]) -> Aggregates:
    """Count anew, from the rows alone, what folding should have counted.

    Parameters
    ----------
    stored : iterable of StoredEvent
        Every row, each once.
    outcomes : mapping
        Deal to ``won``, ``lost`` or ``open``.
    """
    terms: defaultdict[str, Counter[str]] = defaultdict(Counter)
    events: Counter[str] = Counter()
    responses: Counter[str] = Counter()
    seconds: defaultdict[str, Decimal] = defaultdict(Decimal)
    units: Counter[tuple[str, str]] = Counter()
    for row in stored:
        if row.trigger_word is not None:
            terms[row.trigger_word][_outcome(row, outcomes)] += 1
        if row.agent_id is not None:
            events[row.agent_id] += 1
            if row.response_speed is not None:
                responses[row.agent_id] += 1
                seconds[row.agent_id] += Decimal(str(row.response_speed))
        if row.unit is not None:
            units[row.unit] += 1
    return Aggregates(
        {term: (n["won"], n["lost"], n["open"]) for term, n in terms.items()},
        {agent: (n, responses[agent], seconds[agent]) for agent, n in events.items()},
        dict(units),
    )


def _outcome(row: StoredEvent, outcomes: Mapping[str, str]) -> str:
    if row.deal_id is not None:
        return outcomes[row.deal_id]
    if row.conversion_effect is None:
        return "open"
    return "won" if row.conversion_effect > 0 else "lost"


def compare(kept: Aggregates, counted: Aggregates) -> int:
    """Count the keys whose figures differ; a key without events may be absent or zero."""
    pairs: tuple[tuple[Mapping[Any, Any], Mapping[Any, Any]], ...] = (
        (kept.terms, counted.terms),
        (kept.agents, counted.agents),
        (kept.units, counted.units),
    )
    return sum(_differ(a.get(key), b.get(key)) for a, b in pairs for key in a.keys() | b.keys())


def _differ(a: Any, b: Any) -> bool:
    def figures(value: Any) -> tuple[Any, ...]:
        return value if isinstance(value, tuple) else (value,)

    if a is None or b is None:
        return any(figures(a if b is None else b))
    return figures(a) != figures(b)
