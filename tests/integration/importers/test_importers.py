"""Files of the public kinds, dirty as they come: what is made, what is left out, what is refused and kept."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from estate.core.errors import Conflict, Invalid
from estate.importers.batches import Report
from estate.importers.conversations import import_dialogues
from estate.importers.dld import area_id, import_transactions
from estate.importers.files import read_csv
from estate.importers.listings import import_listings
from estate.importers.world import load_world
from estate.market import service as market
from estate.sample.world import generate

DLD_HEADER = (
    "Transaction Number,Transaction Date,Transaction Type,Registration type,Area,Property Type,"
    "Property Sub Type,Amount,Property Size (sq.m),Room(s),Project\n"
)
LISTING_HEADER = (
    "Type,Price,Bedrooms,Bathrooms,Area,Furnished,Level,Compound,Payment_Option,Delivery_Date,Delivery_Term,City\n"
)
OTHER_SALE = text("""
WITH project AS (INSERT INTO projects (project_id, name) VALUES (gen_random_uuid(), 'Tower') RETURNING project_id)
INSERT INTO properties (project_id, unit_id, area_id, segment, status, price, currency, sold_at)
SELECT project_id, gen_random_uuid(), :area_id, 'ready', 'sold', 9000000, 'AED', '2025-01-30' FROM project
""")
Importer = Callable[[Path, Callable[[int], None]], Report]


def counts(importer: Importer, path: Path) -> dict[str, dict[str, int]]:
    report = importer(path, lambda _: None)
    return {kind: dict(made) for kind, made in report.made.items()}


@pytest.fixture
def transactions(tmp_path: Path) -> Path:
    path = tmp_path / "transactions.csv"
    path.write_text(
        DLD_HEADER
        + "1,23/01/2024,Sales,Ready,MARSA WEST,Unit,Flat,1000000.00,80.5,1 B/R,Tower One\n"
        + "2,24/01/2024,Sales,Ready,Marsa West,Unit,Flat,3000000.00,120,Studio,\n"
        + "3,24/01/2024,Sales,Off-Plan,MARSA WEST,Unit,Flat,500000.00,40,2 B/R,Tower Two\n"
        + "4,24/01/2024,Mortgage,Ready,MARSA WEST,Unit,Flat,9.00,80.5,1 B/R,Tower One\n"
        + "5,24/01/2024,Sales,Ready,MARSA WEST,Land,Residential,7000000.00,900,,\n"
        + "6,2024-01-24,Sales,Ready,MARSA WEST,Unit,Flat,1000000.00,80.5,1 B/R,\n"
        + "7,24/01/2024,Sales,Ready,MARSA WEST,Unit,Flat,-5,80.5,1 B/R,\n"
        + "8,24/01/2024,Sales\n"
    )
    return path


def test_sales_become_snapshots_units_and_projects(session: Session, transactions: Path) -> None:
    report = import_transactions(transactions, lambda _: None)
    assert dict(report.made["snapshots"]) == {"created": 2}
    assert dict(report.made["units"]) == {"created": 3, "rejected": 3}
    assert dict(report.left_out) == {"mortgage: not a sale": 1, "land: not a unit": 1}
    area = market.get_area(session, area_id("MARSA WEST"))
    assert (area.area_name, area.currency, area.as_of) == ("Marsa West", "AED", dt.date(2024, 1, 28))
    week = {"n": 1, "as_of": "2024-01-28"}
    assert area.segments["ready"] == week | {"price_avg": "2000000.00", "price_median": "2000000.00"}
    assert area.segments["off_plan"] == week | {"price_avg": "500000.00", "price_median": "500000.00"}
    rows = session.execute(text("SELECT bedrooms, status, segment, price FROM properties ORDER BY price")).all()
    assert [tuple(map(str, row)) for row in rows] == [
        ("2", "sold", "off_plan", "500000.00"),
        ("1", "sold", "ready", "1000000.00"),
        ("0", "sold", "ready", "3000000.00"),
    ]


def test_a_refused_line_is_kept_with_its_number_bytes_and_reason(
    connection: Connection, transactions: Path, database: None
) -> None:
    import_transactions(transactions, lambda _: None)
    kept = connection.execute(text("SELECT row_number, reason, raw FROM rejected_rows ORDER BY row_number")).all()
    assert [(row.row_number, row.reason) for row in kept] == [
        (7, "Transaction Date: must be DD/MM/YYYY"),
        (8, "Amount: must be above 0"),
        (9, "has 3 columns, the header 11"),
    ]
    lines = transactions.read_bytes().splitlines(keepends=True)
    assert [row.raw for row in kept] == lines[6:9]


PLACE = "Sales,Ready,MARSA WEST,Unit,Flat"


def sales(connection: Connection, path: Path, *lines: str) -> tuple[dict[str, int], list[str], list[tuple[int, str]]]:
    """Import sales; return what became of the units, the weeks, and the lines that were refused."""
    path.write_text(DLD_HEADER + "".join(lines))
    units = counts(import_transactions, path)["units"]
    weeks = connection.execute(text("SELECT observed_on, sales_volume, price_avg FROM market_snapshots")).all()
    refused = connection.execute(text("SELECT row_number, reason FROM rejected_rows ORDER BY row_number")).all()
    return units, [" ".join(map(str, week)) for week in weeks], [(row.row_number, row.reason) for row in refused]


@pytest.mark.parametrize("bad", ['"Sea', '"Sea 5" Tower'])
def test_a_quotation_mark_amiss_costs_its_own_line_only(
    connection: Connection, database: None, tmp_path: Path, bad: str
) -> None:
    lines = [f"{n},01/03/2024,{PLACE},1000000,80,1 B/R,{bad if n == 1 else 'Sea'}\n" for n in range(300)]
    units, weeks, refused = sales(connection, tmp_path / "quoted.csv", *lines)
    assert units == {"created": 299, "rejected": 1}
    assert weeks == ["2024-03-03 299 1000000.00"]
    assert refused == [(3, "has a quotation mark that opens or closes nothing")]


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_cell_of_any_length_costs_its_own_line_only(
    connection: Connection, database: None, tmp_path: Path, quote: str
) -> None:
    lines = [f"{n},01/03/2024,{PLACE},1000000,80,1 B/R,{quote}{name}{quote}\n" for n, name in enumerate("a" * 2)]
    long = f"9,01/03/2024,{PLACE},1000000,80,1 B/R,{quote}{'x' * 200_000}{quote}\n"
    units, weeks, refused = sales(connection, tmp_path / "long.csv", lines[0], long, lines[1])
    assert units == {"created": 2, "rejected": 1}
    assert weeks == ["2024-03-03 2 1000000.00"]
    assert [(number, reason.partition(":")[0]) for number, reason in refused] == [(3, "project.name")]


@pytest.mark.parametrize(
    ("day", "amount", "field"), [("01/03/2024", "9" * 19, "price"), ("01/03/2062", "3000000", "sold_at")]
)
def test_a_sale_that_is_refused_is_not_counted_in_its_week(
    connection: Connection, database: None, tmp_path: Path, day: str, amount: str, field: str
) -> None:
    good, bad = f"1,01/03/2024,{PLACE},1000000,80,1 B/R,Sea\n", f"2,{day},{PLACE},{amount},80,1 B/R,Sea\n"
    units, weeks, refused = sales(connection, tmp_path / "absurd.csv", good, bad)
    assert units == {"created": 1, "rejected": 1}
    assert weeks == ["2024-03-03 1 1000000.00"]
    assert [(number, reason.partition(":")[0]) for number, reason in refused] == [(3, field)]


def test_a_file_imported_again_creates_nothing(database: None, transactions: Path) -> None:
    counts(import_transactions, transactions)
    again = counts(import_transactions, transactions)
    assert again == {"snapshots": {"updated": 2}, "units": {"updated": 3, "rejected": 3}}


def test_a_week_that_runs_over_two_files_is_counted_from_both(
    session: Session, connection: Connection, database: None, tmp_path: Path
) -> None:
    place = "Sales,Ready,MARSA WEST,Unit,Flat"
    one, two = tmp_path / "january.csv", tmp_path / "february.csv"
    one.write_text(DLD_HEADER + "".join(f"1-{n},29/01/2025,{place},1000000,80,1 B/R,\n" for n in range(8)))
    two.write_text(DLD_HEADER + "".join(f"2-{n},01/02/2025,{place},3000000,80,1 B/R,Tower\n" for n in range(2)))
    for path in (one, two, one, two):
        import_transactions(path, lambda _: None)
        if path == one:  # A sale of the same week and area that the register does not know.
            connection.execute(OTHER_SALE, {"area_id": area_id("MARSA WEST")})
    weeks = connection.execute(text("SELECT observed_on, sales_volume, price_avg FROM market_snapshots")).all()
    assert [tuple(map(str, week)) for week in weeks] == [("2025-02-02", "10", "1400000.00")]


def test_a_file_without_a_column_is_refused_by_name(database: None, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(Invalid, match="Transaction Number"):
        import_transactions(path, lambda _: None)


def test_a_dirty_listing_file(connection: Connection, database: None, tmp_path: Path) -> None:
    path = tmp_path / "listings.csv"
    path.write_text(
        "\ufeff"
        + LISTING_HEADER
        + "Apartment,4000000,3,2,160,No,10+,Unknown,Cash,Ready to move,Finished,Nasr City\n"
        + "Apartment,4000000,3,2,160,No,10+,Unknown,Cash,Ready to move,Finished,Nasr City\n"
        + "Chalet,2500000.0,10+,Unknown,,Yes,2,Palm Bay,Installment,2026,Core & Shell,North Coast\n"
        + "Duplex,Unknown,3,2,160,No,1,Unknown,Cash,soon,Finished,Nasr City\n"
    )
    assert counts(import_listings, path)["units"] == {"created": 2, "updated": 1, "rejected": 1}
    rows = connection.execute(
        text("""
        SELECT u.bedrooms, u.area_sqm, u.segment, u.delivery_date, u.status, u.payment_plan ->> 'name' AS plan,
            p.name AS compound, u.currency
        FROM properties u JOIN projects p USING (project_id) ORDER BY u.price
        """)
    ).all()
    assert [tuple(row) for row in rows] == [
        (10, None, "off_plan", dt.date(2026, 12, 31), "available", "Installment", "Palm Bay", "EGP"),
        (3, 160, "ready", None, "available", "Cash", None, "EGP"),
    ]
    assert connection.execute(text("SELECT row_number, reason FROM rejected_rows")).all() == [(5, "Price: is missing")]


@pytest.fixture
def dialogues(tmp_path: Path) -> Path:
    (tmp_path / "full_info.csv").write_text(
        "B2,B3,B4,B6\n"
        "20180904-045349_715_live,user_1,0,0.0\n20180904-045349_715_live,user_2,1,1.5\n"
        "BAD_20180905-100000_1_live,user_1,0,0.0\nBAD_20180905-100000_1_live,user_3,1,0.0\n"
    )
    path = tmp_path / "full_dialog.csv"
    path.write_text(
        ",Unit,Turn,B4,B2\n"
        '0,"Hello, would you give?",0,0,20180904-045349_715_live\n'
        "1,Yes.,0,1,20180904-045349_715_live\n"
        "2,Hi,0,0,BAD_20180905-100000_1_live\n"
        "3,Lost,0,0,unknown_dialogue\n"
    )
    return path


def test_dialogues_become_people_deals_and_conversations(
    connection: Connection, database: None, dialogues: Path
) -> None:
    assert counts(import_dialogues, dialogues) == {
        "agents": {"created": 1},
        "clients": {"created": 2},
        "deals": {"created": 2},
        "conversations": {"created": 2, "rejected": 1},
    }
    assert connection.execute(text("SELECT outcome FROM deals ORDER BY opened_at")).scalars().all() == ["won", "lost"]
    assert connection.execute(text("SELECT reason FROM rejected_rows")).scalars().all() == [
        "B2: the file of participants tells of no such dialogue that can be read"
    ]
    assert counts(import_dialogues, dialogues)["conversations"] == {"duplicate": 2, "rejected": 1}


@pytest.mark.parametrize(
    ("key", "gave", "reason"),
    [
        ("20180906-100000_1_live", "n/a", "B6 of the persuadee: must be a number"),
        ("20180906-100000_1_live", "nan", "B6 of the persuadee: must be a number"),
        ("20181306-100000_1_live", "1.0", "B2: must hold a time such as 20180904-045349"),
        ("some_day", "1.0", "B2: must hold a time such as 20180904-045349"),
    ],
)
def test_participants_that_cannot_be_read_are_refused_by_row_and_field(
    connection: Connection, database: None, dialogues: Path, key: str, gave: str, reason: str
) -> None:
    with dialogues.with_name("full_info.csv").open("a") as info:
        info.write(f"{key},user_8,0,0.0\n{key},user_9,1,{gave}\n")
    made = counts(import_dialogues, dialogues)
    assert (made["deals"], made["agents"]) == ({"created": 2, "rejected": 2}, {"created": 1})
    refused = connection.execute(text("SELECT row_number, reason FROM rejected_rows ORDER BY rejected_id LIMIT 2"))
    assert [tuple(row) for row in refused] == [(6, reason), (7, reason)]


def test_dialogues_need_their_file_of_participants(database: None, dialogues: Path) -> None:
    dialogues.with_name("full_info.csv").unlink()
    with pytest.raises(Invalid, match=r"full_info\.csv"):
        import_dialogues(dialogues, lambda _: None)


def test_a_record_over_several_lines_keeps_its_number_and_bytes(tmp_path: Path) -> None:
    path = tmp_path / "quoted.csv"
    path.write_bytes(b'a,b\n1,"two\nlines"\n3,\xff\n5,6\n')
    rows = list(read_csv(path, ["a"]))
    assert [(row.number, row.raw, row.refusal) for row in rows] == [
        (2, b'1,"two\nlines"\n', None),
        (4, b"3,\xff\n", "holds bytes that are not utf-8"),
        (5, b"5,6\n", None),
    ]


NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


def test_the_sample_world_is_loaded_whole_and_the_platform_computes_the_rest(
    connection: Connection, drain: Callable[[], int]
) -> None:
    loaded = load_world(1, 7, NOW, lambda _: None)
    assert loaded == {name: sum(1 for _ in rows) for name, rows in generate(1, 7, NOW).tables()}
    drain()

    def one(query: str) -> object:
        return connection.execute(text(query)).scalar_one()

    assert one("SELECT count(*) FROM outbox") == 0
    assert one("SELECT count(*) FROM behavior_events WHERE folded_at IS NULL OR pattern_group IS NULL") == 0
    assert one("SELECT count(*) FROM client_profiles WHERE qualification_score IS NULL") == 0
    assert one("SELECT count(*) FROM market_insights WHERE price_avg IS NULL") == 0
    assert one("SELECT sum(event_count) FROM agent_activity") == one(
        "SELECT count(*) FROM behavior_events WHERE agent_id IS NOT NULL"
    )
    assert one("SELECT count(DISTINCT layer) FROM documents") == 5
    proven = connection.execute(
        text("SELECT term, lift FROM trigger_findings WHERE evidence = 'proven' ORDER BY rank")
    ).all()
    effects = generate(1, 7, NOW).truth.effects
    strong = [row for row in proven if abs(effects.get(row.term, 0.0)) > 0.5]
    assert strong, proven
    assert all((row.lift > 1) == (effects[row.term] > 0) for row in strong)


def test_the_sample_world_is_never_loaded_over_other_records(database: None) -> None:
    load_world(1, 7, NOW, lambda _: None)
    with pytest.raises(Conflict):
        load_world(1, 8, NOW, lambda _: None)
