"""The same as in the unit tests, over a hundred thousand states."""

import pytest
from hypothesis import HealthCheck, given, settings
from tests.call_states import State, states
from tests.unit.intelligence.test_permission import check, parts


@pytest.mark.long
@settings(max_examples=100_000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(states, parts)
def test_no_unlawful_call_is_suggested_in_a_hundred_thousand_states(state: State, part: float) -> None:
    check(state, part)
