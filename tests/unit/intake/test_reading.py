"""Every record of a file is read with its line and its bytes, or refused alone; nothing swallows what is behind it."""

import datetime as dt
import io
import re
import struct
import time
import zipfile
from collections.abc import Callable, Iterator

import pytest
from benchmarks.dirty_files import workbook
from hypothesis import given
from hypothesis import strategies as st

from estate.core.errors import BadRequest, Invalid, TooLarge
from estate.core.settings import get_settings
from estate.intake.analytics.cells import Record
from estate.intake.analytics.delimited import Dialect, records, sniff
from estate.intake.analytics.encodings import decode, detect
from estate.intake.analytics.header import find_header
from estate.intake.analytics.workbook import open_workbook
from estate.intake.files import read_file

COMMA = Dialect(",", '"', "")
CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@given(st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=8), st.sampled_from(["\n", "\r\n", "\r"]))
def test_the_bytes_of_all_records_are_the_file(rows: list[list[str]], end: str) -> None:
    text = "".join(",".join(row) + end for row in rows)
    read = list(records(text, "utf-8", COMMA))
    assert b"".join(record.raw or b"" for record in read) == text.encode()
    assert [record.line for record in read] == sorted({record.line for record in read})


def test_a_quotation_mark_swallows_nothing() -> None:
    text = 'a,b\n1,"two\nlines"\n3,"open\n4,5\n6,"x" y\n7,"8"\n'
    read = list(records(text, "utf-8", COMMA))
    assert [(r.line, r.cells, r.refusal is None) for r in read] == [
        (1, ("a", "b"), True),
        (2, ("1", "two\nlines"), True),
        (4, ("3", '"open'), False),
        (5, ("4", "5"), True),
        (6, ("6", '"x" y'), False),
        (7, ("7", "8"), True),
    ]


def test_many_wrong_quotation_marks_are_refused_one_by_one() -> None:
    lines = ['"Sea view" flat,1,Marina\n', '"""' + "x" * 500 + ",b,c\n"] * 2_000
    read = list(records("".join(lines), "utf-8", COMMA))
    assert [record.line for record in read] == list(range(1, 4_001))
    assert all(record.refusal for record in read)


def test_a_long_text_where_a_header_may_stand_is_not_searched_for_patterns() -> None:
    long = Record(1, ("(" * 100_000, "@." * 50_000 + " x"))
    assert find_header([long, Record(2, ("Name", "Mobile"))], None).line == 2


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("الاسم,الهاتف\nعمر,1\n".encode("cp1256"), "cp1256"),
        ("name\nJosé\nMüller\n".encode("cp1252"), "cp1252"),
        (b"name\n" + b"John\n" * 40_000 + "عمر\nهدى\n".encode("cp1256"), "cp1256"),
        ("name\nJosé\n".encode("utf-16"), "utf-16-le"),
        ("name\nJose\n".encode("utf-16-be"), "utf-16-be"),
        ("name\nعمر\n".encode("utf-8-sig"), "utf-8"),
        ("name\nعمر\nهدى\n".encode() + b"Jos\xe9\n", "utf-8"),
    ],
)
def test_the_encoding_is_found(raw: bytes, name: str) -> None:
    assert detect(raw).name == name
    assert decode(raw, name).startswith(("name", "الاسم"))


def test_a_line_that_is_not_of_the_encoding_is_refused_with_its_bytes() -> None:
    raw = "name,b\nعمر,1\nهدى,2\n".encode() + b"Jos\xe9,3\n"
    *good, bad = read_file(raw, {}).rows
    assert [row.refusal for row in good] == [None, None]
    assert (bad.refusal, bad.raw) == ("holds bytes that are not utf-8", b"Jos\xe9,3\n")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    rows = [["Name", "Price", "Note"], *(["Omar", "1.250.000", f"a {i}, b"] for i in range(9))]
    quoted = "\n".join(delimiter.join(f'"{c}"' if "," in c else c for c in row) for row in rows)
    assert sniff(quoted).delimiter == delimiter
    assert sniff("sep=;\na;b\n").delimiter == ";"


@pytest.mark.parametrize("run", ["\u0661", "\u00e9"], ids=ascii)
def test_a_long_run_of_foreign_characters_is_sniffed_at_once(run: str) -> None:
    began = time.process_time()
    assert sniff("Name,Phone\n" + run * 16_000 + ",1\n").delimiter == ","
    assert time.process_time() - began < 1, "a hundred times as long as it takes: the time grows with the square"


def test_rows_that_hold_no_record_are_told_apart() -> None:
    raw = b"Report\n\nName,Price\nOmar,5\n,\nName,Price\nTotal,5\nTotal Homes LLC,7\n"
    table = read_file(raw, {})
    assert table.reading["header"]["line"] == 3
    assert [(row.line, row.ignored) for row in table.rows] == [
        (1, "title"),
        (2, "blank"),
        (4, None),
        (5, "blank"),
        (6, "header again"),
        (7, "total"),
        (8, None),
    ]


def test_a_file_without_a_header_keeps_its_first_row() -> None:
    table = read_file(b"Omar,+971501234567\nHuda,+971501234568\n", {})
    assert table.names == ("Column 1", "Column 2")
    assert len(table.rows) == 2
    assert read_file(b"Omar,Huda\nA,B\n", {"header_line": 0}).names == ("Column 1", "Column 2")


def test_a_blank_line_that_somebody_calls_the_header_names_nothing() -> None:
    table = read_file(b"Omar,Huda\n,\nA,B\n", {"header_line": 2})
    assert table.names == ("Column 1", "Column 2")
    assert [row.line for row in table.rows if row.ignored is None] == [3]


def test_a_workbook_keeps_its_types() -> None:
    table = read_file(workbook([["Name", "Day", "Price", "Agreed"], ["Omar", dt.date(2026, 3, 1), 5.5, True]]), {})
    assert table.rows[0].cells == ("Omar", "2026-03-01", 5.5, True)
    assert table.reading["sheet"] == "Sheet1"


FAR = '<row r="1048576"><c r="XFD1048576"/></row>'
WIDE = "<row>" + "<c/>" * 999 + "</row>"


def repacked(raw: bytes, change: Callable[[str], str], sheet: str = "sheet1.xml") -> bytes:
    """Return a workbook whose sheet is changed, and perhaps called otherwise."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as book, zipfile.ZipFile(packed, "w") as new:
        for name in book.namelist():
            content = book.read(name).decode()
            told = change(content) if "worksheets" in name else content
            new.writestr(name.replace("sheet1.xml", sheet), told.replace("sheet1.xml", sheet))
    return packed.getvalue()


def namespaced(content: str) -> str:
    inner = re.sub(r"<(/?)([a-zA-Z])", r"<\1x:\2", content.partition("?>")[2])
    return inner.replace("xmlns=", "xmlns:x=")


@pytest.mark.parametrize(
    "change",
    [
        lambda sheet: sheet.replace("</sheetData>", FAR + "</sheetData>"),
        lambda sheet: sheet.replace("</sheetData>", FAR.replace('"', "'") + "</sheetData>"),
        lambda sheet: namespaced(sheet.replace("</sheetData>", FAR + "</sheetData>")),
        lambda sheet: sheet.replace("</sheetData>", WIDE + WIDE + "</sheetData>"),
    ],
    ids=["as Excel writes it", "single quotes", "with a prefix", "without places"],
)
@pytest.mark.parametrize("name", ["sheet1.xml", "sheet1.dat"])
def test_a_workbook_that_would_fill_the_memory_is_not_opened(change: Callable[[str], str], name: str) -> None:
    raw = repacked(workbook([["a"]]), change, name)
    with pytest.raises(TooLarge, match="cells"):
        open_workbook(raw, None, max_cells=1_000, max_bytes=10**6)
    assert open_workbook(repacked(workbook([["a"]]), str, name), None, max_cells=1, max_bytes=10**6).sheet == "Sheet1"
    with pytest.raises(TooLarge, match="bytes"):
        open_workbook(raw, None, max_cells=1_000, max_bytes=100)


X = '<c t="inlineStr"><is><t>x</t></is></c>'
A1 = '<row r="1"><c r="A1"/></row>'
TAGS_IN_UTF_16 = (
    b"\xfe\xff"
    + '<?xml version="1.0" encoding="UTF-16"?><worksheet><a>'.encode("utf-16-be")
    + f"<sheetData>{A1}{FAR}</sheetData>".encode().ljust(200)
    + "</a></worksheet>".encode("utf-16-be")
)


@pytest.mark.parametrize(
    "rows",
    [
        *(f'<row r="2"><c r="{place}"/></row>' for place in ("zz2000", "ZZ00002000", "AAZZ2000", "")),
        *(f'<row r="{place}"/>' for place in ("A2", " 2", "00000002", "9" * 5_000)),
        f"<row>{X}" * 200 + "</row>" * 200,
        '<row><c r="A1"><is><row r="1"/></is></c></row>' * 2_000,
        f"<row/><x>{X}</x>",
        f'<worksheet><sheetData><row r="2">{X}</row></sheetData></worksheet>',
    ],
    ids=repr,
)
def test_a_sheet_that_calamine_may_read_otherwise_is_not_opened(rows: str) -> None:
    raw = repacked(workbook([["a"]]), lambda sheet: sheet.replace("</sheetData>", rows + "</sheetData>"), "sheet1.dat")
    with pytest.raises(BadRequest):
        open_workbook(raw, None, max_cells=1_000, max_bytes=10**6)


def test_a_row_without_a_place_follows_the_row_before_wherever_the_cells_of_that_one_are() -> None:
    rows = '<row><c r="B1"/></row>' * 2_000 + f"<row>{X}</row>"
    raw = repacked(workbook([["a"]]), lambda sheet: sheet.replace("</sheetData>", rows + "</sheetData>"))
    with pytest.raises(TooLarge, match="cells"):
        open_workbook(raw, None, max_cells=4_001, max_bytes=10**6)


def test_what_stands_outside_the_cells_of_a_sheet_may_have_any_place() -> None:
    controls = '</sheetData><from><row>3</row><c r="any"/></from>'
    raw = repacked(workbook([["a"]]), lambda sheet: sheet.replace("</sheetData>", controls))
    assert open_workbook(raw, None, max_cells=1, max_bytes=10**6).records[0].cells == ("a",)


@pytest.mark.parametrize("content", [TAGS_IN_UTF_16, b"<sheetData>" * 1_000], ids=["UTF-16", "deep"])
def test_a_part_that_the_parsers_read_otherwise_or_without_end_is_refused(content: bytes) -> None:
    packed = io.BytesIO(workbook([["a"]]))
    with zipfile.ZipFile(packed, "a") as book:
        book.writestr("xl/worksheets/sheet2.dat", content)
    with pytest.raises(BadRequest):
        open_workbook(packed.getvalue(), None, max_cells=1_000, max_bytes=10**6)


def two_in_one(by_python: bytes, by_rust: bytes) -> bytes:
    """Return an archive of two directories: a 64-bit record names the one, the record at the end the other."""
    told, hidden = (raw.rpartition(b"PK\5\6")[2] for raw in (by_python, by_rust))
    size, start = struct.unpack("<II", told[8:16])
    n, hidden_size, hidden_start = struct.unpack("<HII", hidden[6:16])
    directory = by_python[start : start + size]
    moved = bytearray(by_rust[hidden_start : hidden_start + hidden_size])
    for entry in re.finditer(b"PK\1\2", bytes(moved)):
        (at,) = struct.unpack_from("<I", moved, entry.start() + 42)
        struct.pack_into("<I", moved, entry.start() + 42, at + start)
    front = by_python[:start] + by_rust[:hidden_start] + moved
    count = struct.unpack("<H", told[6:8])[0]
    wide = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, len(front))
    place = struct.pack("<4sIQI", b"PK\6\7", 0, len(front) + size, 1)
    behind = directory + wide + place
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, n, n, len(moved) + len(behind), start + hidden_start, 0)
    return front + behind + end


def test_calamine_reads_the_parts_that_were_looked_at() -> None:
    raw = two_in_one(workbook([["seen"]]), workbook([["hidden"], ["x"]]))
    assert open_workbook(raw, None, max_cells=1, max_bytes=10**6).records == (Record(1, ("seen",)),)


def test_a_sheet_that_no_parser_can_follow_is_not_opened() -> None:
    for change in (
        lambda sheet: sheet.replace("<sheetData>", '<sheetData a="1" a="1">'),
        lambda sheet: sheet.replace('encoding="UTF-8"', 'encoding="shift_jis"', 1),
        lambda sheet: sheet.replace('encoding="UTF-8"', 'encoding="no-such"', 1),
        lambda sheet: sheet.replace("?>", '?><!DOCTYPE x [<!ENTITY a "b">]>', 1),
        lambda sheet: sheet.replace("</worksheet>", ""),
    ):
        with pytest.raises(BadRequest):
            open_workbook(repacked(workbook([["a"]]), change, "sheet1.dat"), None, max_cells=1_000, max_bytes=10**6)


@pytest.mark.parametrize("raw", [b"PK\x03\x04 broken", b"\xd0\xcf\x11\xe0 old"])
def test_a_broken_or_old_workbook_is_refused_in_words(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        read_file(raw, {})


@pytest.mark.parametrize("raw", [b"", b" \n\r\n"])
def test_an_empty_file_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid):
        read_file(raw, {})


NO_MORE = [
    ("ROWS", "2", "2 records"),
    ("COLUMNS", "2", "2 columns; line 1 has more"),
    ("CELLS", "8", "8 cells"),
]


@pytest.fixture
def at_most(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Set a limit of imports."""

    def limited(name: str, value: str) -> None:
        monkeypatch.setenv(f"ESTATE_IMPORT_MAX_{name}", value)
        get_settings.cache_clear()

    yield limited
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.mark.parametrize(("name", "value", "told"), NO_MORE)
def test_a_file_that_is_too_large_is_refused(
    at_most: Callable[[str, str], None], name: str, value: str, told: str
) -> None:
    at_most(name, value)
    for raw in (b"a,b,c\n1,2,3\n4,5,6\n", workbook([["a", "b", "c"], [1, 2, 3], [4, 5, 6]])):
        with pytest.raises(TooLarge, match=told):
            read_file(raw, {})


def test_empty_cells_behind_the_last_column_do_not_count(at_most: Callable[[str, str], None]) -> None:
    at_most("COLUMNS", "2")
    table = read_file(b"Name,Price,,,\nOmar,5,,,\nHuda,6,,\n", {})
    assert table.names == ("Name", "Price")
    assert [row.cells for row in table.rows] == [("Omar", "5"), ("Huda", "6")]
    with pytest.raises(TooLarge, match="line 2"):
        read_file(workbook([["Name", "Price"], ["Omar", 5, 0]]), {})


def test_a_file_of_very_many_columns_is_refused() -> None:
    wide = ",".join(f"c{i}" for i in range(20_000)).encode()
    for raw in (wide + b"\n" + wide, b"," * 20_000 + b"x"):
        with pytest.raises(TooLarge, match="at most 1000 columns"):
            read_file(raw, {})
    with pytest.raises(TooLarge, match="at most 5000000 cells"):
        read_file(b"," * 5_000_000, {})


@given(st.lists(st.sampled_from(["", "A", "A (2)", "A (2) (2)", "A (3)", "Column 2", "B"]), min_size=1, max_size=12))
def test_every_column_has_a_name_of_its_own(cells: list[str]) -> None:
    names = find_header([Record(1, (*cells, "end"))], 1).names
    assert len(set(names)) == len(names) == len(cells) + 1
    bare = [cell or f"Column {at}" for at, cell in enumerate(cells, 1)]
    assert all(name == cell or name.startswith(f"{cell} (") for name, cell in zip(names, bare, strict=False))


@given(st.binary(min_size=1, max_size=200))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    try:
        table = read_file(raw, {})
    except (Invalid, BadRequest):
        return
    assert all(row.refusal or row.ignored or len(row.cells) == len(table.names) for row in table.rows)
