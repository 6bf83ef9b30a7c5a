"""Values come out right or are refused: nothing is read as something else, whatever the marks, digits and orders."""

import datetime as dt
from contextlib import nullcontext, suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.intake.analytics.cells import Cell, Unreadable
from estate.intake.analytics.columns import Decided, decide
from estate.intake.analytics.matching import match
from estate.intake.analytics.targets import Kind
from estate.intake.analytics.values import EMPTY, Rules, read

ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
AMOUNTS = st.decimals(0, 10**9, places=2)
DAYS = st.dates(dt.date(1970, 1, 1), dt.date(2069, 12, 31))


def decided(kind: Kind, target: str, cells: list[Cell], name: str = "", **stated: str) -> Decided:
    return decide(kind, target, name or target, cells, stated)


def all_read(kind: Kind, target: str, how: str, cells: list[Cell], name: str = "", **stated: str) -> list[object]:
    """Read a column; a cell that is refused is None."""
    rules = decided(kind, target, cells, name, **stated).rules
    found: list[object] = []
    for cell in cells:
        try:
            found.append(read(how, cell, rules))
        except Unreadable:
            found.append(None)
    return found


def written(amount: Decimal, thousands: str, decimal: str, arabic: bool) -> str:
    text = f"{amount:,}".replace(",", "T").replace(".", decimal).replace("T", thousands)
    text = text.removesuffix(f"{decimal}00")
    return text.translate(ARABIC) if arabic else text


@given(
    st.lists(AMOUNTS, min_size=1, max_size=12),
    st.sampled_from([(",", "."), (".", ","), (" ", ","), ("'", "."), ("", "."), ("", ","), ("٬", "٫")]),
    st.booleans(),
)
def test_an_amount_is_right_or_refused(amounts: list[Decimal], marks: tuple[str, str], arabic: bool) -> None:
    cells: list[Cell] = [written(amount, *marks, arabic) for amount in amounts]
    for found, amount in zip(all_read("units", "price", "money", cells), amounts, strict=True):
        assert found is None or Decimal(found[0]) == amount  # type: ignore[index]


@given(st.lists(AMOUNTS, min_size=1, max_size=12), st.sampled_from([(",", "."), (".", ",")]))
def test_an_amount_is_right_where_the_mark_is_stated(amounts: list[Decimal], marks: tuple[str, str]) -> None:
    cells: list[Cell] = [written(amount, *marks, False) for amount in amounts]
    found = all_read("units", "price", "money", cells, decimal=marks[1])
    assert [None if one is None else Decimal(one[0]) for one in found] == amounts  # type: ignore[index]


BEFORE = st.sampled_from(["", "AED ", "AED", "Dhs ", "Dhs. ", "dirhams: ", "د.إ ", "approx ", "AED = "])
BEHIND = st.sampled_from(["", " AED", " Dhs.", "/-", " only", ".-", " درهم"])
TIMES = {"": 1, "k": 10**3, " K": 10**3, " thousand": 10**3, "m": 10**6, "M": 10**6, " mn": 10**6, " مليون": 10**6}
MARKS = st.sampled_from([(",", "."), (".", ","), (" ", ","), ("'", "."), ("", "."), ("", ","), ("٬", "٫")])


@given(st.decimals(0, 999, places=3), MARKS, BEFORE, st.sampled_from(sorted(TIMES)), BEHIND, st.booleans())
def test_an_amount_is_the_same_with_and_without_its_leading_zero(
    amount: Decimal, marks: tuple[str, str], before: str, times: str, behind: str, arabic: bool
) -> None:
    figures = written(amount, *marks, arabic)
    behind = "" if times and behind.startswith(("/", ".")) else behind
    decimal = marks[1] if marks[1] in ".," else None
    assert_amount(f"{before}{figures}{times}{behind}", decimal, amount * TIMES[times])
    if amount < 1 and not before.endswith("AED"):
        assert_amount(f"{before}{figures[1:]}{times}{behind}", decimal, amount * TIMES[times])
        assert_amount(f"{before}{figures[1:]}{times}{behind}", None, amount * TIMES[times])


def assert_amount(cell: Cell, decimal: str | None, amount: Decimal) -> None:
    found = read("money", cell, Rules(decimal=decimal))
    assert Decimal(found[0]) == amount, cell  # type: ignore[index]


@given(AMOUNTS.filter(bool), st.sampled_from("-−–—‐"), MARKS, st.sampled_from(["", "AED ", "Dhs. "]), st.booleans())
def test_an_amount_with_a_minus_anywhere_is_not_read_as_a_positive_one(
    amount: Decimal, minus: str, marks: tuple[str, str], word: str, zero: bool
) -> None:
    figures = written(amount, *marks, False)
    figures = figures[1:] if figures.startswith("0") and len(figures) > 1 and not zero else figures
    for text in (
        f"{minus}{word}{figures}",
        f"{minus} {word}{figures}",
        f"{word}{minus}{figures}",
        f"{word}{minus} {figures}",
        f"{word}{figures}{minus}",
        f"{word}{figures} {minus}",
        f"{figures}{minus} {word}",
    ):
        for how in ("money", "number", "whole", "share", "size"):
            with suppress(Unreadable):
                found = read(how, text, Rules(decimal=marks[1], unit=1.0, percent=False))
                assert Decimal(found[0] if how == "money" else found) < 0, text  # type: ignore[index, arg-type]


@pytest.mark.parametrize("cell", ["..5m", ". 5m", "AED..5m", "AED . 5m", "AED.75m", "Dhs.500", "1..5m", ".5.5"])
def test_a_mark_that_may_end_a_word_or_begin_the_decimals_is_refused(cell: str) -> None:
    for decimal in (None, ".", ","):
        with pytest.raises(Unreadable):
            read("money", cell, Rules(decimal=decimal))


def test_a_mark_that_ends_a_word_is_none_of_the_number() -> None:
    cells: list[Cell] = ["Dhs.500,000", "Dhs.5000", "AED.0.75m", "د.إ.1500", "AED. .5m"]
    amounts = ["500000", "5000", "750000", "1500", "500000"]
    assert all_read("units", "price", "money", cells) == [(amount, "AED") for amount in amounts]


@given(st.decimals(0, 10**9, places=2), st.integers(1, 997))
def test_a_computed_number_of_a_spreadsheet_is_taken_to_the_cent(amount: Decimal, parts: int) -> None:
    computed = float(amount) / parts * parts
    assert_amount(computed, ".", amount)
    share = Decimal(read("money", float(amount) / parts, Rules())[0])  # type: ignore[index]
    assert abs(share - amount / parts) <= Decimal("0.005000001")
    assert share == round(share, 2)


def test_a_number_of_a_spreadsheet_is_multiplied_before_it_is_taken_to_the_cent() -> None:
    assert read("money", 1.23456789, Rules(times=10**6)) == ("1234567.89", None)
    assert read("whole", 3 * 1.1 - 0.3, Rules()) == 3
    assert read("money", "333333.3333", Rules(decimal=".")) == ("333333.3333", None)


@pytest.mark.parametrize("how", ["money", "number", "whole", "share", "size", "seconds"])
@pytest.mark.parametrize("cell", ["9" * 100, 10**15, 1e300, -1e15], ids=repr)
def test_a_number_beyond_all_amounts_is_refused(how: str, cell: Cell) -> None:
    with pytest.raises(Unreadable, match="too large"):
        read(how, cell, Rules(unit=0.09, percent=True))


@given(st.lists(DAYS, min_size=1, max_size=12), st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%d-%m-%y", "%Y-%m-%d"]))
def test_a_day_is_right_or_refused(days: list[dt.date], form: str) -> None:
    cells: list[Cell] = [day.strftime(form) for day in days]
    for found, day in zip(all_read("units", "sold_at", "day", cells), days, strict=True):
        assert found in (None, day.isoformat())


@given(
    st.text(max_size=20),
    st.sampled_from(["money", "number", "whole", "share", "size", "flag", "day", "period", "plan", "phone"]),
)
def test_no_text_breaks_a_reader(text: str, how: str) -> None:
    with suppress(Unreadable):
        read(how, text, Rules(decimal=".", region="AE", unit=1.0))


def test_what_is_open_alone_is_asked() -> None:
    (question,) = decided("units", "price", ["1.250", "3.400"]).questions
    assert (question.name, question.rows) == ("decimal", 2)
    assert question.options == {".": "1.250 is 1.250", ",": "1.250 is 1250"}
    (question,) = decided("units", "sold_at", ["03/04/2026"]).questions
    assert (question.name, dict(question.options)) == (
        "date_order",
        {"dmy": "03/04/2026: the day comes first", "mdy": "03/04/2026: the month comes first"},
    )
    (question,) = decided("clients", "phone", ["0501234567"]).questions
    assert (question.name, next(iter(question.options))) == ("region", "AE")
    (question,) = decided("units", "area_sqm", [120, "85.5"], "Size").questions
    assert question.name == "unit"
    (question,) = decided("units", "sold_at", [45352]).questions
    assert question.name == "day_numbers"
    (question,) = decided("agents", "closing_rate", [0.35, 1, 0], "Closing rate %").questions
    assert (question.name, question.rows) == ("percent", 2)


def test_a_count_is_not_asked_about_what_it_cannot_be() -> None:
    found = decided("market", "inventory", ["1,320", "980", "2,150"])
    assert (found.questions, found.rules.decimal) == ((), ".")
    assert all_read("market", "inventory", "whole", ["1.320", "2.000"]) == [1320, 2000]
    for cells in (["1,000"], ["1,320", "1.500"]):
        (question,) = decided("market", "inventory", list(cells)).questions
        assert set(question.options) == {".", ","}


def test_the_column_decides() -> None:
    assert all_read("units", "price", "money", ["1.250", "1.250.000"]) == [("1250", None), ("1250000", None)]
    assert all_read("units", "sold_at", "day", ["03/04/2026", "31/04/2026", "31/05/2026"]) == [
        "2026-04-03",
        None,
        "2026-05-31",
    ]
    phones: list[Cell] = ["0501234567", "+971501234568", "00971501234569", "971501234570", "9.71501E+11"]
    assert all_read("clients", "phone", "phone", phones) == [
        "+971501234567",
        "+971501234568",
        "+971501234569",
        "+971501234570",
        None,
    ]
    assert all_read("agents", "closing_rate", "share", [35, "12.5"]) == [0.35, 0.125]
    assert all_read("agents", "closing_rate", "share", [0.35, "1"]) == [0.35, 1.0]
    assert all_read("agents", "closing_rate", "share", ["35%", "1"]) == [0.35, None]


@pytest.mark.parametrize(
    ("cells", "stated", "read_as"),
    [
        ([0.35, 1, 0, "40%"], {}, [None, None, 0, 0.4]),
        ([0.35, 1, 0, "40%"], {"percent": "one"}, [0.35, 1, 0, 0.4]),
        ([0.35, 1, 0, "40%"], {"percent": "hundred"}, [0.0035, 0.01, 0, 0.4]),
        ([0.5, 35], {}, [0.005, 0.35]),
    ],
)
def test_a_header_in_percent_does_not_say_how_a_spreadsheet_stores_its_shares(
    cells: list[Cell], stated: dict[str, str], read_as: list[float | None]
) -> None:
    assert all_read("agents", "closing_rate", "share", cells, "Closing rate %", **stated) == read_as


@pytest.mark.parametrize(
    ("header", "cell", "read_as"),
    [
        ("Price (AED '000)", 1500, ("1500000", "AED")),
        ("Price (M AED)", "1.5", ("1500000", "AED")),
        ("Price (AEDm)", 1.5, ("1500000", "AED")),
        ("Price (million)", 1.5, ("1500000", None)),
        ("Price AED (thousands)", "1500", ("1500000", "AED")),
        ("Price [بالمليون]", "1.5", ("1500000", None)),
        ("Price (million)", "900K", ("900000", None)),
        ("Price (million)", "1500000", None),
        ("Price (2)", "1500", ("1500", None)),
    ],
)
def test_a_header_multiplies_amounts_without_a_magnitude_of_their_own(header: str, cell: Cell, read_as: object) -> None:
    assert match([header], [[cell]], "units")[0].target == "price"
    rules = decided("units", "price", [cell], header).rules
    with nullcontext() if read_as else pytest.raises(Unreadable, match="too large"):
        assert read("money", cell, rules) == read_as


def test_a_number_of_two_countries_is_refused_rather_than_chosen() -> None:
    with pytest.raises(Unreadable, match="no country code"):
        read("phone", "0501234567", Rules())
    assert read("phone", "0501234567", Rules(region="EG")) == "+20501234567"


MONEY: dict[Cell, object] = {
    "AED 1.2M": ("1200000", "AED"),
    "د.إ ١٬٢٥٠٬٠٠٠": ("1250000", "AED"),
    "١٫٥ مليون جنيه": ("1500000", "EGP"),
    "1,250,000 EGP": ("1250000", "EGP"),
    "850k": ("850000", None),
    "US$ 5": ("5", "USD"),
    1250.5: ("1250.5", None),
    "$5": None,
    "1M - 1.5M": None,
    "(5)": None,
    "5 apples": None,
    True: None,
    "9.7E+5": None,
}


@pytest.mark.parametrize(("cell", "value"), MONEY.items(), ids=repr)
def test_money(cell: Cell, value: object) -> None:
    assert all_read("units", "price", "money", [cell]) == [value]


@pytest.mark.parametrize("cell", ["yes", "Y", "TRUE", "1", 1, True, "نعم", "✓", "on", "صح", "t"], ids=repr)
def test_yes(cell: Cell) -> None:
    assert read("flag", cell, Rules()) is True


@pytest.mark.parametrize("cell", ["no", "N", "False", "0", 0, False, "لا", "✗", "off", "خطأ", "f"], ids=repr)
def test_no(cell: Cell) -> None:
    assert read("flag", cell, Rules()) is False


@pytest.mark.parametrize("cell", ["maybe", "x", "2", "yes and no"], ids=repr)
def test_neither(cell: Cell) -> None:
    with pytest.raises(Unreadable):
        read("flag", cell, Rules())


@pytest.mark.parametrize("cell", ["", "  ", "-", "N/A", "Unknown", "غير معروف", None], ids=repr)
def test_what_says_nothing(cell: Cell) -> None:
    assert read("money", cell, Rules()) is EMPTY


PERIODS: dict[Cell, str | None] = {
    2027: "2027-12-31",
    "2028": "2028-12-31",
    "Q4 2027": "2027-12-31",
    "Q1-2027": "2027-03-31",
    "4Q27": "2027-12-31",
    "2027-Q2": "2027-06-30",
    "October 2026": "2026-10-31",
    "Oct-2026": "2026-10-31",
    "Feb-28": "2028-02-29",
    "ديسمبر ٢٠٢٧": "2027-12-31",
    "2026-10": "2026-10-31",
    "10/2026": "2026-10-31",
    "2026-10-05": "2026-10-05",
    "Q5 2027": None,
    "13/2026": None,
    2026.1: None,
    "Oct 26": None,
    "26-Oct": None,
    "soon": None,
}


@pytest.mark.parametrize(("cell", "day"), PERIODS.items(), ids=repr)
def test_a_period_is_its_last_day(cell: Cell, day: str | None) -> None:
    assert all_read("units", "delivery_date", "period", [cell]) == [day]
    assert all_read("market", "observed_on", "period", [cell]) == [day]


@pytest.mark.parametrize("cell", [2027, "Q4 2027", "Oct-2026", "10/2026"], ids=repr)
def test_a_period_is_no_day(cell: Cell) -> None:
    with pytest.raises(Unreadable, match="names a year, quarter or month and no day"):
        read("day", cell, Rules())


def test_rooms_and_sizes() -> None:
    rooms = all_read("units", "bedrooms", "whole", ["Studio", "2 BR", 3, "2-BR", "10+", "2.5", ".5", "> 3", "~3"])
    assert rooms == [0, 2, 3, 2, None, None, None, None, None]
    assert all_read("units", "area_sqm", "size", ["850 sqft", "120 m²", "١٢٠ م٢"]) == [78.97, 120.0, 120.0]
    assert read("seconds", ".5 h", Rules(decimal=".")) == 1_800


@pytest.mark.parametrize("how", ["money", "number", "whole", "share", "day", "period", "plan", "phone", "email"])
def test_a_long_text_is_no_value_of_a_pattern(how: str) -> None:
    for cell in ("1" + "x" * 100_000 + "1", " 1" * 50_000, "@." * 50_000 + " x"):
        with pytest.raises(Unreadable):
            read(how, cell, Rules())
