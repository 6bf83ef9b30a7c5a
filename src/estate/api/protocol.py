"""HTTP at the socket: a slow, oversized or ambiguous request is refused before the application sees it."""

import re
from asyncio import TimerHandle, Transport
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from estate.api.errors import PROBLEM_JSON, Problem
from estate.api.headers import Header, security_headers
from estate.core.context import id_of_request
from estate.core.settings import Settings

__all__ = ["GuardedProtocol", "ProtocolLimits", "configure"]

_HOST = re.compile(rb"[A-Za-z0-9._~-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")
_LINGER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ProtocolLimits:
    """What one connection may take of the server.

    Parameters
    ----------
    header_seconds : float
        From the connection, or the first byte of a further request, to the end of its headers.
    body_seconds : float
        From the end of the headers to the end of the body.
    write_seconds : float
        For the client to take what has been written.
    url_bytes, header_bytes : int
        The largest request target, and the largest sum of names and values.
    headers : int
        The most header lines.
    """

    header_seconds: float = 10.0
    body_seconds: float = 15.0
    write_seconds: float = 15.0
    url_bytes: int = 8_192
    header_bytes: int = 32_768
    headers: int = 100


FIRST_REQUEST_S = 0.5
"""How long a server that stops waits for the first request of a connection that it took."""


class _Refused(Exception):
    """Stops the parser; the status and the reason wait in the protocol."""


class GuardedProtocol(HttpToolsProtocol):
    """Uvicorn's httptools protocol with deadlines and caps, which uvicorn leaves to a proxy."""

    limits = ProtocolLimits()
    security_headers: Iterable[Header] = ()

    _receive_deadline: TimerHandle | None = None
    _write_deadline: TimerHandle | None = None
    _refusal: tuple[HTTPStatus, str] | None = None
    _refused = False
    _header_bytes = 0
    _silent_bytes = 0
    _in_headers = True
    _in_message = False

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Start the clock; writing pauses while anything is unsent, so that the pause can be timed."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)
        self._receive_within(self.limits.header_seconds)

    def shutdown(self) -> None:
        """Give a connection that has not said yet what it wants the time to: its request may be on the way."""
        if self.cycle is None:
            self.loop.call_later(FIRST_REQUEST_S, super().shutdown)
        else:
            super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._stop_receive_deadline()
        self._stop_write_deadline()
        super().connection_lost(exc)

    # Receiving

    def data_received(self, data: bytes) -> None:
        """Feed the parser, unless the connection is being refused; bound what it keeps without telling us."""
        if self._refused:
            return
        if self._receive_deadline is None:
            self._receive_within(self.limits.header_seconds)
        self._silent_bytes += len(data)
        super().data_received(data)
        if self._silent_bytes > self.limits.header_bytes + self.limits.url_bytes and not self._refused:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large.")

    def on_message_begin(self) -> None:
        """Begin a request, perhaps behind another on the same connection."""
        super().on_message_begin()
        self._header_bytes, self._in_headers, self._in_message = 0, True, True

    def on_url(self, url: bytes) -> None:
        """Cap the request target."""
        super().on_url(url)
        if len(self.url) > self.limits.url_bytes:
            self._stop(HTTPStatus.REQUEST_URI_TOO_LONG, "The URL is too long.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Cap the headers; a trailer behind the body must not change what was decided on its headers."""
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > self.limits.header_bytes or len(self.headers) >= self.limits.headers:
            self._stop(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too many or too large.")
        if self._in_headers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Refuse what two servers could read differently, then hand the request over and time its body."""
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
            self._stop(HTTPStatus.BAD_REQUEST, "Send exactly one valid Host header.")
        if not _is_utf8(unquote_to_bytes(self.url)):
            self._stop(HTTPStatus.BAD_REQUEST, "The URL is not UTF-8.")
        self._in_headers, self._silent_bytes = False, 0
        self._receive_within(self.limits.body_seconds)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass the bytes on to the application."""
        self._silent_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request's deadline: from here on the time is ours."""
        self._silent_bytes, self._in_message = 0, False
        self._stop_receive_deadline()
        super().on_message_complete()

    # Writing

    def pause_writing(self) -> None:
        """Start the clock of a client that does not take its answer."""
        super().pause_writing()
        self._write_deadline = self.loop.call_later(self.limits.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop that clock: everything is sent."""
        self._stop_write_deadline()
        super().resume_writing()

    # Refusing

    def send_400_response(self, msg: str) -> None:
        """Answer what stopped the parser: a refusal of ours, or bytes that are not HTTP."""
        self._refuse(*(self._refusal or (HTTPStatus.BAD_REQUEST, "This is not a valid HTTP request.")))

    def _stop(self, status: HTTPStatus, reason: str) -> None:
        """Break off the parsing; httptools hides the exception, so the reason is kept aside."""
        self._refusal = (status, reason)
        raise _Refused

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        """End the connection with an answer, or after the answer to a whole request that is still in work."""
        self._refused = True
        self._stop_receive_deadline()
        request_id = id_of_request(self._sent_id())
        self.logger.info("Refused a connection: %d %s", status, reason, extra={"request_id": request_id})
        answer = _problem(status, reason, request_id, self.security_headers)
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            self._answer(answer)
        elif not cycle.more_body:
            cycle.keep_alive = False
        elif cycle.response_started or self.pipeline:
            self.transport.abort()
        else:
            cycle.disconnected = True
            self._answer(answer)

    def _sent_id(self) -> str:
        """Return the id among the headers that have come of the refused request."""
        sent = dict(self.headers) if self._in_message else {}
        return sent.get(b"x-request-id", b"").decode("latin-1")

    def _answer(self, answer: bytes) -> None:
        """Write and close, reading on a moment: closing on unread bytes would reset the answer."""
        self.transport.write(answer)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.abort)

    # Clocks

    def _receive_within(self, seconds: float) -> None:
        """Restart the receive deadline."""
        self._stop_receive_deadline()
        self._receive_deadline = self.loop.call_later(seconds, self._too_slow)

    def _stop_receive_deadline(self) -> None:
        if self._receive_deadline is not None:
            self._receive_deadline.cancel()
            self._receive_deadline = None

    def _stop_write_deadline(self) -> None:
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None

    def _too_slow(self) -> None:
        """Cut a client in the middle of a request; one that sent none, or has its answer, needs no other."""
        unanswered = self._in_headers or not self.cycle.response_complete
        if self._in_message and unanswered:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time.")
        else:
            self.transport.close()


def configure(settings: Settings) -> type[GuardedProtocol]:
    """Make the protocol class with the configured deadlines and headers, for ``uvicorn.Config(http=...)``.

    Parameters
    ----------
    settings : Settings
        Its receive deadlines are used, and its environment.

    Returns
    -------
    type
        A subclass of `GuardedProtocol`.
    """
    limits = ProtocolLimits(
        header_seconds=settings.header_receive_deadline_s, body_seconds=settings.body_receive_deadline_s
    )
    return type(
        "ConfiguredProtocol", (GuardedProtocol,), {"limits": limits, "security_headers": security_headers(settings)}
    )


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _problem(status: HTTPStatus, reason: str, request_id: str, security: Iterable[Header]) -> bytes:
    """Render a whole answer as problem+json."""
    problem = Problem(type="about:blank", title=status.phrase, status=status, detail=reason, request_id=request_id)
    body = problem.model_dump_json().encode()
    headers = [
        (b"content-type", PROBLEM_JSON.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
        (b"x-request-id", request_id.encode()),
        *security,
    ]
    lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode(), *(b": ".join(header) for header in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
