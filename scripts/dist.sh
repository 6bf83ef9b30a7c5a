#!/usr/bin/env bash
# Makes dist/estate-VERSION.zip: the repository as committed, without its history.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
mkdir -p dist
git archive --format=zip --prefix="estate-$version/" -o "dist/estate-$version.zip" HEAD
echo "dist/estate-$version.zip"
