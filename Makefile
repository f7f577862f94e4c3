# What there is to do: `make`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

MINIS := hh-rlhf-mini reddit-summary-mini
# A trial is measured on half of the dev prompts, and methods that train once per weight do so for three. Farther than
# 4 nats away rewards and evaluators part, and what is best by the rewards is not.
SEARCH := --max-kl 4 -c eval_prompts=100 -c 'trained_grid=[[1,0],[0.5,0.5],[0,1]]'

# Measured in the units of a preparation that lies beside the baseline: another processor would prepare another.
GATED := -m rewarded-soups,ric,sft -b hh-rlhf-mini --prepared tests/baselines/hh_rlhf_mini.tar

# A policy of 135 million parameters, at budgets that two cores can afford.
SMALL := -c preset=laptop -c policy=demo/weights/smollm2-135m-instruct -c reward.base=demo/weights/minilm \
	-c eval_prompts=50 -c sampling.max_new_tokens=40 -c reward.steps=40 \
	-c ric.offline_epochs=0.02 -c ric.online_prompts=40 -c rewarded-soups.epochs=0.01

.PHONY: help setup demo gate baseline real test check e2e chaos bench results pages clean
demo gate baseline test e2e chaos bench results: export HF_HUB_OFFLINE = 1
# Each of hundreds of processes would compile all of moa anew.
export PYTHONDONTWRITEBYTECODE =

help:  ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(INSTALLED)  ## a virtual environment in .venv with moa and its development tools

demo: $(INSTALLED)  ## three methods on both embedded benchmarks, compared (minutes; the second time seconds)
	$(BIN)/moa compare -m rewarded-soups -m ric -m sft $(MINIS:%=-b %) \
		--runs demo/runs -o demo/report.html -o demo/compare.json -o demo/compare.png -o demo/compare.md
	@echo "report: demo/report.html   figure: demo/compare.png   table: demo/compare.md   numbers: demo/compare.json"

gate: $(INSTALLED)  ## three methods on hh-rlhf-mini against the recorded comparison; fails where one became worse
	$(BIN)/moa compare $(GATED) --runs demo/gate --tolerance 5% --baseline tests/baselines/hh_rlhf_mini.json

baseline: $(INSTALLED)  ## what the gate compares with, recorded anew: a preparation, and a comparison on it
	$(BIN)/moa prepare -b hh-rlhf-mini --runs demo/baseline -o tests/baselines/hh_rlhf_mini.tar
	$(BIN)/moa compare $(GATED) --runs demo/baseline -o tests/baselines/hh_rlhf_mini.json

real: $(INSTALLED)  ## the demo's methods on a real model and real data: make real DATA=FOLDER, with HH-RLHF in it (40 minutes)
	@test -d "$(DATA)" || { echo "make real DATA=FOLDER: a folder with HH-RLHF as published (harmless-base, helpful-base, ...)"; exit 2; }
	$(BIN)/python tests/real/weights.py demo/weights
	$(BIN)/moa compare -m sft,ric,rewarded-soups -b hh-rlhf --data-dir $(DATA) $(SMALL) --runs demo/real \
		-o demo/real.html -o demo/real.json -o demo/real.png -o demo/real.md

test: $(INSTALLED)  ## everything needed to trust a change: CPU, offline, in parallel (about 1 GB for each of up to 4 processes)
	$(BIN)/python -m pytest tests -m "not e2e and not gpu" -n logical --maxprocesses 4 --dist loadscope --no-loadscope-reorder

check: $(INSTALLED)  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests/speed

e2e: $(INSTALLED)  ## all methods trained on the embedded benchmarks, and the ceiling against long sampling
	$(BIN)/python -m pytest tests -m e2e

chaos: $(INSTALLED)  ## kills, damage, crowds, faults and odd inputs, tried: prints figures (30 to 50 minutes)
	$(BIN)/python -m tests.chaos

bench: $(INSTALLED)  ## speed as ratios measured on this machine; fails where a target is missed
	$(BIN)/python tests/speed/run.py

results: $(INSTALLED)  ## the published results anew, as far as they are stale or missing: tuning, trainings, tables (hours)
	$(BIN)/moa tune -m all -b hh-rlhf-mini --trials 6 $(SEARCH) --runs results
	$(BIN)/moa tune -m all -b reddit-summary-mini --trials 4 $(SEARCH) --runs results
	$(BIN)/moa compare -m all $(MINIS:%=-b %) -c tuned --seed 0,1,2 --ceiling --runs results \
		-o results/compare.json -o results/compare.md -o results/compare.png -o results/report.html
	$(BIN)/moa study kl -m moslim,modpo,spo,ric -b hh-rlhf-mini -c tuned --runs results \
		-o results/kl.json -o results/kl.png
	set -e; for mini in $(MINIS); do \
		$(BIN)/moa study controllability -m moslim -b $$mini -c tuned --seed 0,1,2 --runs results; \
		$(BIN)/moa study reward-model-size -m moslim -b $$mini -c tuned --runs results; done
	$(BIN)/moa claims $(MINIS:%=-b %) --runs results -o results/claims.json -o results/claims.md
	$(BIN)/python -m moa_cli.published

pages: $(INSTALLED)  ## what pages have from the code and from results/: schemas, differences, tables; says what is stale
	$(BIN)/python -m moa_cli.published

clean:  ## remove build products and caches; .venv, runs and demo stay
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# Made again when what is to be installed changes; pip's own settings decide where packages come from.
$(INSTALLED): pyproject.toml tests/constraints.txt
	@test -x $(BIN)/pip || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "moa needs Python 3.11 or newer, and $(PYTHON) is not that; name one: make setup PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -c tests/constraints.txt -e '.[dev]'
	@touch $@
