# `make help` lists the verbs. What a verb needs is set up first; when nothing has changed, that takes no time.

PYTHON ?= python3
VENV := .venv
MODEL_VENV := .venv-model
BENCH_VENV := .venv-bench
RUN := $(VENV)/bin/python
UV := $(VENV)/bin/uv
STAMPS := $(VENV)/stamps

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help setup up down status logs restart clean demo test test-models test-full hostile check bench lock

help: ## list the verbs
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "make %-10s %s\n", $$1, $$2 }'

setup: $(STAMPS)/platform $(STAMPS)/model $(STAMPS)/machine ## install what is missing: environments, Java, bubblewrap

up: setup ## start the embedded stack; returns when all of it is ready
	@$(RUN) -m infra.embedded up

down: ## stop every process of the stack; its data stays
	@$(if $(wildcard $(RUN)),$(RUN) -m infra.embedded down,echo "nothing runs")

status: setup ## what runs, where, how much memory it takes, whether it is ready
	@$(RUN) -m infra.embedded status

logs: setup ## the last lines of every part; NAME=kafka for one, FOLLOW=1 to go on
	@$(RUN) -m infra.embedded logs $(NAME) $(if $(FOLLOW),--follow)

restart: setup ## restart a part, NAME=registry; a service's instances one after another
	@$(RUN) -m infra.embedded restart $(NAME)

clean: ## stop the stack and delete what it made in its folder
	@$(if $(wildcard $(RUN)),$(RUN) -m infra.embedded clean,$(PYTHON) -m infra.embedded.bare_clean)

demo: up ## the whole job on real data
	@$(RUN) -m examples.grocery

test: setup ## the tests that fit in three quarters of an hour on two cores
	@$(RUN) -m pytest -m "not long"

test-models: setup ## every format and kind of model against its own library
	@$(RUN) -m pytest tests/models

test-full: setup ## all tests
	@HOSTILE_FILES=2000 $(RUN) -m pytest

hostile: setup ## damaged and hostile files of every format, and a table of what came of them; NAME=onnx FILES=2000 SEED=1
	@$(RUN) -m tests.hostile $(NAME) --files $(or $(FILES),100) --seed $(or $(SEED),1)

check: setup ## format, lint, types, import rules, contract drift
	@$(VENV)/bin/ruff format --check
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/pyright
	@$(VENV)/bin/lint-imports
	@$(RUN) -m schemas.generate --check

bench: up $(BENCH_VENV)/stamp ## the benchmarks, each beside its peer or limit; NAME=scoring for one
	@$(RUN) -m benchmarks $(NAME)

chaos: setup ## kill, stop and crash everything under load, and prove that nothing is lost or doubled; SEED=1 REQUESTS=1000 MINUTES=12
	@$(RUN) -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(REQUESTS),--requests $(REQUESTS)) $(if $(MINUTES),--minutes $(MINUTES)) \
	  $(if $(KILLS),--kills $(KILLS))

lock: setup ## write the hashed locks anew
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" requirements/lock.sh

# Stamps: a recipe runs only when its lock file is newer. An environment whose making was interrupted is made anew.

$(STAMPS)/uv: requirements/bootstrap.txt
	@echo "setup: making $(VENV) with pip and uv (65 MB on disk)"
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "setup: $(PYTHON) is no Python 3.11 to 3.13; name one: make PYTHON=python3.11" >&2; exit 1; }
	@$(RUN) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/platform: requirements/dev.txt $(STAMPS)/uv
	@echo "setup: installing the platform's packages (1.5 GB on disk; some minutes the first time)"
	@$(UV) pip sync --quiet --python $(RUN) $<
	@touch $@

$(STAMPS)/model: requirements/model.txt $(STAMPS)/uv
	@echo "setup: installing the packages of sandboxed models in $(MODEL_VENV) (670 MB on disk)"
	@$(MODEL_VENV)/bin/python -c 'import sys; sys.exit(sys.prefix == sys.base_prefix)' 2>/dev/null || \
	  $(UV) venv --quiet --clear --force --python $(RUN) $(MODEL_VENV)
	@$(UV) pip sync --quiet --compile-bytecode --python $(MODEL_VENV)/bin/python $<
	@touch $@

$(BENCH_VENV)/stamp: requirements/bench.txt $(STAMPS)/uv
	@echo "setup: installing the benchmark's peers, MLflow and a Spark of their own, in $(BENCH_VENV) (1.1 GB on disk)"
	@$(BENCH_VENV)/bin/python -c 'import sys; sys.exit(sys.prefix == sys.base_prefix)' 2>/dev/null || \
	  $(UV) venv --quiet --clear --force --python $(RUN) $(BENCH_VENV)
	@$(UV) pip sync --quiet --compile-bytecode --python $(BENCH_VENV)/bin/python $<
	@touch $@

$(STAMPS)/machine: infra/embedded/machine.sh $(STAMPS)/uv
	@sh $<
	@touch $@
