# make demo: both papers in miniature, on embedded images.   make test: checks and tests, without the longest.
# Each sets itself up first, with Python 3.11 or newer and pip only.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# the first Python that is new enough; PYTHON=... chooses another
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
# CORES=4 takes four; all are taken otherwise
CORES ?= all
# snakefmt runs shfmt by name
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: help setup demo pdf docs test check unit workflow test-long test-slurm reference test-reference lock clean

help:
	@sed -n '1,3s/^# //p' $(MAKEFILE_LIST)
	@echo 'Also: pdf (the demo as PDF, by LaTeX), docs (the pages as a site), setup, check (linters and types), unit, workflow (tests),'
	@echo 'test-long, test-slurm (needs root), reference, test-reference, lock, clean.'

setup: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo 'Innerloop needs Python 3.11 or newer: install it, or make PYTHON=/path/to/python3'; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	$(BIN)/snakemake --cores $(CORES)

# results/demo/report.pdf; needs LaTeX and says how to install it
pdf: setup
	$(BIN)/snakemake pdf --cores $(CORES)

# site/index.html; a link that leads nowhere is an error
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

# the demo's numbers that ship, made anew on purpose: six trainings of everything, which takes hours
reference: setup
	$(BIN)/snakemake tables --cores $(CORES) --configfile config/config.yaml config/reference.yaml
	$(BIN)/python -m innerloop.commands.reference results/demo_seeds

# whether the demo still gives them
test-reference: demo
	$(BIN)/innerloop compare demo --reference

test: check unit workflow

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/mypy
	$(BIN)/python tests/lint_workflow.py

unit: setup
	OMP_NUM_THREADS=1 $(BIN)/pytest -m 'not (workflow or slurm or long)' --durations 20 --numprocesses auto --maxprocesses 8 --dist loadfile

workflow: setup
	$(BIN)/pytest -m 'workflow and not long' --durations 20 --numprocesses 3 --dist loadfile

# what takes minutes and guards what a change seldom breaks
test-long: setup
	$(BIN)/pytest -m long --durations 20 --numprocesses 2 --dist loadfile

# starts a real SLURM on this machine; skipped, with the reason, where that is not possible
test-slurm: setup
	$(BIN)/pytest -m slurm --durations 20 tests/slurm

# resolve the newest allowed versions anew; +cpu and other local suffixes are left out
lock:
	rm -rf .lock-venv && $(PYTHON) -m venv .lock-venv
	.lock-venv/bin/pip install --quiet torch==2.13.0 'setuptools>=77'
	.lock-venv/bin/pip install --quiet '.[dev,slurm,tensorboard,bundle,docs]'
	{ echo '# Exact versions, by `make lock`: see pyproject.toml for what is needed and why.'; \
	  .lock-venv/bin/pip freeze --all | grep -vi '^\(innerloop\|pip\|wheel\|nvidia-.*\|cuda-.*\|triton\)\b' | sed 's/+[a-z0-9.]*$$//'; } > requirements.lock
	rm -rf .lock-venv build

clean:
	rm -rf $(VENV) .snakemake .mypy_cache .pytest_cache .ruff_cache .hypothesis
