# `make demo` and `make test` need Python 3.11 or newer, make and a C compiler; all else they install into .venv.
#
#   make demo      fit the 27 certified problems of NIST, exact Jacobians against finite differences
#   make test      lint, type checks, stubs against the built modules, then all tests
#   make test-slow the tests that take minutes: second derivatives of all array rows by the verification utility
#   make sanitize  the tests of compiled programs under AddressSanitizer and UndefinedBehaviorSanitizer (gcc)
#   make test-all  the tests from an installed sdist on Python 3.11, 3.12 and 3.13, those that are there
#   make dist      sdist and wheel, and the tests against the installed wheel outside the tree
#   make bench     the benchmarks
#   make docs      the documentation, in build/docs
#   make lint      ruff, mypy, cython-lint, stubtest
#   make clean     remove what was built, and .venv
#
# PYTHON=/path/to/python3.12 chooses the interpreter, JOBS=4 the number of processes.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
PYTHON ?= $(shell .ci/find-python)
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
VERSIONS := 3.11 3.12 3.13
PYTEST ?=
PYTEST_DIST ?=

# What the compiled modules are made of: a change of any of these builds them again.
SOURCES := setup.py \
           $(shell find cython_ext \( -name '*.pyx' -o -name '*.pxd' -o -name '*.h' -o -name '*.py' \) \
                   -not -name _table.h 2>/dev/null) \
           $(shell find dualad/ops -name '*.py' 2>/dev/null)
# The compiled modules that have stubs.
STUBBED := $(subst /,.,$(patsubst %.pyi,%,$(shell find dualad -name '*.pyi' 2>/dev/null | sort)))

.PHONY: help demo test test-slow sanitize test-all dist sdist bench docs lint clean

help:
	@sed -n 's/^#   //p' Makefile

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer with venv and C headers was found; try make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

# An editable install: edited .py files are live, edited sources of compiled modules are built by the next rule.
$(VENV)/.installed: $(VENV)/.made pyproject.toml setup.py
	$(PY) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	    > $(VENV)/build-requires.txt
	$(PIP) install --upgrade -r $(VENV)/build-requires.txt
	$(PIP) install --no-build-isolation --editable .
	@touch $@
	@touch $(VENV)/.built

$(VENV)/.built: $(VENV)/.installed $(SOURCES)
	$(PY) setup.py --quiet build_ext --inplace --parallel $(JOBS)
	@touch $@

# The extras of one purpose each; the project itself is there already.
$(VENV)/.extras-%: $(VENV)/.installed
	$(PIP) install 'dualad[$*]'
	@touch $@

demo: $(VENV)/.built $(VENV)/.extras-plot,progress
	$(PY) examples/nist/fit.py

test: lint
	$(PY) -m pytest -n $(JOBS) -m 'not slow' $(PYTEST)

test-slow: $(VENV)/.built $(VENV)/.extras-dev
	$(PY) -m pytest -n $(JOBS) -m slow $(PYTEST)

# A copy of the source in build/sanitize with modules of its own; the tests that replay tapes run on it.
SANITIZED := tests/program tests/compile tests/drivers/test_compile.py tests/drivers/test_compile_paths.py \
             tests/drivers/test_compile_honesty.py
sanitize: $(VENV)/.built $(VENV)/.extras-dev
	.ci/sanitize $(abspath $(PY)) -m 'not slow' $(SANITIZED) $(PYTEST)

lint: $(VENV)/.built $(VENV)/.extras-dev
	$(VENV)/bin/ruff check --quiet .
	$(PY) -m mypy
	PATH="$(abspath $(VENV)/bin):$$PATH" cython-lint cython_ext
	$(if $(STUBBED),$(PY) -m mypy.stubtest --mypy-config-file pyproject.toml --ignore-disjoint-bases \
	    --allowlist .ci/stubtest-allow --ignore-unused-allowlist $(STUBBED))

sdist: $(VENV)/.extras-dev
	rm -rf dist
	$(PY) -m build --sdist --outdir dist .

dist: $(VENV)/.extras-dev
	rm -rf dist
	$(PY) -m build --outdir dist .
	.ci/test-installed $(PY) dist/*.whl dist/*.tar.gz -n $(JOBS) $(PYTEST_DIST)

test-all: sdist
	for version in $(VERSIONS); do \
	    if python=$$(.ci/find-python $$version); then \
	        .ci/test-installed $$python dist/*.tar.gz dist/*.tar.gz -n $(JOBS) $(PYTEST); \
	    else \
	        echo "Python $$version: not found, skipped"; \
	    fi; \
	done

bench: $(VENV)/.built $(VENV)/.extras-bench
	for file in benchmarks/bench_*.py; do $(PY) $$file; done

docs: $(VENV)/.built $(VENV)/.extras-docs
	$(PY) -m sphinx -W --keep-going -b html docs build/docs

clean:
	rm -rf build dist $(VENV) *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find dualad cython_ext \( -name '*.so' -o -name '__pycache__' \) -exec rm -rf {} +
