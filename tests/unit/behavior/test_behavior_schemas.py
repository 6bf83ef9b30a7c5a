"""Rows that contradict themselves are refused, and the field at fault is named."""

import uuid
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from estate.behavior.schemas import ConversationIn, DealIn, EventIn
from estate.core.canonical import content_hash
from estate.core.problems import field_problems

ID = str(uuid.UUID(int=1, version=4))
DEAL = {"deal_id": ID, "agent_id": ID, "client_id": ID}
TALK = {"conversation_id": ID, "agent_id": ID, "client_id": ID}
TURN = {"speaker": "agent", "text": "Hello"}


def refused(model: type[BaseModel], row: dict[str, Any]) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(row)
    return [problem.field for problem in field_problems(caught.value, limit=100)]


@pytest.mark.parametrize(
    ("row", "fields"),
    [
        ({"agent_id": ID}, ["event_id"]),
        ({"event_id": ID}, ["client_id"]),
        ({"event_id": ID, "agent_id": "x"}, ["agent_id"]),
        ({"event_id": ID, "client_id": ID, "property_project_id": ID}, ["property_unit_id"]),
        ({"event_id": ID, "client_id": ID, "property_unit_id": ID}, ["property_unit_id"]),
        ({"event_id": ID, "client_id": ID, "response_speed": -1}, ["response_speed"]),
        ({"event_id": ID, "client_id": ID, "time_of_event": "2999-01-01T00:00:00Z"}, ["time_of_event"]),
        ({"event_id": ID, "client_id": ID, "folded_outcome": "won"}, ["folded_outcome"]),
    ],
)
def test_an_event_is_refused_at_the_field_at_fault(row: dict[str, Any], fields: list[str]) -> None:
    assert refused(EventIn, row) == fields


@pytest.mark.parametrize(
    ("more", "fields"),
    [
        ({"stage": "won", "outcome": "lost"}, ["outcome"]),
        ({"stage": "viewing", "outcome": "won"}, ["outcome"]),
        ({"stage": "lost", "outcome": None}, ["outcome"]),
        ({"stage": "sold"}, ["stage"]),
        ({"stage": "new", "closed_at": "2026-01-02T00:00:00Z"}, ["closed_at"]),
        ({"stage": "won", "opened_at": "2026-01-02T00:00:00Z", "closed_at": "2026-01-01T00:00:00Z"}, ["closed_at"]),
        ({"project_id": ID}, ["unit_id"]),
        ({"value": "-1"}, ["value"]),
        ({"closed_at": "2026-01-02T00:00:00Z", "stages_reached": {"new": "2026-01-03T00:00:00Z"}}, ["stages_reached"]),
        ({"stages_reached": {"new": "2999-01-01T00:00:00Z"}}, ["stages_reached.new"]),
    ],
)
def test_a_deal_is_refused_at_the_field_at_fault(more: dict[str, Any], fields: list[str]) -> None:
    assert refused(DealIn, DEAL | more) == fields


@pytest.mark.parametrize(
    ("more", "fields"),
    [
        ({"turns": []}, ["turns"]),
        ({"turns": [TURN] * 1001}, ["turns"]),
        ({"turns": [TURN, {"speaker": "dog", "text": "x"}]}, ["turns.1.speaker"]),
        ({"turns": [TURN], "channel": "fax"}, ["channel"]),
        ({"turns": [TURN], "unit_id": ID}, ["unit_id"]),
    ],
)
def test_a_conversation_is_refused_at_the_field_at_fault(more: dict[str, Any], fields: list[str]) -> None:
    assert refused(ConversationIn, TALK | more) == fields


def test_what_the_platform_computes_does_not_make_another_event() -> None:
    plain = EventIn.model_validate({"event_id": ID, "client_id": ID, "response_speed": 1})
    told = {"event_id": ID, "client_id": ID, "response_speed": 1.0, "pattern_group": "x", "deal_id": None}
    same = EventIn.model_validate(told | {"updated_at": "2026-01-01T00:00:00Z"})
    other = EventIn.model_validate(told | {"time_of_event": "2026-01-01T00:00:00Z"})
    assert content_hash(plain.content()) == content_hash(same.content())
    assert content_hash(plain.content()) != content_hash(other.content())
