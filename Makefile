# Everything starts from Python >= 3.11 and make; `make help` lists the targets.
PYTHON ?= python3
VENV   ?= .venv
# smoke takes half a minute on two cores, standard two to four: the first look at a result should not wait for what its
# last lines offer as the next command, and .ci/run has to afford it at every change.
TIER   ?= smoke
REPORT ?= report
# Where `make gpu` writes what only a GPU can show.
GPU    ?= gpu.json
PAPERS ?= sign-magnitude mean-bias
# Which trained model to audit, and on what; none leaves out the claims about one and the training runs.
MODEL  ?= none
TEXT   ?= python-topics
# How many files of each format `make fuzz` tries.
FUZZ   ?= 10000
# What was noticed of the errors on the lists beside it, when they were planted last.
PLANTED := tests/planted/record.json
# What was noticed where no error was planted, by audits of new seeds.
ALARMS := tests/planted/alarms.json
# What the tests hold the report's page to for those who use a screen reader; without npm they skip that.
AXE    ?= axe-core@4.14.1
RANGE  ?= HEAD~5..HEAD
BIN    := $(VENV)/bin
# A folder of this tree is never importable just because a command was started in it.
export PYTHONSAFEPATH := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
INSTALL := $(BIN)/python -m pip install --constraint constraints.txt --editable
SOURCES := pyproject.toml constraints.txt setup.py $(wildcard kernels/native/*)

.DEFAULT_GOAL := help
.PHONY: help audit trust sensitivity alarms results results-trained test test-slow fuzz faults lint docs dist gate \
  conformance gpu speed speed-record bench bench-kernels bench-record bench-gate bench-gate-proof bench-history clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

audit: $(VENV)/.installed ## install if needed, then audit every claim (TIER=smoke|standard|full MODEL=smollm2), write report/
	$(BIN)/claimbench audit --tier $(TIER) --model $(MODEL) --text $(TEXT) --report $(REPORT) --json $(REPORT)/result.json \
	  --no-table

trust: $(VENV)/.installed ## are verdicts as sure as they say? counted on claims of known truth (TIER=full: ten minutes)
	$(BIN)/claimbench calibrate --tier $(TIER)
	$(BIN)/claimbench sensitivity --from $(PLANTED)
	$(BIN)/claimbench alarms --from $(ALARMS)

sensitivity: $(VENV)/.installed-test ## plant an error at a time, see who notices; two hours on two cores, goes on where it was
	$(BIN)/claimbench sensitivity --out $(PLANTED)

alarms: $(VENV)/.installed ## 50 smoke audits of the tree as it is, each on new seeds: who stays silent? (half an hour)
	$(BIN)/claimbench alarms --out $(ALARMS)

results: $(VENV)/.installed-test ## the standard audit of each paper into results/PAPER.json, a calibration, and what docs/ quotes
	@set -e; for paper in $(PAPERS); do \
	  $(BIN)/claimbench audit "paper:$$paper" --tier standard --model none --report $(REPORT)/$$paper \
	    --json results/$$paper.json; done
	$(BIN)/claimbench calibrate --tier standard --out src/claims/calibration/record.json
	$(BIN)/python tools/results.py
	$(BIN)/python tools/picture.py

results-trained: $(VENV)/.installed ## the same of SmolLM2 on TEXT, and of training runs, into results/trained (100 minutes)
	$(BIN)/claimbench models get smollm2
	$(BIN)/claimbench audit needs:model needs:text --model smollm2 --text $(TEXT) --tier standard \
	  --report $(REPORT)/$(TEXT) --json results/trained/$(TEXT).json
	$(BIN)/python tools/results.py

test: $(VENV)/.installed-test ## the tests that belong to every commit, under five minutes on two cores
	$(BIN)/python -m pytest -n 2 -m "not slow and not landing" -q

test-slow: $(VENV)/.installed-slow ## the long ones: whole calibration tables, kill tests at length, transformers
	$(BIN)/python -m pytest -n 2 -m "slow or landing" -q

fuzz: $(VENV)/.installed-test ## FUZZ=10000 damaged files of each format: a table of how many were refused, read rightly, wrong
	CLAIMS_FUZZ=$(FUZZ) $(BIN)/python -m pytest tests/fuzz -m slow -q

faults: $(VENV)/.installed-test ## the table of faults: 10,000 damaged stores, 10,000 schedules of disturbed audits (ten minutes)
	$(BIN)/python tests/faults/run.py

lint: $(VENV)/.installed-test ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPYPATH=src $(BIN)/mypy

docs: $(VENV)/.installed-docs ## the documentation as HTML in docs/_build/html, warnings being errors
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet --builder html docs docs/_build/html

dist: $(VENV)/.installed-docs ## source archive and wheel in dist/: the same bytes for the same commit
	rm -rf dist build
	PIP_CONSTRAINT=.ci/build.txt SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} $(BIN)/python -m build

gate: $(VENV)/.installed-test ## compile every GPU kernel ahead of time; refuse spills, approximate division, grown counts
	$(BIN)/python -m claims.kernels.gate

conformance: $(VENV)/.installed ## every format against every other implementation that runs here; differences need a reason
	$(BIN)/python -m claims.kernels.conformance

gpu: $(VENV)/.installed-test ## what only a GPU can show, into one file to send back (GPU=gpu.json); without one, interpreted at small sizes
	$(BIN)/python -m claims.kernels.gpu --json $(GPU)

speed: $(VENV)/.installed-bench ## every table of speed with its peers, half an hour (PARTS="looks gate" for some, QUICK=1 to try)
	$(BIN)/python benchmarks/speed.py $(PARTS) $(if $(QUICK),--quick)

speed-record: $(VENV)/.installed-bench ## the same on a quiet machine: kept in benchmarks/speed.json, quoted in docs/explanation/speed.md
	$(BIN)/python benchmarks/speed.py $(PARTS) --json benchmarks/speed.json
	$(BIN)/python tools/speed.py

bench: $(VENV)/.installed-bench ## asv on this commit
	@$(BIN)/asv machine --yes >/dev/null
	$(BIN)/asv run --environment existing:$(abspath $(BIN))/python --set-commit-hash "$$(git rev-parse HEAD)"

bench-kernels: $(VENV)/.installed-bench ## one table: every CPU kernel beside the machine's limits and its peers
	$(BIN)/python benchmarks/kernels_table.py

bench-record: $(VENV)/.installed-bench ## the same on a quiet machine: kept in benchmarks/kernels.json beside those of other machines, quoted in docs/kernels.md
	$(BIN)/python benchmarks/kernels_table.py --record benchmarks/kernels.json
	$(BIN)/python tools/kernels.py

bench-gate: $(VENV)/.installed-bench ## is a CPU kernel slower than at BASE=main? both are measured here, in turns (ROWS="rms_norm gemm")
	$(BIN)/python benchmarks/gate.py $(or $(BASE),main) $(ROWS)

bench-gate-proof: $(VENV)/.installed-bench ## does the gate pass HEAD beside itself, and notice each row made 1.3 times as slow? RUNS=20 times
	$(BIN)/python benchmarks/gate_proof.py $(or $(RUNS),20) $(ROWS)

bench-history: $(VENV)/.installed-bench ## asv over commits (RANGE=main~9..main STEPS=5; measured ones are kept), then a page
	@$(BIN)/asv machine --yes >/dev/null
	@# a benchmark that fails at some commit (status 2) is no reason to show nothing of the others
	$(BIN)/asv run --skip-existing $(STEPS:%=--steps %) "$(RANGE)" || [ $$? = 2 ]
	$(BIN)/asv publish
	$(BIN)/python benchmarks/page.py

clean: ## remove the environment and everything that was built or measured
	rm -rf $(VENV) build dist report docs/_build docs/generated .asv .claimbench src/*.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python >= 3.11 is needed, this is " + sys.version)'
	@echo "== creating the environment $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(SOURCES) | $(VENV)/bin/python
	@echo "== installing claimbench and what it runs on (torch is the large one)"
	$(INSTALL) '.[papers,models,oracles]'
	@# as pip does of what it does not leave in place: not every environment lets Python keep what it has compiled
	@$(BIN)/python -m compileall -q src/claims
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@echo "== installing what tests and linters need"
	$(INSTALL) '.[test,triton,lint]'
	@if command -v npm >/dev/null; then npm install --silent --no-save --prefix $(VENV)/axe $(AXE) \
	  || echo "axe-core could not be fetched; its tests are skipped"; fi
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed-test
	@echo "== installing what builds the documentation and releases"
	$(INSTALL) '.[docs]'
	@touch $@

$(VENV)/.installed-slow: $(VENV)/.installed-docs
	@echo "== installing what the long tests compare with"
	$(INSTALL) '.[proof]'
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed-test
	@echo "== installing what benchmarks need"
	$(INSTALL) '.[bench]'
	@touch $@
