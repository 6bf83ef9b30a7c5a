"""The soak bench passes only when requests were answered, and nearly all of them well."""

from collections import Counter

import pytest
from benchmarks.report import Options
from benchmarks.soak import Watched, report

N, TURNS = 1_000, 10


def missed(**statuses: int) -> list[str]:
    watched = Watched(
        milliseconds=[5.0] * N,
        statuses=Counter({name.removeprefix("of_"): n for name, n in statuses.items()}),
        rss={"api": [2**27] * TURNS, "worker": [2**27] * TURNS},
        connections=[20] * TURNS,
    )
    return report(Options(1, False, None), N, 2, watched).missed


def test_the_refusals_that_are_asked_for_are_no_fault() -> None:
    assert missed(of_200=600, of_202=390, of_404=5, of_422=5) == []


@pytest.mark.parametrize(
    ("statuses", "named"),
    [
        ({"of_401": N}, ["ok_share"]),
        ({"of_200": 900, "of_429": 100}, ["ok_share"]),
        ({"of_200": 25}, ["ok_share", "unanswered"]),
        ({"of_200": N - 1}, ["unanswered"]),
        ({"of_200": N - 1, "of_500": 1}, ["errors_5xx"]),
    ],
)
def test_a_run_that_was_refused_or_not_answered_is_missed(statuses: dict[str, int], named: list[str]) -> None:
    assert missed(**statuses) == named
