"""The Postman collection, run by Newman against a live server: from an empty database, and again."""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scripts.collection import COLLECTION, ENVIRONMENT, MADE_ONCE
from sqlalchemy import Engine
from tests.conftest import API_KEY
from tests.live import new_platform, running_api, running_worker

pytestmark = pytest.mark.long

NODE = Path(sys.prefix) / "bin" / "node"
NEWMAN = Path(sys.prefix) / "newman" / "node_modules" / "newman" / "bin" / "newman.js"
DEADLINE_S = 180


@pytest.fixture(scope="module")
def address(engine: Engine, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a platform whose database is empty."""
    environment = new_platform(engine, redis_url, "estate_collection")
    folder = tmp_path_factory.mktemp("collection")
    with running_api(environment, folder) as client, running_worker(environment, folder):
        assert client.get("/agent/query").json()["items"] == []
        yield str(client.base_url).rstrip("/")


def run(address: str, folder: Path, key: str = API_KEY, **variables: str) -> dict[str, Any]:
    """Run the collection and return Newman's report."""
    assert NEWMAN.is_file(), "Newman is not installed: `make test-long` does it"
    report = folder / "report.json"
    given = {"base_url": address, "api_key": key, **variables}
    settings = [part for name, value in given.items() for part in ("--env-var", f"{name}={value}")]
    reporting = ["--reporters", "json", "--reporter-json-export", str(report)]
    command = [str(NODE), str(NEWMAN), "run", str(COLLECTION), "--environment", str(ENVIRONMENT)]
    subprocess.run([*command, *settings, *reporting], timeout=DEADLINE_S, check=False)
    return dict(json.loads(report.read_text())["run"])


def failures(report: dict[str, Any]) -> list[str]:
    return [f"{item['source']['name']}: {item['error']['test']}" for item in report["failures"]]


def requests() -> int:
    return sum(len(folder["item"]) for folder in json.loads(COLLECTION.read_text())["item"])


def test_every_assertion_holds_from_an_empty_database_and_again(address: str, tmp_path: Path) -> None:
    first = run(address, tmp_path)
    assert failures(first) == []
    assert first["stats"]["requests"] == {"total": requests(), "pending": 0, "failed": 0}
    assert first["stats"]["assertions"]["total"] > 3 * requests()

    kept = {name: str(uuid.uuid4()) for name in MADE_ONCE}
    for _ in range(2):
        assert failures(run(address, tmp_path, **kept)) == []


def test_a_broken_promise_is_reported(address: str, tmp_path: Path) -> None:
    broken = run(address, tmp_path, key="not-the-key")
    assert "/agent/ingest: the status is 200" in failures(broken)
    assert "/healthz: the status is 200" not in failures(broken)
