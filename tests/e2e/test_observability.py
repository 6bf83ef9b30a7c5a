"""One request is followed from its answer to the worker's lines; real faults leave no personal data anywhere."""

import gzip
import json
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, create_engine, text
from tests.conftest import API_KEY
from tests.live import new_platform, running_api, running_worker, wait_until

from estate.cli.processes import free_port

NAME, PHONE, MAIL, BUDGET = "Zubaydah Qanari", "+971507654321", "zubaydah@qanari.example", "7654321.25"
CANARIES = (NAME, PHONE, MAIL, BUDGET, "Zubaydah", "507654321", "7654321", API_KEY)

# As a broken trigger or a full row would: PostgreSQL quotes the whole row in message and DETAIL.
FAULTS = """
CREATE FUNCTION quote_the_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'cannot keep %', to_jsonb(NEW) USING DETAIL = 'row ' || to_jsonb(NEW)::text, ERRCODE = TG_ARGV[0];
END $$
"""
BREAK = "CREATE TRIGGER broken BEFORE {when} ON client_profiles FOR EACH ROW EXECUTE FUNCTION quote_the_row('{code}')"
# So that the next score is a change; the owner by itself sees no client.
UNSCORE = (
    "SET LOCAL ROLE estate_system",
    "UPDATE client_profiles SET qualification_score = NULL",
    "RESET ROLE",
)
MEND = "DROP TRIGGER broken ON client_profiles"


@dataclass
class Sentry:
    """An ingest server that keeps what reporters send."""

    dsn: str
    reports: list[dict[str, Any]] = field(default_factory=list)

    def types(self) -> Counter[str]:
        return Counter(cause["type"] for one in self.reports for cause in one.get("exception", {}).get("values", ()))


@dataclass
class Platform:
    """A running API and worker, their logs, and where their error reports go."""

    client: httpx2.Client
    engine: Engine
    folder: Path
    sentry: Sentry
    worker_metrics: str

    def run(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def log(self, part: str) -> str:
        return (self.folder / f"{part}.log").read_text()

    def lines(self, part: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log(part).splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def sentry() -> Iterator[Sentry]:
    class Keep(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            parts = [json.loads(line) for line in body.splitlines()]
            kept.reports.extend(part for part in parts if "event_id" in part and "platform" in part)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keep)
    kept = Sentry(f"http://key@127.0.0.1:{server.server_port}/1")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield kept
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def platform(
    engine: Engine, redis_url: str, sentry: Sentry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("observed")
    port = free_port()
    environment = new_platform(engine, redis_url, "estate_observed") | {
        "ESTATE_SENTRY_DSN": sentry.dsn,
        "ESTATE_METRICS_CACHE_S": "0",
        "ESTATE_WORKER_METRICS_PORT": str(port),
    }
    own = create_engine(environment["ESTATE_DATABASE_URL"])
    with running_api(environment, folder) as client, running_worker(environment, folder):
        found = Platform(client, own, folder, sentry, f"http://127.0.0.1:{port}/metrics")
        found.run(FAULTS)
        yield found
    own.dispose()


def client_row() -> dict[str, object]:
    return {"client_id": str(uuid.uuid4()), "name": NAME, "phone": PHONE, "email": MAIL, "budget": BUDGET}


def event_row(agent: str, client: str) -> dict[str, object]:
    return {
        "event_id": str(uuid.uuid4()),
        "agent_id": agent,
        "client_id": client,
        "trigger_word": "sea view",
        "conversion_effect": 0.5,
        "time_of_event": "2026-01-01T09:00:00Z",
    }


def empty(platform: Platform) -> bool:
    with platform.engine.connect() as connection:
        return bool(connection.execute(text("SELECT count(*) FROM outbox WHERE NOT dead")).scalar_one() == 0)


def agent_and_client(platform: Platform) -> tuple[str, str]:
    """Store an agent and a client, and wait until their work is done."""
    agent, client = str(uuid.uuid4()), client_row()
    platform.client.post("/agent/ingest", json={"agent_id": agent, "name": "Agent"}).raise_for_status()
    platform.client.post("/client/ingest", json=client).raise_for_status()
    wait_until(lambda: empty(platform), "the outbox running empty")
    return agent, str(client["client_id"])


def fail_a_task(platform: Platform, client: str) -> None:
    """Let a task fail by what looks like the state of the database: nobody's row, so it goes up through the task."""
    failed = platform.sentry.types()["AdminShutdown"]
    platform.run(*UNSCORE, BREAK.format(when="UPDATE", code="57P01"))
    platform.run(f"INSERT INTO outbox (topic, key) VALUES ('intelligence.score', '{client}')")
    wait_until(lambda: platform.sentry.types()["AdminShutdown"] > failed, "the report of the failing task")
    platform.run(MEND)
    wait_until(lambda: empty(platform), "the row being done after all")


def test_a_request_is_followed_into_the_worker(platform: Platform) -> None:
    agent, client = agent_and_client(platform)
    seen = len(platform.lines("worker"))
    answer = platform.client.post(
        "/behavior/event",
        json=event_row(agent, client),
        headers={"X-Request-ID": "followed-request-1"},
    )
    assert answer.status_code == 202
    wait_until(lambda: empty(platform), "the outbox running empty")

    def done() -> list[dict[str, Any]]:
        return [line for line in platform.lines("worker")[seen:] if "followed-request-1" in line.get("request_ids", ())]

    wait_until(lambda: {"behavior.fold", "agent.fold"} <= {line["topic"] for line in done()}, "the worker's lines")
    assert all(uuid.UUID(line["task_id"]) for line in done())
    (mine,) = (line for line in platform.lines("api") if line.get("request_id") == "followed-request-1")
    assert (mine["route"], mine["status"]) == ("/behavior/event", 202)


def test_events_that_share_a_commit_name_the_request_they_are_followed_by(platform: Platform) -> None:
    agent, client = agent_and_client(platform)
    with platform.engine.connect() as blocker:  # While the writer waits for this lock, the rest gathers behind it.
        blocker.execute(text("LOCK TABLE behavior_events IN EXCLUSIVE MODE"))
        names = [f"together-{i:04d}" for i in range(8)]
        answers: list[int] = []

        def send(request: str) -> None:
            row = event_row(agent, client)
            headers = {"X-Request-ID": request, "X-API-Key": API_KEY}
            with httpx2.Client(base_url=platform.client.base_url, headers=headers) as own:
                answers.append(own.post("/behavior/event", json=row).status_code)

        threads = [threading.Thread(target=send, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        threads[0].join(0.5)
        blocker.rollback()
        for thread in threads:
            thread.join()
    assert answers == [202] * 8
    wait_until(lambda: empty(platform), "the outbox running empty")
    leads = {
        line["request_id"]: line.get("group_id", line["request_id"])
        for line in platform.lines("api")
        if line.get("request_id") in names
    }
    assert set(leads) == set(names)
    assert len(set(leads.values())) < 8, "nothing was written together"

    def followed() -> set[str]:
        return {
            i for line in platform.lines("worker") if line.get("topic") == "behavior.fold" for i in line["request_ids"]
        }

    wait_until(lambda: set(leads.values()) <= followed(), "the worker's lines")


def test_real_faults_leave_no_personal_data(platform: Platform) -> None:
    platform.client.post("/client/ingest", json=client_row() | {"budget": NAME, "surplus": MAIL})
    platform.client.get("/client/query", params={"search": NAME, "limit": PHONE})
    platform.client.get(f"/client/qualification/{MAIL}")
    platform.client.get("/market/heatmap", headers={"X-API-Key": f"{API_KEY}x"})
    known = client_row()
    platform.client.post("/client/ingest", json=known).raise_for_status()
    wait_until(lambda: empty(platform), "the outbox running empty")

    platform.run(BREAK.format(when="INSERT", code="XX000"))
    failed = platform.client.post("/client/ingest", json=client_row())
    assert failed.status_code == 500, failed.text
    platform.run(MEND)
    assert "database error" in {line["event"] for line in platform.lines("api")}

    platform.run(*UNSCORE, BREAK.format(when="UPDATE", code="XX000"))
    platform.run(
        "INSERT INTO outbox (topic, key, request_id)"
        f" VALUES ('intelligence.score', '{known['client_id']}', 'cause-00001')"
    )
    wait_until(lambda: "outbox row failed" in platform.log("worker"), "the row failing")
    (line,) = (line for line in platform.lines("worker") if line["event"] == "outbox row failed")
    assert "psycopg.errors.InternalError_: XX000" in line["exception"]
    assert line["request_id"] == "cause-00001"
    platform.run(MEND)
    wait_until(lambda: empty(platform), "the row being done after all")

    fail_a_task(platform, str(known["client_id"]))

    everything = {
        "api log": platform.log("api"),
        "worker log": platform.log("worker"),
        "reports": json.dumps(platform.sentry.reports, ensure_ascii=False),
        "metrics": platform.client.get("/metrics").text,
        "worker metrics": httpx2.get(platform.worker_metrics).text,
    }
    leaks = [f"{canary} in {where}" for where, told in everything.items() for canary in CANARIES if canary in told]
    assert leaks == []


def test_reports_hold_what_helps_and_no_more(platform: Platform) -> None:
    fail_a_task(platform, agent_and_client(platform)[1])
    allowed = {"event_id", "timestamp", "level", "platform", "logger", "environment", "release", "server_name", "sdk"}
    allowed |= {"transaction", "transaction_info", "exception", "logentry", "request", "tags", "extra"}
    for report in platform.sentry.reports:
        assert set(report) <= allowed
        assert set(report.get("request", {})) <= {"method", "url"}
        for cause in report.get("exception", {}).get("values", ()):
            assert cause["value"] == "[redacted]"
            assert cause["stacktrace"]["frames"]
            assert not [frame for frame in cause["stacktrace"]["frames"] if "vars" in frame]
    assert any(report["tags"].get("task_id") for report in platform.sentry.reports)


def test_the_worker_shows_its_own_counters_and_the_gauges(platform: Platform) -> None:
    agent, client = agent_and_client(platform)
    platform.client.post("/behavior/event", json=event_row(agent, client)).raise_for_status()
    wait_until(lambda: empty(platform), "the outbox running empty")
    families = {f.name: f for f in text_string_to_metric_families(httpx2.get(platform.worker_metrics).text)}
    done = {s.labels["topic"]: s.value for s in families["estate_outbox_done"].samples if s.name.endswith("_total")}
    assert done["behavior.fold"] >= 1
    assert {"estate_db_pool_size", "estate_outbox_rows", "estate_sweep_age_seconds", "estate_disk_free_bytes"} <= set(
        families
    )
