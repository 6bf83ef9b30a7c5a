"""An answer that comes in parts: an error is its last event, a silence is filled, and it is closed with its reader."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable

import pytest
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message

from estate.api.event_stream import EventStream, event
from estate.core.errors import NotFound

Events = AsyncGenerator[bytes]


def answered(events: Callable[[], Events], silence_s: float = 5.0) -> str:
    async def endpoint(request: Request) -> Response:
        return EventStream(events(), silence_s=silence_s, request_id="request-1")

    with TestClient(Starlette(routes=[Route("/", endpoint)])) as client:
        answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    return answer.text


@pytest.mark.parametrize(
    ("error", "status"),
    [(NotFound("Gone meanwhile."), 404), (OperationalError("x", {}, Exception()), 503), (KeyError("secret"), 500)],
)
def test_an_error_is_told_as_the_last_event(error: Exception, status: int) -> None:
    async def events() -> Events:
        yield event("sentence", b"{}")
        raise error

    first, last, rest = answered(events).split("\n\n")
    name, data = last.split("\n")
    problem = json.loads(data.removeprefix("data: "))
    assert (first, name, rest) == ("event: sentence\ndata: {}", "event: problem", "")
    assert (problem["status"], problem["request_id"]) == (status, "request-1")
    assert "secret" not in data


def test_a_silence_is_filled_with_comments() -> None:
    async def events() -> Events:
        await asyncio.sleep(0.5)
        yield event("reply", b"{}")

    parts = answered(events, silence_s=0.1).split("\n\n")
    assert {part for part in parts[:-2] if part} == {": still here"}
    assert len(parts) >= 4
    assert parts[-2] == "event: reply\ndata: {}"


@pytest.mark.parametrize("waiting", [True, False])
def test_the_events_are_closed_when_the_reader_is_gone(waiting: bool) -> None:
    closed = False

    async def events() -> Events:
        nonlocal closed
        try:
            while True:
                yield event("sentence", b"{}")
                await asyncio.sleep(60 if waiting else 0)
        finally:
            closed = True

    async def exchange() -> None:
        sent = asyncio.Event()

        async def receive() -> Message:
            await sent.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.body":
                sent.set()
                await asyncio.sleep(0)

        stream = EventStream(events(), silence_s=60, request_id=None)
        await stream({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, send)
        assert closed  # Not some time later, when the garbage is collected.

    asyncio.run(asyncio.wait_for(exchange(), 5))
