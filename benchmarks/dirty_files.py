"""Ten dirty files of clients, units, agents and market snapshots, with what is true of every row by construction."""

import datetime as dt
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from xml.sax.saxutils import escape

__all__ = ["DirtyFile", "corpus", "workbook"]

Row = Mapping[str, Any]
TO_ARABIC = str.maketrans("0123456789,.", "٠١٢٣٤٥٦٧٨٩٬٫")
FIRST = ("Omar", "Huda", "Karim", "Layla", "Zoë", "José", "Nadia", "Yusuf", "Anaïs", "Björn")
LAST = ("Nasser", "Haddad", "Müller", "Farouk", "García", "Khan", "Öztürk", "Saleh", "Brontë", "Adel")
ARABIC = ("عمر ناصر", "هدى سالم", "كريم عادل", "ليلى حداد", "نادية فاروق", "يوسف خليل", "سارة منصور", "علي حسن")
AREAS = ("Palm Harbour", "Canal Gate", "Old Town", "Marina West")
YES = ("yes", "Y", "TRUE", "1", "نعم", "✓", "on", "t", "صح")
NO = ("no", "N", "False", "0", "لا", "✗", "off", "f", "خطأ")


@dataclass(frozen=True)
class DirtyFile:
    """One file and the truth about it.

    Parameters
    ----------
    kind : str
        What its records are.
    said : mapping
        What a person says of it, as the mapping takes it.
    records : sequence of mappings
        What is in the database afterwards, as the API shows it: field to value; they are told apart by `by`.
    counts : mapping
        What became of the rows.
    rejected : frozenset of int
        Lines that nobody may take.
    """

    name: str
    content: bytes
    kind: str
    records: Sequence[Row]
    counts: Mapping[str, int]
    by: str
    said: Mapping[str, Any] = field(default_factory=dict)
    rejected: frozenset[int] = frozenset()


def corpus(rng: Random, rows: int) -> list[DirtyFile]:
    """Make the ten files, each with some rows of its own."""
    return [
        make(rng, number, rows)
        for number, make in enumerate(
            (
                _windows_arabic,
                _utf16,
                _titles_and_totals,
                _ragged,
                _quotes,
                _twice_the_same_header,
                _excel_days,
                _arabic_digits,
                _flags,
                _european,
            ),
            1,
        )
    ]


def _people(rng: Random, file: int, n: int) -> list[dict[str, Any]]:
    """Return people who differ in name, number and address from all others."""
    return [
        {
            "name": f"{rng.choice(FIRST)} {rng.choice(LAST)} {file}{i:04}",
            "phone": f"+9715{rng.choice('0456')}{file:02}{i:05}",
            "email": f"p{file}.{i}@example.com",
            "budget": rng.randrange(300_000, 9_000_000, 1_000),
        }
        for i in range(n)
    ]


def _shown(person: Row, **more: Any) -> dict[str, Any]:
    return {
        "name": person["name"],
        "phone": person["phone"],
        "email": person["email"],
        "budget": f"{person['budget']}.00",
        "currency": "AED",
        **more,
    }


def _lines(rows: Sequence[Sequence[str]], delimiter: str = ",", end: str = "\r\n") -> str:
    return "".join(delimiter.join(row) + end for row in rows)


def _national(phone: str) -> str:
    return f"0{phone[4:6]} {phone[6:9]} {phone[9:]}"


def _windows_arabic(rng: Random, file: int, n: int) -> DirtyFile:
    people = _people(rng, file, n)
    for i, person in enumerate(people):
        person["name"] = f"{rng.choice(ARABIC)} {file}{i:04}"
    table = [["الاسم", "رقم الجوال", "البريد الالكتروني", "الميزانية"]]
    table += [[p["name"], p["phone"], p["email"], f"{p['budget']:,} درهم"] for p in people]
    content = _lines(table, ";").encode("cp1256")
    return DirtyFile("cp1256.csv", content, "clients", [_shown(p) for p in people], {"created": n}, "name")


def _utf16(rng: Random, file: int, n: int) -> DirtyFile:
    people = _people(rng, file, n)
    table = [["Client Name", "Mobile No.", "E-mail", "Budget (AED)"]]
    table += [
        # The first numbers name their country, which decides it for the others.
        [p["name"], p["phone"] if i < n // 2 else _national(p["phone"]), p["email"], f"{p['budget'] / 1e6:.3f}M"]
        for i, p in enumerate(people)
    ]
    table[1][3] = f"{people[0]['budget'] / 1e6:.4f}M"  # Four decimals prove which mark is the decimal one.
    content = b"\xff\xfe" + _lines(table, "\t").encode("utf-16-le")
    return DirtyFile("utf16.txt", content, "clients", [_shown(p) for p in people], {"created": n}, "name")


def _titles_and_totals(rng: Random, file: int, n: int) -> DirtyFile:
    people = _people(rng, file, n)
    header = ["Full name", "Phone", "Email", "Budget"]
    table = [["Clients of the branch", "", "", ""], ["Printed on 1 March 2026", "", "", ""], [], header]
    for i, p in enumerate(people):
        if i == n // 2:
            table += [["", "", "", ""], header]
        table.append([p["name"], p["phone"], p["email"], f"AED {p['budget']}"])
    table.append(["Grand Total", "", "", str(sum(p["budget"] for p in people))])
    counts = {"created": n, "ignored": 6}
    return DirtyFile(
        "titles.csv", _lines(table).encode("utf-8-sig"), "clients", [_shown(p) for p in people], counts, "name"
    )


def _ragged(rng: Random, file: int, n: int) -> DirtyFile:
    people = _people(rng, file, n)
    table = [["Name", "Phone", "Email", "Budget"]]
    table += [[p["name"], p["phone"], p["email"], str(p["budget"])] for p in people]
    short, long, padded = sorted(rng.sample(range(n), 3))
    table[short + 1] = table[short + 1][:2]
    table[long + 1] = [*table[long + 1], "moved here"]
    table[padded + 1] = [*table[padded + 1], "", ""]
    kept = [_shown(p) for i, p in enumerate(people) if i not in (short, long)]
    counts = {"created": n - 2, "rejected": 2}
    rejected = frozenset({short + 2, long + 2})
    return DirtyFile("ragged.csv", _lines(table).encode(), "clients", kept, counts, "name", rejected=rejected)


def _quotes(rng: Random, file: int, n: int) -> DirtyFile:
    people = _people(rng, file, n)
    several, broken, open_one = sorted(rng.sample(range(n - 1), 3))
    text, line, rejected = "Name,Phone,Email,Budget,Notes\n", 2, set()
    for i, p in enumerate(people):
        note = ['"knows ""the"" tower, well"', '"12"" screen"', "", "plain"][i % 4]
        if i == several:
            note = '"first line\nsecond, line\n\nfourth line"'
        if i == broken:
            note = '"never closed'
        name = f'"{p["name"]}' if i == open_one else f'"{p["name"]}"'
        rejected |= {line} if i in (broken, open_one) else set()
        text += f"{name},{p['phone']},{p['email']},{p['budget']},{note}\n"
        line += 1 + note.count("\n")
    kept = [_shown(p) for i, p in enumerate(people) if i not in (broken, open_one)]
    counts = {"created": n - 2, "rejected": 2}
    return DirtyFile("quotes.csv", text.encode(), "clients", kept, counts, "name", rejected=frozenset(rejected))


def _twice_the_same_header(rng: Random, file: int, n: int) -> DirtyFile:
    people = _people(rng, file, n)
    others = _people(rng, 50 + file, n)
    table = [["Name", "Phone", "Phone", "Email", "Min Budget", "Max Budget", "Shoe size"]]
    table += [
        [p["name"], p["phone"], o["phone"], p["email"], str(p["budget"] // 2), str(p["budget"]), "42"]
        for p, o in zip(people, others, strict=True)
    ]
    again = table[rng.randrange(1, n)]
    table += [again, [*again[:5], "1", again[6]]]  # One says the same once more, one says otherwise.
    counts = {"created": n, "unchanged": 1, "rejected": 1}
    return DirtyFile(
        "headers.csv",
        _lines(table).encode(),
        "clients",
        [_shown(p) for p in people],
        counts,
        "name",
        {"columns": [{"column": 1, "target": "phone"}]},
        frozenset({n + 3}),
    )


def _excel_days(rng: Random, file: int, n: int) -> DirtyFile:
    units: list[dict[str, Any]] = [
        {
            "title": f"Home {file}{i:04}",
            "price": f"{rng.randrange(400_000, 5_000_000)}.00",
            "currency": "EGP",
            "bedrooms": rng.randrange(6),
            "area_sqm": rng.randrange(40, 400) + 0.5,
            "delivery_date": str(dt.date(2026, 1, 1) + dt.timedelta(days=rng.randrange(1_000))),
            "status": rng.choice(["available", "reserved"]),
        }
        for i in range(n)
    ]
    table: list[list[Any]] = [["Units of the tower"], []]
    table.append(["Unit No", "Title", "Price (EGP)", "Bedrooms", "Size (sqm)", "Delivery", "Status", "Project"])
    for i, u in enumerate(units):
        day = dt.date.fromisoformat(u["delivery_date"])
        beds = "Studio" if u["bedrooms"] == 0 else u["bedrooms"]
        words = {"available": "For sale", "reserved": "محجوز"}[u["status"]]
        table.append([i + 1, u["title"], float(u["price"]), beds, u["area_sqm"], day, words, f"Tower {file}"])
    table.append(["Total", None, sum(float(u["price"]) for u in units)])
    counts = {"created": n, "ignored": 3}
    return DirtyFile("units.xlsx", workbook(table), "units", units, counts, "title")


def _arabic_digits(rng: Random, file: int, n: int) -> DirtyFile:
    start = dt.date(2025, 1, 5)
    table = [["المنطقة", "التاريخ", "متوسط السعر", "عدد المبيعات"]]
    records = []
    for i in range(n):
        day = start + dt.timedelta(days=7 * i)
        price, sales = rng.randrange(900_000, 4_000_000), rng.randrange(1, 2_000)
        area = AREAS[i % len(AREAS)]
        records.append(
            {
                "key": f"{area} {day}",
                "observed_on": str(day),
                "price_avg": f"{price}.50",
                "sales_volume": sales,
                "currency": "AED",
            }
        )
        table.append(
            [
                area,
                f"{day.day}/{day.month}/{day.year}".translate(TO_ARABIC),
                f"د.إ {price:,}.50".translate(TO_ARABIC).replace("د٫إ", "د.إ"),
                str(sales).translate(TO_ARABIC),
            ]
        )
    return DirtyFile("snapshots.csv", _lines(table, ",", "\n").encode(), "market", records, {"created": n}, "key")


def _flags(rng: Random, file: int, n: int) -> DirtyFile:
    people = _people(rng, file, n)
    table = [["Name", "Phone", "Email", "Budget", "Consent", "Do not call"]]
    truth = []
    for i, p in enumerate(people):
        consent, silent = rng.random() < 0.5, rng.random() < 0.3
        words = [rng.choice(YES if flag else NO) for flag in (consent, silent)]
        if i == n // 3:
            words[0] = "maybe"
        else:
            truth.append(_shown(p, contact_consent=consent, do_not_contact=silent))
        table.append([p["name"], p["phone"], p["email"], str(p["budget"]), *words])
    counts = {"created": n - 1, "rejected": 1}
    rejected = frozenset({n // 3 + 2})
    return DirtyFile("flags.csv", _lines(table).encode(), "clients", truth, counts, "name", rejected=rejected)


def _european(rng: Random, file: int, n: int) -> DirtyFile:
    people = _people(rng, file, n)
    table = [["Name", "Phone", "Email", "Budget"]]
    for i, p in enumerate(people):
        p["budget"] = [p["budget"], rng.randrange(1, 999) * 1_000][i % 2]
        table.append(
            [p["name"], p["phone"], p["email"], f"{p['budget']:,}".replace(",", ".") + (",00" if i < 2 else "")]
        )
    lost, wrong = sorted(rng.sample(range(2, n), 2))
    table[lost + 1][1] = "9.71501E+11"
    table[wrong + 1][3] = "1,234.5"
    kept = [_shown(p) for i, p in enumerate(people) if i not in (lost, wrong)]
    counts = {"created": n - 2, "rejected": 2}
    rejected = frozenset({lost + 2, wrong + 2})
    return DirtyFile(
        "european.csv", _lines(table, ";", "\r").encode(), "clients", kept, counts, "name", rejected=rejected
    )


# A workbook by hand: what a spreadsheet writes, and no more.

_PARTS: Mapping[str, str] = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Target="xl/workbook.xml" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/></Relationships>',
    "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="Sheet1" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Target="worksheets/sheet1.xml" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"/>'
    '<Relationship Id="r2" Target="styles.xml" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles"/></Relationships>',
    "xl/styles.xml": '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>',
}
_SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)
_EPOCH = dt.date(1899, 12, 30)


def workbook(table: Sequence[Sequence[Any]]) -> bytes:
    """Return a workbook with one sheet; a day is a number with the format of a day, as in any of them."""
    rows = "".join(
        f'<row r="{r}">{"".join(_cell(r, c, value) for c, value in enumerate(row) if value is not None)}</row>'
        for r, row in enumerate(table, 1)
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in (*_PARTS.items(), ("xl/worksheets/sheet1.xml", _SHEET.format(rows))):
            book.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + content)
    return packed.getvalue()


def _cell(row: int, column: int, value: Any) -> str:
    place = f"{chr(ord('A') + column)}{row}"
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, dt.date):
        return f'<c r="{place}" s="1"><v>{(value - _EPOCH).days}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
