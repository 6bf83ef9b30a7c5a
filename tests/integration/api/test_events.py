"""Single events through a running server: acknowledged after their commit, in groups that isolate their callers."""

import asyncio
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from redis import Redis
from sqlalchemy import Engine, create_engine
from tests.conftest import API_KEY
from tests.integration.behavior.conftest import World, fill, numbered
from tests.live import new_database, process, wait_until

from estate.cli.processes import free_port
from estate.cli.servers import start_redis
from estate.core.db import Database, unit_of_work, use_database
from estate.core.security import Actor

SERVE = "from estate.main import serve; serve()"
NAME = "estate_events"
SYSTEM = "-c role=estate_system"
Answers = list[httpx2.Response]


class Server:
    """A running API on a database of its own, and a connection beside it."""

    def __init__(self, child: subprocess.Popen[bytes], base: str, dsn: str, world: World) -> None:
        self.child, self.base, self.dsn, self.world = child, base, dsn, world
        self.client = httpx2.Client(base_url=base, headers={"X-API-Key": API_KEY}, timeout=30)

    def send(self, rows: Sequence[dict[str, Any]], meanwhile: Callable[[], Awaitable[None]] | None = None) -> Answers:
        """Send events all at once; return the answers in their order."""

        async def run() -> Answers:
            limits = httpx2.Limits(max_connections=len(rows))
            async with httpx2.AsyncClient(
                base_url=self.base, headers={"X-API-Key": API_KEY}, timeout=30, limits=limits
            ) as client:
                sent = [asyncio.create_task(client.post("/behavior/event", json=row)) for row in rows]
                if meanwhile is not None:
                    await meanwhile()
                return await asyncio.gather(*sent)

        return asyncio.run(run())

    def value(self, statement: str) -> Any:
        with psycopg.connect(self.dsn, options=SYSTEM) as connection:
            row = connection.execute(statement.encode()).fetchone()
        return row[0] if row else None

    def stored(self) -> int:
        return int(self.value("SELECT count(*) FROM behavior_events"))

    def metric(self, name: str) -> float:
        (found,) = re.findall(rf"^{name} (\S+)$", self.client.get("/metrics").text, re.MULTILINE)
        return float(found)

    @contextmanager
    def locked(self) -> Iterator[psycopg.Connection]:
        """Hold up every write of events."""
        with psycopg.connect(self.dsn) as connection:
            connection.execute("LOCK TABLE behavior_events IN ACCESS EXCLUSIVE MODE")
            yield connection
            connection.rollback()

    async def until_held_up(self) -> None:
        """Wait until a write waits for the lock."""
        deadline = time.monotonic() + 10
        while not self.value("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def dsn(engine: Engine) -> str:
    return new_database(engine, NAME).replace("+psycopg", "")


@pytest.fixture(scope="module")
def world(dsn: str) -> World:
    engine = create_engine(dsn.replace("://", "+psycopg://"))
    with use_database(Database.of(engine)), unit_of_work(Actor.system()) as session:
        world = fill(session)
    engine.dispose()
    return world


@pytest.fixture
def start(dsn: str, world: World, tmp_path: Path) -> Callable[..., Any]:
    """Start a server with some settings on empty tables."""

    @contextmanager
    def started(**settings: str) -> Iterator[Server]:
        with psycopg.connect(dsn) as connection:
            connection.execute("TRUNCATE behavior_events, ingest_batches, outbox CASCADE")
        port = str(free_port())
        environment = {
            "ESTATE_DATABASE_URL": dsn.replace("://", "+psycopg://"),
            "ESTATE_BOOTSTRAP_API_KEY": API_KEY,
            "ESTATE_API_PORT": port,
            "ESTATE_DB_LOCK_TIMEOUT_MS": "20000",
            "ESTATE_DB_STATEMENT_TIMEOUT_MS": "20000",
            "ESTATE_GROUP_COMMIT_TIMEOUT_S": "20",
            "ESTATE_READS_PER_MINUTE": "1000000",
            "ESTATE_WRITES_PER_MINUTE": "1000000",
            "ESTATE_COSTLY_PER_MINUTE": "1000000",
            "ESTATE_SWEEP_INTERVAL_S": "1",
        } | {f"ESTATE_{name.upper()}": value for name, value in settings.items()}
        log = tmp_path / "api.log"
        with ExitStack() as stack, process(log, environment, "-c", SERVE) as child:
            server = Server(child, f"http://127.0.0.1:{port}", dsn, world)
            stack.callback(server.client.close)

            def ready() -> bool:
                assert child.poll() is None, log.read_text()
                try:
                    return server.client.get("/readyz").status_code == 200
                except httpx2.TransportError:
                    return False

            wait_until(ready, "the API getting ready")
            yield server

    return started


def statuses(answers: Answers) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_strangers_share_a_commit_and_nothing_else(start: Callable[..., Any], world: World) -> None:
    with start() as server:
        assert server.client.post("/behavior/event", json=world.event(0)).status_code == 202
        rows = [world.event(n, trigger_word=f"word {n}") for n in range(1, 201)]
        rows += [
            world.event(301, agent_id=numbered(1, 99)),  # unknown agent
            world.event(302, trigger_word="x" * 300),  # too long
            world.event(303, conversion_effect=1e9, trigger_word="a\u0000b"),  # cannot be stored
            world.event(0),  # stored before
            world.event(0, trigger_word="another"),  # exists with other content
        ]
        with server.locked() as lock:

            async def release() -> None:
                await server.until_held_up()
                lock.rollback()

            answers = server.send(rows, release)
        assert statuses(answers[:200]) == {202: 200}
        assert [a.status_code for a in answers[200:]] == [422, 422, 422, 200, 409]
        assert [e["field"] for a in answers[201:203] for e in a.json()["errors"]] == ["trigger_word"] * 2
        assert all(error["row"] is None for a in answers[200:203] for error in a.json()["errors"])
        assert server.stored() == 201
        assert server.value("SELECT count(*) FROM rejected_rows") == 4
        queued = "SELECT sum(jsonb_array_length(payload -> 'items')) FROM outbox WHERE topic = 'behavior.fold'"
        assert server.value(queued) == 201
        assert server.metric("estate_group_commit_rows_sum") == 206
        assert server.metric("estate_group_commit_rows_count") < 20


def test_the_same_event_from_two_callers_at_once_is_stored_once(start: Callable[..., Any], world: World) -> None:
    with start() as server:
        answers = server.send([world.event(1)] * 20 + [world.event(1, trigger_word="other")] * 20)
        found = statuses(answers)
        assert (found[202], found[200], found[409]) == (1, 19, 20)
        assert server.stored() == 1


FAILING = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN IF NEW.emotion_detected IS NOT DISTINCT FROM %(word)s THEN
    RAISE EXCEPTION 'disk on fire' USING ERRCODE = %(state)s; END IF; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON behavior_events
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()
"""


@contextmanager
def failing_commit(dsn: str, word: str | None, state: str) -> Iterator[None]:
    """Make COMMIT fail when an event with this emotion was written."""
    literals = {"word": "NULL" if word is None else f"'{word}'", "state": f"'{state}'"}
    with psycopg.connect(dsn) as connection:
        connection.execute((FAILING % literals).encode())
    try:
        yield
    finally:
        with psycopg.connect(dsn) as connection:
            connection.execute("DROP TRIGGER refuse ON behavior_events")
            connection.execute("DROP FUNCTION refuse")


def test_a_commit_that_fails_is_success_for_nobody(start: Callable[..., Any], world: World, dsn: str) -> None:
    with start() as server, failing_commit(dsn, None, "53100"):
        answers = server.send([world.event(n) for n in range(50)])
        assert statuses(answers) == {503: 50}
        assert all(answer.headers["retry-after"] for answer in answers)
        assert "fire" not in answers[0].text
        assert server.stored() == 0


def test_one_row_that_fails_the_commit_fails_alone(start: Callable[..., Any], world: World, dsn: str) -> None:
    with start() as server, failing_commit(dsn, "angry", "23514"):
        rows = [world.event(n, emotion_detected="angry" if n == 7 else "calm") for n in range(50)]
        answers = server.send(rows)
        assert (answers[7].status_code, statuses(answers)[202]) == (422, 49)
        assert server.stored() == 49


def test_a_lock_on_one_client_holds_up_nobody_else(start: Callable[..., Any], world: World, dsn: str) -> None:
    with start(db_lock_timeout_ms="500") as server, psycopg.connect(dsn, options=SYSTEM) as erasing:
        erasing.execute("SELECT FROM client_profiles WHERE client_id = %s FOR UPDATE", [world.clients[1]])
        rows = [world.event(n, client_id=world.clients[1 if n == 30 else 0]) for n in range(60)]
        answers = server.send(rows)
        assert (answers[30].status_code, statuses(answers)[202]) == (503, 59)
        assert server.stored() == 59
        erasing.rollback()
        assert server.client.post("/behavior/event", json=rows[30]).status_code == 202


def test_a_full_queue_refuses_at_once_and_drops_nothing_it_took(start: Callable[..., Any], world: World) -> None:
    with start(group_commit_max_waiting_rows="5") as server:
        with server.locked() as lock:

            async def release() -> None:
                await server.until_held_up()
                deadline = time.monotonic() + 10
                while not server.metric("estate_group_commit_refused_total"):
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.02)
                lock.rollback()

            answers = server.send([world.event(n) for n in range(40)], release)
        found = statuses(answers)
        assert found.keys() == {202, 503}
        refused = [answer for answer in answers if answer.status_code == 503]
        assert all(a.headers["retry-after"] == "1" and a.elapsed.total_seconds() < 5 for a in refused)
        assert server.stored() == found[202] >= 5


def test_a_slow_database_is_not_waited_for_for_ever(start: Callable[..., Any], world: World) -> None:
    with start(group_commit_timeout_s="0.5") as server:
        with server.locked():
            answers = server.send([world.event(n) for n in range(10)])
        assert statuses(answers) == {503: 10}
        assert max(answer.elapsed.total_seconds() for answer in answers) < 3
        wait_until(lambda: server.client.post("/behavior/event", json=world.event(50)).status_code < 300, "recovery")


def test_a_server_that_stops_writes_what_it_took(start: Callable[..., Any], world: World) -> None:
    with start() as server:
        with server.locked() as lock:

            async def stop() -> None:
                await server.until_held_up()
                server.child.send_signal(signal.SIGTERM)
                await asyncio.sleep(0.2)
                lock.rollback()

            answers = server.send([world.event(n) for n in range(20)], stop)
        assert statuses(answers) == {202: 20}
        assert server.child.wait(timeout=15) is not None
        assert server.stored() == 20


def test_a_client_that_goes_holds_nobody_up(start: Callable[..., Any], world: World) -> None:
    with start() as server:
        with server.locked() as lock:

            async def go_and_release() -> None:
                for n in range(100, 110):
                    with pytest.raises(httpx2.TimeoutException):
                        httpx2.post(
                            f"{server.base}/behavior/event",
                            json=world.event(n),
                            headers={"X-API-Key": API_KEY},
                            timeout=0.05,
                        )
                lock.rollback()

            answers = server.send([world.event(n) for n in range(20)], go_and_release)
        assert statuses(answers) == {202: 20}
        assert server.value("SELECT count(*) = count(DISTINCT event_id) FROM behavior_events")


def test_a_stalled_redis_costs_one_request_a_tenth_of_a_second(
    start: Callable[..., Any], world: World, tmp_path: Path
) -> None:
    with start_redis(tmp_path / "redis") as redis, start(redis_url=redis.url) as server:
        assert server.client.post("/behavior/event", json=world.event(0)).status_code == 202
        with Redis.from_url(redis.url) as connection:
            pid = connection.info("server")["process_id"]
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(1.1)  # What was leased ahead is no longer valid.
            started = time.monotonic()
            answers = [server.client.post("/behavior/event", json=world.event(n)) for n in range(1, 31)]
            seconds = time.monotonic() - started
        finally:
            os.kill(pid, signal.SIGCONT)
        assert statuses(answers) == {202: 30}
        assert seconds < 2.5, "thirty requests that each waited a tenth of a second would take three"
        assert server.metric("estate_rate_limit_open_total") > 0


def test_refused_rows_are_replayed_once(start: Callable[..., Any], world: World, tmp_path: Path) -> None:
    late, bad = world.event(1, agent_id=numbered(1, 50)), world.event(2, trigger_word=5)
    with start() as server:
        assert statuses(server.send([late, bad])) == {422: 2}
        ids = {row["raw"]: row["rejected_id"] for row in server.client.get("/ingest/rejected").json()["items"]}
        with psycopg.connect(server.dsn, options="-c role=estate_system") as connection:
            connection.execute(
                "INSERT INTO agent_activity (agent_id, currency) VALUES (%s, 'AED') ON CONFLICT DO NOTHING",
                [numbered(1, 50)],
            )
        assert "created" in _estate(server.dsn, "rejected", "replay", code=REFUSED)
        assert server.stored() == 1
        repaired = tmp_path / "repaired.ndjson"
        (wanted,) = (n for raw, n in ids.items() if '"trigger_word":5' in raw)
        mended = httpx2.Request("POST", server.base, json={"rejected_id": wanted, "row": world.event(2)}).content
        repaired.write_bytes(mended + b"\n")
        for _ in range(2):
            _estate(server.dsn, "rejected", "replay", "--file", str(repaired))
        assert server.stored() == 2
        rows = server.client.get("/ingest/rejected").json()["items"]
        assert len(rows) == 2
        assert all(row["replayed_at"] for row in rows)
        assert str(wanted) in _estate(server.dsn, "rejected", "list")


REFUSED, WRONG_USE = 1, 2


def _estate(dsn: str, *arguments: str, code: int = 0) -> str:
    environment = os.environ | {"ESTATE_DATABASE_URL": dsn.replace("://", "+psycopg://"), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-m", "estate", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return done.stdout


def test_a_file_of_events_is_loaded_once(start: Callable[..., Any], world: World, tmp_path: Path) -> None:
    lines = b"".join(json.dumps(world.event(n)).encode() + b"\n" for n in range(1_200)) + b"\n\n{broken\n"
    packed = tmp_path / "events.ndjson.gz"
    packed.write_bytes(gzip.compress(lines))
    with start() as server:
        first, again = (_estate(server.dsn, "load", "events", str(packed), code=REFUSED) for _ in range(2))
        assert "1,200" in first
        assert "duplicate" in again
        assert server.stored() == 1_200
        newest = server.client.get("/ingest/rejected").json()["items"][0]
        assert (newest["raw"], newest["row_number"]) == ("{broken", 1203)


def test_a_packed_file_that_is_cut_off_is_loaded_as_far_as_it_goes(
    start: Callable[..., Any], world: World, tmp_path: Path
) -> None:
    packed = tmp_path / "events.ndjson.gz"
    lines = b"".join(json.dumps(world.event(n)).encode() + b"\n" for n in range(1_200))
    packed.write_bytes(gzip.compress(lines)[:-8])  # The length and the sum at the end are missing, no line is.
    with start() as server:
        told = _estate(server.dsn, "load", "events", str(packed), code=WRONG_USE)
        assert "1,200" in told
        assert server.stored() == 1_200
