.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= python3.11
VENV := .venv/bin
SETUP := .venv/.installed .venv-model/.installed

.PHONY: help setup demo up down status logs clean test test-full check bench lock schemas

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(SETUP) ## install what is missing
	@$(VENV)/python -m infra.embedded prepare

.venv/.installed: requirements/bootstrap.txt requirements/dev.txt
	@$(PYTHON) -m venv .venv
	@echo "installing Python packages ..."
	@$(VENV)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@$(VENV)/uv pip sync --quiet --python .venv requirements/bootstrap.txt requirements/dev.txt
	@touch $@

.venv-model/.installed: requirements/model.txt .venv/.installed
	@$(PYTHON) -m venv .venv-model
	@$(VENV)/uv pip sync --quiet --python .venv-model requirements/model.txt
	@touch $@

demo: setup ## the whole job on real data; leaves the platform up
	@$(VENV)/python -m infra.embedded up
	@$(VENV)/python -m examples.grocery

up: setup ## start the platform in the background
	@$(VENV)/python -m infra.embedded up

down: .venv/.installed ## stop it; data survives
	@$(VENV)/python -m infra.embedded down

status: .venv/.installed ## what runs, and where
	@$(VENV)/python -m infra.embedded status

logs: .venv/.installed ## what it says; `make logs OF=executor`
	@$(VENV)/python -m infra.embedded logs $(OF)

clean: .venv/.installed ## stop it and delete its data
	@$(VENV)/python -m infra.embedded clean

test: setup ## the tests that fit in 15 minutes on two cores
	@$(VENV)/python -m pytest -m "not long"

test-full: setup ## all of them
	@$(VENV)/python -m pytest

check: $(SETUP) ## format, lint, types, import rules, contract drift
	@$(VENV)/ruff format --check --quiet . || { echo "run: $(VENV)/ruff format ."; exit 1; }
	@$(VENV)/ruff check --quiet .
	@$(VENV)/pyright --warnings
	@$(VENV)/lint-imports --no-cache
	@$(VENV)/python -m schemas.generate --check

bench: setup ## the benchmarks, against the running platform
	@$(VENV)/python -m benchmarks

lock: .venv/.installed ## write the hashed requirements anew
	@PATH="$(CURDIR)/$(VENV):$$PATH" requirements/lock.sh

schemas: .venv/.installed ## write what is generated from the contracts
	@$(VENV)/python -m schemas.generate
