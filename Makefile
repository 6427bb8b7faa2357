# Commands for developers. They create the environment .venv from the lock files, and update it when these change.

PYTHON ?= python3
UV ?= uv
PIPELINE ?= pipeline.yaml
# One process more than the two cores of most runners: tests wait for servers, browsers and other processes.
PYTEST_ARGS ?= -n 3 --dist worksteal
ARGS ?=

PY := .venv/bin/python
INSTALL := $(PY) -m pip -qq --disable-pip-version-check install --no-input --require-hashes --only-binary=:all:
COMPILE = $(UV) pip compile pyproject.toml --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --only-binary :all: --annotation-style line --custom-compile-command 'make lock' $(ARGS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL: # two targets must not install into .venv at once
.PHONY: help run serve test lint torture bench study lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

run: .venv/.runtime ## build the world of pipeline.yaml into build/current (ARGS="--seed 7")
	@$(PY) -m etl run $(PIPELINE) $(ARGS)

serve: .venv/.runtime ## serve build/current, read-only (ARGS="--port 8000")
	@$(PY) -m etl serve $(ARGS)

test: .venv/.dev ## run the tests (ARGS="-k name")
	@$(PY) -m pytest $(PYTEST_ARGS) $(ARGS)

lint: .venv/.dev ## check style and types without changing files
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@$(PY) -m mypy

torture: .venv/.dev ## run every fault and attack many times, and write docs/trust.md (ARGS="--minutes 1")
	@$(PY) -m tests.torture $(ARGS)

bench: .venv/.dev ## compare the speed with that of other tools, into benchmarks/results.md
	@$(PY) -m benchmarks $(ARGS)

study: .venv/.runtime ## diagnose the estimators over 500 worlds of each pipeline, into docs/study.md
	@$(PY) -m benchmarks.coverage $(ARGS)

lock: ## resolve pyproject.toml into the lock files (ARGS=--upgrade for newer versions)
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: pip install uv, or make lock UV=/path/to/uv" >&2; exit 1; }
	@$(COMPILE) --output-file requirements.lock
	@$(COMPILE) --group dev --constraint requirements.lock --output-file requirements-dev.lock
	@$(COMPILE:pyproject.toml=) --group pandas --no-emit-package numpy --no-emit-package scipy --constraint requirements-dev.lock --output-file requirements-pandas.lock

clean: ## remove builds, environment and caches
	@rm -rf build .venv benchmarks/.venv benchmarks/peers/node_modules .hypothesis .mypy_cache .pytest_cache .ruff_cache examples/*/node_modules tests/axe/node_modules examples/dashboard/dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Remove an incomplete environment. (make deletes .venv/bin/python if its recipe fails or is interrupted.)
$(shell test -x .venv/bin/python || rm -rf .venv)

.venv/bin/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "'$(PYTHON)' not found. Install CPython 3.11 or newer, or run: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$$($(PYTHON) --version 2>&1) is too old: CPython 3.11 or newer is needed." >&2; \
	  echo "Install a newer one, or run: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv

.venv/.runtime: requirements.lock .venv/bin/python
	@echo "Installing requirements.lock into .venv (up to a minute the first time)"
	@$(INSTALL) --requirement requirements.lock
	@touch $@

# requirements-dev.lock contains every pin of requirements.lock, so both are up to date afterwards.
.venv/.dev: requirements-dev.lock requirements-pandas.lock requirements.lock .venv/bin/python
	@echo "Installing requirements-dev.lock into .venv (up to a minute the first time)"
	@$(INSTALL) --requirement requirements-dev.lock
	@$(INSTALL) --no-deps --upgrade --target .venv/pandas --requirement requirements-pandas.lock
	@touch .venv/.runtime $@
