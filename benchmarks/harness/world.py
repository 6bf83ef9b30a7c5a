"""What the writers talk about: agents, clients, units and deals, and events about them, good and bad."""

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

__all__ = ["TERMS", "Event", "Malformed", "World", "conflicting", "malformed", "new_event"]

AGENTS = 24
CLIENTS = 40
UNITS = 24
DEALS = 12
TERMS = ("payment plan", "sea view", "handover", "rental yield", "parking", "school nearby", "golf course", "discount")
EPOCH = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
SPAN_S = 300 * 24 * 3600

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class World:
    """The records that events refer to.

    Parameters
    ----------
    agents, clients : tuple of str
        Their ids. The first `DEALS` of both belong to the deals and to no other event.
    units : tuple of (str, str)
        Project and unit.
    deals : tuple of (str, str)
        Deal id and ``won``, ``lost`` or ``open``; deal i is of agent i and client i.
    """

    agents: tuple[str, ...]
    clients: tuple[str, ...]
    units: tuple[tuple[str, str], ...]
    deals: tuple[tuple[str, str], ...]

    @classmethod
    def draw(cls, rng: Random) -> "World":
        """Draw a world."""
        project = new_id(rng)
        return cls(
            agents=tuple(new_id(rng) for _ in range(AGENTS)),
            clients=tuple(new_id(rng) for _ in range(CLIENTS)),
            units=tuple((project, new_id(rng)) for _ in range(UNITS)),
            deals=tuple((new_id(rng), rng.choice(("won", "lost", "open"))) for _ in range(DEALS)),
        )

    def rows(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Yield the path and body of each call that loads the world."""
        yield "/agent/ingest", [{"agent_id": a, "name": f"Agent {i}"} for i, a in enumerate(self.agents)]
        yield "/client/ingest", [{"client_id": c, "name": f"Client {i}"} for i, c in enumerate(self.clients)]
        yield "/property/ingest", [{"project_id": p, "unit_id": u, "price": "1000000"} for p, u in self.units]
        yield "/behavior/deal", [self._deal(i) for i in range(DEALS)]

    def _deal(self, i: int) -> dict[str, Any]:
        deal, outcome = self.deals[i]
        body = {"deal_id": deal, "agent_id": self.agents[i], "client_id": self.clients[i], "stage": "new"}
        body["opened_at"] = EPOCH.isoformat()
        if outcome != "open":
            body |= {"stage": outcome, "closed_at": (EPOCH + dt.timedelta(days=30)).isoformat()}
        return body


@dataclass(frozen=True, slots=True)
class Malformed:
    """A row that must be refused, and what it should have been."""

    sent: Event
    mended: Event


def new_id(rng: Random) -> str:
    """Draw a UUID."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def new_event(rng: Random, world: World) -> Event:
    """Draw an event: one in five is of a deal, half were answered, a third name a unit."""
    event: Event = {"event_id": new_id(rng), "trigger_word": rng.choice(TERMS)}
    if rng.random() < 0.2:
        i = rng.randrange(DEALS)
        event |= {"agent_id": world.agents[i], "client_id": world.clients[i], "deal_id": world.deals[i][0]}
    else:
        event |= {"agent_id": rng.choice(world.agents[DEALS:]), "client_id": rng.choice(world.clients[DEALS:])}
    if rng.random() < 0.5:
        event["response_speed"] = rng.randrange(1, 2_000) / 2  # Halves are exact in every representation.
    if rng.random() < 0.33:
        event["property_project_id"], event["property_unit_id"] = rng.choice(world.units)
    if rng.random() < 0.6:
        event["conversion_effect"] = rng.choice((0.5, -0.5, 0.0))
    event["time_of_event"] = (EPOCH + dt.timedelta(seconds=rng.randrange(SPAN_S))).isoformat()
    return event


def malformed(rng: Random, event: Event) -> Malformed:
    """Break a good event in one of six ways."""
    ways: tuple[Event, ...] = (
        {"conversion_effect": "much"},
        {"time_of_event": "2025-03-01T10:00:00"},
        {"response_speed": -1.0},
        {"agent_id": new_id(rng)},
        {"trigger_word": "nul\x00byte"},
        {"tenant": "other"},
    )
    return Malformed(event | rng.choice(ways), event)


def conflicting(rng: Random, event: Event) -> Event:
    """Return other content under the same id."""
    others = [term for term in TERMS if term != event["trigger_word"]]
    return event | {"trigger_word": rng.choice(others), "emotion_detected": new_id(rng)}
