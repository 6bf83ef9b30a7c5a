"""What other floors read of the layer."""

import uuid
from typing import Any

import pytest
from sqlalchemy import text

from estate.behavior import service
from estate.behavior.crud import events
from estate.behavior.errors import ClientUnknown
from estate.behavior.schemas import EventFilter
from estate.core.db import act_as
from estate.core.security import Actor

from .conftest import Door, World, numbered


def test_a_term_came_up_in_an_event_or_in_what_either_side_said(door: Door, world: World) -> None:
    door.events(
        world.event(1, trigger_word="Payment-Plan"),
        world.event(2, trigger_word="👍"),
        world.event(3, client_id=world.clients[1], trigger_word="view"),
    )
    door.talks(
        world.talk(1, [("agent", "It has a Roof Terrace, upstairs."), ("client", "Free parking for the children?")]),
        world.talk(2, [("agent", "A discount!")], client_id=world.clients[1]),
    )
    terms = {"payment plan", "plan", "👍", "terrace", "free parking for the children", "park"}
    said = service.terms_said(door.session, uuid.UUID(world.clients[0]), terms | {"view", "discount"})
    assert said == {"payment plan", "plan", "👍", "terrace", "free parking for the children"}
    assert service.terms_said(door.session, uuid.UUID(world.clients[3]), terms) == set()


@pytest.mark.parametrize("most", [0, 1], ids=["many clients", "few clients"])
def test_an_agent_lists_what_its_clients_did_and_its_own_work_without_one(
    door: Door, world: World, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(events, "MOST_CLIENTS_BY_INDEX", most)
    us, other = (uuid.UUID(agent) for agent in world.agents[:2])
    owned = text("UPDATE client_profiles SET owner_agent_id = :agent WHERE client_id = :client")
    door.session.execute(owned, {"agent": us, "client": world.clients[0]})
    door.events(
        world.event(1, agent_id=str(other)),
        world.event(2, agent_id=str(us), client_id=None),
        world.event(3, agent_id=str(us), client_id=world.clients[1]),
        world.event(4, agent_id=str(other), client_id=None),
    )
    act_as(door.session, Actor("agent", us))
    seen = [str(item.event_id) for item in service.list_events(door.session, EventFilter()).items]
    assert sorted(seen) == [numbered(5, 1), numbered(5, 2)]


def test_deals_of_an_agent_or_a_client_newest_first(door: Door, world: World) -> None:
    door.deals(
        world.deal(1, opened_at="2026-01-01T00:00:00Z"),
        world.deal(2, opened_at="2026-01-02T00:00:00Z", client_id=world.clients[1]),
        world.deal(3, opened_at="2026-01-03T00:00:00Z", agent_id=world.agents[1]),
    )

    def numbers(**wanted: Any) -> list[str]:
        return [str(deal.deal_id) for deal in service.deals(door.session, **wanted)]

    assert numbers() == [numbered(6, i) for i in (3, 2, 1)]
    assert numbers(agent_id=uuid.UUID(world.agents[0])) == [numbered(6, i) for i in (2, 1)]
    assert numbers(client_ids=[uuid.UUID(world.clients[0])]) == [numbered(6, i) for i in (3, 1)]


def test_the_next_step_is_what_followed_the_same_one(door: Door, world: World) -> None:
    for case in range(12):
        deal = numbered(6, case)
        door.deals(world.deal(case, stage="won" if case % 3 else "lost", client_id=world.clients[1]))
        for step, word in enumerate(("call", "visit")):
            at = f"2026-02-{10 + step}T00:00:00Z"
            person = world.clients[1]
            door.events(
                world.event(10 * case + step, client_id=person, trigger_word=word, deal_id=deal, time_of_event=at)
            )
    door.events(world.event(999, trigger_word="Visit"))
    service.fold(door.session, [key for (key,) in door.rows("SELECT CAST(event_id AS text) FROM behavior_events")])
    answer = service.next_step(door.session, uuid.UUID(world.clients[0]))
    assert (answer.current, answer.n, answer.status) == ("visit", 12, "ok")
    assert [(s.step, s.n) for s in answer.items] == [("won", 8), ("lost", 4), ("visit", 0)]
    assert 0.5 < answer.items[0].probability < 0.67


def test_what_follows_the_end_of_a_deal_does_not_lead_to_it(door: Door, world: World) -> None:
    door.deals(world.deal(1, stage="won", closed_at="2026-02-11T00:00:00Z"))
    for day, word in ((10, "visit"), (14, "snagging list")):
        said = {"trigger_word": word, "deal_id": numbered(6, 1), "time_of_event": f"2026-02-{day}T00:00:00Z"}
        door.events(world.event(day, **said))
    service.fold(door.session, [key for (key,) in door.rows("SELECT CAST(event_id AS text) FROM behavior_events")])
    late = service.next_step(door.session, uuid.UUID(world.clients[0]))
    assert (late.current, late.n) == ("snagging list", 0)
    door.events(world.event(15, trigger_word="visit"))
    answer = service.next_step(door.session, uuid.UUID(world.clients[0]))
    assert [(s.step, s.n) for s in answer.items] == [("won", 1)]


def test_the_next_step_of_a_silent_client_says_so(door: Door, world: World) -> None:
    answer = service.next_step(door.session, uuid.UUID(world.clients[0]))
    assert (answer.current, answer.items, answer.n, answer.status) == (None, [], 0, "insufficient_data")


def test_the_next_step_of_nobody_is_an_error(door: Door, world: World) -> None:
    with pytest.raises(ClientUnknown):
        service.next_step(door.session, uuid.UUID(numbered(2, 99)))


def test_deals_and_conversations_have_documents_and_events_have_none(door: Door, world: World) -> None:
    door.deals(world.deal(1, stage="lost", value="1250000.50", lost_reason="too far", closed_at="2026-03-01T00:00:00Z"))
    door.talks(world.talk(1, [("client", "Is there a payment plan?"), ("agent", "Yes.")], deal_id=numbered(6, 1)))
    door.events(world.event(1))
    keys = door.rows("SELECT key FROM outbox WHERE topic = 'realestate_gpt.document' ORDER BY key")
    assert keys == [(f"behavior:{numbered(6, 1)}",), (f"behavior:{numbered(7, 1)}",)]
    asked = [numbered(6, 1), numbered(7, 1), numbered(5, 1), numbered(6, 77)]
    deal, talk = service.documents(door.session, asked)
    assert (deal.record_id, deal.fields["value"], deal.fields["stage"]) == (numbered(6, 1), "1250000.50", "lost")
    assert "too far" in deal.text
    assert (talk.record_id, talk.fields["deal_id"], talk.fields["turn_count"]) == (numbered(7, 1), numbered(6, 1), 2)
    assert talk.text == "Is there a payment plan?\nYes."
    assert talk.client_id == deal.client_id == uuid.UUID(world.clients[0])
