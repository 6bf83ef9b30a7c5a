"""Loads the sample world by COPY and lets the platform compute the rest, as it does for every other row."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from estate.agent import service as agents
from estate.core.bulk import copy_rows
from estate.core.canonical import content_hash
from estate.core.db import unit_of_work
from estate.core.errors import Conflict
from estate.core.security import Actor
from estate.importers.batches import Progress
from estate.importers.crud import enqueue_work
from estate.market import service as market
from estate.registry import metadata
from estate.sample.world import generate

__all__ = ["is_empty", "load_tables", "load_world"]

HASHED = frozenset({"behavior_events", "conversations"})
Rows = Iterable[Mapping[str, Any]]


def is_empty() -> bool:
    """Tell whether no agent is there yet."""
    with unit_of_work(Actor.system(), read_only=True) as session:
        return not agents.all_agents(session)


def load_world(scale: int, seed: int, now: dt.datetime, progress: Progress) -> dict[str, int]:
    """Generate a world and load it into an empty database, in one transaction.

    Parameters
    ----------
    scale, seed : int
        Size and seed of the world, see `estate.sample.world.generate`.
    now : datetime
        Everything in the world happened before it.
    progress : callable
        Called with the number of rows loaded.

    Returns
    -------
    dict
        Rows by table. Counters, scores and search documents follow through the outbox.

    Raises
    ------
    Conflict
        When the database holds agents already: what it counted would be counted again.
    """
    return load_tables(generate(scale, seed, now).tables(), progress)


def load_tables(tables: Iterable[tuple[str, Rows]], progress: Progress) -> dict[str, int]:
    """Load the tables of a world, in the order of their foreign keys, as `load_world` does."""
    if not is_empty():
        raise Conflict("The sample world is loaded into an empty database only.")
    loaded: dict[str, int] = {}
    with unit_of_work(Actor.system()) as session:
        for name, rows in tables:
            complete = _hashed(rows) if name in HASHED else rows
            loaded[name] = copy_rows(session, metadata.tables[name], complete)
            progress(loaded[name])
        market.refresh(session)
        enqueue_work(session)
    return loaded


def _hashed(rows: Rows) -> Iterator[dict[str, Any]]:
    for row in rows:
        content = {name: _plain(value) for name, value in row.items() if name != "updated_at"}
        yield {**row, "content_hash": content_hash(content)}


def _plain(value: object) -> object:
    """Return a measure as it would come in JSON, so that the same event sent over HTTP is a duplicate."""
    return float(value) if isinstance(value, Decimal) else value
