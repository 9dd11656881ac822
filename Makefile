# Needs git, make and Python 3.11 or newer; each target makes .venv and installs what it lacks.
#     make demo        derive, plan and train on the digits, and write the figures to out/
#     make test        all tests, the doctests and the README among them
#     make check       ruff, mypy, the floors
#     make ecosystem   programs of Equinox, Flax, Optax, NumPyro, Diffrax and lineax with our transforms
#     make bench       flops, memory and time beside JAX's own
# Choose an interpreter with PYTHON=python3.12, a JAX with JAX='jax==0.12.*', a place with VENV=…

VENV   ?= .venv
JAX    ?= jax>=0.10,<0.13
JOBS   ?= 2
PYTEST ?= -n $(JOBS) --dist worksteal
# the first of these that really starts and is new enough
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)

BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test check ecosystem bench clean

demo: $(VENV)/.demo
	$(BIN)/catenary demo

test: $(VENV)/.test $(VENV)/node_modules/katex
	$(BIN)/python -m pytest -q $(PYTEST) $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

ecosystem: $(VENV)/.test $(VENV)/.ecosystem
	$(BIN)/python -m pytest -q $(PYTEST) tests/ecosystem

bench: $(VENV)/.demo
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) out .pytest_cache .mypy_cache .ruff_cache .hypothesis

# A stamp for each extra: made once, and again when pyproject.toml changes.
$(VENV)/.demo $(VENV)/.test $(VENV)/.dev $(VENV)/.ecosystem: $(VENV)/.%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q -e '.[$*]' '$(JAX)'
	@touch $@

# A renderer of LaTeX for the tests, where there is npm; without it they skip what needs it.
$(VENV)/node_modules/katex: | $(BIN)/python
	@if command -v npm >/dev/null; then npm install --silent --no-audit --no-fund --prefix $(VENV) katex@0.16; \
	else echo "no npm: LaTeX is not rendered in the tests" >&2; fi

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "catenary needs Python 3.11 or newer: pass one as PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
