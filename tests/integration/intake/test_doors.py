"""The doors of the imports: who may, what is asked first, what is mended, kept and erased, and what survives a kill."""

import datetime as dt
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from benchmarks.dirty_files import workbook
from fastapi import FastAPI
from sqlalchemy import Connection, Engine, text
from starlette.testclient import TestClient
from tests.integration.api.identity import AGENT, client_of, new_key, new_owners
from tests.live import as_login, new_database

from estate import registry
from estate.core.db import Database, unit_of_work, use_database
from estate.core.queue import drain_all
from estate.core.retention import forget_old
from estate.core.security import Actor
from estate.core.settings import get_settings
from estate.intake import taking

CSV = {"Content-Type": "text/csv"}
PEOPLE = "Name,Mobile,Email,Budget (AED)\n" + "".join(
    f"Person {i:02},+9715000000{i:02},p{i}@example.com,{i + 1}00000\n" for i in range(12)
)
ROW = "SELECT encode(sha256(convert_to(to_jsonb(t)::text, 'UTF8')), 'hex') FROM client_profiles t ORDER BY client_id"

Json = dict[str, Any]
Drain = Callable[[], int]


def ok(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def bring(api: TestClient, content: str | bytes, kind: str | None = "clients", name: str = "people.csv") -> Json:
    query = {"filename": name} | ({"kind": kind} if kind else {})
    raw = content.encode() if isinstance(content, str) else content
    found: Json = ok(api.post("/imports", params=query, content=raw, headers=CSV))
    return found


def said(api: TestClient, imported: Json, **mapping: Any) -> Json:
    found: Json = ok(api.post(f"/imports/{imported['import_id']}/mapping", json=mapping))
    return found


def done(api: TestClient, drain: Drain, imported: Json, verb: str) -> Json:
    ok(api.post(f"/imports/{imported['import_id']}/{verb}", json={}), 202)
    drain()
    found: Json = ok(api.get(f"/imports/{imported['import_id']}"))
    assert found["adds_up"]
    return found


def rows(api: TestClient, imported: Json, **wanted: str) -> list[Json]:
    found: list[Json] = ok(api.get(f"/imports/{imported['import_id']}/rows", params=wanted))["items"]
    return found


def clients(api: TestClient) -> list[Json]:
    found: list[Json] = ok(api.get("/client/query", params={"limit": 100}))["items"]
    return found


def hashes(connection: Connection) -> list[str]:
    return list(connection.scalars(text(ROW)))


def test_a_day_of_the_market_far_ahead_is_refused_by_row_and_field(api: TestClient) -> None:
    header = "Area,Date,Average price,Sales\n"
    brought = bring(api, header + "Old Bay,15/11/2025,2000000,10\nOld Bay,15/11/2062,20,1\n", "market")
    (refused,) = rows(api, brought, status="rejected")
    assert refused["line"] == 3
    (problem,) = refused["problems"]
    assert (problem["column"], problem["field"]) == ("Date", "observed_on")
    assert problem["message"] == "This must not lie more than 31 days in the future."


# Undo


def test_updates_go_back_hash_equal_and_what_somebody_changed_since_is_kept(
    api: TestClient, drain: Drain, connection: Connection
) -> None:
    done(api, drain, bring(api, PEOPLE), "commit")
    before = hashes(connection)
    changed = PEOPLE.replace("00000\n", "50000\n")
    second = done(api, drain, bring(api, changed + "New One,+971500000099,n@example.com,5\n"), "commit")
    assert (second["counts"]["updated"], second["counts"]["created"]) == (12, 1)
    third = done(api, drain, bring(api, changed), "commit")
    assert third["counts"]["unchanged"] == 12

    one, new = rows(api, second, status="updated")[0], rows(api, second, status="created")[0]
    ok(api.post("/client/ingest", json={"client_id": one["record_id"], "name": "Renamed Since"}))
    ok(api.post("/client/override", json={"client_id": new["record_id"], "score": 0.5, "reason": "x"}))
    undone = done(api, drain, second, "undo")
    assert undone["undo"] == {"waiting": 0, "restored": 11, "removed": 0, "kept": 2}
    told = {row["line"]: row["undone"] for row in rows(api, second)}
    assert told.pop(one["line"]) == told.pop(new["line"]) == "kept: somebody changed it since"
    assert set(told.values()) == {"back"}
    after = {str(row.client_id): row.budget for row in connection.execute(text("SELECT * FROM client_profiles"))}
    assert len(set(before) & set(hashes(connection))) == 11
    assert len(after) == 13
    ok_again = api.post(f"/imports/{second['import_id']}/undo", json={})
    assert ok_again.status_code == 409


def test_a_created_record_that_others_refer_to_is_kept_and_said(api: TestClient, drain: Drain) -> None:
    ok(api.post("/agent/ingest", json={"agent_id": str(AGENT), "name": "Layla"}))
    imported = done(api, drain, bring(api, PEOPLE), "commit")
    first = rows(api, imported)[0]["record_id"]
    deal = {"deal_id": str(uuid.uuid4()), "agent_id": str(AGENT), "client_id": first}
    ok(api.post("/behavior/deal", json=deal))
    assert done(api, drain, imported, "undo")["undo"]["kept"] == 1
    assert [row["undone"] for row in rows(api, imported)][:2] == ["kept: others refer to it by now", "back"]
    assert [client["client_id"] for client in clients(api)] == [first]


def test_units_go_back_with_the_project_and_area_that_came_with_them(
    api: TestClient, drain: Drain, connection: Connection
) -> None:
    file = "Unit No,Project,District,Price (EGP),Bedrooms,Size (sqm),Developer\n1,Palm Bay,North Coast,2M,3,120,Acme\n"
    first = done(api, drain, bring(api, file, None, "units.csv"), "commit")
    assert (first["kind"], first["counts"]["created"]) == ("units", 1)
    other = file.replace("Acme", "Beta").replace("\n1,", "\n2,", 1)
    second = done(api, drain, bring(api, other, "units"), "commit")
    stored = text("SELECT developer, (SELECT count(*) FROM properties), (SELECT count(*) FROM projects) FROM projects")
    assert connection.execute(stored).one() == ("Beta", 2, 1)
    assert done(api, drain, second, "undo")["undo"]["kept"] == 0
    assert connection.execute(stored).one() == ("Acme", 1, 1)
    assert done(api, drain, first, "undo")["undo"]["kept"] == 0
    left = text("SELECT (SELECT count(*) FROM properties) + (SELECT count(*) FROM projects)"
                " + (SELECT count(*) FROM market_insights)")  # fmt: skip
    assert connection.scalar(left) == 0


def test_payment_plans_are_read_as_developers_write_them_and_others_are_refused_by_cell(
    api: TestClient, drain: Drain
) -> None:
    file = """Unit No,Project,Price (AED),Payment Plan
1,Foo Tower,1000000,60/40
2,Foo Tower,1000000,"20% on booking, 50% during construction, 30% on handover"
3,Foo Tower,1000000,60/50
"""
    taken = done(api, drain, bring(api, file, None, "units.csv"), "commit")
    assert (taken["counts"]["created"], taken["counts"]["rejected"]) == (2, 1)
    (refused,) = rows(api, taken, status="rejected")
    assert refused["problems"] == [
        {
            "column": "Payment Plan",
            "field": "payment_plan",
            "message": "The percentages must sum to 100, within 0.01.",
        }
    ]
    plans = [unit["payment_plan"] for unit in ok(api.get("/property/query"))["items"]]
    assert {(plan["down_payment_pct"], plan["on_handover_pct"]) for plan in plans} == {(10, 40), (20, 30)}


def test_a_quarter_of_delivery_is_its_last_day(api: TestClient, drain: Drain) -> None:
    file = "Unit No,Project,Price (AED),Handover\n1,Foo Tower,1000000,Q4 2027\n2,Foo Tower,1000000,Q4 2027\n"
    assert done(api, drain, bring(api, file, None, "units.csv"), "commit")["counts"]["created"] == 2
    assert {unit["delivery_date"] for unit in ok(api.get("/property/query"))["items"]} == {"2027-12-31"}


def test_months_of_the_market_are_their_last_days_also_the_one_that_runs(api: TestClient) -> None:
    today = dt.datetime.now(dt.UTC).date()
    file = f"Area,Month,Average price (AED)\nOld Bay,Oct-2024,2000000\nOld Bay,{today:%b-%Y},2100000\n"
    brought = bring(api, file, None, "market.csv")
    assert (brought["kind"], brought["counts"]["waiting"]) == ("market", 2)


def test_units_without_a_title_are_told_apart_and_found_by_their_number(api: TestClient, drain: Drain) -> None:
    file = f"""Unit No,Project,Type,Bedrooms,Price (AED)
101,Bay Tower,Apartment,1,900000
102,Bay Tower,Apartment,1,900000
{uuid.uuid4()},Bay Tower,Villa,3,900000
103,,,0,900000
,,Apartment,2,900000
"""
    assert done(api, drain, bring(api, file, "units"), "commit")["counts"]["created"] == 5
    assert {unit["title"] for unit in ok(api.get("/property/query"))["items"]} == {
        "Bay Tower 101, Apartment, 1 bedroom",
        "Bay Tower 102, Apartment, 1 bedroom",
        "Bay Tower, Villa, 3 bedrooms",
        "Unit 103, studio",
        "Apartment, 2 bedrooms",
    }
    (found,) = ok(api.get("/property/query", params={"search": "101"}))["items"]
    assert found["title"] == "Bay Tower 101, Apartment, 1 bedroom"


# Questions, mending, memory


def test_open_questions_block_the_commit_by_name_and_are_remembered_with_the_layout(
    api: TestClient, drain: Drain
) -> None:
    file = "Name,Mobile,Wishes,Budget\nOmar,0501234567,sea,1.250\nHuda,0501234568,park,3.400\n"
    imported = bring(api, file)
    assert {q["question"] for q in imported["questions"]} == {"region", "decimal"}
    refused = api.post(f"/imports/{imported['import_id']}/commit", json={})
    assert refused.status_code == 422
    assert {e["field"] for e in refused.json()["errors"]} == {"columns.1.region", "columns.3.decimal"}
    answers = [{"column": 1, "region": "AE"}, {"column": 3, "decimal": ","}, {"column": 2, "target": "purpose"}]
    imported = said(api, imported, columns=answers, currency="EGP", source="crm")
    assert (imported["questions"], imported["unknown_columns"], imported["source"]) == ([], [], "crm")
    assert done(api, drain, imported, "commit")["counts"]["created"] == 2
    assert {(c["budget"], c["currency"], c["phone"], c["interest"]["purpose"]) for c in clients(api)} == {
        ("1250.00", "EGP", "+971501234567", "sea"),
        ("3400.00", "EGP", "+971501234568", "park"),
    }
    again = bring(api, file.replace("3.400", "3.500"), None)
    assert (again["remembered"], again["questions"], again["kind"], again["source"]) == (True, [], "clients", "crm")


def test_shares_of_a_workbook_under_a_percent_sign_are_asked_about(api: TestClient, drain: Drain) -> None:
    table: list[list[object]] = [
        ["Agent name", "Closing rate %", "Deals closed"],
        ["Ann Lee", 0.35, 10],
        ["Bob Ray", 0.12, 20],
    ]
    imported = bring(api, workbook(table), "agents", "agents.xlsx")
    assert [q["question"] for q in imported["questions"]] == ["percent"]
    imported = said(api, imported, columns=[{"column": 1, "percent": "one"}])
    assert done(api, drain, imported, "commit")["counts"]["created"] == 2
    agents = ok(api.get("/agent/query"))["items"]
    assert {agent["name"]: agent["closing_rate"] for agent in agents} == {"Ann Lee": 0.35, "Bob Ray": 0.12}


@pytest.mark.parametrize(("answer", "became"), [("empty", ["waiting", "waiting"]), ("refuse", ["rejected", "waiting"])])
def test_a_column_that_is_not_what_it_is_called_is_asked_about(api: TestClient, answer: str, became: list[str]) -> None:
    file = "Unit No,Project,Price (AED),Handover\n1,Foo Tower,1000000,soon\n2,Foo Tower,1000000,Q4 2027\n"
    imported = bring(api, file, "units")
    (question,) = imported["questions"]
    assert (question["header"], question["question"], question["rows"]) == ("Handover", "bad_values", 2)
    assert ok(api.post(f"/imports/{imported['import_id']}/commit", json={}), 422)["errors"][0]["field"] == (
        "columns.3.bad_values"
    )
    imported = said(api, imported, columns=[{"column": 3, "bad_values": answer}])
    assert imported["questions"] == []
    assert [row["status"] for row in rows(api, imported)] == became


def test_a_mapping_that_cannot_be_is_refused_by_column(api: TestClient) -> None:
    imported = bring(api, PEOPLE)
    wrong = [{"column": 9, "target": "name"}, {"column": 0, "target": "price"}]
    answer = api.post(f"/imports/{imported['import_id']}/mapping", json={"columns": wrong})
    assert answer.status_code == 422
    assert {e["field"] for e in answer.json()["errors"]} == {"columns.9.column", "columns.0.target"}
    twice = [{"column": 0, "target": "name"}, {"column": 2, "target": "name"}]
    answer = api.post(f"/imports/{imported['import_id']}/mapping", json={"columns": twice})
    assert [e["field"] for e in answer.json()["errors"]] == ["columns.2.target"]


def test_a_file_is_read_in_another_way_when_somebody_says_so(api: TestClient) -> None:
    raw = "Name,Email\nJosé,a@example.com\n".encode("cp1252")
    imported = bring(api, raw)
    assert (imported["encoding"]["name"], imported["encoding"]["sure"]) == ("cp1252", False)
    assert rows(api, imported)[0]["cells"][0] == "José"
    imported = said(api, imported, encoding="cp1256", header_line=0)
    assert (imported["encoding"]["name"], imported["header_line"]) == ("cp1256", 0)
    assert [row["line"] for row in rows(api, imported)] == [1, 2]
    imported = said(api, imported, encoding=None, header_line=None, delimiter=";")
    assert (imported["encoding"]["name"], imported["dialect"]["delimiter"]) == ("cp1252", ";")


def test_a_rejected_row_keeps_its_bytes_and_mending_it_takes_it_alone(api: TestClient, drain: Drain) -> None:
    file = (
        "Name,Mobile,Email\nOmar,+971501234567,a@example.com\nHuda,call her,b@example.com\nBad,1\nLost,2,3,4\n"
        "Karim,+971501234569,c@example.com\n"
    )
    imported = done(api, drain, bring(api, file), "commit")
    assert imported["counts"] | {"read": 5, "created": 2, "rejected": 3} == imported["counts"]
    phone, short, _ = rows(api, imported, status="rejected")
    assert phone["problems"] == [
        {"column": "Mobile", "field": "phone", "message": "must be one telephone number, without words"}
    ]
    assert (short["raw"], short["problems"][0]["message"]) == ("Bad,1\n", "has 2 cells, the header 3")
    place = f"/imports/{imported['import_id']}/rows"
    still = ok(api.post(f"{place}/3", json={"cells": ["Huda", "9.71501E+11", "b@example.com"]}))
    assert (still["status"], still["raw"]) == ("rejected", "Huda,call her,b@example.com\n")
    mended = ok(api.post(f"{place}/3", json={"cells": ["Huda", "+971501234568", "b@example.com"]}))
    assert mended["status"] == "created"
    assert api.post(f"{place}/3", json={"cells": []}).status_code == 409
    assert api.post(f"{place}/99", json={"cells": []}).status_code == 404
    found = ok(api.get(f"/imports/{imported['import_id']}"))
    assert (found["counts"]["created"], found["counts"]["rejected"], found["adds_up"]) == (3, 2, True)
    assert done(api, drain, imported, "undo")["undo"]["removed"] == 3


def test_one_record_said_twice_is_taken_once_and_never_the_last_word_wins(api: TestClient, drain: Drain) -> None:
    file = "Client ID,Name,Budget\n7,Omar,100\n7,Omar,100\n7,Omar,900\n"
    imported = done(api, drain, bring(api, file), "commit")
    assert [(row["status"], row["reason"]) for row in rows(api, imported)] == [
        ("created", None),
        ("unchanged", "says the same as line 2"),
        ("rejected", None),
    ]
    assert rows(api, imported)[2]["problems"][0]["message"] == "is the same record as line 2 and says otherwise"
    assert [client["budget"] for client in clients(api)] == ["100.00"]


def test_an_empty_cell_clears_nothing_and_wishes_are_added_to(api: TestClient, drain: Drain) -> None:
    done(api, drain, bring(api, "Client ID,Name,Email,Budget,Purpose\n7,Omar,a@example.com,100,own use\n"), "commit")
    (client,) = clients(api)
    ok(api.post("/client/ingest", json={"client_id": client["client_id"], "interest": {"amenities": ["Pool"]}}))
    source = ok(api.get("/imports"))["items"][0]["import_id"]
    source = ok(api.get(f"/imports/{source}"))["source"]
    second = bring(api, "Client ID,Name,Email,Budget,Beds\n7,,-,,2\n")
    assert done(api, drain, said(api, second, source=source), "commit")["counts"]["updated"] == 1
    (client,) = clients(api)
    assert (client["name"], client["email"], client["budget"]) == ("Omar", "a@example.com", "100.00")
    assert client["interest"] == {"amenities": ["Pool"], "bedrooms": 2}


def test_a_currency_without_an_amount_changes_no_amount(api: TestClient, drain: Drain) -> None:
    done(api, drain, bring(api, "Client ID,Name,Budget,Currency\n7,Omar,2000000,AED\n"), "commit")
    file = "Client ID,Name,Budget,Currency\n7,Omar,,USD\n8,Huda,,USD\n"
    assert done(api, drain, bring(api, file), "commit")["counts"]["rejected"] == 0
    told = {client["name"]: (client["budget"], client["currency"]) for client in clients(api)}
    assert told == {"Omar": ("2000000.00", "AED"), "Huda": (None, "AED")}


# Rights


@pytest.fixture
def agent(app: FastAPI, database: None) -> TestClient:
    new_owners()
    return client_of(app, {"X-API-Key": new_key("agent")})


def test_an_agent_imports_clients_of_its_own_and_sees_no_other_import(
    api: TestClient, agent: TestClient, drain: Drain
) -> None:
    mine = done(agent, drain, bring(agent, PEOPLE), "commit")
    assert mine["counts"]["created"] == 12
    assert {client["owner_agent_id"] for client in clients(agent)} == {str(AGENT)}
    theirs = bring(api, PEOPLE)
    assert agent.get(f"/imports/{theirs['import_id']}").status_code == 404
    assert agent.post(f"/imports/{theirs['import_id']}/commit", json={}).status_code == 404
    assert [one["import_id"] for one in ok(agent.get("/imports"))["items"]] == [mine["import_id"]]
    assert len(ok(api.get("/imports"))["items"]) == 2
    units = bring(agent, "Unit No,Price\n1,100\n", "units")
    refused = agent.post(f"/imports/{units['import_id']}/commit", json={})
    assert refused.status_code == 403
    assert "POST /property/ingest" in refused.json()["detail"]


def test_who_takes_an_agents_file_is_in_the_log_and_its_clients_are_that_agents(
    api: TestClient, agent: TestClient, drain: Drain, connection: Connection
) -> None:
    imported = bring(agent, PEOPLE)
    done(api, drain, imported, "commit")
    assert {client["owner_agent_id"] for client in clients(api)} == {str(AGENT)}
    done(api, drain, imported, "undo")
    lines = connection.execute(text("SELECT action, role, caller FROM audit_log ORDER BY audit_id")).all()
    told = [tuple(line) for line in lines if line.action.startswith("imports")]
    committer = told[1][2]
    assert told[0] == ("imports", "agent", imported["created_by"])
    assert committer != imported["created_by"]
    assert told[1:] == [
        (action, "admin", committer)
        for action in ("imports.commit", "imports.committed", "imports.undo", "imports.undone")
    ]


def test_an_agent_cannot_take_a_client_of_another_by_its_id(api: TestClient, agent: TestClient, drain: Drain) -> None:
    other = str(uuid.uuid4())
    ok(api.post("/agent/ingest", json={"agent_id": str(uuid.uuid4()), "name": "Other"}))
    ok(api.post("/client/ingest", json={"client_id": other, "name": "Theirs"}))
    imported = done(agent, drain, bring(agent, f"Client ID,Name,Owner\n{other},Mine,\n{other},Mine,Other\n"), "commit")
    assert imported["counts"]["rejected"] == 2
    assert [client["name"] for client in clients(api)] == ["Theirs"]


def test_who_may_not_import_is_refused(app: FastAPI, database: None) -> None:
    new_owners()
    reader = client_of(app, {"X-API-Key": new_key("read_only")})
    assert reader.get("/imports").status_code == 403
    assert reader.post("/imports", params={"filename": "a.csv"}, content=b"a", headers=CSV).status_code == 403


# The body


def test_what_is_no_table_or_too_large_is_refused(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    query = {"filename": "a.csv"}
    assert api.post("/imports", params=query, json={}).status_code == 415
    assert api.post("/imports", content=b"a,b\n", headers=CSV).status_code == 422
    assert api.post("/imports", params=query, content=b"", headers=CSV).status_code == 422
    assert api.post("/imports", params=query, content=b"PK\x03\x04x", headers=CSV).status_code == 400
    packed = CSV | {"Content-Encoding": "gzip"}
    assert api.post("/imports", params=query, content=b"a", headers=packed).status_code == 415
    monkeypatch.setenv("ESTATE_IMPORT_MAX_BYTES", "4")
    get_settings.cache_clear()
    try:
        assert api.post("/imports", params=query, content=b"a,b\nc", headers=CSV).status_code == 413
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


def test_a_repeated_call_brings_one_import(api: TestClient) -> None:
    headers = CSV | {"Idempotency-Key": "once"}
    first = api.post("/imports", params={"filename": "a.csv"}, content=PEOPLE.encode(), headers=headers)
    again = api.post("/imports", params={"filename": "a.csv"}, content=PEOPLE.encode(), headers=headers)
    assert (first.content, again.headers["idempotent-replay"]) == (again.content, "true")
    assert len(ok(api.get("/imports"))["items"]) == 1
    other = {"filename": "a.csv", "kind": "agents"}
    assert api.post("/imports", params=other, content=PEOPLE.encode(), headers=headers).status_code == 422


# The worker


def test_a_worker_that_dies_between_batches_or_within_one_takes_each_row_once(
    api: TestClient, drain: Drain, monkeypatch: pytest.MonkeyPatch, connection: Connection
) -> None:
    monkeypatch.setenv("ESTATE_IMPORT_BATCH_ROWS", "5")
    get_settings.cache_clear()
    imported = bring(api, PEOPLE)
    ok(api.post(f"/imports/{imported['import_id']}/commit", json={}), 202)
    real, calls = taking.keep_outcomes, 0

    def dies(*given: Any) -> None:
        nonlocal calls
        calls += 1
        if calls in (1, 3):
            raise KeyboardInterrupt
        real(*given)

    monkeypatch.setattr(taking, "keep_outcomes", dies)
    progress = []
    try:
        for _ in range(4):
            try:
                drain()
            except KeyboardInterrupt:
                progress.append(ok(api.get(f"/imports/{imported['import_id']}"))["counts"]["created"])
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()
    found = ok(api.get(f"/imports/{imported['import_id']}"))
    assert (progress, found["state"], found["counts"]["created"]) == ([0, 5], "committed", 12)
    assert connection.scalar(text("SELECT count(*) FROM client_profiles")) == 12
    assert connection.scalar(text("SELECT count(*) FROM import_changes WHERE after_hash IS NOT NULL")) == 12


def test_the_login_of_the_worker_takes_and_gives_back_in_the_importers_role(engine: Engine, app: FastAPI) -> None:
    registry.register()
    url = new_database(engine, "estate_intake_worker")
    api_login, worker_login = (Database.connect(as_login(url, f"estate_{who}"), who) for who in ("api", "worker"))
    owner = Database.connect(url, "worker")

    def drain() -> int:
        with use_database(worker_login):
            return drain_all()

    with use_database(owner):
        new_owners()
        keys = {role: new_key(role) for role in ("agent", "ingest")}
    with use_database(api_login):
        for role, key in keys.items():
            importer = client_of(app, {"X-API-Key": key})
            imported = done(importer, drain, bring(importer, PEOPLE), "commit")
            assert imported["counts"]["created"] == 12, role
            assert done(importer, drain, imported, "undo")["undo"]["removed"] == 12, role
    for database in (api_login, worker_login, owner):
        database.close()


def test_a_program_sees_what_it_brought_and_nothing_else(engine: Engine, app: FastAPI) -> None:
    url = new_database(engine, "estate_intake_program")
    api_login, owner = Database.connect(as_login(url, "estate_api"), "api"), Database.connect(url, "worker")
    with use_database(owner):
        new_owners()
        agent, program = (client_of(app, {"X-API-Key": new_key(role)}) for role in ("agent", "ingest"))
    with use_database(api_login):
        theirs, own = bring(agent, PEOPLE), bring(program, PEOPLE)
        assert [one["import_id"] for one in ok(program.get("/imports"))["items"]] == [own["import_id"]]
        assert len(rows(program, own)) == 12
        for method, path in (
            ("GET", ""),
            ("GET", "/rows"),
            ("POST", "/commit"),
            ("POST", "/undo"),
            ("POST", "/mapping"),
        ):
            answer = program.request(
                method, f"/imports/{theirs['import_id']}{path}", json={} if method == "POST" else None
            )
            assert answer.status_code == 404, (method, path)
    for database in (api_login, owner):
        database.close()


# Privacy


def test_an_erased_client_leaves_its_imports_which_still_add_up(
    api: TestClient, drain: Drain, connection: Connection
) -> None:
    first = done(api, drain, bring(api, PEOPLE), "commit")
    waiting = bring(api, PEOPLE)
    gone = rows(api, first)[3]["record_id"]
    exported = ok(api.get(f"/client/{gone}/export"))["tables"]
    assert [row["line"] for row in exported["import_rows"]] == [5]
    erased = ok(api.delete(f"/client/{gone}"))["erased"]
    assert erased["import_rows (cleared)"] == 2
    assert erased["import_changes"] == 1
    everything = "\n".join(
        row
        for table in ("imports", "import_rows", "import_changes")
        for row in connection.scalars(text(f"SELECT CAST(to_jsonb(t) - 'content' AS text) FROM {table} t"))
    )
    assert "Person 03" not in everything
    assert "Person 04" in everything
    assert connection.scalar(text("SELECT count(*) FROM imports WHERE content IS NOT NULL")) == 0
    counts = ok(api.get(f"/imports/{waiting['import_id']}"))["counts"]
    assert (counts["waiting"], counts["ignored"]) == (11, 1)
    assert api.post(f"/imports/{waiting['import_id']}/mapping", json={"encoding": "cp1252"}).status_code == 409
    again = done(api, drain, bring(api, PEOPLE), "commit")
    assert (again["counts"]["unchanged"], again["counts"]["rejected"]) == (11, 1)
    assert [row["cells"] for row in rows(api, again, status="rejected")] == [[]]


def test_a_file_with_an_erased_row_is_mapped_again(api: TestClient, drain: Drain) -> None:
    taken = bring(api, "Name,Mobile\nHuda Salem,+971501234567\n", name="taken.csv")
    read = bring(api, "Name,Mobile\nHuda Salem,+971501234567,left over\nOmar Nasser,+971501234568\n", name="read.csv")
    assert [row["status"] for row in rows(api, read)] == ["rejected", "waiting"]
    done(api, drain, taken, "commit")
    (client,) = ok(api.get("/client/query", params={"search": "Huda"}))["items"]
    ok(api.delete(f"/client/{client['client_id']}"))
    mapped = said(api, read, columns=[{"column": 0, "target": "name"}])
    assert mapped["adds_up"]
    assert [(row["status"], row["reason"]) for row in rows(api, read)] == [("ignored", "erased"), ("waiting", None)]


def test_a_name_in_two_cells_of_a_workbook_is_erased(api: TestClient, drain: Drain) -> None:
    taken = bring(api, "Name,Mobile\nHuda Salem,+971501234567\n", name="taken.csv")
    done(api, drain, taken, "commit")
    split = [["First name", "Last name", "Mobile"], ["Huda", "Salem", "050 123 4567"], ["Omar", "Nasser", "050"]]
    waiting = bring(api, workbook(split), name="split.xlsx")
    (client,) = ok(api.get("/client/query", params={"search": "Huda"}))["items"]
    ok(api.delete(f"/client/{client['client_id']}"))
    assert [row["cells"] for row in rows(api, waiting)] == [[], ["Omar", "Nasser", "050"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1256"])
def test_a_last_name_in_the_cell_before_the_first_is_erased(api: TestClient, drain: Drain, encoding: str) -> None:
    done(api, drain, bring(api, "Name,Mobile\nهدى سالم,+971501234567\n", name="taken.csv"), "commit")
    split = "Last name,First name,Mobile\nسالم,هدى,050 123 4567\nNasser,Omar,050\n"
    waiting = bring(api, split.encode(encoding), name="split.csv")
    (client,) = ok(api.get("/client/query", params={"search": "هدى"}))["items"]
    ok(api.delete(f"/client/{client['client_id']}"))
    assert [row["cells"] for row in rows(api, waiting)] == [[], ["Nasser", "Omar", "050"]]


def test_an_export_holds_the_imports_of_merged_clients(api: TestClient, drain: Drain) -> None:
    imported = done(api, drain, bring(api, PEOPLE), "commit")
    kept, merged = (row["record_id"] for row in rows(api, imported)[:2])
    ok(api.post("/client/merge", json={"keep": kept, "merge": merged}))
    tables = ok(api.get(f"/client/{kept}/export"))["tables"]
    assert {row["record_id"] for row in tables["import_rows"]} == {kept, merged}
    assert {row["record_id"] for row in tables["import_changes"]} == {kept, merged}


def test_imports_go_when_their_time_is_up(
    api: TestClient, drain: Drain, connection: Connection, tmp_path: Path
) -> None:
    imported = done(api, drain, bring(api, PEOPLE), "commit")
    assert forget_old() == {}
    connection.execute(text("UPDATE imports SET created_at = now() - interval '91 days'"))
    assert api.post(f"/imports/{imported['import_id']}/undo", json={}).status_code == 409
    assert forget_old() == {"import_rows": 12, "import_changes": 12, "imports": 1}
    with unit_of_work(Actor.system()) as session:
        assert session.scalar(text("SELECT count(*) FROM client_profiles")) == 12
