"""Raw bytes on a loopback socket: what reaches the application, and what is refused before it."""

import asyncio
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from estate.api.headers import security_headers
from estate.api.protocol import GuardedProtocol, ProtocolLimits, configure
from estate.core.settings import Settings

HOST = b"Host: estate.test\r\n"
BIG = 8 * 1024 * 1024


class Impatient(GuardedProtocol):
    limits = ProtocolLimits(header_seconds=0.4, body_seconds=0.6, write_seconds=0.5)


class Recorder:
    """Answers with what it read, and remembers every request that it saw."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.disconnects = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        self.seen.append(scope)
        body = b""
        while scope["path"] not in ("/early", "/late"):
            message = await receive()
            if message["type"] == "http.disconnect":
                self.disconnects += 1
                return
            body += message["body"]
            if not message["more_body"]:
                break
        if scope["path"] in ("/slow", "/late"):
            await asyncio.sleep(0.7)
        size = {"/big": BIG, "/middling": 60_000}.get(scope["path"])
        answer = b"x" * size if size else f"{scope['path']} {len(body)}".encode()
        headers = [(b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


class Running:
    """A uvicorn on a port of its own, in a thread."""

    def __init__(self, protocol: type[GuardedProtocol]) -> None:
        self.app = Recorder()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.server = uvicorn.Server(
            uvicorn.Config(self.app, http=protocol, ws="none", lifespan="off", log_config=None, timeout_keep_alive=1)
        )
        self._thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self._socket]})
        self._thread.start()
        wait_until(lambda: self.server.started)

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()
        assert not self._thread.is_alive()

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as client:
            yield client

    def exchange(self, raw: bytes) -> bytes:
        """Send bytes and return everything up to the end that the server makes."""
        with self.connection() as client:
            client.sendall(raw)
            return read_all(client)


def wait_until(condition: Any, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def read_all(client: socket.socket) -> bytes:
    received = b""
    while chunk := client.recv(65_536):
        received += chunk
    return received


def read_answer(client: socket.socket, ending: bytes) -> bytes:
    """Read until the answer on a connection that stays open is complete."""
    received = b""
    while not received.endswith(ending):
        chunk = client.recv(65_536)
        assert chunk, "the server closed the connection"
        received += chunk
    return received


def assert_problem(answer: bytes, status: int) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    problem = json.loads(body)
    assert problem["status"] == status
    assert b"x-request-id: %s\r\n" % problem["request_id"].encode() in head + b"\r\n"
    assert body.count(b"HTTP/1.1") == 0


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    server = Running(Impatient)
    yield server
    server.stop()


@pytest.fixture
def seen(running: Running) -> list[dict[str, Any]]:
    running.app.seen.clear()
    return running.app.seen


def post(headers: bytes, body: bytes = b"") -> bytes:
    return b"POST /a HTTP/1.1\r\n" + HOST + headers + b"\r\n" + body


SMUGGLED = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
AMBIGUOUS = {
    "67 length and chunks": post(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", SMUGGLED),
    "67 chunks and length": post(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", SMUGGLED),
    "67 two lengths": post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello!"),
    "67 two equal lengths": post(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"),
    "67 signed length": post(b"Content-Length: +7\r\n", b"hello!!"),
    "67 list of lengths": post(b"Content-Length: 5, 5\r\n", b"hello"),
    "67 odd coding": post(b"Transfer-Encoding: xchunked\r\n", SMUGGLED),
    "67 coding behind chunked": post(b"Transfer-Encoding: chunked, identity\r\n", SMUGGLED),
    "67 blank before the colon": post(b"Content-Length : 5\r\n", b"hello"),
    "67 folded header": post(b"X-A: b\r\n c\r\n"),
    "67 bad chunk size": post(b"Transfer-Encoding: chunked\r\n", b"zz\r\n"),
    "68 no Host": b"GET / HTTP/1.1\r\n\r\n",
    "68 no Host in 1.0": b"GET / HTTP/1.0\r\n\r\n",
    "68 empty Host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "68 two Hosts": b"GET / HTTP/1.1\r\n" + HOST + b"Host: other.test\r\n\r\n",
    "68 two equal Hosts": b"GET / HTTP/1.1\r\n" + HOST * 2 + b"\r\n",
    "68 Host with a path": b"GET / HTTP/1.1\r\nHost: a/b?c\r\n\r\n",
    "10 query not UTF-8": b"GET /?q=%ff HTTP/1.1\r\n" + HOST + b"\r\n",
    "10 query with a surrogate": b"GET /?q=%ed%a0%80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "10 path not UTF-8": b"GET /%ff HTTP/1.1\r\n" + HOST + b"\r\n",
    "raw byte in the URL": b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n",
    "connect": b"CONNECT other.test:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\n" + HOST + b"X-A: \0\r\n\r\n",
}


@pytest.mark.parametrize("raw", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_an_ambiguous_request_is_refused_and_the_connection_closed(
    running: Running, seen: list[dict[str, Any]], raw: bytes
) -> None:
    answer = running.exchange(raw)
    if seen:  # a body is found to be bad only after the headers have gone to the application
        assert [scope["path"] for scope in seen] == ["/a"]
    assert_problem(answer, 400)


OVERSIZED = {
    "65 70 KB in one header": (b"GET / HTTP/1.1\r\n" + HOST + b"X-A: " + b"x" * 70_000 + b"\r\n\r\n", 431),
    "65 70 KB and no end": (b"GET / HTTP/1.1\r\n" + HOST + b"X-A: " + b"x" * 70_000, 431),
    "65 4 MB and no end": (b"GET / HTTP/1.1\r\n" + HOST + b"X-A: " + b"x" * 4_000_000, 431),
    "65 10,000 headers": (b"GET / HTTP/1.1\r\n" + HOST + b"X-A: b\r\n" * 10_000 + b"\r\n", 431),
    "65 101 headers": (b"GET / HTTP/1.1\r\n" + HOST + b"X-A: b\r\n" * 100 + b"\r\n", 431),
    "66 70 KB URL": (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "66 70 KB URL and no end": (b"GET /" + b"x" * 70_000, 414),
}


@pytest.mark.parametrize(("raw", "status"), OVERSIZED.values(), ids=OVERSIZED.keys())
def test_an_oversized_head_is_refused(running: Running, seen: list[dict[str, Any]], raw: bytes, status: int) -> None:
    assert_problem(running.exchange(raw), status)
    assert not seen


def test_the_caps_themselves_are_served(running: Running) -> None:
    headers = b"".join(b"X-%02d: %s\r\n" % (i, b"x" * 300) for i in range(98))
    path = b"/" + b"p" * 8_000
    answer = running.exchange(b"GET " + path + b" HTTP/1.1\r\n" + HOST + headers + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("trailer", [b"X-Key: admin\r\n\r\n", b"Host: other.test\r\n\r\n"])
def test_a_trailer_does_not_become_a_header(running: Running, seen: list[dict[str, Any]], trailer: bytes) -> None:
    raw = post(b"Transfer-Encoding: chunked\r\nConnection: close\r\n", b"5\r\nhello\r\n0\r\n" + trailer)
    assert running.exchange(raw).endswith(b"/a 5")
    assert [name for name, _ in seen[-1]["headers"]] == [b"host", b"transfer-encoding", b"connection"]


@pytest.mark.parametrize("flood", [b"0\r\nX-A: ", b"5;"], ids=["trailer", "chunk extension"])
def test_what_the_parser_keeps_to_itself_is_bounded(running: Running, flood: bytes) -> None:
    answer = running.exchange(post(b"Transfer-Encoding: chunked\r\n", flood + b"x" * 400_000))
    assert_problem(answer, 431)


def trickle(client: socket.socket, byte: bytes) -> bytes:
    """Send a byte every 50 ms until the server ends the connection; return what it said."""
    client.settimeout(0.05)
    received = b""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            client.sendall(byte)
            chunk = client.recv(65_536)
        except TimeoutError:
            continue
        except ConnectionError:
            return received
        received += chunk
        if not chunk:
            return received
    pytest.fail("the slow client was never cut")


@pytest.mark.parametrize(
    ("start", "byte", "deadline"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nX-A: ", b"x", 0.4, id="header"),
        pytest.param(b"GET /", b"x", 0.4, id="URL"),
        pytest.param(post(b"Content-Length: 1000\r\n"), b"x", 0.6, id="body"),
        pytest.param(post(b"Transfer-Encoding: chunked\r\n"), b"1\r\nx\r\n", 0.6, id="chunks"),
    ],
)
def test_a_slow_sender_is_told_and_cut(running: Running, start: bytes, byte: bytes, deadline: float) -> None:
    with running.connection() as client:
        started = time.monotonic()
        client.sendall(start)
        answer = trickle(client, byte)
        assert deadline * 0.9 <= time.monotonic() - started < deadline + 1.5
        assert_problem(answer, 408)


def test_the_application_learns_that_a_slow_body_was_cut(running: Running) -> None:
    before = running.app.disconnects
    assert_problem(running.exchange(post(b"Content-Length: 10\r\n", b"x")), 408)
    wait_until(lambda: running.app.disconnects == before + 1)


@pytest.mark.parametrize("start", [b"", b"\r\n"], ids=["nothing", "an empty line"])
def test_a_silent_connection_is_closed_without_a_word(running: Running, start: bytes) -> None:
    started = time.monotonic()
    assert running.exchange(start) == b""
    assert 0.3 < time.monotonic() - started < 2


def test_a_connection_serves_several_requests_with_pauses_between(running: Running) -> None:
    with running.connection() as client:
        for i in range(4):
            client.sendall(b"GET /%d HTTP/1.1\r\n" % i + HOST + b"\r\n")
            assert read_answer(client, b"/%d 0" % i).startswith(b"HTTP/1.1 200 ")
            time.sleep(0.25)


def test_a_further_request_on_the_connection_has_its_deadline_too(running: Running) -> None:
    with running.connection() as client:
        client.sendall(b"GET /first HTTP/1.1\r\n" + HOST + b"\r\n")
        read_answer(client, b"/first 0")
        client.sendall(b"GET /second HTTP/1.1\r\nX-A: ")
        assert_problem(trickle(client, b"x"), 408)


def test_an_empty_line_between_requests_does_not_keep_the_connection(running: Running) -> None:
    with running.connection() as client:
        client.sendall(b"GET /first HTTP/1.1\r\n" + HOST + b"\r\n")
        read_answer(client, b"/first 0")
        client.sendall(b"\r\n")
        assert read_all(client) == b""


def test_the_deadline_is_for_receiving_and_not_for_our_work(running: Running) -> None:
    raw = b"GET /slow HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
    assert running.exchange(raw).endswith(b"/slow 0")


@pytest.mark.parametrize(
    "behind", [b"\x16\x03garbage\r\n\r\n", b"GET /next HTTP/1.1\r\nX-A: "], ids=["garbage", "slow request"]
)
def test_a_whole_request_is_answered_whatever_follows_it(running: Running, behind: bytes) -> None:
    answer = running.exchange(b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n" + behind)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"/slow 0") == 1


def test_pipelined_requests_are_answered_in_order(running: Running) -> None:
    raw = b"".join(b"GET /%d HTTP/1.1\r\n" % i + HOST + b"\r\n" for i in range(3))
    with running.connection() as client:
        client.sendall(raw)
        answer = read_answer(client, b"/2 0")
    assert [answer.index(b"/%d 0" % i) for i in range(3)] == sorted(answer.index(b"/%d 0" % i) for i in range(3))


def test_a_late_answer_does_not_follow_the_refusal(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    with running.connection() as client:
        client.sendall(b"POST /late HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\n")
        assert_problem(read_all(client), 408)
        wait_until(lambda: not running.server.server_state.tasks)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_an_early_answer_does_not_keep_a_slow_body_alive(running: Running) -> None:
    with running.connection() as client:
        client.sendall(b"POST /early HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\n")
        answer = trickle(client, b"x")
    assert answer.endswith(b"/early 0")
    assert answer.count(b"HTTP/1.1") == 1


def test_a_client_that_does_not_read_its_answer_is_cut(running: Running) -> None:
    with running.connection() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.sendall(b"GET /big HTTP/1.1\r\n" + HOST + b"\r\n")
        wait_until(lambda: len(running.server.server_state.connections) == 1)
        wait_until(lambda: len(running.server.server_state.connections) == 0)


def test_an_answer_that_fits_the_buffer_is_cut_too(running: Running) -> None:
    connections = running.server.server_state.connections
    wait_until(lambda: len(connections) == 0)
    with running.connection() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        wait_until(lambda: len(connections) == 1)
        (served,) = connections
        while served.transport.get_write_buffer_size() == 0:
            before = running.server.server_state.total_requests
            client.sendall(b"GET /middling HTTP/1.1\r\n" + HOST + b"\r\n")
            wait_until(lambda before=before: running.server.server_state.total_requests > before)
        wait_until(lambda: len(connections) == 0)


def test_a_client_that_reads_gets_a_large_answer_whole(running: Running) -> None:
    answer = running.exchange(b"GET /big HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    assert len(answer.partition(b"\r\n\r\n")[2]) == BIG


def test_a_refusal_is_logged_without_what_was_sent(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="uvicorn.error"):
        running.exchange(b"GET /secret-path HTTP/1.1\r\n\r\n")
    assert "Refused a connection: 400 Send exactly one valid Host header." in caplog.messages
    assert "secret-path" not in caplog.text


@pytest.mark.parametrize("sent", [b"X-Request-Id: of-the-client\r\n", b"X-Request-Id: short\r\n", b""])
def test_a_refusal_has_an_id_of_its_own_or_the_one_that_was_sent(
    running: Running, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    with caplog.at_level(logging.INFO, logger="uvicorn.error"):
        first, second = (running.exchange(b"GET / HTTP/1.1\r\n" + sent + b"\r\n") for _ in range(2))
    told = [json.loads(answer.partition(b"\r\n\r\n")[2])["request_id"] for answer in (first, second)]
    assert (told == ["of-the-client"] * 2) == (b"of-the-client" in sent)
    assert (told[0] == told[1]) == (b"of-the-client" in sent)
    assert [vars(record)["request_id"] for record in caplog.records if "Refused" in record.message] == told


def test_what_follows_an_answered_request_does_not_take_its_id(running: Running) -> None:
    with running.connection() as client:
        client.sendall(b"GET /first HTTP/1.1\r\n" + HOST + b"X-Request-Id: of-the-first\r\n\r\n")
        read_answer(client, b"/first 0")
        client.sendall(b"\x16\x03garbage\r\n\r\n")
        answer = read_all(client)
    assert_problem(answer, 400)
    assert b"of-the-first" not in answer


def test_the_configured_deadlines_and_headers_are_used() -> None:
    settings = Settings(header_receive_deadline_s=0.2, body_receive_deadline_s=0.3)
    server = Running(configure(settings))
    try:
        started = time.monotonic()
        answer = server.exchange(b"GET /")
        assert_problem(answer, 408)
        head = answer.partition(b"\r\n\r\n")[0]
        assert {b": ".join(header) for header in security_headers(settings)} <= set(head.split(b"\r\n"))
        assert 0.15 < time.monotonic() - started < 2
    finally:
        server.stop()


def test_a_request_that_is_on_its_way_when_the_server_stops_is_answered() -> None:
    running = Running(Impatient)
    with running.connection() as client, running.connection() as silent:
        wait_until(lambda: len(running.server.server_state.connections) == 2)
        running.server.should_exit = True
        time.sleep(0.2)
        client.sendall(b"GET /late-comer HTTP/1.1\r\n" + HOST + b"\r\n")
        assert read_all(client).endswith(b"/late-comer 0")
        assert read_all(silent) == b""
    running.stop()
