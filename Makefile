# Every target makes what it needs first: on a bare machine with Python 3.11 and make,
# `make demo` and `make test` are enough.

PYTHON  ?= python3.11
VENV    := .venv
BIN     := $(VENV)/bin
SDK     := .venv-sdk
CLIENT  := .venv-client
LAYER   := .node-layer
LAYER_PACKAGE := @reiryoku/ctrader-layer@2.2.0
CALLERS := .node-callers
CALLERS_PACKAGE := axios@1.21.1
PM2     := .node-pm2
PM2_PACKAGE := pm2@7.0.4
NPM_INSTALL = npm install --no-save --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error
# ctrader-api-client needs a newer Python than we do; its test is skipped where none is found.
NEWER_PYTHONS ?= python3.12 python3.13 python3.14 $(wildcard $(HOME)/.pyenv/versions/3.1[2-4]*/bin/python)
SHELL   := /bin/bash

# Locked versions, each with its hash; the project itself is installed without resolving anything.
PIP_INSTALL = -m pip --disable-pip-version-check install --quiet --require-hashes
# Tests wait for servers more than they compute, so more of them run at once than there are cores.
WORKERS ?= 4
SEEDS   ?= 200
FROM    ?= 1
.DEFAULT_GOAL := help

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

env: $(VENV)/.ready ## .venv from the locked requirements

$(VENV)/.ready: requirements-dev.txt pyproject.toml
	@echo "fxpool: making $(VENV) from requirements-dev.txt (about a minute, once)"
	@command -v $(PYTHON) >/dev/null || { echo "fxpool needs $(PYTHON); set PYTHON=... to use another name" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP_INSTALL) -r requirements-dev.txt
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

sdk-env: $(SDK)/.ready ## .venv-sdk with the official SDK, for its compatibility test

$(SDK)/.ready: tests/compat/requirements-sdk.txt
	@echo "fxpool: making $(SDK) with the official ctrader-open-api SDK (its old pins need an environment of their own)"
	@test -x $(SDK)/bin/python || $(PYTHON) -m venv $(SDK)
	@$(SDK)/bin/python $(PIP_INSTALL) -r tests/compat/requirements-sdk.txt
	@touch $@

client-env: $(CLIENT)/.ready ## .venv-client with ctrader-api-client, for its compatibility test

$(CLIENT)/.ready: tests/compat/requirements-client.txt
	@mkdir -p $(CLIENT)
	@for python in $(NEWER_PYTHONS); do "$$python" -c '' 2>/dev/null && found=$$python && break; done; \
	if [ -z "$$found" ]; then echo "fxpool: no Python 3.12 or newer here, so ctrader-api-client is not tested"; else \
	echo "fxpool: making $(CLIENT) with ctrader-api-client"; \
	{ test -x $(CLIENT)/bin/python || "$$found" -m venv $(CLIENT); } && \
	$(CLIENT)/bin/python $(PIP_INSTALL) -r tests/compat/requirements-client.txt; fi
	@touch $@

layer-env: $(LAYER)/.ready ## .node-layer with @reiryoku/ctrader-layer, for its compatibility test

$(LAYER)/.ready: Makefile
	@mkdir -p $(LAYER)
	@if ! node --version >/dev/null 2>&1; then echo "fxpool: no Node here, so ctrader-layer is not tested"; else \
	echo "fxpool: making $(LAYER) with $(LAYER_PACKAGE)"; \
	$(NPM_INSTALL) --prefix $(LAYER) $(LAYER_PACKAGE); fi
	@touch $@

pm2-env: $(PM2)/.ready ## .node-pm2 with PM2, for the test of ecosystem.ctrader.config.cjs

$(PM2)/.ready: Makefile
	@mkdir -p $(PM2)
	@if ! node --version >/dev/null 2>&1; then echo "fxpool: no Node here, so the PM2 file is not tested"; else \
	echo "fxpool: making $(PM2) with $(PM2_PACKAGE)"; \
	$(NPM_INSTALL) --prefix $(PM2) $(PM2_PACKAGE); fi
	@touch $@

callers-env: $(CALLERS)/.ready ## .node-callers with axios, for JavaScript callers

$(CALLERS)/.ready: Makefile
	@mkdir -p $(CALLERS)
	@if ! node --version >/dev/null 2>&1; then echo "fxpool: no Node here, so JavaScript callers are not tested"; else \
	echo "fxpool: making $(CALLERS) with $(CALLERS_PACKAGE)"; \
	$(NPM_INSTALL) --prefix $(CALLERS) $(CALLERS_PACKAGE); fi
	@touch $@

demo: env ## a simulated broker, the gateway on port 8088, a guided first trade
	@$(BIN)/fxpool demo $(DEMO_ARGS)

test: env sdk-env client-env layer-env callers-env pm2-env ## all tests
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

soak: env ## seeds of the checker: orders under faults and kill -9 (SEEDS=200 FROM=1)
	@cd tests && ../$(BIN)/python -m checker.soak --seeds $(SEEDS) --from $(FROM) $(SOAK_ARGS)

soak-tokens: env ## seeds of the checker of tokens, on OpenBao and Redis (SEEDS=200 FROM=1)
	@cd tests && ../$(BIN)/python -m checker.token_soak --seeds $(SEEDS) --from $(FROM)

check: env ## format, lint (security rules too), types, arrows between the folders, advisories
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(MAKE) --no-print-directory audit

audit: env ## known vulnerabilities in the locked requirements; says so where it cannot ask
	@$(BIN)/python tools/audit.py requirements.txt

format: env ## put the code into the one format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix-only --quiet .

bench: env ## what things cost, as ratios to a raw-socket loop in the same run
	@$(BIN)/python -m bench $(BENCH_ARGS)

proto: env ## regenerate src/fxpool/openapi/proto from the .proto files
	@$(BIN)/python tools/generate_proto.py

tables: env ## the pages of docs that are made: coverage, requirements, asyncapi.json, reference/
	@$(BIN)/python tools/coverage_tables.py
	@$(BIN)/python tools/event_document.py
	@$(BIN)/python tools/reference.py

lock: ## pin all requirements again, with hashes (needs uv)
	uv pip compile --quiet --generate-hashes --no-header --python-version 3.11 pyproject.toml -o requirements.txt
	uv pip compile --quiet --generate-hashes --no-header --python-version 3.11 --group dev pyproject.toml -o requirements-dev.txt
	uv pip compile --quiet --generate-hashes --no-header --python-version 3.11 tests/compat/requirements-sdk.in -o tests/compat/requirements-sdk.txt
	uv pip compile --quiet --generate-hashes --no-header --python-version 3.12 tests/compat/requirements-client.in -o tests/compat/requirements-client.txt

clean: ## remove what the targets above made
	rm -rf $(VENV) $(SDK) $(CLIENT) $(LAYER) $(CALLERS) $(PM2) .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.PHONY: help env sdk-env client-env layer-env callers-env pm2-env demo test soak soak-tokens check audit format bench proto tables lock clean
