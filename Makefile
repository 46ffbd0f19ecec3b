# Everything a newcomer needs: `make demo` and `make test`. Both set up `.venv` first, from the lock file.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
DEMO := .cache/demo

.PHONY: setup demo test slow lint format types docs wheel check lock clean

setup: $(READY)

$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "pplang needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

# Radon in 919 Minnesota homes, by the default method.
demo: $(READY)
	@mkdir -p $(DEMO)
	$(BIN)/pplang fit examples/radon/radon.ppl examples/radon/radon.csv --output $(DEMO)/radon.fit.nc --force

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal

# Every posterior with a known answer, the long property tests: up to an hour.
slow: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow

lint: $(READY)
	$(BIN)/ruff check .

format: $(READY)
	$(BIN)/ruff format .

types: $(READY)
	$(BIN)/mypy

# The generated pages of the manual.
docs: $(READY)
	$(BIN)/python docs/generate.py

wheel: $(READY)
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir .cache/wheel .

# What a change must pass before it is pushed (the slow tests aside).
check: test lint types
	$(BIN)/ruff format --check .

# Renew the lock file: the newest versions that the floors allow, in a fresh environment.
lock:
	rm -rf .cache/lock
	$(PYTHON) -m venv .cache/lock
	.cache/lock/bin/python -m pip install --quiet --disable-pip-version-check '.[dev]'
	.cache/lock/bin/python -m pip freeze --exclude pplang > .cache/lock/frozen
	{ echo '# Made by `make lock`: what the tests run with. pyproject.toml holds the floors.'; cat .cache/lock/frozen; } > requirements-dev.lock

clean:
	rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis
