#!/usr/bin/env bash
# Proves the deliverable: the ten steps of the client's specification; writes build_report.json.
#
#   scripts/verify_all.sh                        in containers where an engine answers, else on embedded servers
#   scripts/verify_all.sh --services docker      in containers
#   scripts/verify_all.sh --services embedded    without containers
#
# Exit status 0 when every step passed or was skipped with its reason, 1 with a sentence on the first that failed.
set -euo pipefail
cd "$(dirname "$0")/.."
make --no-print-directory setup
exec .venv/bin/python -m scripts.verify_all "$@"
