# `make demo` and `make test` need make and Python 3.10 to 3.13, nothing else: they install what they use into .venv, and
# install again only when pyproject.toml, constraints.txt or hashes.txt has changed. PYTHON=... chooses the Python of a new
# .venv.

PYTHON ?=
CANDIDATES = $(if $(PYTHON),'$(PYTHON)',python3.13 python3.12 python3.11 python3.10 python3 python)
# Asked of the interpreter itself: a name on the PATH may be a shim that does not run, and some systems lack ensurepip.
SUITABLE = import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))
PIP = .venv/bin/python -m pip --quiet --disable-pip-version-check
INSTALL = $(PIP) install --constraint constraints.txt
PIP_INTEGRATIONS = .venv/integrations/bin/python -m pip --quiet --disable-pip-version-check install --no-deps --no-build-isolation

# CI installs nothing whose hash is not in hashes.txt: it downloads all packages first, and then knows of no others. The
# newer SDK has its hashes in sdk-2026.txt, on every machine.
ifeq ($(CI),true)
CHECKED = .venv/.packages/.checked
INSTALL += --isolated --no-index --find-links .venv/.packages
endif

# A virtual environment holds absolute paths, so one that came here with a moved checkout is made anew, as is one whose
# Python is gone or no longer suits, or that was left half made (pip comes last).
SOUND := $(shell .venv/bin/python -c 'import pip; $(SUITABLE)' 2>/dev/null && \
	{ test ! -f .venv/.made-in || test "$$(cat .venv/.made-in)" = "$$(pwd -P)"; } && echo yes)

# Compiled modules are kept: the tests start many processes.
unexport PYTHONDONTWRITEBYTECODE

# Two more than there are processors, as tests wait for databases and for processes of their own a fifth of the time.
WORKERS = $(shell .venv/bin/python -c 'import os; print((os.cpu_count() or 1) + 2)')

USUAL = (core or not thorough) and not destinations and not ducklake

.PHONY: help demo test test-slow test-thorough test-destinations test-ducklake test-integrations lint docs docs-write dist bench clean FORCE

help:  ## Print this list (the default)
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/make \1	\2/p' Makefile

demo: .venv/.demo-installed  ## Load sample runs from a stand-in API into DuckDB; needs no key
	@.venv/bin/extend-source demo

# The tests of a file stay on one worker, as many share what takes long to make.
test: lint .venv/.sdk-2026-installed  ## Check style and types, then run the tests but for those below
	@.venv/bin/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not slow and $(USUAL)"

test-slow: .venv/.dev-installed .venv/.sdk-2026-installed  ## Run the tests that take seconds each
	@.venv/bin/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "slow and $(USUAL)"

# VARIANTS="not postgres" runs a part of them: an expression as pytest's -k has it.
test-thorough: .venv/.dev-installed .venv/.sdk-2026-installed  ## Run the tests of many variants, faults and moments, which take long
	@.venv/bin/python -m pytest -n $(WORKERS) --dist worksteal -m "thorough and not core and not destinations and not ducklake" $(if $(VARIANTS),-k "$(VARIANTS)")

test-destinations: .venv/.destinations-installed  ## Run the tests of destinations beside DuckDB and PostgreSQL
	@.venv/bin/python -m pytest -n $(WORKERS) --dist worksteal -m destinations

test-ducklake: .venv/.destinations-installed  ## Run the tests of destinations on DuckLake, which takes a quarter of an hour
	@.venv/bin/python -m pytest -n auto --dist worksteal -m ducklake

test-integrations: .venv/.integrations-installed  ## Run the tests with real orchestrators, dbt, Spark and the like
	@.venv/integrations/bin/python -m pytest -n auto --dist loadfile -m integrations tests/integrations

lint: .venv/.dev-installed  ## Check style (ruff) and types (mypy)
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --check --quiet . || { echo "Not formatted; run: .venv/bin/ruff format ." >&2; exit 1; }
	@.venv/bin/mypy --no-error-summary

# Never with --quiet, which hides the warnings from --strict.
docs: .venv/.docs-installed  ## Build the site of docs/ into build/site, strict and without network
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict
	@! grep -rElz '<(script|link|img|iframe)[^>]*(src|href)="?https?://' build/site --include=*.html || \
	    { echo "The pages above fetch something from elsewhere." >&2; exit 1; }
	@echo "Look at it: .venv/bin/python -m http.server --directory build/site"

docs-write: .venv/.dev-installed  ## Write anew what README.md and docs/ show of the code and of its output
	@.venv/bin/python -m docs.generator

# twine comes alone, into an environment of its own, and only here: nothing else needs what it brings.
dist: .venv/.dev-installed  ## Build wheel and sdist into dist/, and check them as the registry does
	@rm -rf dist build
	@.venv/bin/python -c "import setuptools.build_meta as b; b.build_sdist('dist'); b.build_wheel('dist')" >/dev/null
	@test -x .venv/twine/bin/twine || { .venv/bin/python -m venv .venv/twine && .venv/twine/bin/python -m pip --quiet --disable-pip-version-check install twine; }
	@.venv/twine/bin/twine check --strict dist/*

bench: .venv/.dev-installed  ## Measure this source beside others (needs nginx; takes long) into benchmarks/RESULTS.md
	@.venv/bin/python -m benchmarks

clean:  ## Delete .venv, caches, build results and the demo's database
	@rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis extend_demo.duckdb* extend_demo.html
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.made-in: $(if $(SOUND),,FORCE)
	@if test "$(SOUND)"; then pwd -P >$@; exit; fi; \
	for python in $(CANDIDATES); do \
	    if "$$python" -c '$(SUITABLE)' >/dev/null 2>&1; then \
	        echo "Making .venv with $$("$$python" --version) ..."; \
	        "$$python" -m venv --clear .venv && pwd -P >$@; exit; \
	    fi; \
	done; \
	echo "$(if $(PYTHON),PYTHON=$(PYTHON) is not,Found no) Python 3.10 to 3.13 with the modules venv and ensurepip:" \
	    "install one (on Debian and Ubuntu: apt-get install python3 python3-venv), or name one with PYTHON=..." >&2; \
	exit 1

.venv/.packages/.checked: .venv/.made-in hashes.txt
	@echo "Downloading packages whose hashes are known into .venv ..."
	@$(PIP) download --no-deps --only-binary :all: --require-hashes --dest .venv/.packages --requirement hashes.txt
	@touch $@

# Installed in place, so that an edited module is used at once; setuptools comes first, as its version counts, too. `dev`
# comes after the demo's, never beside it (make -j).
.venv/.demo-installed: .venv/.made-in pyproject.toml constraints.txt hashes.txt $(CHECKED)
	@echo "Installing into .venv ..."
	@$(INSTALL) 'setuptools>=77'
	@$(INSTALL) --no-build-isolation --editable '.[report]'
	@touch $@

.venv/.dev-installed: .venv/.demo-installed
	@echo "Installing the development tools into .venv ..."
	@$(INSTALL) --no-build-isolation --editable '.[dev]'
	@touch $@

# Two versions of one package cannot stand side by side; the older one's dependencies serve both.
.venv/.sdk-2026-installed: .venv/.dev-installed sdk-2026.txt
	@echo "Installing the vendor's newer SDK into .venv/sdk-2026 ..."
	@rm -rf .venv/sdk-2026
	@$(PIP) install --no-deps --only-binary :all: --require-hashes --target .venv/sdk-2026 --requirement sdk-2026.txt
	@touch $@

.venv/.docs-installed: .venv/.dev-installed
	@echo "Installing what the docs are built with into .venv ..."
	@$(INSTALL) --no-build-isolation --editable '.[docs]'
	@touch $@

.venv/.destinations-installed: .venv/.dev-installed
	@echo "Installing what other destinations need into .venv ..."
	@$(INSTALL) --no-build-isolation --editable '.[destinations]'
	@touch $@

# An environment of its own: what these pull in wants older versions of packages than constraints.txt has. setuptools comes
# first, as PySpark is published as source alone.
.venv/.integrations-installed: .venv/.made-in pyproject.toml integrations.txt
	@echo "Installing orchestrators, dbt and Spark into .venv/integrations ..."
	@.venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Integrations are tested on Python 3.11 to 3.13: make anew with PYTHON=python3.11" >&2; exit 1; }
	@.venv/bin/python -m venv --clear .venv/integrations
	@sed -n '/^setuptools==/,/[^\\]$$/p' integrations.txt >.venv/integrations/setuptools.txt
	@$(PIP_INTEGRATIONS) --only-binary :all: --require-hashes --requirement .venv/integrations/setuptools.txt
	@$(PIP_INTEGRATIONS) --only-binary :all: --no-binary pyspark --require-hashes --requirement integrations.txt
	@$(PIP_INTEGRATIONS) --editable .
	@touch $@
