"""The small pure pieces of the kernel."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.core.canonical import content_hash
from estate.core.stats import expit, logit, proportion, shrunk_proportion
from estate.core.upsert import waves


def test_equal_content_has_equal_bytes_whatever_the_spelling() -> None:
    noon = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
    elsewhere = noon.astimezone(dt.timezone(dt.timedelta(hours=4)))
    one = content_hash({"a": Decimal("1.50"), "b": None, "at": noon})
    two = content_hash({"at": elsewhere, "a": Decimal("1.5")})
    assert one == two
    assert one != content_hash({"at": noon, "a": Decimal("1.51")})


@given(st.lists(st.sampled_from("abc"), max_size=30))
def test_waves_keep_every_position_once_in_order_and_no_key_twice(keys: list[str]) -> None:
    found = list(waves(keys))
    assert sorted(i for wave in found for i in wave) == list(range(len(keys)))
    for wave in found:
        assert len({keys[i] for i in wave}) == len(wave)
    for key in "abc":
        assert [i for wave in found for i in wave if keys[i] == key] == [i for i, k in enumerate(keys) if k == key]


@given(st.floats(0.001, 0.999))
def test_expit_undoes_logit(p: float) -> None:
    assert expit(logit(p)) == pytest.approx(p)


@given(st.integers(0, 500), st.integers(0, 500))
def test_a_proportion_lies_within_its_interval(successes: int, failures: int) -> None:
    estimate = proportion(successes, successes + failures)
    assert 0 <= estimate.lower < estimate.value < estimate.upper <= 1


def test_shrinkage_fades_as_observations_come() -> None:
    few = shrunk_proportion(2, 2, prior_share=0.2, prior_n=15)
    many = shrunk_proportion(200, 200, prior_share=0.2, prior_n=15)
    assert 0.2 < few.value < 0.3 < 0.9 < many.value
    assert many.upper - many.lower < few.upper - few.lower


def test_more_successes_than_observations_are_refused() -> None:
    with pytest.raises(ValueError, match="successes"):
        proportion(3, 2)
