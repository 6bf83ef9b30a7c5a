"""A running API on a small brokerage: one or two of each kind, and all work on them done."""

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Engine
from tests.conftest import API_KEY
from tests.live import logged_in, new_platform, running_api

from estate import registry
from estate.core.db import Database, unit_of_work, use_database
from estate.core.key_store import Standing, create_key
from estate.core.queue import drain_all
from estate.core.security import Actor
from estate.core.users import create_user
from estate.sdk import Estate

__all__ = [
    "AGENT",
    "AREA",
    "CLIENT",
    "EMAIL",
    "NOBODY",
    "OTHER",
    "PASSWORD",
    "PROJECT",
    "SECOND",
    "UNIT",
    "Brokerage",
    "running_brokerage",
]

IDS = [f"60000000-0000-4000-8000-00000000000{n}" for n in range(8)]
AGENT, CLIENT, OTHER, AREA, PROJECT, UNIT, SECOND, NOBODY = IDS
EMAIL, PASSWORD = "layla@example.com", "correct horse battery staple"


@dataclass(frozen=True)
class Brokerage:
    """Where it runs, the settings of a command that works on its database, and the key of its agent."""

    url: str
    environment: dict[str, str]
    agent_key: str


@contextmanager
def running_brokerage(engine: Engine, redis_url: str, folder: Path) -> Iterator[Brokerage]:
    """Run it on a database of its own; no worker changes anything afterwards."""
    # On a busy machine Redis may take its time, without which nobody logs in.
    environment = new_platform(engine, redis_url, "estate_brokerage") | {"ESTATE_REDIS_TIMEOUT_MS": "1000"}
    with running_api(environment, folder) as server:
        url = str(server.base_url)
        with Estate(url, api_key=API_KEY) as estate:
            _fill(estate)
        worker = logged_in(environment, "estate_worker")
        registry.register()
        with closing(Database.connect(worker["ESTATE_DATABASE_URL"], "worker")) as database, use_database(database):
            with unit_of_work(Actor.system()) as session:
                own = Standing("agent", uuid.UUID(AGENT))
                key = create_key(session, Actor.system(), "Layla's terminal", own).text()
                create_user(session, Actor.system(), EMAIL, Standing("read_only"), name="Layla", password=PASSWORD)
            drain_all()
        yield Brokerage(url, worker, key)


def _fill(estate: Estate) -> None:
    agent = {"agent_id": AGENT, "name": "Layla Haddad", "deals_closed": 24}
    days = [{"price_avg": Decimal(1_000_000 + n), "observed_on": f"2026-0{n}-01"} for n in range(1, 9)]
    market = [{"area_id": AREA, "area_name": "Qamar Quay", "source": "registry"} | day for day in days]
    profile = {"owner_agent_id": AGENT, "budget": Decimal("2500000.50"), "phone": "+971501234567"}
    clients = [profile | {"client_id": CLIENT, "name": "Omar"}, profile | {"client_id": OTHER, "name": "Omar"}]
    home = {"project_id": PROJECT, "area_id": AREA, "price": Decimal("1850000.00"), "area_sqm": 105}
    units = [home | {"unit_id": UNIT, "bedrooms": 2}, home | {"unit_id": SECOND, "bedrooms": 3}]
    both = {"agent_id": AGENT, "client_id": CLIENT}
    words = [{"speaker": "client", "text": "A sea view, and a payment plan."}]
    loaded = [
        estate.agent.load([agent]),
        estate.market.load(market),
        estate.client.load(clients),
        estate.property.load(units),
        estate.behavior.load_deals([both | {"deal_id": str(uuid.uuid4()), "outcome": "won"}]),
        estate.behavior.load_conversations([both | {"conversation_id": str(uuid.uuid4()), "turns": words}]),
        estate.behavior.load([both | {"event_id": str(uuid.uuid4()), "trigger_word": "sea view"}]),
    ]
    assert [report.created for report in loaded] == [1, 8, 2, 2, 1, 1, 1]
    assert estate.market.load([{"area_id": AREA}]).rejected == 1
