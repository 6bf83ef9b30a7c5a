#!/usr/bin/env bash
# Renews the lock files from pyproject.toml, for every system and Python that the project supports: run.txt
# (production and embedded servers), prod.txt (production only), build.txt (what builds the project) and dev.txt
# (everything). Pins are kept; --upgrade renews them.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
python3 -m venv "$tools"
"$tools/bin/pip" install --quiet --disable-pip-version-check uv==0.13.9

# What builds the project is locked too, since `make setup` installs the project without fetching anything
# else; hatchling wants editables to install it in place.
"$tools/bin/python" - > "$tools/build.in" <<'PYTHON'
import tomllib
with open("pyproject.toml", "rb") as project:
    print(*tomllib.load(project)["build-system"]["requires"], "editables>=0.5", sep="\n")
PYTHON

# One version for every Python, every platform's hashes, and no word on where they came from.
compile() {
  "$tools/bin/uv" pip compile --no-config --quiet \
    --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-annotate --no-header "$@"
}

# All extras but torch's gigabytes: who wants that embedder installs it apart.
extras=$("$tools/bin/python" - <<'PYTHON'
import tomllib
with open("pyproject.toml", "rb") as project:
    extras = tomllib.load(project)["project"]["optional-dependencies"]
print(*(f"--extra {name}" for name in extras if name != "embed"))
PYTHON
)

mkdir -p requirements
compile pyproject.toml "$tools/build.in" --extra embedded --extra console --output-file requirements/run.txt "$@"
compile pyproject.toml --extra console --constraint requirements/run.txt --output-file requirements/prod.txt "$@"
compile "$tools/build.in" --constraint requirements/run.txt --output-file requirements/build.txt "$@"
compile pyproject.toml "$tools/build.in" $extras --constraint requirements/run.txt --output-file requirements/dev.txt "$@"
