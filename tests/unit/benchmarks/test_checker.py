"""The checker of the chaos bench sees each kind of violation, and nothing where there is none."""

import dataclasses
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from benchmarks.harness.checker import Aggregates, Refused, StoredEvent, Verdict, compare, judge, recount
from benchmarks.harness.journal import Journal, Sent
from benchmarks.harness.world import Event, World, conflicting, malformed, new_event

RNG = Random(7)
WORLD = World.draw(RNG)
EVENTS = [new_event(RNG, WORLD) for _ in range(6)]
BROKEN = malformed(RNG, new_event(RNG, WORLD))
OTHER = conflicting(RNG, EVENTS[0])


def row(event: Event) -> StoredEvent:
    unit = (event["property_project_id"], event["property_unit_id"]) if "property_unit_id" in event else None
    names = ("trigger_word", "response_speed", "conversion_effect", "deal_id")
    return StoredEvent(
        event["event_id"], event["agent_id"], event["client_id"], unit, *(event.get(name) for name in names)
    )


@pytest.fixture
def journal() -> Journal:
    """Four acknowledged events, one unknown, one refused, one malformed, one conflict."""
    journal = Journal()
    journal.settle([Sent("event", event) for event in EVENTS[:4]], ["created"] * 4)
    journal.settle([Sent("event", EVENTS[4])], None)
    journal.settle([Sent("event", EVENTS[5])], None, refused=True)
    journal.settle([Sent("malformed", BROKEN.sent, BROKEN)], ["rejected"])
    journal.settle([Sent("conflict", OTHER)], ["conflict"])
    return journal


STORED = [row(event) for event in EVENTS[:4]]
REFUSED = [Refused("rejected", BROKEN.sent), Refused("conflict", OTHER)]


def faults(verdict: Verdict) -> dict[str, Any]:
    """What the verdict says beside what a good run says."""
    good = judge(Journal(), [], [])
    counted = ("unknown", "unknown_stored", "malformed", "conflicts")
    found = dataclasses.asdict(verdict)
    return {n: v for n, v in found.items() if n not in counted and v != getattr(good, n)}


def test_a_good_run_has_no_fault(journal: Journal) -> None:
    verdict = judge(journal, STORED, REFUSED)

    assert faults(verdict) == {}
    assert (verdict.unknown, verdict.malformed, verdict.conflicts) == (1, 1, 1)


def test_an_unknown_event_may_be_stored(journal: Journal) -> None:
    verdict = judge(journal, [*STORED, row(EVENTS[4])], REFUSED)

    assert faults(verdict) == {}
    assert verdict.unknown_stored == 1


def test_an_acknowledged_event_that_is_not_stored_is_lost(journal: Journal) -> None:
    assert faults(judge(journal, STORED[1:], REFUSED)) == {"lost": 1}


def test_an_unknown_event_that_is_stored_twice_is_a_duplicate(journal: Journal) -> None:
    assert faults(judge(journal, [*STORED, *[row(EVENTS[4])] * 2], REFUSED)) == {"duplicates": 1}


def test_a_refused_event_must_not_be_stored(journal: Journal) -> None:
    assert faults(judge(journal, [*STORED, row(EVENTS[5])], REFUSED)) == {"failed_stored": 1}


def test_an_event_that_nobody_sent_is_a_stranger(journal: Journal) -> None:
    assert faults(judge(journal, [*STORED, row(new_event(RNG, WORLD))], REFUSED)) == {"strangers": 1}


def test_content_that_was_overwritten_is_altered(journal: Journal) -> None:
    assert faults(judge(journal, [row(OTHER), *STORED[1:]], REFUSED)) == {"altered": 1}


def test_a_malformed_row_that_was_not_kept_is_missed(journal: Journal) -> None:
    assert faults(judge(journal, STORED, REFUSED[1:])) == {"malformed_kept_share": 0.0}


def test_a_malformed_row_that_was_kept_otherwise_than_sent_is_missed(journal: Journal) -> None:
    kept = [Refused("rejected", BROKEN.mended), REFUSED[1]]

    assert faults(judge(journal, STORED, kept)) == {"malformed_kept_share": 0.0}


def test_a_malformed_row_may_be_stored_only_after_it_was_mended(journal: Journal) -> None:
    mended = row(BROKEN.mended)

    assert faults(judge(journal, [*STORED, mended], REFUSED, [mended.event_id])) == {}
    assert faults(judge(journal, [*STORED, mended], REFUSED)) == {"malformed_stored": 1}


def test_a_conflict_that_was_not_kept_is_missed(journal: Journal) -> None:
    assert faults(judge(journal, STORED, REFUSED[:1])) == {"conflicts_reported_share": 0.0}


def test_a_conflict_answered_as_duplicate_is_a_false_answer() -> None:
    journal = Journal()
    journal.settle([Sent("event", EVENTS[0])], ["created"])
    journal.settle([Sent("conflict", OTHER)], ["duplicate"])

    verdict = judge(journal, STORED[:1], REFUSED[1:])

    assert verdict.false_answers == 1
    assert verdict.conflicts_reported_share == 0.0


def test_an_id_that_is_answered_created_twice_is_a_duplicate() -> None:
    journal = Journal()
    for _ in range(2):
        journal.settle([Sent("event", EVENTS[0])], ["created"])

    assert judge(journal, STORED[:1], []).duplicates == 1


def test_no_doubt_remains_after_an_acknowledgement_and_none_comes_back() -> None:
    journal = Journal()
    sent = [Sent("event", EVENTS[0])]

    journal.settle(sent, None)
    journal.settle(sent, ["duplicate"])
    journal.settle(sent, None)

    assert journal.known("ok") == {EVENTS[0]["event_id"]}
    assert journal.acknowledged == 1


def test_a_refusal_does_not_end_a_doubt() -> None:
    journal = Journal()
    sent = [Sent("event", EVENTS[0])]

    journal.settle(sent, None)
    journal.settle(sent, None, refused=True)

    assert journal.known("unknown") == {EVENTS[0]["event_id"]}


def test_the_recount_follows_the_deal_and_else_the_effect() -> None:
    deal, outcome = WORLD.deals[0]
    rows = [
        StoredEvent("a", "x", "c", None, "sea view", 1.5, -0.5, deal),
        StoredEvent("b", "x", "c", ("p", "u"), "sea view", 2.0, 0.5, None),
        StoredEvent("c", "x", "c", None, "sea view", None, 0.0, None),
        StoredEvent("d", "x", "c", None, "sea view", None, None, None),
    ]

    counted = recount(rows, {deal: "open"})

    assert outcome in ("won", "lost", "open")
    assert counted.terms == {"sea view": (1, 1, 2)}
    assert counted.agents == {"x": (4, 2, Decimal("3.5"))}
    assert counted.units == {("p", "u"): 1}


def test_each_differing_count_is_a_mismatch() -> None:
    counted = Aggregates({"a": (1, 0, 0)}, {"x": (2, 1, Decimal(3))}, {("p", "u"): 1})
    kept = Aggregates({"a": (2, 0, 0)}, {"x": (2, 1, Decimal(4)), "idle": (0, 0, Decimal(0))}, {("p", "u"): 0})

    assert compare(counted, counted) == 0
    assert compare(kept, counted) == 3
