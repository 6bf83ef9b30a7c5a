"""The questions of `estate bench gpt` are what they say they are."""

from random import Random

import pytest
from benchmarks.answers.questions import misspelt


@pytest.mark.parametrize("name", ["hi", "a", "Pearl Gate"])
def test_a_misspelt_name_soon_is_another(name: str) -> None:
    rng = Random(7)

    assert any(misspelt(name, rng) != name for _ in range(20))
