"""What a client row and a client list may say."""

import pytest
from pydantic import ValidationError

from estate.client.schemas import ClientFilter, ClientIn

CLIENT = "00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize("name", ["interest", "location_targets", "objections", "response_history"])
@pytest.mark.parametrize("value", [{"a": 1}, ["a"], None])
def test_free_columns_take_an_object_or_a_list(name: str, value: object) -> None:
    row = ClientIn.model_validate({"client_id": CLIENT, name: value})
    assert getattr(row, name) == value


@pytest.mark.parametrize(
    "field",
    [
        {"budget": -1},
        {"budget": "1e6"},
        {"qualification_score": 1.2},
        {"phone": "0501234567"},
        {"email": "nobody"},
        {"interest": 7},
        {"owner_agent_id": "me"},
        {"do_not_contact": "yes"},
        {"stated_score": 0.5},
    ],
)
def test_other_values_are_refused(field: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ClientIn.model_validate({"client_id": CLIENT} | field)


def test_amounts_of_a_query_arrive_as_text() -> None:
    wanted = ClientFilter.model_validate({"budget_min": "1000000.5", "min_score": "0.4", "limit": "3"})
    assert (wanted.budget_min, wanted.min_score, wanted.limit) == (1_000_000.5, 0.4, 3)
    with pytest.raises(ValidationError):
        ClientFilter.model_validate({"budget_max": "-1"})
