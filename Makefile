# The commands of this project: `make help` lists them.
# A fresh machine needs Python 3.11 or newer, pip and make; everything else is installed into .venv.

PYTHON ?= python3
NEWER ?= python3.13
ARGS ?=
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 1)

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
VENV_READY := $(VENV)/.venv-ready
RUN_READY := $(VENV)/.run-ready
DEV_READY := $(VENV)/.dev-ready

# Fast tests first: the modules and the house, then whole parts in memory, then real processes and a browser. Of these
# the longest files come first, so that at the end no worker waits long for another.
UNIT := $(filter-out tests/csms/storage %/__pycache__,$(wildcard tests/csms/*)) $(wildcard tests/control tests/webui tests/loadtest tests/benchmarks tests/kit tests/house)
PARTS := $(wildcard tests/csms/storage tests/contracts tests/machines tests/scenarios)
LONGEST := $(wildcard tests/system/cluster/test_faults.py tests/browser/test_every_page.py \
	tests/system/test_loadtest_scenarios.py tests/browser/test_portal.py tests/system/test_loadtest_troubles.py \
	tests/system/test_loadtest_liars.py tests/system/test_outage.py tests/system/cluster/test_versions.py \
	tests/browser/test_accessibility.py tests/system/cluster/test_workers.py tests/system/cluster/test_rolling.py \
	tests/system/test_loadtest.py tests/system/test_demo.py tests/system/test_operations.py)
SYSTEM := $(LONGEST) $(filter-out $(LONGEST) %.pyc,$(wildcard tests/browser/chapters tests/browser/test_*.py \
	tests/system/cluster/test_*.py tests/system/certification tests/system/test_*.py))
# Files of tests side by side, in the order given; each worker has its own PostgreSQL, product and browser. One more
# than there are cores: tests of processes wait as much as they work.
PARALLEL := --numprocesses $(WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: help
help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PYTHON=python3.13 picks the interpreter; ARGS='…' is handed to serve and to pytest;"
	@echo "  WORKERS=2 says how many tests run side by side (one more than there are cores, at most four)."

.PHONY: run
run: $(RUN_READY) ## install what is needed, then start everything: stations, control API, portal, database
	@exec $(BIN)/chargehouse serve $(ARGS)

.PHONY: test
test: $(DEV_READY) ## all tests, the fast ones first (as root this installs Chromium when there is none)
	@scripts/ensure_chromium.sh
	$(BIN)/python -m pytest $(PARALLEL) $(UNIT) $(PARTS) $(SYSTEM) $(ARGS)

.PHONY: unit
unit: $(DEV_READY) ## only the fast tests: modules and house rules
	$(BIN)/python -m pytest $(PARALLEL) $(UNIT) $(ARGS)

.PHONY: lint
lint: lint-format lint-code lint-types lint-imports lint-proto lint-stubs lint-docker ## every check that reads the code without running it

.PHONY: lint-format lint-code lint-types lint-imports lint-proto lint-stubs lint-docker
lint-format: $(DEV_READY)
	$(BIN)/ruff format --check .
lint-code: $(DEV_READY)
	$(BIN)/ruff check .
lint-types: $(DEV_READY)
	$(BIN)/mypy
lint-imports: $(DEV_READY)
	$(BIN)/lint-imports
lint-proto: $(DEV_READY)
	$(BIN)/buf format --diff --exit-code
	$(BIN)/buf lint
lint-stubs: $(DEV_READY)
	$(BIN)/python -m scripts.generate_stubs --check
lint-docker: $(DEV_READY)
	$(BIN)/python -m pytest -q tests/house/test_containers.py

.PHONY: features
features: $(DEV_READY) ## which promises of docs/features.md have no marked test yet
	@$(BIN)/python -m scripts.features

.PHONY: bench
bench: $(DEV_READY) ## measure, as ratios within one run (see docs/performance.md)
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: proto
proto: $(DEV_READY) ## write control/v1 anew from proto/
	$(BIN)/buf format --write
	$(BIN)/python -m scripts.generate_stubs

.PHONY: messages
messages: $(DEV_READY) ## gather the portal's texts into the catalogues of webui/locale and compile them
	@$(BIN)/python -m scripts.messages

.PHONY: pins
pins: ## choose new versions of everything: writes requirements/*.txt (needs PYTHON to be 3.11, the oldest we run on)
	@PYTHON=$(PYTHON) NEWER=$(NEWER) scripts/compile_pins.sh

.PHONY: clean
clean: ## remove the virtual environment and what tools left behind; data stays
	rm -rf $(VENV) .make build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps below stand inside the virtual environment, so that removing it forgets them too.

$(VENV_READY):
	@scripts/make_venv.sh "$(PYTHON)" $(VENV)
	@touch $@

# The versions are those of the pins, checked by hash; the project itself is installed as it stands here.
$(RUN_READY): requirements/run.txt pyproject.toml | $(VENV_READY)
	@echo "Installing what Chargehouse needs into $(VENV); this takes a minute."
	@$(PIP) install --quiet --require-hashes -r requirements/run.txt
	@$(PIP) install -qq --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_READY): requirements/dev.txt requirements/run.txt pyproject.toml | $(VENV_READY)
	@echo "Installing what Chargehouse and its tests need into $(VENV); this takes a minute or two."
	@$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@$(PIP) install -qq --no-deps --no-build-isolation --editable .
	@touch $@ $(RUN_READY)
