"""Reads Excel workbooks; what one claims to hold is looked at before it is unpacked."""

import datetime as dt
import io
import math
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, NoReturn
from xml.parsers import expat

import python_calamine
from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from estate.core.errors import BadRequest, TooLarge
from estate.intake.analytics.cells import Cell, Record

__all__ = ["Workbook", "is_workbook", "open_workbook"]

_OLD = b"\xd0\xcf\x11\xe0"
_PACKED = b"PK\x03\x04"
_PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_ROW = re.compile(r"[0-9]{1,7}")
_SHEET_DATA = "sheetData"
"""The element without which no part is a sheet."""
_PARENTS = {_SHEET_DATA: None, "row": _SHEET_DATA, "c": "row"}
"""Where these stand within the sheet data; calamine would also find them elsewhere."""
_DEEPEST = 250  # A parser keeps every element that is not closed.
_FASTEST = 1
EXACT = 1e15  # Up to here a float names every whole number.
_CHUNK_BYTES = 1 << 20
_UNREADABLE = "The workbook cannot be read: it is broken, or protected by a password."


@dataclass(frozen=True, slots=True)
class Workbook:
    """The sheets of a workbook that people see, and the records of one."""

    sheets: tuple[str, ...]
    sheet: str
    records: tuple[Record, ...]


def is_workbook(raw: bytes) -> bool:
    """Tell a workbook from text."""
    return raw.startswith((_PACKED, _OLD))


def open_workbook(raw: bytes, sheet: str | None, *, max_cells: int, max_bytes: int) -> Workbook:
    """Read one sheet: the one that is named, or the first visible one that is not empty.

    Raises
    ------
    BadRequest
        When it is no workbook of Excel 2007 or newer, or has no such sheet.
    TooLarge
        When it claims more cells, or more bytes unpacked, than the limits.
    """
    if raw.startswith(_OLD):
        raise BadRequest("Save the workbook as .xlsx: the format before Excel 2007 is not read.")
    packed = _packed_anew(raw, max_cells, max_bytes)
    try:
        with CalamineWorkbook.from_filelike(packed) as book:
            seen = [s.name for s in book.sheets_metadata if s.visible is SheetVisibleEnum.Visible]
            if sheet is not None and sheet not in seen:
                raise BadRequest("The workbook has no such sheet.")
            return _first_filled(book, seen, [sheet] if sheet is not None else seen)
    except (CalamineError, OSError, ValueError) as error:
        raise BadRequest(_UNREADABLE) from error


def _first_filled(book: CalamineWorkbook, seen: Sequence[str], wanted: Sequence[str]) -> Workbook:
    found: tuple[Record, ...] = ()
    for name in wanted:
        found = tuple(_records(book.get_sheet_by_name(name)))
        if found:
            return Workbook(tuple(seen), name, found)
    return Workbook(tuple(seen), wanted[0] if wanted else "", found)


def _records(sheet: python_calamine.CalamineSheet) -> Iterator[Record]:
    for number, row in enumerate(sheet.to_python(skip_empty_area=False), 1):
        yield Record(number, tuple(map(_cell, row)))


def _cell(value: Any) -> Cell:
    """Return text, number or flag; a day in ISO form, without a time of midnight."""
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return str(value)
    if isinstance(value, float) and (not math.isfinite(value) or value.is_integer()):
        return int(value) if abs(value) < EXACT else str(value)
    return value if isinstance(value, str | int | float | bool) else None


def _packed_anew(raw: bytes, max_cells: int, max_bytes: int) -> io.BytesIO:
    """Pack again what was looked at: an archive can show one reader other parts than the next.

    What would fill the memory is refused: calamine lays out every cell between the first and the last one.
    """
    anew = io.BytesIO()
    try:
        with (
            zipfile.ZipFile(io.BytesIO(raw)) as packed,
            zipfile.ZipFile(anew, "w", zipfile.ZIP_DEFLATED, compresslevel=_FASTEST) as copy,
        ):
            parts = packed.infolist()
            if sum(part.file_size for part in parts) > max_bytes:
                raise TooLarge(f"Unpacked, the workbook takes more than {max_bytes} bytes.")
            if "xl/workbook.xml" not in packed.namelist():
                raise BadRequest("Save the workbook as .xlsx: no other kind is read.")
            for part in parts:
                with packed.open(part) as content, copy.open(part.filename, "w") as written:
                    if _cells(part.filename, content, written, max_bytes) > max_cells:
                        raise TooLarge(f"A sheet spans more than {max_cells} cells.")
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
        raise BadRequest(_UNREADABLE) from error
    anew.seek(0)
    return anew


def _cells(name: str, content: IO[bytes], written: IO[bytes], max_bytes: int) -> int:
    """Copy a part, and count the cells up to its last one; a part may have any name, and be no XML."""
    reach, left, rest, is_sheet = _Reach(), 0, b"", name.endswith(".xml")
    parser, is_xml = expat.ParserCreate(namespace_separator=" "), True
    parser.StartElementHandler = reach.start
    parser.EndElementHandler = reach.end
    parser.StartDoctypeDeclHandler = _refuse
    is_last = False
    while not is_last:
        chunk = content.read(_CHUNK_BYTES)
        is_last = not chunk
        written.write(chunk)
        left += len(chunk)
        if left > max_bytes:
            raise TooLarge(f"Unpacked, the workbook takes more than {max_bytes} bytes.")
        is_sheet |= _SHEET_DATA.encode() in rest + chunk
        rest = chunk[-len(_SHEET_DATA) :]
        is_xml &= b"\0" not in chunk  # In UTF-16 the parser sees other tags than calamine, which looks for ASCII.
        try:
            if is_xml:
                parser.Parse(chunk, is_last)  # Before the end the parser may keep back what it has not looked at.
        except (expat.ExpatError, ValueError, LookupError):  # Also an encoding that none can read.
            is_xml = False
    if is_sheet and not is_xml:
        raise BadRequest(_UNREADABLE)
    return reach.columns * reach.rows


def _refuse(*_: object) -> NoReturn:
    """Refuse what no program writes, such as a document type, whose entities can grow without end."""
    raise BadRequest(_UNREADABLE)


class _Reach:
    """The last column and row of the cells of a sheet; those without a place of their own follow one another."""

    def __init__(self) -> None:
        self.columns = self.rows = self._row = self._column = 0
        self._path: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Look at an element, whatever the prefix of its name."""
        local = name.rpartition(" ")[2]
        if len(self._path) == _DEEPEST:
            _refuse()
        if local in _PARENTS and _SHEET_DATA in self._path:
            if self._path[-1] != _PARENTS[local]:
                _refuse()
            self._step(local, attributes.get("r"))
        self._path.append(local)

    def end(self, _: str) -> None:
        """Leave an element."""
        self._path.pop()

    def _step(self, local: str, place: str | None) -> None:
        if local == "row":
            self._row, self._column = int(_found(_ROW, place)[0]) if place is not None else self._row + 1, 0
            self.rows = max(self.rows, self._row)
        elif place is not None:
            found = _found(_PLACE, place)
            self._column = _column(found[1])
            self.rows = max(self.rows, int(found[2]))
        else:
            self._column += 1
        self.columns = max(self.columns, self._column)


def _found(pattern: re.Pattern[str], place: str) -> re.Match[str]:
    """Return what a place says; Excel writes it in one way, and calamine reads others too."""
    return pattern.fullmatch(place) or _refuse()


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
