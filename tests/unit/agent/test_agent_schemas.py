"""What an agent row may say."""

import pytest
from pydantic import ValidationError

from estate.agent.schemas import AgentIn

AGENT = "00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize("value", [{"price": 3}, ["price"], None])
def test_free_columns_take_an_object_or_a_list(value: object) -> None:
    row = AgentIn.model_validate({"agent_id": AGENT, "objections_heard": value, "skill_scores": value})
    assert row.objections_heard == row.skill_scores == value


@pytest.mark.parametrize(
    "field",
    [
        {"closing_rate": 1.01},
        {"calls_per_day": -1},
        {"calls_per_day": 2.5},
        {"avg_response_time": -0.1},
        {"avg_closing_price": "1,000"},
        {"objections_heard": "price"},
        {"currency": "aed"},
        {"updated_at": "2026-01-01T00:00:00"},
        {"nickname": "L"},
    ],
)
def test_other_values_are_refused(field: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AgentIn.model_validate({"agent_id": AGENT} | field)


def test_a_team_is_named_in_one_way() -> None:
    with pytest.raises(ValidationError, match="not both"):
        AgentIn.model_validate({"agent_id": AGENT, "team_id": AGENT, "team_name": "Marina"})
