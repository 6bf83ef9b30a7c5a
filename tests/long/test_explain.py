"""Every heavy query of docs/indexes.md uses its index, on a world large enough that it pays."""

import pytest
from scripts.explain import MARK, PAGE, Measured, loaded_world, measure

pytestmark = pytest.mark.long

SCALE = 20
SEED = 7


@pytest.fixture(scope="module")
def measured() -> list[Measured]:
    """Plans of all cases."""
    with loaded_world(SCALE, SEED) as engine:
        return measure(engine)


def test_each_query_reads_its_index(measured: list[Measured]) -> None:
    assert [m.case.index for m in measured if not m.with_index.uses(m.case.index)] == []


def test_without_it_the_plan_is_another(measured: list[Measured]) -> None:
    assert [m.case.index for m in measured if m.without.uses(m.case.index)] == []


def test_the_page_shows_each_plan(measured: list[Measured]) -> None:
    _, _, plans = PAGE.read_text().partition(MARK)
    assert [m.case.index for m in measured if f"\n## {m.case.index}\n" not in plans] == []
