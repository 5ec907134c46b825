# Everything runs from a virtual environment made from the lock; only Python 3.11 or newer is needed.
PYTHON ?= python3
BIN := .venv/bin
# Some containers export it; without bytecode Airflow takes three times as long to start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo demo-loop test test-all check lint types imports lock benchmark faults figures clean

help:  ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: .venv/.done  ## The tool and its tests, from the lock, in .venv

.venv/.done: requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements/dev.txt)"
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements/dev.txt
	$(BIN)/uv pip install --quiet --no-deps --python $(BIN)/python --editable .
	touch $@

demo: setup  ## The main job, start to finish: new, validate, test, deploy, trigger
	$(BIN)/python tests/demo.py

demo-loop: setup  ## The closed loop: drift, retraining, approval, service (under ten minutes)
	$(BIN)/python tests/demo_loop.py

# Most of the slow tests measure time or kill processes; on a busy machine one of them may miss. It
# gets a second chance, and the summary names it.
PYTEST := $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --reruns 1 -raR

test: setup lint types imports  ## What has to hold before anything lands: lint, types, layers, tests
	$(PYTEST) -m "not long"

test-all: setup lint types imports  ## The same, and the tests that take minutes each
	$(PYTEST)

check: test  ## The same as test

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy

imports:
	$(BIN)/lint-imports

lock:  ## Take newer versions of everything that is locked
	$(BIN)/python requirements/lock.py

benchmark: setup  ## Ratios against the named alternatives, measured in the same run
	$(BIN)/python benchmarks/run.py

faults: setup  ## Kill `new` and `deploy` at 60 random points each, lose 1,000 replies, damage 500 files
	$(BIN)/python tests/faults/kill_new.py 60
	$(BIN)/python tests/faults/kill_deploy.py 60
	$(BIN)/python tests/faults/lost_replies.py 1000
	$(BIN)/python tests/faults/mutated_files.py 500
	$(BIN)/python tests/faults/kill_requests.py

figures: setup  ## Measure what docs/reliability.md promises (some twenty minutes); 1 when one is missed
	$(BIN)/python tests/faults/figures.py

clean:  ## What can be made again
	rm -rf .venv dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
