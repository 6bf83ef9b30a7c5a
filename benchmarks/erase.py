"""`estate bench erase`: erased clients leave what a database holds in which they never were.

The sample world is loaded twice: whole, and without the rows of some clients. In the first they are merged, asked
about, refused, answered and mentioned by others, and then erased over HTTP. Once both have done all work that waits,
every table is compared row by row, and a dump of every table, of Redis and of the logs is searched for what the
clients were known by.
"""

import datetime as dt
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from starlette.testclient import TestClient

from benchmarks.harness.snapshots import differences, hits
from benchmarks.harness.stack import API_KEY, Postgres, Redis, Stack, passing_postgres
from benchmarks.report import Options, Report
from estate import registry
from estate.api.app import create_app
from estate.core.db import Database, use_database
from estate.core.queue import drain_all
from estate.core.settings import get_settings
from estate.core.traces import ERASED
from estate.importers.world import load_tables
from estate.sample.world import generate

__all__ = ["TARGETS", "bench"]

TARGETS: dict[str, tuple[str, float]] = {
    "hits": ("==", 0),
    "table_mismatches": ("==", 0),
    "export_misses": ("==", 0),
    "erased": (">=", 4),
    "tables_with_hits_before": (">=", 10),
}
WHOLE, WITHOUT = "erase_whole", "erase_without"
CLIENTS = "client_profiles"
HEADERS = {"X-API-Key": API_KEY}
KINDS = ("won", "lost", "open", "merged")
PER_KIND = 3
QUICK_CLIENTS = 24
SETTINGS = {
    "ESTATE_ENVIRONMENT": "test",
    "ESTATE_BOOTSTRAP_API_KEY": API_KEY,
    "ESTATE_KEY_PEPPER": "estate-bench-pepper",
    "ESTATE_ANALYSIS_INTERVAL_S": "0",
    "ESTATE_TRAINING_DELAY_S": "0",
    "ESTATE_LEARNING_DELAY_S": "0",
    "ESTATE_RATE_LIMIT_ENABLED": "false",
}

Row = Mapping[str, Any]
Tables = Sequence[tuple[str, Sequence[Row]]]


@dataclass(frozen=True, slots=True)
class Person:
    """A client that is to be erased.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    client_id, agent_id : str
        Its id, and that of the agent who has it.
    name, phone, email : str
        What it is known by.
    witness : tuple of str
        Agent and client of somebody who mentions it, and stays.
    merged : str or None
        The client that is merged into it.
    """

    kind: str
    client_id: str
    agent_id: str
    name: str
    phone: str
    email: str
    witness: tuple[str, str]
    merged: str | None = None

    @property
    def ids(self) -> list[str]:
        """Its id, and that of the client merged into it."""
        return [self.client_id, *([self.merged] if self.merged else [])]

    @property
    def needles(self) -> list[str]:
        """What must not be found anywhere."""
        return [*self.ids, self.name, self.phone, self.phone.lstrip("+"), self.email]


def bench(options: Options) -> Report:
    """Run the bench."""
    registry.register()
    os.environ |= SETTINGS
    os.environ.pop("ESTATE_REDIS_URL", None)
    get_settings.cache_clear()
    now = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    tables: Tables = [(name, list(rows)) for name, rows in generate(1, options.seed, now).tables()]
    if options.quick:
        tables = _without(tables, {str(row["client_id"]) for row in dict(tables)[CLIENTS][QUICK_CLIENTS:]})
    people = _people(tables, 1 if options.quick else PER_KIND)
    with passing_postgres() as postgres:
        _load(postgres, WHOLE, _introduced(tables, people))
        _drain(postgres, WHOLE)
        _load(postgres, WITHOUT, _without(tables, {client_id for person in people for client_id in person.ids}))
        with _served(postgres, quick=options.quick) as (client, outside):
            work = _Work(postgres, client)
            work.live(people)
            planted = _hits(postgres, people)
            erased = [work.erase(person) for person in people]
            _drain(postgres, WITHOUT)
            return _report(options, postgres, people, erased, "\n".join(outside()), work, planted)


def _people(tables: Tables, per_kind: int) -> list[Person]:
    """Choose clients of every kind: with a won deal, with a lost one, with open ones only, and merged from two."""
    rows = dict(tables)
    outcomes: dict[str, set[str]] = {}
    for deal in rows["deals"]:
        outcomes.setdefault(str(deal["client_id"]), set()).add(deal["outcome"] or "open")
    found: dict[str, list[Row]] = {kind: [] for kind in KINDS}
    rest: list[Row] = []
    for client in rows[CLIENTS]:
        seen = outcomes.get(str(client["client_id"]), set())
        kind = "won" if "won" in seen else "lost" if "lost" in seen else "open"
        (found[kind] if len(found[kind]) < per_kind else rest).append(client)
    *pairs, witness = rest
    chosen: list[tuple[str, Row, Row | None]] = [(kind, client, None) for kind in KINDS for client in found[kind]]
    chosen += [("merged", pairs[2 * i], pairs[2 * i + 1]) for i in range(per_kind)]
    return [_person(number, *one, witness) for number, one in enumerate(chosen)]


def _person(number: int, kind: str, client: Row, merged: Row | None, witness: Row) -> Person:
    return Person(
        kind,
        str(client["client_id"]),
        str(client["owner_agent_id"]),
        f"Zéphyrine Quillfeather{'abcdefghijklmnop'[number]}",
        f"+97150900{number:04}",
        f"zephyrine.{number}@canary.example",
        (str(witness["owner_agent_id"]), str(witness["client_id"])),
        str(merged["client_id"]) if merged else None,
    )


def _introduced(tables: Tables, people: Sequence[Person]) -> Tables:
    """Return the world in which the people have a name, a phone and an e-mail that nobody else has."""
    known = {p.client_id: {"name": p.name, "phone": p.phone, "email": p.email} for p in people}
    return [
        (name, [{**row, **known.get(str(row["client_id"]), {})} for row in rows] if name == CLIENTS else rows)
        for name, rows in tables
    ]


def _without(tables: Tables, client_ids: set[str]) -> Tables:
    """Return the world in which some clients never were, nor anything that hangs on them."""
    gone = {"client_id": client_ids}
    kept: list[tuple[str, Sequence[Row]]] = []
    for name, rows in tables:
        left = [row for row in rows if not any(str(row.get(key)) in ids for key, ids in gone.items())]
        key = {"deals": "deal_id", "conversations": "conversation_id"}.get(name)
        if key:
            gone[key] = {str(row[key]) for row in rows} - {str(row[key]) for row in left}
        kept.append((name, left))
    return kept


def _load(postgres: Postgres, name: str, tables: Tables) -> None:
    postgres.create(name)
    with use_database(_database(postgres, name)):
        load_tables(tables, lambda _: None)


def _database(postgres: Postgres, name: str) -> Database:
    return Database.connect(postgres.url(name).render_as_string(hide_password=False), "worker")


def _drain(postgres: Postgres, name: str) -> None:
    with use_database(_database(postgres, name)):
        drain_all()


@contextmanager
def _served(postgres: Postgres, *, quick: bool) -> Iterator[tuple[Any, Callable[[], list[str]]]]:
    """Yield a client of the API on the whole world, and what returns the texts of logs and Redis."""
    if quick:
        with use_database(_database(postgres, WHOLE)), TestClient(create_app(), headers=HEADERS) as client:
            yield client, list
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="estate-bench-", dir="/var/tmp")))
        folder.chmod(0o755)
        redis = Redis(folder / "redis")
        stack.callback(redis.stop)
        served = Stack(postgres, redis, WHOLE, folder / "logs", roles=("api",), direct=True)
        stack.callback(served.stop)
        served.wait_ready()
        base = f"http://127.0.0.1:{served.port}"
        caller = stack.enter_context(httpx2.Client(base_url=base, headers=HEADERS, timeout=90))
        yield caller, lambda: [*_texts(folder / "logs"), *_redis(redis)]


def _texts(folder: Path) -> list[str]:
    return [path.read_text(errors="replace") for path in sorted(folder.rglob("*.log"))]


def _redis(redis: Redis) -> list[str]:
    with redis.client() as client:
        return [f"{key!r} {client.dump(key)!r}" for key in client.scan_iter()]


class _Work:
    """What is done with the people while they are there, and their erasure."""

    def __init__(self, postgres: Postgres, client: Any) -> None:
        self.postgres = postgres
        self.client = client
        self.seconds: list[float] = []
        self.export_misses = 0

    def live(self, people: Sequence[Person]) -> None:
        """Merge, ask, refuse and mention, in the whole world; the other gets the mentions with nobody in them."""
        for number, person in enumerate(people):
            if person.merged:
                self._post("/client/merge", {"keep": person.client_id, "merge": person.merged})
            self._about(number, person)
            self._mention(number, person)
        _drain(self.postgres, WHOLE)
        for number, person in enumerate(people):
            self._asked(number, person)
        with use_database(_database(self.postgres, WITHOUT)):
            other = TestClient(create_app(), headers=HEADERS)
            for number, person in enumerate(people):
                said = _talk(number, person, f"{ERASED}, {ERASED}, {ERASED}")
                other.post("/behavior/conversation", json=said).raise_for_status()

    def erase(self, person: Person) -> dict[str, int]:
        """Export and erase one."""
        exported = self.client.get(f"/client/{person.client_id}/export")
        exported.raise_for_status()
        self.export_misses += sum(needle not in exported.text for needle in person.needles)
        started = time.perf_counter()
        answer = self.client.delete(f"/client/{person.client_id}")
        self.seconds.append(time.perf_counter() - started)
        answer.raise_for_status()
        _drain(self.postgres, WHOLE)
        erased: dict[str, int] = answer.json()["erased"]
        return erased

    def _post(self, path: str, body: Any, status: int = 200, key: str | None = None) -> Any:
        answer = self.client.post(path, json=body, headers={"Idempotency-Key": key} if key else None)
        if answer.status_code != status:
            raise RuntimeError(f"{path} answered {answer.status_code}: {answer.text}")
        return answer.json()

    def _about(self, number: int, person: Person) -> None:
        stated = {"client_id": person.client_id, "score": 0.5, "reason": f"{person.name} said so."}
        self._post("/client/override", stated, key=f"override-{number}")
        refused = {"event_id": "no id", "client_id": person.client_id, "agent_id": person.agent_id}
        self._post("/behavior/event", refused | {"metadata": {"who": person.name, "at": person.email}}, 422)

    def _mention(self, number: int, person: Person) -> None:
        self._post("/behavior/conversation", _talk(number, person, f"{person.name}, {person.phone}, {person.email}"))

    def _asked(self, number: int, person: Person) -> None:
        asked = {"agent_id": person.agent_id, "client_input": f"What suits {person.name}?"}
        reply = self._post("/gpt/respond", asked | {"client_id": person.client_id})
        note = {"response_id": reply["response_id"], "verdict": "helpful", "note": f"{person.name} was happy."}
        self._post("/gpt/feedback", note)
        for question in ("Whom should I call next?", f"How is {person.name} doing? {person.client_id}"):
            self._post("/gpt/respond", asked | {"client_input": question})


def _talk(number: int, person: Person, who: str) -> dict[str, Any]:
    """Return a conversation of another client in which somebody is mentioned."""
    said = f"Do you know {who}? They told me about the payment plan."
    return {
        "conversation_id": f"00000000-0000-4000-8000-0000000007{number:02}",
        "agent_id": person.witness[0],
        "client_id": person.witness[1],
        "started_at": "2026-01-01T10:00:00Z",
        "turns": [{"speaker": "client", "text": said}],
    }


def _hits(postgres: Postgres, people: Sequence[Person], outside: str = "") -> dict[str, int]:
    return hits(postgres.dsn(WHOLE), outside, [needle for person in people for needle in person.needles])


def _report(
    options: Options,
    postgres: Postgres,
    people: Sequence[Person],
    erased: Sequence[Mapping[str, int]],
    outside: str,
    work: _Work,
    planted: Mapping[str, int],
) -> Report:
    whole, without = postgres.dsn(WHOLE), postgres.dsn(WITHOUT)
    compared, wrong = differences(whole, without)
    found = _hits(postgres, people, outside)
    metrics = {
        "hits": sum(found.values()),
        "tables_with_hits_before": sum(n > 0 for n in planted.values()),
        "table_mismatches": sum(wrong.values()),
        "tables_compared": compared,
        "erased": len(people),
        "rows_erased": sum(sum(counts.values()) for counts in erased),
        "export_misses": work.export_misses,
        "seconds": max(work.seconds),
        "mismatches": {table: {"rows": n} for table, n in wrong.items() if n},
        "found": {place: {"hits": n} for place, n in found.items() if n},
    }
    data = f"sample world, scale 1; {', '.join(p.kind for p in people)}; PostgreSQL without fsync"
    return Report("erase", options.seed, len(people), data, metrics, TARGETS)
