import pytest

from estate.console.given import moment_of, number_of, share_of
from estate.console.text import spaced
from estate.sdk.errors import Invalid


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("2.4m", 2_400_000),
        ("750k", 750_000),
        ("2.3 Million", 2_300_000),
        ("1,500,000", 1_500_000),
        (" 2.5", 2.5),
        ("-1,000.5", -1000.5),
        ("١٥٠٠", 1_500),
        (None, None),
    ],
)
def test_numbers_are_read(typed: str | None, number: float | None) -> None:
    assert number_of(typed, "budget") == number


@pytest.mark.parametrize(
    "typed",
    ["many", "nan", "inf", "1;2", "2,5", "1500000,50", "1,5", "2.4x", "m", "1_0", "1,50,000", "1.500,000", "1" * 400],
)
def test_what_is_no_number_is_refused_by_name(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        number_of(typed, "budget")
    assert refused.value.errors[0].field == "budget"
    assert refused.value.status == 422


def test_per_cent_become_a_share() -> None:
    assert share_of("40", "score") == 0.4
    assert share_of("0", "score") == 0.0
    with pytest.raises(Invalid):
        share_of("101", "score")


@pytest.mark.parametrize(
    ("typed", "zone"),
    [("tomorrow", "UTC"), ("2026-12-01T10:00", "Not/There"), ("2026-12-01T10:00", "../../etc/passwd")],
)
def test_what_is_no_moment_is_refused(typed: str, zone: str) -> None:
    with pytest.raises(Invalid):
        moment_of(typed, zone, "next_at")


def test_per_cent_of_the_api_is_written_as_on_pages() -> None:
    assert spaced("Won at 39%, others at 37 %; 5% more.") == "Won at 39 %, others at 37 %; 5 % more."
