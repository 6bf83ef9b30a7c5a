"""Requests that schemathesis makes from OpenAPI, good and bad ones, against a running API with the sample world."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import Engine, create_engine, text
from tests.live import new_platform, running_api

from estate import registry
from estate.core.db import Database, unit_of_work, use_database
from estate.core.queue import drain_topic
from estate.core.security import Actor
from estate.intake.tasks import COMMIT
from estate.realestate_gpt import policies
from estate.realestate_gpt.counterfactual import Proposal
from estate.realestate_gpt.retrieval.weights import DEFAULT

__all__ = ["Fuzzed", "Target", "fuzzing_target"]

EMAIL, PASSWORD = "layla@example.com", "correct horse battery"
UNLIMITED = ("READS", "WRITES", "COSTLY", "LOG_INS", "WRONG_KEYS")
COUNTED = re.compile(r'estate_http_requests_total\{method="(\w+)",route="([^"]+)",status="(\d+)"\} (\S+)')
SUMMARY = re.compile(r"^=+ SUMMARY =+$.*", re.MULTILINE | re.DOTALL)

# Ids that exist: by name, what reads them, and the parameters that take them.
KNOWN: Mapping[str, tuple[str, Sequence[str]]] = {
    "agents": ("SELECT agent_id FROM agent_activity", ["agent_id", "owner_agent_id", "triples.[*].agent_id"]),
    "clients": (
        "SELECT client_id FROM client_profiles ORDER BY 1 LIMIT 60",
        ["client_id", "client_id.[*]", "keep", "triples.[*].client_id"],
    ),
    "leaving": ("SELECT client_id FROM client_profiles ORDER BY 1 OFFSET 60", ["merge"]),
    "areas": ("SELECT area_id FROM market_insights", ["area_id"]),
    "projects": ("SELECT project_id FROM projects", ["project_id"]),
    "units": (
        "SELECT project_id || ':' || unit_id FROM properties",
        ["unit", "unit.[*]", "unitA", "unitB", "property", "triples.[*].property"],
    ),
    "deals": ("SELECT deal_id FROM deals", ["deal_id"]),
    "teams": ("SELECT team_id FROM teams", ["team_id"]),
    "responses": ("SELECT response_id FROM gpt_responses", ["response_id"]),
    "imports": ("SELECT import_id FROM imports WHERE filename = 'read.csv'", ["import_id"]),
    "to_take": ("SELECT import_id FROM imports WHERE filename = 'take.csv'", []),
    "taken": ("SELECT import_id FROM imports WHERE filename = 'taken.csv'", []),
    "lines": ("SELECT DISTINCT line FROM import_rows WHERE status = 'rejected'", ["line"]),
    "emails": (f"SELECT '{EMAIL}'", ["email"]),
    "passwords": (f"SELECT '{PASSWORD}'", ["password"]),
}
PLACES = ("path.", "query.", "body.", "body.[*].")
OFTEN = 0.7

REFUSED = ["400", "401", "403", "404", "405", "406", "409", "414", "415", "422", "428", "429", "5xx"]
"""What schemathesis takes for a refusal of bad data, and that an address is too long."""

# What a schema cannot say, so that a request which keeps to it is still refused. Nothing else is let through.
#   410: whom an id names was merged into another; schemathesis knows 404 and 409 as words on a state, not this one.
#   422: one record names another that does not exist; two fields contradict each other; a text shows nothing; a day
#        is not in the calendar or outside 1970 to 2100; an Idempotency-Key comes again with another body.
#   400: a cursor is opaque, only the server makes one; a file is no workbook.
OF_STATE = ["2xx", "3xx", "401", "403", "404", "409", "410", "422"]
SETTINGS = f"""
continue-on-failure = true
# A parameter that OpenAPI does not list is refused with its name, which OpenAPI has no word for.
generation.allow-extra-parameters = false
generation.database = "none"
checks.positive_data_acceptance.expected-statuses = {json.dumps(OF_STATE)}
checks.negative_data_rejection.expected-statuses = {json.dumps(REFUSED)}

[[operations]]
include-path-regex = "/ingest$"  # `fuzzing_checks` has one for batches.
checks.negative_data_rejection.enabled = false

[[operations]]
include-name = "POST /auth/login"  # A password is slow to check, and must be.
generation.max-examples = 20

[[operations]]
include-name = "DELETE /client/{{client_id}}"
parameters.client_id = {{ dictionary = "leaving", probability = {OFTEN} }}

[[operations]]
include-name = "POST /imports/{{import_id}}/commit"
parameters.import_id = {{ dictionary = "to_take", probability = {OFTEN} }}

[[operations]]
include-name = "POST /imports/{{import_id}}/undo"
parameters.import_id = {{ dictionary = "taken", probability = {OFTEN} }}
"""
FILE = b"Name,Mobile\nHuda Salem,+971501234567\nOmar Nasser,+971501234568\nKarim Adel,unknown to us\n"


@dataclass(frozen=True)
class Fuzzed:
    """What became of the requests of a run."""

    failures: list[Any]
    errors: list[Any]
    operations: dict[str, int]
    summary: str
    answers: Counter[tuple[str, int]]

    def __str__(self) -> str:
        by_status = Counter[int]()
        for (_, status), number in self.answers.items():
            by_status[status] += number
        told = ", ".join(f"{status}: {number}" for status, number in sorted(by_status.items()))
        return f"{self.requests} requests to {self.operations['tested']} operations; {told}\n{self.summary}"

    @property
    def requests(self) -> int:
        """How many requests the server answered."""
        return self.answers.total()

    def server_errors(self) -> int:
        """How many requests ended in an error of the server."""
        return sum(number for (_, status), number in self.answers.items() if status >= 500)

    def unfruitful(self, operations: Sequence[str]) -> list[str]:
        """Return the operations that no request was good enough for."""
        return [name for name in operations if not any(self.answers[name, status] for status in (200, 202))]


@dataclass(frozen=True)
class Target:
    """A running API with the sample world."""

    client: httpx2.Client
    folder: Path
    settings: str
    agent_key: str

    def operations(self) -> list[str]:
        """Return the operations of OpenAPI."""
        paths = self.client.get("/openapi.json").json()["paths"]
        return [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]

    def fuzz(self, key: str, phases: Sequence[str], max_examples: int) -> Fuzzed:
        """Run schemathesis with a key, over all operations, with good and bad data and all of its checks.

        Parameters
        ----------
        phases : sequence of str
            Some of ``"examples"``, ``"coverage"``, ``"fuzzing"`` and ``"stateful"``.
        max_examples : int
            The most requests to an operation in the phase ``"fuzzing"``, and chains of them in ``"stateful"``.
        """
        config, report = self.folder / "schemathesis.toml", self.folder / "report.json"
        config.write_text(f"generation.max-examples = {max_examples}{self.settings}")
        report.unlink(missing_ok=True)
        before = self._answers()
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
                *("run", f"{self.client.base_url}/openapi.json", "--no-color", "--header", f"X-API-Key: {key}"),
                *("--checks", "all", "--mode", "all", "--report", "json", "--report-json-path", str(report)),
                *("--phases", ",".join(phases)),
            ],
            cwd=self.folder,
            env=os.environ | {"SCHEMATHESIS_HOOKS": "tests.fuzzing_checks", "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
        )
        assert report.exists(), done.stdout[-2_000:] + done.stderr[-2_000:]
        told = json.loads(report.read_text())
        summary = SUMMARY.search(done.stdout)
        return Fuzzed(
            failures=told["failures"],
            errors=told["errors"],
            operations=told["operations"],
            summary=done.stdout if told["failures"] or told["errors"] or summary is None else summary[0],
            answers=self._answers() - before,
        )

    def _answers(self) -> Counter[tuple[str, int]]:
        """Count what the server answered so far, by operation and status."""
        lines = COUNTED.findall(self.client.get("/metrics").text)
        return Counter({(f"{method} {route}", int(status)): int(float(n)) for method, route, status, n in lines})


def estate(environment: Mapping[str, str], *arguments: str, given: str | None = None) -> str:
    """Run a command of the platform."""
    command = [sys.executable, "-m", "estate", *arguments]
    done = subprocess.run(
        command, env=os.environ | environment, input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def fuzzing_target(engine: Engine, redis_url: str, folder: Path) -> Iterator[Target]:
    """Run an API on a database of its own with the sample world, a user, and an answer of the assistant."""
    environment = new_platform(engine, redis_url, "estate_fuzz")
    environment |= {f"ESTATE_{name}_PER_MINUTE": "1000000" for name in UNLIMITED}
    estate(environment, "seed")
    estate(environment, "users", "create", EMAIL, "--role", "read_only", given=PASSWORD)
    with running_api(environment, folder) as client:
        agent = client.get("/agent/query", params={"limit": 1}).json()["items"][0]["agent_id"]
        question = {"client_input": "What does a flat by the sea cost?", "agent_id": agent}
        client.post("/gpt/respond", json=question).raise_for_status()
        bring_files(client)
        work(environment["ESTATE_DATABASE_URL"])
        settings = SETTINGS + _paged(client) + _known(environment["ESTATE_DATABASE_URL"])
        key = estate(environment, "keys", "create", "fuzzing", "--role", "agent", "--agent", agent).strip()
        yield Target(client, folder, settings, agent_key=key)


def bring_files(client: httpx2.Client) -> None:
    """Bring a file to be read, one to be taken, and one whose taking is asked for."""
    for name in ("read.csv", "take.csv", "taken.csv"):
        query = {"filename": name, "kind": "clients"}
        answer = client.post("/imports", params=query, content=FILE, headers={"Content-Type": "text/csv"})
        imported = answer.raise_for_status().json()["import_id"]
    client.post(f"/imports/{imported}/commit", json={}).raise_for_status()


def work(database_url: str) -> None:
    """Take the file as a worker does, and rank replies by a learned version, which can be left."""
    registry.register()
    database = Database.connect(database_url, "worker")
    with use_database(database):
        drain_topic(COMMIT)
        drain_topic(COMMIT)
        with unit_of_work(Actor.system()) as session:
            policies.promote(session, Proposal(DEFAULT, gain=0.05, lower=0.01, n=100))
    database.close()


def _paged(client: httpx2.Client) -> str:
    """Let every operation that takes a cursor or a file refuse one."""
    paths = client.get("/openapi.json").json()["paths"]
    paged = [f"GET {path}" for path, by_method in paths.items() if "cursor" in _parameters(by_method.get("get", {}))]
    return f"""
[[operations]]
include-name = {json.dumps([*paged, "POST /imports"])}
checks.positive_data_acceptance.expected-statuses = {json.dumps([*OF_STATE, "400"])}

"""


def _parameters(operation: Mapping[str, Any]) -> set[str]:
    return {parameter["name"] for parameter in operation.get("parameters", [])}


def _known(database_url: str) -> str:
    """Bind parameters, and fields of bodies, to ids that exist."""
    engine = create_engine(database_url, connect_args={"options": "-c role=estate_system"})
    dictionaries, parameters = ["[dictionaries]"], ["[parameters]"]
    with engine.connect() as connection:
        for name, (query, taken_by) in KNOWN.items():
            values = [str(value) for value in connection.scalars(text(query))]
            dictionaries.append(f"{name} = {{ values = {json.dumps(values)} }}")
            bound = f'{{ dictionary = "{name}", probability = {OFTEN} }}'
            parameters += [f'"{place}{parameter}" = {bound}' for parameter in taken_by for place in PLACES]
    engine.dispose()
    return "\n".join([*dictionaries, *parameters, ""])
