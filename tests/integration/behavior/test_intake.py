"""What comes in is stored once, and what cannot be stored is kept with the reason."""

import datetime as dt
import json
import time
import uuid
from typing import Any

import pytest

from estate.behavior import service
from estate.behavior.schemas import EventFilter
from estate.core.rejected import RejectedFilter, list_rejected
from estate.core.types import UnitRef

from .conftest import Door, World, numbered


def jobs(door: Door) -> list[tuple[str, str, Any]]:
    return door.rows("SELECT topic, key, payload FROM outbox ORDER BY topic, key")


def test_the_same_event_again_is_a_duplicate_and_changes_nothing(door: Door, world: World) -> None:
    row = world.event(1, trigger_word="payment plan", metadata={"a": [1, None]})
    assert door.events(row) == ["created"]
    before = jobs(door)
    assert door.events(row | {"metadata": {"a": [1, None]}, "updated_at": "2026-01-01T00:00:00Z"}) == ["duplicate"]
    assert jobs(door) == before


def test_another_event_under_the_same_id_is_a_conflict_that_is_kept(door: Door, world: World) -> None:
    door.events(world.event(1, trigger_word="first"))
    assert door.events(world.event(1, trigger_word="second"), world.event(2)) == ["conflict", "created"]
    assert door.value("SELECT trigger_word FROM behavior_events WHERE event_id = :id", id=numbered(5, 1)) == "first"
    (kept,) = list_rejected(door.session, RejectedFilter(layer="behavior")).items
    assert (kept.status, json.loads(kept.raw)["trigger_word"]) == ("conflict", "second")
    assert kept.reason == "event_id: exists with other content"


def test_within_one_batch_the_first_stays(door: Door, world: World) -> None:
    first = world.event(1, trigger_word="first")
    statuses = door.events(world.event(9, agent_id=numbered(1, 99)), first, first, first | {"trigger_word": "other"})
    assert statuses == ["rejected", "created", "duplicate", "conflict"]
    assert door.value("SELECT count(*) FROM behavior_events") == 1


def test_a_refused_delivery_does_not_take_the_id(door: Door, world: World) -> None:
    bad = world.event(1, agent_id=numbered(1, 99))
    assert door.events(bad, world.event(1)) == ["rejected", "created"]


def test_the_time_of_an_event_may_be_left_out(door: Door, world: World) -> None:
    row = world.event(1)
    del row["time_of_event"]
    assert door.events(row, row) == ["created", "duplicate"]
    assert door.events(row) == ["duplicate"]
    assert door.value("SELECT time_of_event <= now() + interval '1 minute' FROM behavior_events")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"agent_id": numbered(1, 99)}, "agent_id: no such agent"),
        ({"client_id": numbered(1, 99)}, "client_id: no such client"),
        ({"deal_id": numbered(1, 99)}, "deal_id: no such deal"),
        ({"conversation_id": numbered(1, 99)}, "conversation_id: no such conversation"),
        ({"property_project_id": numbered(3, 0), "property_unit_id": numbered(9, 9)}, "property_unit_id: no such unit"),
    ],
)
def test_an_unknown_reference_is_refused_by_name(door: Door, world: World, fields: Any, reason: str) -> None:
    assert door.events(world.event(1, **fields), world.event(2)) == ["rejected", "created"]
    (kept,) = list_rejected(door.session, RejectedFilter()).items
    assert kept.reason == reason


def test_every_topic_gets_its_job_with_the_event(door: Door, world: World) -> None:
    unit = {"property_project_id": world.project, "property_unit_id": world.units[0]}
    door.events(world.event(1, response_speed=12.5, **unit), world.event(2, agent_id=None))
    gain = {"event_id": numbered(5, 1), "time_of_event": "2026-03-01T12:00:00Z", "delta": 1}
    assert jobs(door) == [
        (topic, numbered(5, 1), {"items": items})
        for topic, items in (
            ("agent.fold", [gain | {"agent_id": world.agents[0], "response_speed": 12.5}]),
            ("behavior.fold", [numbered(5, 1), numbered(5, 2)]),
            ("intelligence.score", [world.clients[0]]),
            ("property.fold", [gain | {"project_id": world.project, "unit_id": world.units[0]}]),
        )
    ]


def test_a_stored_event_reads_back_as_it_was_sent(door: Door, world: World) -> None:
    sent = world.event(
        1,
        trigger_word="Payment Plan",
        emotion_detected="interested",
        response_speed=0.1,
        conversion_effect=-123456.123456789,
        metadata={"x": {"y": [1, 2.5, "ü", None]}},
        property_project_id=world.project,
        property_unit_id=world.units[0],
    )
    door.events(sent)
    (event,) = service.list_events(door.session, EventFilter()).items
    read = event.model_dump(mode="json")
    assert {name: read[name] for name in sent} == sent
    assert (event.pattern_group, event.folded_outcome) == (None, None)


def test_lists_are_filtered_newest_first_and_paged(door: Door, world: World) -> None:
    door.events(*(world.event(i, time_of_event=f"2026-03-0{1 + i % 3}T00:00:00Z") for i in range(7)))
    unit = {"property_project_id": world.project, "property_unit_id": world.units[1]}
    door.events(world.event(50, client_id=world.clients[1], trigger_word="sea view", **unit))

    def listed(**wanted: Any) -> list[str]:
        return [str(e.event_id) for e in service.list_events(door.session, EventFilter.model_validate(wanted)).items]

    assert listed(client_id=world.clients[1]) == listed(trigger_word="sea view") == [numbered(5, 50)]
    assert listed(unit=str(UnitRef(uuid.UUID(world.project), uuid.UUID(world.units[1])))) == [numbered(5, 50)]
    assert listed(since="2026-03-02T00:00:00Z", until="2026-03-03T00:00:00Z") == [numbered(5, 4), numbered(5, 1)]
    pages, cursor = [], None
    for _ in range(4):
        page = service.list_events(
            door.session, EventFilter(agent_id=uuid.UUID(world.agents[0]), cursor=cursor, limit=3)
        )
        pages += [str(e.event_id) for e in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert pages == listed(agent_id=world.agents[0])
    assert len(pages) == 8


def test_a_large_batch_takes_seconds(door: Door, world: World) -> None:
    rows = [world.event(i, trigger_word=f"term {i % 100}", metadata={"i": i}) for i in range(10_000)]
    started = time.perf_counter()
    assert set(door.events(*rows)) == {"created"}
    assert time.perf_counter() - started < 20  # Two to three seconds on an idle machine.


def test_a_deal_keeps_what_is_not_given_and_clears_what_is_null(door: Door, world: World) -> None:
    door.deals(world.deal(1, stage="viewing", value="100.00", currency="USD", lost_reason="x"))
    door.deals(
        {"deal_id": numbered(6, 1), "agent_id": world.agents[0], "client_id": world.clients[0], "lost_reason": None}
    )
    (deal,) = service.deals(door.session)
    assert (deal.stage, str(deal.value), deal.currency, deal.lost_reason) == ("viewing", "100.00", "USD", None)


@pytest.mark.parametrize(
    ("fields", "stage", "outcome", "closed_at"),
    [
        ({}, "new", None, None),
        ({"stage": "reserved", "outcome": None}, "reserved", None, None),
        ({"stage": "won", "closed_at": "2026-03-05T00:00:00Z"}, "won", "won", "2026-03-05T00:00:00+00:00"),
        ({"outcome": "lost", "updated_at": "2026-03-06T00:00:00Z"}, "lost", "lost", "2026-03-06T00:00:00+00:00"),
    ],
)
def test_stage_outcome_and_closing_time_agree(
    door: Door, world: World, fields: Any, stage: str, outcome: str | None, closed_at: str | None
) -> None:
    assert door.deals(world.deal(1, **fields)) == ["created"]
    (deal,) = service.deals(door.session)
    assert (deal.stage, deal.outcome) == (stage, outcome)
    assert (deal.closed_at and deal.closed_at.isoformat()) == closed_at


def test_a_deal_may_be_closed_twice_and_opened_again(door: Door, world: World) -> None:
    door.deals(world.deal(1, stage="won", updated_at="2026-03-01T00:00:00Z"))
    door.deals(world.deal(1, stage="won", updated_at="2026-03-09T00:00:00Z"))
    (deal,) = service.deals(door.session)
    assert deal.closed_at == dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    assert door.deals(world.deal(1, stage="negotiation", updated_at="2026-03-08T00:00:00Z")) == ["stale"]
    door.deals(world.deal(1, stage="negotiation", updated_at="2026-03-10T00:00:00Z"))
    (deal,) = service.deals(door.session)
    assert (deal.stage, deal.outcome, deal.closed_at) == ("negotiation", None, None)


def test_a_deal_that_is_new_twice_in_one_batch_ends_as_the_newer(door: Door, world: World) -> None:
    rows = [
        world.deal(1, stage="new", updated_at="2026-03-01T00:00:00Z"),
        world.deal(1, stage="won", updated_at="2026-03-03T00:00:00Z"),
        world.deal(1, stage="viewing", updated_at="2026-03-02T00:00:00Z"),
    ]
    assert door.deals(*rows) == ["created", "updated", "stale"]
    assert [deal.stage for deal in service.deals(door.session)] == ["won"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"agent_id": numbered(1, 99)}, "agent_id: no such agent"),
        ({"project_id": numbered(3, 0), "unit_id": numbered(9, 9)}, "unit_id: no such unit"),
        ({"closed_at": "2026-03-05T00:00:00Z"}, "closed_at: an open deal has no closing time"),
        ({"stage": "won", "updated_at": "2026-01-01T00:00:00Z"}, "closed_at: must not lie before opened_at"),
    ],
)
def test_a_bad_deal_is_refused_by_name(door: Door, world: World, fields: Any, reason: str) -> None:
    assert door.deals(world.deal(1, **fields)) == ["rejected"]
    (kept,) = list_rejected(door.session, RejectedFilter()).items
    assert kept.reason == reason


TURNS = [
    ("agent", "Hello, this is Layla.", "2026-03-01T09:00:00Z"),
    ("client", "This is too expensive! What about a payment plan?", "2026-03-01T09:00:10Z"),
    ("agent", "There is a payment plan and a site visit.", "2026-03-01T09:00:30Z"),
    ("agent", "The weather is fine.", "2026-03-01T09:00:40Z"),
]


def test_events_are_read_from_a_conversation(door: Door, world: World) -> None:
    assert door.talks(world.talk(1, TURNS)) == ["created"]
    read = door.rows(
        "SELECT CAST(metadata ->> 'turn' AS int) AS turn, trigger_word, emotion_detected,"
        " CAST(response_speed AS float8), metadata ->> 'speaker', time_of_event"
        " FROM behavior_events ORDER BY turn, trigger_word"
    )
    assert [row[:5] for row in read] == [
        (0, None, None, None, "agent"),
        (1, "payment plan", "frustrated", None, "client"),
        (1, "too expensive", "frustrated", None, "client"),
        (2, "payment plan", None, 20.0, "agent"),
        (2, "site visit", None, None, "agent"),
    ]
    assert read[1][5].isoformat() == "2026-03-01T09:00:10+00:00"


def test_the_same_conversation_again_changes_nothing_and_another_is_a_conflict(door: Door, world: World) -> None:
    talk = world.talk(1, TURNS)
    assert door.talks(talk, talk) == ["created", "duplicate"]
    assert door.talks(talk, world.talk(1, TURNS[:2])) == ["duplicate", "conflict"]
    assert door.value("SELECT count(*) FROM utterances") == 4
    assert door.value("SELECT count(*) FROM behavior_events") == 5
    queued = "SELECT sum(jsonb_array_length(payload -> 'items')) FROM outbox WHERE topic = 'behavior.fold'"
    assert door.value(queued) == 5


def test_a_word_that_events_carried_is_looked_for_from_then_on(door: Door, world: World) -> None:
    turns = [("client", "Does it have a Moon Garden?")]
    door.talks(world.talk(1, turns))
    door.events(world.event(1, trigger_word="moon garden"))
    service.fold(door.session, [numbered(5, 1)])
    door.talks(world.talk(2, turns))
    found = door.rows("SELECT conversation_id, trigger_word FROM behavior_events WHERE conversation_id IS NOT NULL")
    assert {(str(c), word) for c, word in found} == {(numbered(7, 1), None), (numbered(7, 2), "moon garden")}


def test_a_conversation_with_an_unknown_deal_is_refused(door: Door, world: World) -> None:
    assert door.talks(world.talk(1, TURNS, deal_id=numbered(6, 9)), world.talk(2, TURNS)) == ["rejected", "created"]
    assert door.value("SELECT count(*) FROM utterances") == 4
