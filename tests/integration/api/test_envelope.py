"""The envelope of every request: body, query string, key, commit before answer, idempotency."""

import gzip
import json
import tracemalloc
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import InternalError
from starlette.testclient import TestClient
from tests.conftest import API_KEY
from tests.live import committing

from estate.core.db import Database, database_time, unit_of_work, use_database
from estate.core.idempotency import forget_old_answers
from estate.core.rejected import MOST_SHOWN_BYTES
from estate.core.security import Actor
from estate.core.settings import get_settings

AREA = {"area_id": str(uuid.UUID(int=1, version=4)), "area_name": "Palm Harbour", "price_avg": "100.00"}


@pytest.mark.parametrize("header", [{"X-API-Key": API_KEY}, {"Authorization": f"Bearer {API_KEY}"}])
def test_a_key_opens_a_post(api: TestClient, header: dict[str, str]) -> None:
    api.headers.pop("X-API-Key")
    assert api.post("/market/ingest", json=AREA, headers=header).status_code == 200


@pytest.mark.parametrize("path", ["/market/ingest", "/behavior/event"])
def test_an_empty_key_leaves_the_bearer_token_to_speak(api: TestClient, path: str) -> None:
    headers = {"X-API-Key": "", "Authorization": f"Bearer {API_KEY}"}
    assert api.post(path, json={}, headers=headers).status_code == 422


@pytest.mark.parametrize("header", [{}, {"X-API-Key": "wrong"}, {"Authorization": "Basic abc"}])
def test_without_a_right_key_nothing_is_read(api: TestClient, header: dict[str, str]) -> None:
    api.headers.pop("X-API-Key")
    answer = api.post("/market/ingest", content=b"{", headers=header)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_key_in_the_url_is_refused_and_not_logged(api: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    assert api.get(f"/market/query?api_key={API_KEY}").status_code == 400
    assert API_KEY not in caplog.text


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", {}, 415),
        (b"<a/>", {"content-type": "application/xml"}, 415),
        (b"{}", {"content-type": "application/json", "content-encoding": "br"}, 415),
        (b"{}", {"content-type": "application/json", "content-encoding": "gzip, gzip"}, 415),
        (b"{}", {"content-type": "application/json; charset=utf-16"}, 415),
    ],
)
def test_only_plain_json_is_read(api: TestClient, content: bytes, headers: dict[str, str], status: int) -> None:
    assert api.post("/market/ingest", content=content, headers=headers).status_code == status


NDJSON = {"content-type": "application/x-ndjson"}
GZIP = {"content-type": "application/json", "content-encoding": "gzip"}


def test_a_packed_body_is_read(api: TestClient) -> None:
    answer = api.post("/market/ingest", content=gzip.compress(json.dumps([AREA]).encode()), headers=GZIP)
    assert (answer.status_code, answer.json()["created"]) == (200, 1)
    lines = gzip.compress(json.dumps(AREA).encode()) + gzip.compress(b"\n{}\n")
    answer = api.post("/market/ingest", content=lines, headers=NDJSON | {"content-encoding": "GZIP"})
    assert [item["status"] for item in answer.json()["items"]] == ["created", "rejected"]


PACKED = gzip.compress(b"{}", mtime=0)


@pytest.mark.parametrize("broken", [b"{}", b"", PACKED[:-3], PACKED + b"tail"])
def test_a_body_that_cannot_be_unpacked_is_400(api: TestClient, broken: bytes) -> None:
    assert api.post("/market/ingest", content=broken, headers=GZIP).status_code == 400


def test_a_bomb_is_refused_while_it_unpacks(api: TestClient) -> None:
    limit = get_settings().body_max_bytes
    bomb = gzip.compress(b" " * 20 * limit, compresslevel=1)
    assert len(bomb) < limit
    tracemalloc.start()
    try:
        answer = api.post("/market/ingest", content=bomb, headers=GZIP)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (answer.status_code, peak < 6 * limit) == (413, True), peak
    members = gzip.compress(b" " * (limit // 2)) * 3
    assert api.post("/market/ingest", content=members, headers=GZIP).status_code == 413


def test_a_bad_line_is_refused_by_itself_with_its_bytes(api: TestClient) -> None:
    bad = b'{"area_id": "\xff" , "x": 1.10}'
    lines = b"\r\n".join([json.dumps(AREA).encode(), b"", bad, b"[1]", b'{"a": 1, "a": 2}'])
    answer = api.post("/market/ingest", content=lines, headers=NDJSON)
    assert answer.status_code == 200
    assert [item["status"] for item in answer.json()["items"]] == ["created", "rejected", "rejected", "rejected"]
    kept = api.get("/ingest/rejected", params={"batch_id": answer.json()["batch_id"]}).json()["items"]
    assert [row["raw"] for row in kept] == ['{"a": 1, "a": 2}', "[1]", bad.decode(errors="backslashreplace")]
    assert [row["row_number"] for row in kept] == [3, 2, 1]


def test_of_a_refused_row_the_beginning_is_listed_and_all_is_kept(api: TestClient) -> None:
    long = {"area_id": "x" * 1_000_000}
    api.post("/market/ingest", json=[long, {}])
    (short, kept) = api.get("/ingest/rejected", params={"limit": 2}).json()["items"]
    assert (short["raw"], short["raw_bytes"]) == ("{}", 2)
    assert kept["raw"] == json.dumps(long, separators=(",", ":"))[:MOST_SHOWN_BYTES]
    assert kept["raw_bytes"] == 1_000_000 + len('{"area_id":""}')


def test_lines_over_the_item_cap_are_refused_whole(api: TestClient) -> None:
    lines = b"{}\n" * (get_settings().batch_max_items + 1)
    assert api.post("/market/ingest", content=lines, headers=NDJSON).status_code == 413
    assert api.post("/market/ingest", content=b"\n" * 1_000_000, headers=NDJSON).status_code == 413


def test_lines_are_no_single_object(api: TestClient) -> None:
    for path in ("/behavior/event", "/gpt/feedback"):
        assert api.post(path, content=b"{}\n", headers=NDJSON).status_code == 422


def test_a_body_over_the_cap_is_cut_while_it_streams(api: TestClient) -> None:
    headers = {"content-type": "application/json"}
    too_much = b" " * (get_settings().body_max_bytes + 1)
    assert api.post("/market/ingest", content=too_much, headers=headers).status_code == 413
    headers["content-length"] = "0"
    assert api.post("/market/ingest", content=too_much, headers=headers).status_code == 413


def test_a_batch_over_the_item_cap_is_refused_whole(api: TestClient) -> None:
    answer = api.post("/market/ingest", json=[{}] * (get_settings().batch_max_items + 1))
    assert answer.status_code == 413
    assert len(answer.content) < 64_000


def test_a_batch_of_refused_rows_answers_a_bounded_problem(api: TestClient) -> None:
    answer = api.post("/market/ingest", json=[{}] * 10_000)
    assert answer.status_code == 422
    assert len(answer.content) < 64_000
    assert answer.json()["errors"][0].keys() == {"field", "message", "row"}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("search=%ff", 400),
        ("search=%ed%a0%80", 400),
        ("search=%00", 422),
        ("limit=1&limit=2", 422),
        ("limt=5", 422),
        ("limit=-1", 422),
        ("limit=0", 422),
        ("limit=1_0", 422),
        ("limit=1000000000", 422),
        ("limit=9223372036854775808", 422),
        ("limit=", 422),
        ("offset=5", 422),
        ("cursor=garbage", 400),
        ("cursor=" + "A" * 300, 422),
    ],
)
def test_query_strings_are_read_strictly(api: TestClient, query: str, status: int) -> None:
    answer = api.get(f"/market/query?{query}")
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_only_lists_may_be_given_twice(api: TestClient) -> None:
    said = {"must be given once"}
    for path, methods in api.get("/openapi.json").json()["paths"].items():
        for one in methods.get("get", {}).get("parameters", []):
            if one["in"] == "query":
                answer = api.get(path, params={one["name"]: ["a", "b"]})
                refused = said <= {problem["message"] for problem in answer.json().get("errors", [])}
                assert refused != ("array" in str(one["schema"])), (path, one["name"])


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/market/ingest"), ("TRACE", "/market/query")])
def test_another_method_is_405_with_allow(api: TestClient, method: str, path: str) -> None:
    answer = api.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"]


@pytest.mark.parametrize("path", ["/nothing", "/market/query/", "//market/query"])
def test_an_unknown_path_is_404_and_never_a_redirect(api: TestClient, path: str) -> None:
    answer = api.get(path, follow_redirects=False)
    assert answer.status_code == 404
    assert answer.json()["status"] == 404


def test_every_answer_carries_a_request_id(api: TestClient) -> None:
    assert len(api.get("/healthz").headers["x-request-id"]) == 32
    assert api.get("/healthz", headers={"x-request-id": "my-own-id"}).headers["x-request-id"] == "my-own-id"
    problem = api.get("/nothing", headers={"x-request-id": "my-own-id"}).json()
    assert problem["request_id"] == "my-own-id"


def test_the_same_idempotency_key_repeats_the_answer_and_not_the_effect(api: TestClient) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = api.post("/market/ingest", json=AREA, headers=headers)
    again = api.post("/market/ingest", json=AREA, headers=headers)
    assert (first.status_code, again.content, again.headers["idempotent-replay"]) == (200, first.content, "true")
    area = api.get("/market/query", params={"area_id": AREA["area_id"]}).json()["items"][0]
    assert area["snapshot_count"] == 1
    other = api.post("/market/ingest", json=AREA | {"price_avg": "1.00"}, headers=headers)
    assert other.status_code == 422
    assert api.post("/market/ingest", json=AREA, headers={"Idempotency-Key": "x" * 300}).status_code == 400


def test_an_answer_past_its_retention_is_forgotten(api: TestClient, connection: Connection) -> None:
    headers = {"Idempotency-Key": "k2"}
    api.post("/market/ingest", json=AREA, headers=headers)
    connection.execute(text("UPDATE idempotency_keys SET created_at = created_at - interval '25 hours'"))
    assert "idempotent-replay" not in api.post("/market/ingest", json=AREA, headers=headers).headers
    connection.execute(text("UPDATE idempotency_keys SET created_at = created_at - interval '25 hours'"))
    with unit_of_work(Actor.system()) as session:
        forget_old_answers(session, database_time(session))
    assert connection.execute(text("SELECT count(*) FROM idempotency_keys")).scalar_one() == 0


def test_an_answer_is_kept_as_long_as_the_clock_of_the_database_says(api: TestClient, connection: Connection) -> None:
    headers = {"Idempotency-Key": "k3"}
    api.post("/market/ingest", json=AREA, headers=headers)
    # The clock of the machine is not ours to turn; this puts that of the database a day and an hour behind it.
    for statement in (
        "UPDATE idempotency_keys SET created_at = created_at - interval '25 hours'",
        "SET LOCAL ROLE NONE",
        "CREATE SCHEMA skewed",
        "GRANT USAGE ON SCHEMA skewed TO PUBLIC",
        "CREATE FUNCTION skewed.now() RETURNS timestamptz LANGUAGE sql"
        " AS $$SELECT pg_catalog.now() - interval '25 hours'$$",
        "SET LOCAL search_path = skewed, pg_catalog, public",
        "SET LOCAL ROLE estate_system",
    ):
        connection.execute(text(statement))
    assert api.post("/market/ingest", json=AREA, headers=headers).headers["idempotent-replay"] == "true"


def test_a_refused_row_answers_with_the_id_of_its_request(api: TestClient) -> None:
    answer = api.post("/market/ingest", json={"area_id": "x"}, headers={"x-request-id": "my-own-id"})
    assert (answer.status_code, answer.json()["request_id"]) == (422, "my-own-id")


@pytest.fixture
def live(engine: Engine) -> Iterator[TestClient]:
    """The application on transactions that really commit."""
    from estate.api.app import create_app

    with use_database(Database.of(engine)):
        client = TestClient(create_app(), headers={"X-API-Key": API_KEY}, raise_server_exceptions=False)
        yield client
        client.close()


@pytest.fixture
def failing_commit(engine: Engine) -> Iterator[None]:
    """Every transaction that writes a snapshot fails at COMMIT."""
    with engine.begin() as connection:
        connection.execute(
            text("""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'disk on fire' USING ERRCODE = '53100'; END $$
            """)
        )
        connection.execute(
            text("""
            CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON market_snapshots
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()
            """)
        )
    yield
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER refuse ON market_snapshots"))
        connection.execute(text("DROP FUNCTION refuse"))


def test_a_commit_that_fails_is_never_answered_with_success(live: TestClient, failing_commit: None) -> None:
    answer = live.post("/market/ingest", json=AREA)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "disk on fire" not in answer.text
    assert live.get("/market/query", params={"area_id": AREA["area_id"]}).json()["items"] == []


@pytest.mark.parametrize("most", [3, 120])
def test_as_many_problems_are_told_as_the_setting_says(
    api: TestClient, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setenv("ESTATE_PROBLEMS_MAX_ITEMS", str(most))
    get_settings.cache_clear()
    unknown = {f"field_{i}": 1 for i in range(200)}
    answers = [api.post("/client/closing", json=unknown), api.post("/market/ingest", json=unknown)]
    monkeypatch.undo()
    get_settings.cache_clear()
    assert [(answer.status_code, len(answer.json()["errors"])) for answer in answers] == [(422, most)] * 2


def test_a_call_with_a_key_that_is_still_running_is_a_conflict(live: TestClient, engine: Engine) -> None:
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
    with engine.begin() as connection:
        connection.execute(lock, {"name": "bootstrap /market/ingest busy"})
        answer = live.post("/market/ingest", json=AREA, headers={"Idempotency-Key": "busy"})
    assert answer.status_code == 409


def test_a_get_cannot_write(live: TestClient) -> None:
    write = text("INSERT INTO teams (team_id, name) VALUES (gen_random_uuid(), 'x')")

    def get() -> None:
        with unit_of_work(Actor.house(), read_only=True) as session:
            session.execute(write)

    with pytest.raises(InternalError, match="read-only"):
        get()


def test_a_get_reads_all_as_of_one_moment(engine: Engine) -> None:
    count, add = (
        text("SELECT count(*) FROM teams"),
        text("INSERT INTO teams (team_id, name) VALUES (gen_random_uuid(), 'x')"),
    )
    with committing(engine, "estate_moment") as database, use_database(database):
        with unit_of_work(Actor.house(), read_only=True) as reader:
            assert reader.scalar(count) == 0
            with unit_of_work(Actor.system()) as writer:
                writer.execute(add)
            assert reader.scalar(count) == 0
        with unit_of_work(Actor.house(), read_only=True) as reader:
            assert reader.scalar(count) == 1


def test_a_hostile_list_delays_nobody(live: TestClient) -> None:
    """A megabyte of empty objects; the delay itself is measured against a running server in tests/e2e."""
    hostile = ("[" + ",".join(["{}"] * 333_334) + "]").encode()
    with ThreadPoolExecutor(2) as pool:
        attack = pool.submit(live.post, "/market/ingest", content=hostile, headers={"content-type": "application/json"})
        assert live.get("/healthz").status_code == 200
        answer = attack.result()
    assert answer.status_code == 413
    assert len(answer.content) < 64_000
    assert json.loads(answer.content)["status"] == 413
