# Every target installs what it needs first; nothing is installed outside this directory but Debian packages
# (python3-venv, flatbuffers-compiler, libsecret-1-0, zstd), and those only when missing and when run by somebody who may.

SHELL := /bin/bash
.DEFAULT_GOAL := help
python := .venv/bin/python
# Tests wait for services more than they compute: on two cores three processes take half the time of one. Each has services of its own.
PYTEST_WORKERS ?= 3
# Files in their order, by directory: a package's product is started once a process, and at the end there are short ones, so that no process waits long
# for another.
in_order := --dist loadfile --no-loadscope-reorder
# mypy refuses a directory without Python files, which some of these still are.
typed := $(sort $(foreach d,shared activities orchestrators http_api worker localdev benchmarks cli,$(if $(wildcard $d/*.py $d/*/*.py),$d))) $(wildcard function_app.py)

.PHONY: help install demo test lint style layers types test-fast test-suite test-browser torture conformance up down status generate settings web pictures bicep clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: ## Python packages into .venv, Azurite into build/azurite, AzCopy into build/azcopy
	@localdev/install/all.sh

demo: install ## back up, browse, restore and verify a share on this machine
	@$(python) -m localdev.demo

test: lint types test-suite ## everything CI checks: lint, types, layers, the whole test suite

test-suite: install ## the whole test suite, without lint and types
	@$(python) -m pytest -n $(PYTEST_WORKERS) $(in_order) $(PYTEST_ARGS)

test-fast: install ## unit and property tests only
	@$(python) -m pytest tests/unit tests/property $(PYTEST_ARGS)

test-browser: install ## every page in Chromium, in every way; pictures of them in build/screens
	@$(python) -m pytest tests/browser -m "browser_all or not browser_all" $(PYTEST_ARGS)

torture: install ## all that is too long for the suite: worker processes killed, services broken, any history: hours; AFB_SEED=n repeats one
	@$(python) -m pytest -m torture -s --timeout 3600 $(PYTEST_ARGS)

conformance: install ## localdev's Functions host against the real one, where that is; docs/CONFORMANCE.md has the exit codes
	@$(python) -m localdev.conformance $(CONFORMANCE_ARGS)

lint: style layers ## ruff, formatting, and the layers that imports must obey

style: install
	@$(python) -m ruff check
	@$(python) -m ruff format --check

layers: install
	@$(python) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

types: install ## mypy --strict
	@$(python) -m mypy --strict $(typed)

up: install ## start the one-machine stack; Ctrl-C stops it
	@$(python) -m localdev up

down: install ## stop the one-machine stack
	@$(python) -m localdev down

status: install ## show what runs, where, and whether it is well
	@$(python) -m localdev status

generate: install ## Python code from the FlatBuffers schemas
	@localdev/install/generate.sh

settings: install ## docs/SETTINGS.md, from shared/settings.py and the two host.json
	@$(python) -m localdev.settings_page

web: install ## style sheet, htmx and font of the pages into web_static, from http_api/styles and the templates
	@localdev/install/web.sh

pictures: install ## the pictures of docs/USING.md, of the stack that `make demo` has left running
	@$(python) -m localdev.pictures

bicep: ## compile and lint infra/bicep, where az or bicep is installed
	@infra/bicep/compile.sh

clean: ## remove what can be made again, the stack's data included; .venv stays
	@if [ -x $(python) ]; then $(python) -m localdev down --erase; fi
	@rm -rf build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
