import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from estate.console.charts import Bar, Fan, bars, line, steps

WORDS = re.compile(r"<text[^>]*>([^<]*)</text>")
NAMES = st.text(alphabet="abcdefg ", min_size=1, max_size=60)


@given(label=NAMES, value=st.floats(-1e9, 1e9))
def test_a_label_and_its_value_fit_on_a_line_of_a_phone(label: str, value: float) -> None:
    written = f"{value:,.0f}"
    said, told = WORDS.findall(str(bars([Bar(label, value, written)], "x")))
    assert told == written
    assert len(said) + len(told) <= 40


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_all_of_a_picture_lies_within_its_width(values: list[float]) -> None:
    moves = [Bar("move", value, "x") for value in values]
    pictures = (
        bars(moves, "x"),
        steps(Bar("start", 0.0, "0"), moves, Bar("end", sum(values), "x"), "x"),
        line([Fan("May 2026", value) for value in values], "x"),
    )
    for drawn in map(str, pictures):
        places = [float(one) for one in re.findall(r'(?:x|x1|x2|cx)="(-?[\d.]+)%"', drawn)]
        assert all(0 <= one <= 100 for one in places)


@given(value=st.integers(-10_000_000, 10_000_000))
def test_an_axis_writes_no_figure_twice(value: int) -> None:
    written = WORDS.findall(str(line([Fan("May 2026", float(value))], "x")))
    assert len(set(written)) == len(written)


@given(n=st.integers(1, 60))
def test_the_last_day_of_a_line_is_written_and_days_keep_apart(n: int) -> None:
    drawn = str(line([Fan(f"day {at}", float(at)) for at in range(n)], "x"))
    days = sorted(int(words.removeprefix("day ")) for words in WORDS.findall(drawn) if words.startswith("day "))
    assert {0, n - 1} <= set(days)
    assert len(days) <= 8
    if n > 8:
        assert min(later - sooner for sooner, later in pairwise(days)) >= n // 8
