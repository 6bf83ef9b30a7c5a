"""What only a running server can show: hostile bodies, the worker, Redis gone."""

import socket
import statistics
import threading
import time
import uuid

import httpx2
from sqlalchemy import Engine, text
from tests.conftest import API_KEY
from tests.live import wait_until

from estate.core.settings import get_settings

HOSTILE = ("[" + ",".join(["{}"] * 333_334) + "]").encode()
JSON = {"content-type": "application/json"}
LONGEST_DELAY_S = 0.25
CALLS = 100


def slowest_health_check(server: httpx2.Client, during: threading.Thread) -> float:
    """Return the longest time that a health check took while a thread ran."""
    times: list[float] = []
    during.start()
    while during.is_alive() or len(times) < CALLS:
        started = time.perf_counter()
        assert server.get("/healthz").status_code == 200
        times.append(time.perf_counter() - started)
    during.join()
    assert statistics.median(times) < LONGEST_DELAY_S
    return max(times)


def test_a_hostile_megabyte_delays_another_request_by_less_than_a_quarter_second(server: httpx2.Client) -> None:
    answers: list[httpx2.Response] = []

    def attack() -> None:
        url, headers = f"{server.base_url}/market/ingest", dict(server.headers) | JSON
        answers.extend(httpx2.post(url, content=HOSTILE, headers=headers) for _ in range(5))

    longest = slowest_health_check(server, threading.Thread(target=attack))
    assert {answer.status_code for answer in answers} == {413}
    assert longest < LONGEST_DELAY_S


def test_a_body_over_the_cap_is_answered_before_it_ends(server: httpx2.Client) -> None:
    chunk = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
    head = (
        f"POST /market/ingest HTTP/1.1\r\nHost: x\r\nX-API-Key: {API_KEY}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    address = (server.base_url.host, server.base_url.port or 80)
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(head.encode())
        for _ in range(get_settings().body_max_bytes // (1 << 20) + 1):
            connection.sendall(chunk)
        assert connection.recv(64).startswith(b"HTTP/1.1 413 ")


def test_a_posted_event_is_folded_by_the_worker(server: httpx2.Client, worker: None, live_engine: Engine) -> None:
    agent, client = str(uuid.uuid4()), str(uuid.uuid4())
    server.post("/agent/ingest", json={"agent_id": agent, "name": "Layla"}).raise_for_status()
    server.post("/client/ingest", json={"client_id": client, "owner_agent_id": agent}).raise_for_status()
    events = [
        {
            "event_id": str(uuid.uuid4()),
            "agent_id": agent,
            "client_id": client,
            "trigger_word": "sea view",
            "conversion_effect": 1.0,
            "time_of_event": "2026-01-01T10:00:00Z",
        }
        for _ in range(12)
    ]
    for event in events:
        assert server.post("/behavior/event", json=event).json() == {"event_id": event["event_id"], "status": "created"}

    def folded() -> bool:
        with live_engine.connect() as connection:
            n = connection.execute(
                text("SELECT count(*) FROM behavior_events WHERE pattern_group IS NOT NULL AND client_id = :client"),
                {"client": client},
            ).scalar_one()
            left = connection.execute(text("SELECT count(*) FROM outbox WHERE NOT dead")).scalar_one()
        return bool(n == len(events) and left == 0)

    wait_until(folded, "folding the events")
    assert "sea view" in {item["term"] for item in server.get("/behavior/triggers").json()["items"]}
    mine = server.get("/agent/query", params={"agent_id": agent}).json()["items"][0]
    assert mine["event_count"] == len(events)
