# Every command of the project; `make` lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests that measure no time run on two cores, each with servers of its own; the others have the machine to themselves.
TIMELESS := tests/unit tests/architecture $(addprefix tests/integration/, \
	agent behavior client importers intake intelligence market property realestate_gpt)
# As the program itself does: small fits on two threads wait for each other when the machine is busy.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup run test test-long lint format collection notebook verify bench audit dist lock clean

help: ## List the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1m%-10s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# A stamp a lock file: what is installed changes only when the lock or the project changes.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Estate needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.run

# What runs the Postman collection; Node itself is among the development packages.
$(VENV)/.newman: postman/package.json postman/package-lock.json | $(VENV)/.dev
	@mkdir -p $(VENV)/newman && cp $^ $(VENV)/newman/
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --prefix $(VENV)/newman --no-audit --no-fund --loglevel error
	@touch $@

setup: $(VENV)/.dev ## Install everything that tests, lint and benchmarks need

run: $(VENV)/.run ## Start PostgreSQL, Redis, API and worker with the sample world
	@$(BIN)/estate up

test: $(VENV)/.dev ## Run the tests (T=path for some)
ifdef T
	$(BIN)/python -m pytest -q $(T) -m "not long"
else
	$(BIN)/python -m pytest -q $(TIMELESS) -m "not long" -n 2 --dist loadfile
	$(BIN)/python -m pytest -q tests -m "not long" $(TIMELESS:%=--ignore=%)
endif

test-long: $(VENV)/.dev $(VENV)/.newman ## Run the tests that take minutes
	$(BIN)/python -m pytest -q $(T) -m long

lint: $(VENV)/.dev ## Check style, types and the floors of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

collection: $(VENV)/.dev ## Renew the Postman collection from OpenAPI
	$(BIN)/python -m scripts.collection

notebook: $(VENV)/.dev ## Run the demo notebook on a sample world of its own and keep what it shows
	$(BIN)/python -m scripts.notebook

verify: $(VENV)/.dev ## Run the client's ten verification steps; writes build_report.json
	scripts/verify_all.sh

bench: $(VENV)/.dev ## Run every benchmark that needs no outside data
	$(BIN)/estate bench all

audit: $(VENV)/.dev ## Compare the production packages with the published advisories; needs a network
	$(BIN)/python -m scripts.audit

dist: ## Make the zip of the repository
	scripts/dist.sh

lock: ## Renew the lock files from pyproject.toml
	scripts/lock.sh

clean: ## Remove what was installed and built; keeps .estate, the data
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache
