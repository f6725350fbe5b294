# Everything runs from .venv; `setup` makes it and is silent when nothing changed.
SHELL := bash
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup pdal pdal-if-possible demo test lint types contracts check bench serve web clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/' | expand -t 20

setup: ## .venv and the system libraries that it needs
	@tools/setup

pdal: setup ## find or unpack PDAL; fails when there is none
	@tools/pdal-setup

pdal-if-possible: setup
	@tools/pdal-setup || echo "setup: going on without PDAL: formats that only PDAL reads are refused, its tests are skipped"

# BEFORE, AFTER, ZONES and CRS reach the recipe through the environment, so that names may hold spaces.
demo: pdal-if-possible ## volumes over HTTP; on your files with BEFORE=a.laz AFTER=b.laz [ZONES=z.geojson] [CRS=EPSG:6676]
	@$(BIN)/tengun demo $${BEFORE:+"$$BEFORE"} $${AFTER:+"$$AFTER"} $${ZONES:+--zones "$$ZONES"} $${CRS:+--crs "$$CRS"}

test: pdal-if-possible ## the test suite in three processes, as some of them wait for services and browsers; ARGS="-k volume -x" go to pytest (-n 0: one process)
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: setup ## style, complexity, docstrings, formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup ## mypy, strict
	@$(BIN)/mypy

contracts: setup ## who may import whom
	@$(BIN)/lint-imports

check: lint types contracts test ## all of what CI asks

bench: setup ## points per second for read, ground, terrain, volume
	@$(BIN)/python -m tests.benchmarks $(ARGS)

serve: setup ## the service on 127.0.0.1 until Ctrl-C
	@$(BIN)/tengun serve $(ARGS)

web: ## the web app built anew from its lock file into api/web/static (needs Node; users don't)
	@cd api/web/source && npm ci --ignore-scripts --no-audit --no-fund --silent && npm run --silent types && npm run --silent build

clean: ## outputs and caches; .venv, .pdal and .tengun (jobs, uploads) stay
	@rm -rf out demo-out build dist htmlcov .coverage .coverage.* coverage.xml .mypy_cache .ruff_cache .pytest_cache \
		.hypothesis .import_linter_cache
	@find pointcloud pipelines api tests -name __pycache__ -type d -prune -exec rm -rf {} +
