"""Measures the heavy queries with and without their index on a sample world, and writes docs/indexes.md."""

import argparse
import datetime as dt
import json
import os
import platform
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, select, text
from sqlalchemy.orm import Session

from estate import registry
from estate.behavior.crud import deals, events
from estate.behavior.schemas import EventFilter
from estate.cli.servers import start_postgres
from estate.client import crud as clients
from estate.core import outbox
from estate.core.db import Database, use_database
from estate.core.identifiers import UnitRef
from estate.core.migrate import upgrade
from estate.core.queue import drain_all
from estate.importers.world import load_world
from estate.market import crud as market
from estate.property.crud import units as homes
from estate.property.schemas import UnitFilter

__all__ = ["Measured", "loaded_world", "measure"]

PAGE = Path(__file__).parents[1] / "docs" / "indexes.md"
MARK = "<!-- Below this line everything is written by scripts/explain.py. -->\n"
NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
TABLES = ("behavior_events", "documents", "deals", "conversations", "properties", "client_profiles", "market_snapshots")
WAITING_ROWS = 50_000
RUNS = 5
ROLE = "estate_system"
LINE = 190

FILL_OUTBOX = f"""
INSERT INTO outbox (topic, key)
SELECT CASE WHEN i % 1000 = 0 THEN 'intelligence.score' ELSE 'behavior.fold' END, CAST(i AS text)
FROM generate_series(1, {WAITING_ROWS}) AS i
"""  # noqa: S608 (a number of our own)
WITH_AMENITY = text("SELECT unit_id FROM properties WHERE amenities @> CAST(:wanted AS jsonb)")
WITH_TARGET = text("SELECT client_id FROM client_profiles WHERE location_targets @> CAST(:wanted AS jsonb)")

Call = Callable[[Session], object]


@dataclass(frozen=True, slots=True)
class Case:
    """One query of the platform and the index that serves it."""

    question: str
    index: str
    call: Call
    before: tuple[str, ...] = ()
    """Statements that make the case; rolled back afterwards."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan as PostgreSQL printed it."""

    lines: tuple[str, ...]
    milliseconds: float

    def uses(self, index: str) -> bool:
        """Tell whether a scan of the plan reads an index."""
        return any(f" {index}" in line for line in self.lines)


@dataclass(frozen=True, slots=True)
class Measured:
    """A case with its plans."""

    case: Case
    with_index: Plan
    without: Plan


def _cases(connection: Connection) -> list[Case]:
    """Choose typical records and return what is asked about them."""

    def one(query: str) -> Any:
        return connection.execute(text(query)).one()

    agent, client, deal = one("SELECT agent_id, client_id, deal_id FROM deals ORDER BY deal_id LIMIT 1")
    unit = UnitRef(*one("SELECT project_id, unit_id FROM properties ORDER BY project_id, unit_id LIMIT 1"))
    area, price = one("SELECT area_id, avg(price) FROM properties GROUP BY area_id ORDER BY area_id LIMIT 1")
    page = partial(EventFilter, limit=50)
    return [
        Case(
            "`GET /behavior/query?client_id=…`: newest events of a client",
            "ix_behavior_events_client_id_time",
            lambda s: events.page_events(s, page(client_id=client)),
        ),
        Case(
            "`GET /behavior/query?agent_id=…`: newest events of an agent",
            "ix_behavior_events_agent_id_time",
            lambda s: events.page_events(s, page(agent_id=agent)),
        ),
        Case(
            "`GET /behavior/query?unit=…`: newest events of a unit",
            "ix_behavior_events_unit_time",
            lambda s: events.page_events(s, page(unit=unit)),
        ),
        Case(
            "`GET /behavior/query`: newest events of all, by keyset",
            "ix_behavior_events_time",
            lambda s: events.page_events(s, page()),
        ),
        Case(
            "`GET /behavior/query?trigger_word=…`: events with a word that hardly anybody said",
            "ix_behavior_events_trigger_word",
            lambda s: events.page_events(s, page(trigger_word="elevator pitch")),
        ),
        Case(
            "A deal changed: which events does it decide?",
            "ix_behavior_events_folded_deal_id",
            lambda s: events.events_of_deals(s, [deal]),
        ),
        Case(
            "Deals of an agent (ranking, closing probability)",
            "ix_deals_agent_id_opened_at",
            lambda s: deals.deals(s, agent_id=agent),
        ),
        Case(
            "Deals of a client (qualification)",
            "ix_deals_client_id_opened_at",
            lambda s: deals.deals(s, client_ids=[client]),
        ),
        Case(
            "A worker claims due work of a topic (`FOR UPDATE SKIP LOCKED`) behind a backlog of another",
            "ix_outbox_topic_due",
            lambda s: outbox._claim(s, "intelligence.score", dt.datetime.now(dt.UTC)),  # What `drain` does first.
            (FILL_OUTBOX, "ANALYZE outbox"),
        ),
        Case(
            "`GET /property/recommend`: available units of an area within a budget",
            "ix_properties_available_area_price",
            lambda s: homes.candidates(
                s,
                area_ids=[area],
                price_min=None,
                price_max=price,
                currency="AED",
                bedrooms_min=None,
                bedrooms_max=None,
                type_pattern=None,
                refused_pattern=None,
                limit=50,
            ),
        ),
        Case(
            "`GET /property/predict`: comparable sales of an area",
            "ix_properties_area_id_sold_at",
            lambda s: homes.sales(s, "AED", NOW, area_id=area, limit=400),
        ),
        Case(
            "`GET /property/query?sort=price`: units by price, by keyset",
            "ix_properties_price",
            lambda s: homes.page_units(s, UnitFilter(sort="price"), "AED"),
        ),
        Case(
            "`GET /property/query?bedrooms=5&sort=price`: units by bedrooms and price",
            "ix_properties_bedrooms_price",
            lambda s: homes.page_units(s, UnitFilter(bedrooms=5, sort="price"), "AED"),
        ),
        Case(
            "`GET /client/recommend`: clients of an agent",
            "ix_client_profiles_owner_agent_id_score",
            lambda s: clients.clients_of(s, agent),
        ),
        Case(
            "`GET /market/predict`: history of an area",
            "ix_market_snapshots_area_id_observed_on",
            lambda s: market.history(s, [area], 100),
        ),
        Case(
            "`POST /gpt/respond`: documents that hold a word of the question",
            "ix_documents_search",
            lambda s: _call_body(
                s,
                "documents_matching",
                query="'harbour' | 'villa'",
                wanted=["market", "property"],
                per_layer=50,
                most=2_000,
            ),
        ),
        Case(
            "SQL of your own: units with an amenity (jsonb containment)",
            "ix_properties_amenities",
            lambda s: s.execute(WITH_AMENITY, {"wanted": '[{"code": "x_private_garden"}]'}),
        ),
        Case(
            "SQL of your own: clients who want an area (jsonb containment)",
            "ix_client_profiles_location_targets",
            lambda s: s.execute(WITH_TARGET, {"wanted": json.dumps([{"area_id": str(area)}])}),
        ),
    ]


def _call_body(session: Session, function: str, **arguments: object) -> None:
    """Send the query in a function of SQL, which EXPLAIN does not look into."""
    find = "SELECT prosrc FROM pg_proc WHERE proname = :function"
    source: str = session.execute(text(find), {"function": function}).scalar_one()
    session.execute(text(re.sub(rf"\b({'|'.join(arguments)})\b", r":\1", source)), arguments)


def measure(engine: Engine) -> list[Measured]:
    """Explain every case with its index and without it; nothing stays changed."""
    with engine.connect() as connection:
        cases = _cases(connection)
    return [_measured(engine, case) for case in cases]


def _measured(engine: Engine, case: Case) -> Measured:
    with engine.connect() as connection, connection.begin() as transaction:
        for preparation in case.before:
            connection.execute(text(preparation))
        statement, parameters = _sent(connection, case.call)
        with_index = _explain(connection, statement, parameters)
        connection.exec_driver_sql("SET LOCAL ROLE NONE")  # Only the owner may drop.
        connection.exec_driver_sql(f"DROP INDEX {case.index}")
        connection.exec_driver_sql(f"SET LOCAL ROLE {ROLE}")
        without = _explain(connection, statement, parameters)
        transaction.rollback()
    return Measured(case, with_index, without)


def _sent(connection: Connection, call: Call) -> tuple[str, Any]:
    """Return the last statement of a call, as it went to the driver."""
    sent: list[tuple[str, Any]] = []

    def remember(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        sent.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", remember)
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        call(session)
    event.remove(connection, "before_cursor_execute", remember)
    return [pair for pair in sent if "SAVEPOINT" not in pair[0]][-1]


def _explain(connection: Connection, statement: str, parameters: Any) -> Plan:
    """Explain a statement some times and return the plan of the median run."""
    runs = []
    for _ in range(RUNS):
        result = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", parameters)
        lines = tuple(row[0] for row in result)
        runs.append(Plan(lines, float(lines[-1].split()[-2])))
    return sorted(runs, key=lambda plan: plan.milliseconds)[RUNS // 2]


@contextmanager
def loaded_world(scale: int, seed: int) -> Iterator[Engine]:
    """Run a PostgreSQL with a sample world for the duration of a block."""
    with tempfile.TemporaryDirectory(prefix="estate-explain-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with start_postgres(Path(folder) / "postgresql", for_tests=True) as server:
            upgrade(server.url)
            registry.register()
            engine = create_engine(server.url, connect_args={"options": f"-c role={ROLE}"})
            with use_database(Database.of(engine)):
                load_world(scale, seed, NOW, lambda _: None)
                drain_all()
            owner = create_engine(server.url)
            with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM ANALYZE")
            owner.dispose()
            yield engine
            engine.dispose()


def _page(engine: Engine, scale: int, seed: int, measured: Sequence[Measured]) -> str:
    parts = [
        f"\nMeasured on {_machine(engine)}; sample world of scale {scale}, seed {seed}: {_sizes(engine)}. "
        f"Median of {RUNS} runs with a warm cache.\n",
        "| Question | Index | ms with it | ms without |",
        "| --- | --- | ---: | ---: |",
    ]
    for m in measured:
        times = f"{m.with_index.milliseconds:.2f} | {m.without.milliseconds:.2f}"
        parts.append(f"| {m.case.question} | `{m.case.index}` | {times} |")
    for m in measured:
        plan = "\n".join(_short(line) for line in m.with_index.lines)
        parts.append(f"\n## {m.case.index}\n\n{m.case.question}.\n\n```text\n{plan}\n```")
    return "\n".join(parts) + "\n"


def _short(line: str) -> str:
    return line if len(line) <= LINE else f"{line[: LINE - 1]}…"


def _machine(engine: Engine) -> str:
    with engine.connect() as connection:
        version = connection.execute(text("SHOW server_version")).scalar_one()
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, PostgreSQL {version}"


def _sizes(engine: Engine) -> str:
    with engine.connect() as connection:
        counts = {t: connection.scalar(select(func.count()).select_from(registry.metadata.tables[t])) for t in TABLES}
    return ", ".join(f"{n:,} {table}" for table, n in counts.items())


def main() -> int:
    """Measure and write the page; fail when a query does not use its index."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=int, default=20, help="how many times 12 agents, 120 clients and 320 deals")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with loaded_world(options.scale, options.seed) as engine:
        measured = measure(engine)
        page = _page(engine, options.scale, options.seed, measured)
    head, mark, _ = PAGE.read_text().partition(MARK)
    PAGE.write_text(head + mark + page)
    unused = [m.case.index for m in measured if not m.with_index.uses(m.case.index)]
    for index in unused:
        print(f"{index} is not used by the query that it is for")
    return 1 if unused else 0


if __name__ == "__main__":
    sys.exit(main())
