# Every target does its own set-up on a fresh machine with Python and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PLUGINS := $(sort $(patsubst plugins/%/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml)))
THERE   := $(shell cat $(READY) 2>/dev/null)

# More processes than two cores: tests of processes, of time and of outages wait a lot.
SIDE_BY_SIDE := -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: install demo test check lock dist bench clean
.DEFAULT_GOAL := help

help: ## Say what there is to make.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ -/'
.PHONY: help

# It lists the plugins that are installed: it is made again where one came, or one has to go.
ifneq ($(PLUGINS),$(THERE))
.PHONY: $(READY)
endif
$(READY): requirements.lock pyproject.toml runtime/pyproject.toml $(wildcard plugins/*/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.13")'
	@echo "Setting up $(VENV): half a minute, once."
	@$(PYTHON) -m venv $(VENV)
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock \
		|| $(BIN)/python -m pip install -qq --require-hashes -r requirements.lock # where pip.conf alone names the index
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e runtime $(addprefix -e plugins/,$(PLUGINS))
	@$(foreach gone,$(filter-out $(PLUGINS),$(THERE)),$(BIN)/uv pip uninstall --quiet --python $(BIN)/python workers-$(subst _,-,$(gone));)
	@echo $(PLUGINS) > $@

install: $(READY) ## Install the runtime, the plugins and the tools into .venv; again where plugins came or went.

demo: $(READY) ## Watch due sales become delivered SMS, faults and all; DEMO="--faults all --seed 2" for more.
	@$(BIN)/workers demo sale-to-sms $(DEMO)

test: $(READY) ## Run the tests; TESTS="tests/runtime -k sqs" for some of them.
	@$(BIN)/pytest $(or $(TESTS),$(SIDE_BY_SIDE))

check: $(READY) ## Lint, types, import contracts, generated files.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPYPATH=$(subst $(eval ) ,:,$(wildcard plugins/*/src)) $(BIN)/mypy runtime/src $(wildcard plugins/*/src) tests
	$(BIN)/lint-imports
	$(BIN)/workers manifest --check infra/manifest.json
	$(BIN)/workers manifest --json-schema --check infra/manifest.schema.json

lock: $(READY) ## Resolve the dependencies anew into requirements.lock, with hashes.
	$(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.11 --generate-hashes \
		--all-extras --group dev pyproject.toml runtime/pyproject.toml $(wildcard plugins/*/pyproject.toml) \
		--no-emit-package worker-runtime $(foreach p,$(wildcard plugins/*),--no-emit-package workers-$(subst _,-,$(notdir $(p)))) \
		--no-header --no-annotate --no-emit-index-url -o requirements.lock

dist: $(READY) ## Build wheels of the runtime and of every plugin into dist/.
	@rm -rf dist
	@$(BIN)/uv build --quiet --all-packages --wheel --no-build-isolation --python $(BIN)/python --out-dir dist

bench: $(READY) ## Measure beside the alternatives, in one run.
	@$(BIN)/python tests/bench

clean: ## Remove what was installed and generated.
	rm -rf $(VENV) dist .stage .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
