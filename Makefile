# Every target sets itself up on a machine that has Python 3.11 or newer, make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup run test lint check bench chaos lock clean
.DEFAULT_GOAL := setup

setup: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, found " + sys.version.split()[0] + ": name one with `make PYTHON=python3.12`")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

run: setup  ## the main job: start everything, feed recorded samples through the door, show the decision, keep serving
	$(BIN)/tocsin up --samples

test: setup  ## all tests; what cannot be started here is skipped with its reason
	$(BIN)/python -m pytest

lint: setup  ## format, lint, types, import layers, exported schemas
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m schemas.export --check
	$(BIN)/python -m tocsin.asyncapi --check
	$(BIN)/python -m tocsin.reference --check

check: lint test  ## everything that must hold before a change lands

bench: setup  ## speed and memory, as ratios to limits measured in the same run
	$(BIN)/python -m tests.bench

chaos: setup  ## 200 random kills under load, of one process and of five roles, and a kill at every durable step
	TOCSIN_KILLS=200 $(BIN)/python -m pytest tests/chaos --timeout 7200

LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --no-annotate

lock: setup  ## after a change of pyproject.toml: everything; what runs alone, and what builds the wheel, at the same versions
	$(BIN)/python -m pip install --quiet uv
	$(LOCK) --group dev pyproject.toml -o requirements.lock
	$(LOCK) --constraint requirements.lock pyproject.toml -o requirements.run.lock
	echo 'hatchling>=1.27' | $(LOCK) --constraint requirements.lock --python-version 3.11 - -o deploy/requirements.build.lock

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
