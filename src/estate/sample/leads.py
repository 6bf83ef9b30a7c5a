"""Leads of the sample world: who talks with whom, from when, and for how long; with them the scene is set."""

from dataclasses import dataclass

import numpy as np

from estate.sample.draws import DAY, Ints
from estate.sample.homes import WINDOW_DAYS, Homes
from estate.sample.market import Market
from estate.sample.people import Agents, Clients

__all__ = ["LEADS", "Leads", "Scene", "draw_leads", "working_hour"]

LEADS = 320
# The median days from opening to closing, by decision speed: fast, medium, slow.
MEDIAN_DAYS = np.array([24.0, 38.0, 58.0])
WARM_SHARE = 0.9
OWN_AGENT_SHARE = 0.85
# Growing business: the age of a lead is WINDOW_DAYS · u ** GROWTH.
GROWTH = 1.3


@dataclass(frozen=True, eq=False, slots=True)
class Leads:
    """Leads in the order of their opening; `ends_at` may lie after `now`, then the deal is open.

    `until` is the end of what has happened so far: the earlier of `ends_at` and `now`.
    """

    client: Ints
    agent: Ints
    opened_at: Ints
    ends_at: Ints
    until: Ints


@dataclass(frozen=True, eq=False, slots=True)
class Scene:
    """All that is drawn before the first word is said; `now` in Unix seconds."""

    now: int
    market: Market
    homes: Homes
    agents: Agents
    clients: Clients
    leads: Leads


def draw_leads(scale: int, rng: np.random.Generator, clients: Clients, agents: int, now: int) -> Leads:
    """Draw leads of nine clients in ten, mostly with the agent that the client belongs to."""
    count = LEADS * scale
    client = rng.integers(0, int(WARM_SHARE * len(clients.client_ids)), count)
    own = rng.random(count) < OWN_AGENT_SHARE
    agent = np.where(own, clients.owner[client], rng.integers(0, agents, count))
    days_ago = 2 + (WINDOW_DAYS - 2) * rng.random(count) ** GROWTH
    opened_at = working_hour(rng, now - np.floor(days_ago).astype(np.int64) * DAY)
    length = MEDIAN_DAYS[clients.speed[client]] * np.exp(rng.normal(0, 0.5, count))
    ends_at = opened_at + (np.clip(length, 2, 240) * DAY).astype(np.int64)
    order = np.argsort(opened_at, kind="stable")
    return Leads(
        client=client[order],
        agent=agent[order],
        opened_at=opened_at[order],
        ends_at=ends_at[order],
        until=np.minimum(ends_at, now)[order],
    )


def working_hour(rng: np.random.Generator, seconds: Ints) -> Ints:
    """Return a time between 05:00 and 16:00 UTC on the day of each of `seconds`."""
    return seconds // DAY * DAY + rng.integers(5 * 3600, 16 * 3600, len(seconds))
