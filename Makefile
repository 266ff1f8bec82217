# The commands of this project. Each sets up what it needs first; `make help` lists them.

PYTHON ?= $(firstword $(shell command -v python3.11 python3.12 python3.13 python3) python3)
# What an environment around us sets must not reach into ours.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

BIN := .venv/bin
PACKAGES := gateway mappings connectors schedules api samples

.DEFAULT_GOAL := help
.PHONY: help setup setup-runtime demo test lint format bench bench-mapping soak intake-kills fuzz conformance lock clean

help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## /\1|/p' Makefile | while IFS='|' read -r name text; do printf '%-14s %s\n' "$$name" "$$text"; done

setup: ## .venv with everything for tests and lint
	@$(PYTHON) tools/bootstrap.py dev

setup-runtime: ## .venv with what the product needs
	@$(PYTHON) tools/bootstrap.py runtime

demo: setup-runtime ## one full synchronisation on synthetic data, with everything it needs
	@$(BIN)/zorgsluis demo $(ARGS)

test: setup ## every test, tier by tier, with the minutes of each
	@$(PYTHON) tools/extras.py
	@$(BIN)/python tools/tiers.py $(TIERS)

lint: setup ## style, types, import rules, house rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -q tests/unit/test_house_rules.py

format: setup ## let ruff set the layout
	@$(BIN)/ruff check --fix-only -q .
	@$(BIN)/ruff format .

fuzz: setup ## 100,000 mutated messages through the mapper; what was found goes to docs/evidence
	@FUZZ_MESSAGES=100000 FUZZ_EVIDENCE=docs/evidence/fuzz-mapping.json $(BIN)/pytest -q --timeout 3600 tests/unit/test_fuzz_mapping.py

conformance: setup ## HL7's own validator over every kind of resource produced
	@$(PYTHON) tools/extras.py
	@$(BIN)/python tools/tiers.py conformance

bench: setup-runtime ## how fast: resources a second, end to end and per stage (JSON)
	@$(BIN)/zorgsluis bench pipeline $(ARGS)

soak: setup ## a million deliveries under random rights, kills and faults, checked at the portal; JSON to docs/evidence
	@$(BIN)/python -m tests.soak.run --evidence docs/evidence/soak.json $(ARGS)

intake-kills: setup ## kill serve 50 times under load: what was acknowledged is in the journal, once
	@INTAKE_KILLS=50 $(BIN)/pytest -q --timeout 3600 tests/kills/test_intake_kills_hl7.py

bench-mapping: ## how fast: a message of each kind, beside other engines (JSON)
	@$(PYTHON) tools/bootstrap.py bench
	@$(BIN)/zorgsluis bench mapping $(ARGS)

lock: ## renew requirements/*.txt from pyproject.toml (needs uv)
	@for group in "runtime:--group build" "dev:--group build --group test --group lint" \
	    "bench:--group build --group test --group lint --group bench"; do \
	  uv pip compile pyproject.toml $${group#*:} --upgrade --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-annotate --no-header -q -o requirements/$${group%%:*}.txt || exit 1; \
	done

clean: ## remove what these commands made here; no state, no database
	@rm -rf .venv dist build target .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find $(PACKAGES) tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
