# make demo and make test need Python 3.11 or later with venv, and nothing else.
# They make .venv here, write nothing outside this folder, and may be repeated.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-quick test-slow lint format types notebooks outputs bench clean

INSIDE := sh tools/inside.sh
# Not .venv/bin/stratsim: a script's first line breaks where the folder's name holds a $$ or a "
STRATSIM := $(INSIDE) .venv/bin/python -m stratsim
PYTEST := $(INSIDE) .venv/bin/python -m pytest

# The main job, as `make demo` shows it
DEMO_SCENARIO  ?= scenarios/checkout-ecs.yaml
DEMO_COMPARE   ?= --replications 500
DEMO_RECOMMEND ?= --replications 500 --minimize deployment_duration_s --require "failed_requests<=200" --require "missed<=5%"
DEMO_OUT       ?= build/demo

# Two processes: the tests are cut for two cores
WORKERS ?= 2
ARGS    ?=

help:
	@echo 'make demo       compare strategies on a bundled scenario, recommend one, write its CodeDeploy JSON'
	@echo 'make test       all tests, quick ones first (ARGS="-k alarm" to choose)'
	@echo 'make lint       ruff: rules and format; make format repairs what it can'
	@echo 'make types      mypy --strict'
	@echo 'make notebooks  execute every notebook; its outputs must be those it shows'
	@echo 'make outputs    renew the outputs in pages and notebooks'
	@echo 'make bench      print speeds'
	@echo 'make clean      remove .venv, .cache and everything else that was made here'
	@echo 'PYTHON=/path/to/python3.12 chooses the interpreter.'

demo:
	@sh tools/setup.sh runtime
	@echo
	@echo '$$ stratsim compare $(DEMO_SCENARIO) $(DEMO_COMPARE)'
	@$(STRATSIM) compare $(DEMO_SCENARIO) $(DEMO_COMPARE)
	@echo
	@echo '$$ stratsim recommend $(DEMO_SCENARIO) $(DEMO_RECOMMEND) --export $(DEMO_OUT) --format codedeploy --force'
	@$(STRATSIM) recommend $(DEMO_SCENARIO) $(DEMO_RECOMMEND) \
		--export $(DEMO_OUT) --format codedeploy --force

test: test-quick test-slow

test-quick:
	@sh tools/setup.sh test
	$(PYTEST) -n $(WORKERS) --dist worksteal -m 'not slow and not bench' $(ARGS)$(if $(ARGS), || test $$? -eq 5)

# pytest's status 5 says that no test was chosen
test-slow:
	@sh tools/setup.sh test
	$(PYTEST) -n $(WORKERS) --dist worksteal -m 'slow and not bench' $(ARGS) || test $$? -eq 5

lint:
	@sh tools/setup.sh test
	$(INSIDE) .venv/bin/python -m ruff check .
	$(INSIDE) .venv/bin/python -m ruff format --check .

format:
	@sh tools/setup.sh test
	$(INSIDE) .venv/bin/python -m ruff check --fix .
	$(INSIDE) .venv/bin/python -m ruff format .

types:
	@sh tools/setup.sh test
	$(INSIDE) .venv/bin/python -m mypy

# Executes them; what they print has to be what they show
notebooks:
	@sh tools/setup.sh test
	$(INSIDE) .venv/bin/python tools/outputs.py --check notebooks/*.ipynb

outputs:
	@sh tools/setup.sh test
	$(INSIDE) .venv/bin/python tools/outputs.py

bench:
	@sh tools/setup.sh test
	$(PYTEST) -m bench -s -q

clean:
	rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist demo-out
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
