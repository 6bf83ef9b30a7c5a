"""Server-sent events: one answer that comes in parts, is never silent for long and ends when its reader is gone."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.responses import StreamingResponse
from starlette.types import Send

from estate.api.errors import problem_of
from estate.core.errors import EstateError
from estate.core.sqlstate import estate_error_of

__all__ = ["EventStream", "event"]

EVENT_STREAM = "text/event-stream"
HEARTBEAT = b": still here\n\n"
UNEXPECTED = EstateError("Something went wrong; quote the request id.")

Events = AsyncGenerator[bytes]

log = logging.getLogger(__name__)


def event(name: str, content: BaseModel | bytes) -> bytes:
    """Render one event; JSON in one line holds no line break of its own."""
    data = content if isinstance(content, bytes) else content.model_dump_json().encode()
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)


class EventStream(StreamingResponse):
    """Sends events as they come, a comment after a silence, and an error as a last event ``problem``.

    Parameters
    ----------
    events : async generator of bytes
        Closed when the reader is gone.
    silence_s : float
        The longest silence.
    request_id : str or None
        Quoted in a problem.
    """

    def __init__(self, events: Events, *, silence_s: float, request_id: str | None) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        self._events = _kept_alive(_told(events, request_id), silence_s)
        super().__init__(self._events, headers=headers, media_type=EVENT_STREAM)

    async def stream_response(self, send: Send) -> None:
        """Send, and close the events however it ends."""
        async with aclosing(self._events):
            await super().stream_response(send)


async def _told(events: Events, request_id: str | None) -> Events:
    """Tell an error as an event: the status was sent long ago."""
    try:
        async with aclosing(events):
            async for one in events:
                yield one
    except (DBAPIError, PoolTimeout) as error:
        yield event("problem", problem_of(estate_error_of(error), request_id))
    except EstateError as error:
        yield event("problem", problem_of(error, request_id))
    except Exception:
        log.exception("stream broke off")
        yield event("problem", problem_of(UNEXPECTED, request_id))


async def _kept_alive(events: Events, silence_s: float) -> Events:
    """Fill silences; the next event is waited for in a task, since a time-out must not break it off."""
    async with aclosing(events):
        while True:
            step = asyncio.ensure_future(anext(events, None))
            try:
                while not (await asyncio.wait({step}, timeout=silence_s))[0]:
                    yield HEARTBEAT
            finally:
                if not step.done():
                    step.cancel()
                    await asyncio.wait({step})
            if (one := step.result()) is None:
                return
            yield one
