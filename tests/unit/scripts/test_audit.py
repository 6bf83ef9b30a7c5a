"""The audit is clean only when every package was looked up; without a network it says that nothing was audited."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from scripts.audit import CLEAN, NOT_AUDITED, VULNERABLE, locked

ROOT = Path(__file__).parents[3]
HASH = f"--hash=sha256:{'0' * 64}"
LOCK = f"good==1.0 \\\n    {HASH}\nbad==2.0 \\\n    {HASH}\nelsewhere==1 ; sys_platform == 'nowhere' \\\n    {HASH}\n"
ADVISORY = {
    "id": "OSV-2026-1",
    "affected": [
        {
            "package": {"name": "bad", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1"}]}],
        }
    ],
}


@pytest.fixture
def advisories() -> Iterator[dict[str, list[object]]]:
    """What a local OSV service knows by package; `url` is its own address."""

    class Osv(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = by_name.get(asked["package"]["name"])
            body = json.dumps({"vulns": known} if known else {}).encode()
            self.send_response(500 if known == ["broken"] else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Osv)
    by_name: dict[str, list[object]] = {"url": [f"http://127.0.0.1:{server.server_port}/v1/query"]}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield by_name
    server.shutdown()
    server.server_close()


def audit(folder: Path, url: object, lock: str = LOCK) -> subprocess.CompletedProcess[str]:
    path = folder / "lock.txt"
    path.write_text(lock)
    command = [sys.executable, "-m", "scripts.audit", str(path), "--osv-url", str(url)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_clean_means_that_every_package_was_looked_up(tmp_path: Path, advisories: dict[str, list[object]]) -> None:
    done = audit(tmp_path, advisories["url"][0])
    assert (done.returncode, done.stdout) == (CLEAN, "2 packages looked up, 0 with advisories: clean\n")


def test_an_advisory_is_named_with_its_mend(tmp_path: Path, advisories: dict[str, list[object]]) -> None:
    advisories["bad"] = [ADVISORY]
    done = audit(tmp_path, advisories["url"][0])
    assert done.returncode == VULNERABLE
    assert done.stdout == "bad: OSV-2026-1, fixed in 2.1\n2 packages looked up, 1 with advisories\n"


def test_without_a_network_nothing_is_called_clean(tmp_path: Path) -> None:
    done = audit(tmp_path, "http://127.0.0.1:9/v1/query")
    assert done.returncode == NOT_AUDITED
    assert done.stdout.startswith("not audited: ")
    assert "clean" not in done.stdout


def test_a_service_that_fails_is_no_clean_bill(tmp_path: Path, advisories: dict[str, list[object]]) -> None:
    advisories["good"] = ["broken"]
    assert audit(tmp_path, advisories["url"][0]).returncode == NOT_AUDITED


def test_an_empty_lock_is_no_clean_bill(tmp_path: Path, advisories: dict[str, list[object]]) -> None:
    assert audit(tmp_path, advisories["url"][0], lock="").returncode == NOT_AUDITED


def test_the_lock_of_production_names_its_packages() -> None:
    assert {"fastapi", "sqlalchemy", "celery"} <= locked(ROOT / "requirements" / "prod.txt")
