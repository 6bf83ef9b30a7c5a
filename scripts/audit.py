"""Compares the locked packages with the published advisories: clean, vulnerable, or not audited.

pip-audit alone ends with 0 when it could look up nothing, and with 1 both for an advisory and for a broken network;
this tells the three apart, and counts what was looked up.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CLEAN, VULNERABLE, NOT_AUDITED = 0, 1, 2
LOCK = Path("requirements/prod.txt")
DEADLINE_S = 600.0
TIMEOUT_S = 15


class NotAudited(Exception):
    """The advisories of some packages are not known; the message says why."""


def locked(lock: Path) -> set[str]:
    """Return the packages of a lock file that this system installs."""
    lines = [line.partition(" \\")[0] for line in lock.read_text().splitlines() if "==" in line]
    requirements = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name) for r in requirements if r.marker is None or r.marker.evaluate()}


def advisories(lock: Path, url: str | None) -> dict[str, list[dict[str, Any]]]:
    """Return the advisories of each package of a lock file.

    Raises
    ------
    NotAudited
        When a package was not looked up.
    """
    command = [sys.executable, "-m", "pip_audit", "--strict", "--disable-pip", "--require-hashes"]
    command += ["--progress-spinner", "off", "--timeout", str(TIMEOUT_S), "--format", "json"]
    command += ["--vulnerability-service", "osv", *(["--osv-url", url] if url else []), "--requirement", str(lock)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        found = json.loads(done.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        raise NotAudited(f"pip-audit did not end within {DEADLINE_S:.0f} s") from None
    except (ValueError, KeyError):
        raise NotAudited((done.stderr.strip().splitlines() or ["pip-audit printed nothing"])[-1]) from None
    looked_up: dict[str, list[dict[str, Any]]] = {
        canonicalize_name(each["name"]): each["vulns"] for each in found if "vulns" in each
    }
    missing = locked(lock) - looked_up.keys()
    if missing or not looked_up:
        raise NotAudited(f"{len(missing)} packages were not looked up: {', '.join(sorted(missing))}")
    return looked_up


def main() -> int:
    """Print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lock", nargs="?", type=Path, default=LOCK)
    parser.add_argument("--osv-url", help="a mirror of the OSV query interface")
    arguments = parser.parse_args()
    try:
        found = advisories(arguments.lock, arguments.osv_url)
    except NotAudited as reason:
        print(f"not audited: {reason}")
        return NOT_AUDITED
    bad = {name: vulns for name, vulns in found.items() if vulns}
    for name, vulns in sorted(bad.items()):
        for vuln in vulns:
            print(f"{name}: {vuln['id']}, fixed in {', '.join(vuln['fix_versions']) or 'no release yet'}")
    print(f"{len(found)} packages looked up, {len(bad)} with advisories{'' if bad else ': clean'}")
    return VULNERABLE if bad else CLEAN


if __name__ == "__main__":
    sys.exit(main())
