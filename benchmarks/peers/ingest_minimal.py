"""The smallest FastAPI endpoint that validates an event and inserts it: no keys, no outbox, no log.

`python -m benchmarks.peers.ingest_minimal DSN PORT` serves it. It uses the table, keys, indexes and Pydantic
model of the product, asyncpg with a pool of 8 connections, and the same server with the same parser and loop.
"""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import uvicorn
from fastapi import FastAPI

from estate.behavior.schemas import EventIn

__all__ = ["COLUMNS", "create_app"]

POOL = 8
HASH = bytes(32)
"""The column is there and must be filled; what it holds means nothing to this peer."""

COLUMNS = (
    *("event_id", "agent_id", "client_id", "property_project_id", "property_unit_id", "trigger_word"),
    *("emotion_detected", "response_speed", "conversion_effect", "time_of_event", "metadata", "deal_id"),
    *("conversation_id", "content_hash"),
)
_PLACES = ", ".join(f"${i}" for i in range(1, len(COLUMNS) + 1))
INSERT = f"INSERT INTO behavior_events ({', '.join(COLUMNS)}) VALUES ({_PLACES})"  # noqa: S608 (constants)


def create_app(dsn: str) -> FastAPI:
    """Build the application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(dsn, min_size=POOL, max_size=POOL) as pool:
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/behavior/event", status_code=202)
    async def event(body: EventIn) -> dict[str, str]:
        await app.state.pool.execute(
            INSERT,
            body.event_id,
            body.agent_id,
            body.client_id,
            body.property_project_id,
            body.property_unit_id,
            body.trigger_word,
            body.emotion_detected,
            body.response_speed,
            body.conversion_effect,
            body.time_of_event,
            None if body.metadata is None else json.dumps(body.metadata),
            body.deal_id,
            body.conversation_id,
            HASH,
        )
        return {"event_id": str(body.event_id), "status": "created"}

    return app


if __name__ == "__main__":
    uvicorn.run(
        create_app(sys.argv[1]),
        port=int(sys.argv[2]),
        http="httptools",
        loop="auto",
        log_level="error",
        access_log=False,
    )
