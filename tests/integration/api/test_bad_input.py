"""Every POST and GET refuses what it must and names the field; what is accepted can be read for ever."""

import base64
import json
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

AGENT = "00000000-0000-4000-8000-0000000000a1"
CLIENT = "00000000-0000-4000-8000-0000000000c1"
AREA = "00000000-0000-4000-8000-0000000000e1"
PROJECT = "00000000-0000-4000-8000-0000000000f1"
UNIT = "00000000-0000-4000-8000-0000000000f2"
NEW = "00000000-0000-4000-8000-000000000099"
WHEN = "2026-01-01T10:00:00Z"

# A valid body of every POST.
BODIES: dict[str, dict[str, Any]] = {
    "/market/ingest": {"area_id": AREA, "area_name": "Palm Harbour", "price_avg": "100.00"},
    "/agent/ingest": {"agent_id": AGENT, "name": "Layla"},
    "/client/ingest": {"client_id": CLIENT, "name": "Omar", "budget": "100.00", "owner_agent_id": AGENT},
    "/property/ingest": {"project_id": PROJECT, "unit_id": UNIT, "title": "Flat", "price": "100.00"},
    "/behavior/ingest": {"event_id": NEW, "agent_id": AGENT, "client_id": CLIENT, "time_of_event": WHEN},
    "/behavior/event": {"event_id": NEW, "agent_id": AGENT, "client_id": CLIENT, "time_of_event": WHEN},
    "/behavior/deal": {
        "deal_id": NEW,
        "agent_id": AGENT,
        "client_id": CLIENT,
        "stage": "viewing",
        "opened_at": WHEN,
    },
    "/behavior/conversation": {
        "conversation_id": NEW,
        "agent_id": AGENT,
        "client_id": CLIENT,
        "channel": "call",
        "started_at": WHEN,
        "turns": [{"speaker": "agent", "text": "Hello"}],
    },
    "/gpt/respond": {"client_input": "Hello", "agent_id": AGENT, "client_id": CLIENT, "property": None},
    "/gpt/feedback": {"response_id": NEW, "verdict": "helpful"},
}

# A field of each kind, by endpoint; an endpoint without such a field is not in the row.
FIELDS: dict[str, dict[str, str]] = {
    "text": {
        "/market/ingest": "area_name",
        "/agent/ingest": "name",
        "/client/ingest": "name",
        "/property/ingest": "title",
        "/behavior/ingest": "trigger_word",
        "/behavior/event": "emotion_detected",
        "/behavior/deal": "lost_reason",
        "/gpt/respond": "client_input",
        "/gpt/feedback": "note",
    },
    "json": {
        "/market/ingest": "new_projects",
        "/agent/ingest": "skill_scores",
        "/client/ingest": "interest",
        "/property/ingest": "amenities",
        "/behavior/ingest": "metadata",
        "/behavior/event": "metadata",
    },
    "money": {
        "/market/ingest": "price_avg",
        "/agent/ingest": "avg_closing_price",
        "/client/ingest": "budget",
        "/property/ingest": "price",
        "/behavior/deal": "value",
    },
    "number": {
        "/market/ingest": "demand_score",
        "/agent/ingest": "avg_response_time",
        "/client/ingest": "qualification_score",
        "/property/ingest": "sales_velocity",
        "/behavior/ingest": "response_speed",
        "/behavior/event": "conversion_effect",
    },
    "int": {"/agent/ingest": "calls_per_day", "/property/ingest": "bedrooms"},
    "bigint": {"/market/ingest": "sales_volume"},
    "time": {
        "/behavior/ingest": "time_of_event",
        "/behavior/event": "time_of_event",
        "/behavior/deal": "opened_at",
        "/behavior/conversation": "started_at",
        "/agent/ingest": "updated_at",
        "/client/ingest": "updated_at",
        "/property/ingest": "updated_at",
    },
    "uuid": {
        "/market/ingest": "area_id",
        "/agent/ingest": "agent_id",
        "/client/ingest": "owner_agent_id",
        "/property/ingest": "project_id",
        "/behavior/ingest": "event_id",
        "/behavior/event": "client_id",
        "/behavior/deal": "deal_id",
        "/behavior/conversation": "conversation_id",
        "/gpt/respond": "client_id",
        "/gpt/feedback": "response_id",
    },
}
FIELDS["any"] = {path: next(iter(body)) for path, body in BODIES.items()}


class Bad(NamedTuple):
    """A JSON fragment that a field of some kind must refuse, numbered as in the project's table of bad input."""

    number: int
    kind: str
    fragment: bytes
    status: int


DEEP = b"[" * 40 + b"]" * 40
TABLE = [
    Bad(1, "text", rb'"a\u0000b"', 422),
    Bad(2, "json", rb'{"a": "\u0000"}', 422),
    Bad(3, "json", rb'{"a\u0000b": 1}', 422),
    Bad(5, "text", rb'"\ud800"', 400),
    Bad(6, "json", rb'{"a": "\udfff"}', 400),
    Bad(7, "uuid", rb'"\ud800"', 400),
    Bad(9, "text", b'"\xff"', 400),
    Bad(13, "number", b"NaN", 400),
    Bad(14, "number", b'"NaN"', 422),
    Bad(15, "number", b"Infinity", 400),
    Bad(16, "number", b"1e400", 400),
    Bad(17, "json", b'{"a": NaN}', 400),
    Bad(17, "json", b'{"a": 1e200000}', 400),
    Bad(19, "number", b"1e15", 422),
    Bad(20, "money", b'"1e20"', 422),
    Bad(20, "money", b"999999999999.995", 422),
    Bad(21, "money", b'"1e-100000"', 422),
    Bad(22, "money", b'"0.001"', 422),
    Bad(23, "money", b"-5", 422),
    Bad(24, "money", b'"1,000,000"', 422),
    Bad(24, "money", '"١٢٣"'.encode(), 422),
    Bad(26, "int", b"2147483648", 422),
    Bad(27, "bigint", b"9223372036854775808", 422),
    Bad(28, "int", b"1.0", 422),
    Bad(28, "int", b"true", 422),
    Bad(28, "int", b'"1_000"', 422),
    Bad(29, "json", b'{"a": ' + b"9" * 4_000 + b"}", 422),
    Bad(29, "json", b'{"a": ' + b"9" * 5_000 + b"}", 400),
    Bad(30, "time", b'"0001-01-01T00:00:00+14:00"', 422),
    Bad(31, "time", b'"9999-12-31T23:59:59-14:00"', 422),
    Bad(32, "time", b'"2026-01-01T10:00:00"', 422),
    Bad(33, "time", b"1", 422),
    Bad(33, "time", b'"1700000000000"', 422),
    Bad(34, "time", b'"2026-01-01T10:00:60Z"', 422),
    Bad(34, "time", b'"2026-02-30T10:00:00Z"', 422),
    Bad(35, "time", b'"2400-01-01T10:00:00Z"', 422),
    Bad(38, "uuid", b'"nope"', 422),
    Bad(38, "uuid", b"5", 422),
    Bad(39, "uuid", b'"urn:uuid:00000000-0000-4000-8000-000000000001"', 422),
    Bad(39, "uuid", b'"{00000000-0000-4000-8000-000000000001}"', 422),
    Bad(39, "uuid", b'"00000000-0000-4000-8000-00000000000A"', 422),
    Bad(50, "text", b'"' + "界".encode() * 10_000 + b'"', 422),
    Bad(51, "text", b'""', 422),
    Bad(51, "text", b'"   "', 422),
    Bad(55, "json", b'{"a": ' + DEEP + b"}", 400),
    Bad(55, "any", DEEP, 400),
]
CASES = [(bad, path) for bad in TABLE for path in FIELDS[bad.kind]]


def body_with(path: str, field: str, fragment: bytes) -> bytes:
    """Return the valid body of an endpoint with one field replaced."""
    rest = {name: value for name, value in BODIES[path].items() if name != field}
    inner = json.dumps(rest).encode()[1:-1]
    return b"{" + (inner + b", " if inner else b"") + json.dumps(field).encode() + b": " + fragment + b"}"


def post(api: TestClient, path: str, content: bytes) -> Any:
    return api.post(path, content=content, headers={"content-type": "application/json"})


@pytest.fixture
def world(api: TestClient) -> TestClient:
    """The application with one record of each layer."""
    for path in ("/market/ingest", "/agent/ingest", "/client/ingest", "/property/ingest"):
        answer = api.post(path, json=BODIES[path])
        assert answer.status_code == 200, answer.text
    return api


@pytest.mark.parametrize(
    ("bad", "path"), CASES, ids=lambda value: f"{value.number}" if isinstance(value, Bad) else value
)
def test_a_bad_value_is_refused_with_its_field_and_never_echoed(world: TestClient, bad: Bad, path: str) -> None:
    field = FIELDS[bad.kind][path]
    answer = post(world, path, body_with(path, field, bad.fragment))
    assert answer.status_code == bad.status, answer.text
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 64_000
    if bad.status == 422:
        assert any(error["field"].startswith(field) for error in problem["errors"]), problem
        assert bad.fragment.strip(b'"').decode() not in answer.text or len(bad.fragment) < 6


ENVELOPES = {
    "empty": b"",
    "null": b"null",
    "string": b'"text"',
    "number": b"5",
    "truncated": b'{"a": ',
    "trailing": b"{} {}",
    "utf-16": "{}".encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "duplicate key": b'{"a": 1, "a": 2}',
    "brackets": b"[" * 100_000,
}


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("name", ENVELOPES)
def test_a_broken_body_is_refused(world: TestClient, path: str, name: str) -> None:
    answer = post(world, path, ENVELOPES[name])
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    "path", [path for path in BODIES if path.startswith(("/market", "/agent", "/client", "/prop"))]
)
def test_an_empty_batch_is_no_error(world: TestClient, path: str) -> None:
    answer = world.post(path, json=[])
    assert (answer.status_code, answer.json()["items"]) == (200, [])


@pytest.mark.parametrize("path", BODIES)
def test_an_unknown_field_is_refused(world: TestClient, path: str) -> None:
    answer = world.post(path, json=BODIES[path] | {"tenant_id": "x"})
    assert answer.status_code == 422
    assert "tenant_id" in {error["field"] for error in answer.json()["errors"]}


REFERENCES = {
    "/client/ingest": ("owner_agent_id",),
    "/behavior/ingest": ("agent_id", "client_id", "deal_id", "conversation_id"),
    "/behavior/event": ("agent_id", "client_id"),
    "/behavior/deal": ("agent_id", "client_id"),
    "/behavior/conversation": ("agent_id", "client_id", "deal_id"),
    "/property/ingest": ("area_id",),
    "/agent/ingest": ("team_id",),
}


@pytest.mark.parametrize(("path", "field"), [(path, field) for path, fields in REFERENCES.items() for field in fields])
def test_an_unknown_reference_is_refused_by_name(world: TestClient, path: str, field: str) -> None:
    answer = world.post(path, json=BODIES[path] | {field: str(uuid.uuid4())})
    assert answer.status_code == 422, answer.text
    assert field in answer.text


@pytest.mark.parametrize("field", ["agent_id", "client_id", "property"])
def test_the_assistant_does_not_know_unknown_records(world: TestClient, field: str) -> None:
    unknown = f"{uuid.uuid4()}:{uuid.uuid4()}" if field == "property" else str(uuid.uuid4())
    answer = world.post("/gpt/respond", json=BODIES["/gpt/respond"] | {field: unknown})
    assert answer.status_code == 404, answer.text


# Every GET that takes parameters, with what makes it valid.
GETS: dict[str, dict[str, str]] = {
    "/market/query": {},
    "/market/heatmap": {},
    "/market/predict": {"area_id": AREA},
    "/market/recommend": {"client_id": CLIENT},
    "/agent/query": {},
    "/agent/rankings": {},
    "/agent/predict": {"agent_id": AGENT},
    "/agent/recommend": {"client_id": CLIENT},
    "/client/query": {},
    "/client/count": {},
    f"/client/qualification/{CLIENT}": {},
    "/client/predict": {"client_id": CLIENT, "agent_id": AGENT, "unit": f"{PROJECT}:{UNIT}"},
    "/client/recommend": {"agent_id": AGENT},
    "/client/skip-reasons": {},
    f"/client/{CLIENT}/timeline": {},
    "/property/query": {},
    "/property/count": {},
    "/property/predict": {"unit": f"{PROJECT}:{UNIT}"},
    "/property/recommend": {"client_id": CLIENT},
    "/behavior/query": {},
    "/behavior/deals": {},
    "/behavior/pipeline": {},
    "/behavior/predict": {"client_id": CLIENT},
    "/behavior/recommend": {"client_id": CLIENT},
    "/behavior/triggers": {},
    "/behavior/patterns": {},
    "/ingest/rejected": {},
    "/system/queues": {},
    "/system/jobs": {},
    "/system/models": {},
    "/system/keys": {},
    "/system/users": {},
}
IDS = [(path, name) for path, valid in GETS.items() for name in valid]
LISTS = [path for path in GETS if path.endswith(("/query", "/deals", "/rejected"))]


@pytest.mark.parametrize(("path", "name"), IDS)
@pytest.mark.parametrize("value", ["nope", "5", "", "%00", NEW[:-1] + "A", "urn:uuid:" + NEW])
def test_a_bad_id_in_a_query_is_refused(world: TestClient, path: str, name: str, value: str) -> None:
    query = "&".join(f"{n}={value if n == name else v}" for n, v in GETS[path].items())
    answer = world.get(f"{path}?{query}")
    assert answer.status_code == 422, answer.text
    assert name in {error["field"] for error in answer.json()["errors"]}


@pytest.mark.parametrize(("path", "name"), IDS)
def test_an_unknown_id_is_not_found(world: TestClient, path: str, name: str) -> None:
    unknown = f"{uuid.uuid4()}:{uuid.uuid4()}" if name == "unit" else str(uuid.uuid4())
    answer = world.get(path, params=GETS[path] | {name: unknown})
    assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("path", GETS)
def test_an_unknown_parameter_is_refused(world: TestClient, path: str) -> None:
    assert world.get(path, params=GETS[path] | {"limt": "5"}).status_code == 422


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=-1", 422),
        ("limit=0", 422),
        ("limit=1e9", 422),
        ("limit=9223372036854775808", 422),
        ("limit=", 422),
        ("limit=1&limit=2", 422),
        ("offset=-1", 422),
        ("cursor=garbage", 400),
        ("cursor=%ff", 400),
        ("cursor=%00", 422),
    ],
)
def test_a_bad_page_is_refused(world: TestClient, path: str, query: str, status: int) -> None:
    assert world.get(f"{path}?{query}").status_code == status


@pytest.mark.parametrize("path", [*LISTS, f"/client/{CLIENT}/timeline"])
@pytest.mark.parametrize("parts", range(1, 4))
def test_a_cursor_with_half_a_character_is_refused(world: TestClient, path: str, parts: int) -> None:
    moment = "2026-11-28T00:00:00+00:00"
    forged = base64.urlsafe_b64encode(json.dumps([moment, "\ud800", moment][:parts]).encode()).decode().rstrip("=")
    assert world.get(path, params={"cursor": forged}).status_code == 400


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("since=-1", 422),
        ("since=0001-01-01T00:00:00Z", 422),
        ("since=2026-01-01T10:00:00+02:00", 422),
        ("since=2026-01-01T10:00:00%2B02:00", 200),
    ],
)
def test_times_in_a_query_are_read_strictly(world: TestClient, query: str, status: int) -> None:
    assert world.get(f"/behavior/query?{query}").status_code == status


def test_a_lost_plus_is_explained(world: TestClient) -> None:
    assert "%2B" in world.get("/behavior/query?since=2026-01-01T10:00:00+02:00").text


@pytest.mark.parametrize("value", ["nan", "inf", "1e308", "1_000", "sNaN", "1e1000000"])
def test_numbers_in_a_query_are_read_strictly(world: TestClient, value: str) -> None:
    assert world.get("/client/query", params={"budget_min": value}).status_code == 422


@pytest.mark.parametrize("value", ["(", "(a+)+$", "%25", "'; drop table", "\u202eabc"])
def test_a_search_is_plain_text(world: TestClient, value: str) -> None:
    assert world.get("/client/query", params={"search": value}).json()["items"] == []


@pytest.mark.parametrize("units", [("x", f"{PROJECT}:{UNIT}"), (PROJECT + ":", f"{PROJECT}:{UNIT}"), ("", "")])
def test_a_bad_unit_is_refused_by_compare(world: TestClient, units: tuple[str, str]) -> None:
    answer = world.get("/property/compare", params={"unitA": units[0], "unitB": units[1]})
    assert answer.status_code == 422
    assert answer.json()["errors"]


ACCEPTED: dict[str, list[Any]] = {
    "trigger_word": ["<script>alert(1)</script>", "=HYPERLINK(1)", "شقة بحرية", "e\u0301", "a\tb"],
    "metadata": [{"a": [1, 2.5, None, True, {"ب": "ج"}]}, {"n": 2**53}, {}],
    "response_speed": [0, 0.1, 1e12],
    "conversion_effect": [-1, 0.25],
}
WRITTEN = {"e\u0301": "\u00e9"}


@pytest.mark.parametrize(("field", "value"), [(f, v) for f, values in ACCEPTED.items() for v in values])
def test_an_accepted_value_can_be_read_for_ever(world: TestClient, field: str, value: Any) -> None:
    assert world.post("/behavior/event", json=BODIES["/behavior/event"] | {field: value}).status_code == 202
    item = world.get("/behavior/query").json()["items"][0]
    assert item[field] == (WRITTEN.get(value, value) if isinstance(value, str) else value)


def test_after_all_refusals_every_get_still_answers(world: TestClient) -> None:
    for bad, path in CASES:
        post(world, path, body_with(path, FIELDS[bad.kind][path], bad.fragment))
    assert {path: world.get(path, params=valid).status_code for path, valid in GETS.items()} == dict.fromkeys(GETS, 200)


@pytest.mark.parametrize(
    "interest",
    [
        {"amenities": [{"code": ["Pool"], "label": "Pool"}]},
        {"bedrooms": "9" * 4_301},
        {"must": {"unit_type": "x" * 60_000}},
    ],
    ids=["code", "bedrooms", "type"],
)
def test_a_wish_that_cannot_be_read_breaks_no_page(
    world: TestClient, connection: Connection, drain: Callable[[], int], interest: dict[str, Any]
) -> None:
    other = str(uuid.UUID(int=3))
    both = [BODIES["/client/ingest"] | {"interest": interest}, BODIES["/client/ingest"] | {"client_id": other}]
    assert world.post("/client/ingest", json=both).status_code == 200
    for stage in ("won", "lost"):
        deal = BODIES["/behavior/deal"] | {"deal_id": str(uuid.uuid4()), "stage": stage, "closed_at": WHEN}
        assert world.post("/behavior/deal", json=deal).status_code == 200
    drain()
    assert connection.execute(text("SELECT topic, last_error FROM outbox WHERE last_error IS NOT NULL")).all() == []
    gets = GETS | {"/agent/rankings": {}}
    assert {path: world.get(path, params=valid).status_code for path, valid in gets.items()} == dict.fromkeys(gets, 200)


@pytest.fixture
def batches(world: TestClient) -> dict[str, list[dict[str, Any]]]:
    """For each batch endpoint 10,000 good rows, of which three are spoilt."""
    ids = [str(uuid.UUID(int=(1 << 80) + i, version=4)) for i in range(10_000)]
    good = {
        "/market/ingest": [
            BODIES["/market/ingest"] | {"observed_on": "2026-01-01", "source": f"s{i}"} for i in range(10_000)
        ],
        "/agent/ingest": [{"agent_id": id_} for id_ in ids],
        "/client/ingest": [{"client_id": id_, "owner_agent_id": AGENT} for id_ in ids],
        "/property/ingest": [{"project_id": PROJECT, "unit_id": id_} for id_ in ids],
        "/behavior/ingest": [BODIES["/behavior/ingest"] | {"event_id": id_} for id_ in ids],
    }
    for rows in good.values():
        for i in (0, 5_000, 9_999):
            rows[i] = rows[i] | {"surprise": True}
    return good


@pytest.mark.parametrize(
    "path", ["/market/ingest", "/agent/ingest", "/client/ingest", "/property/ingest", "/behavior/ingest"]
)
def test_three_bad_rows_of_ten_thousand_are_kept_and_the_rest_is_stored(
    world: TestClient, connection: Connection, batches: dict[str, list[dict[str, Any]]], path: str
) -> None:
    answer = world.post(path, json=batches[path])
    assert answer.status_code == 200, answer.text[:500]
    counts = answer.json()
    assert (counts["rejected"], counts["created"] + counts["updated"]) == (3, 9_997)
    assert [item["index"] for item in counts["items"] if item["status"] == "rejected"] == [0, 5_000, 9_999]
    kept = connection.execute(
        text("SELECT row_number, reason, raw FROM rejected_rows WHERE batch_id = :batch ORDER BY row_number"),
        {"batch": counts["batch_id"]},
    ).all()
    assert [row.row_number for row in kept] == [0, 5_000, 9_999]
    assert all("surprise" in row.reason and json.loads(row.raw)["surprise"] for row in kept)
