.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
N ?= 20000
SEED ?= 1
ROUNDS ?= 20
EACH ?= 20000
export SEED ROUNDS

.PHONY: help install demo demo-link run test check fmt bench simulate chaos clean

help: ## Show what can be done here
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

install: .venv/installed ## Set up the environment in .venv

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "sync-system needs Python 3.11 or newer; name one with PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
			apt-get -qq update && apt-get -qq install -y --no-install-recommends python3-venv >/dev/null; \
		else echo "Python's venv module is missing: install the package python3-venv"; exit 1; fi; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@echo "installing the dependencies into .venv …"
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: install ## Carry leads both ways through outages and faults, and compare (about a minute)
	@$(BIN)/sync-system demo

demo-link: install ## Link two systems that are full already, while people edit both (EACH=20000 rows a side)
	@$(BIN)/sync-system demo --link --each $(EACH)

run: install ## Start everything in a sandbox, and stay up
	@$(BIN)/sync-system demo --stay

test: install ## Run the whole suite, on a real broker, SQLite and PostgreSQL
	@$(BIN)/pytest -q -n 2 --dist worksteal

check: install ## Check style, types, imports and spelling
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@out=$$($(BIN)/lint-imports --no-cache) || { echo "$$out"; exit 1; }
	@$(BIN)/codespell
	@out=$$($(BIN)/deptry . --no-ansi 2>&1) || { echo "$$out"; exit 1; }
	@$(BIN)/hadolint docker/Dockerfile
	@echo "style, types, imports and spelling are clean"

fmt: install ## Format the code and mend what can be mended
	@$(BIN)/ruff format --quiet . && $(BIN)/ruff check --quiet --fix .

bench: install ## Measure the pipeline beside a bare batcher (QUICK=1: 20,000 leads)
	@$(BIN)/python -m benchmarks $(if $(QUICK),--quick)

simulate: install ## Drive the rules through N random schedules (N=20000)
	@$(BIN)/python -m tests.simulation $(N)

chaos: install ## Hit every part under traffic and faults, and count what is lost (SEED=1 ROUNDS=20)
	@$(BIN)/python -m tests.chaos

clean: ## Remove what was built, and the sandbox's data
	@rm -rf .venv .sync build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
