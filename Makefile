# Needs make and a Python from 3.11 up, nothing else. The environment is made once, by whichever target comes first.

VENV    ?= .venv
PYTHON  ?= python3.14 python3.13 python3.12 python3.11 python3 python
ARGS    ?=
BENCH   ?= $(wildcard benchmarks/*.py)

BIN     := $(VENV)/bin
READY   := $(VENV)/ready
# What may not keep its bytecode is compiled anew by each of the processes that tests start: a second of CPU for each.
export PYTHONDONTWRITEBYTECODE :=
# A Python counts if it runs, is new enough and makes environments: shims of absent versions and bare distribution packages do not.
RECENT  := import sys; sys.exit(sys.version_info < (3, 11))
SUITED  := import venv, ensurepip; $(RECENT)

.PHONY: help demo test soak bench reference lock clean

help:
	@echo 'make demo   run the demonstration; ARGS="--exit" passes it flags'
	@echo 'make test   lint, types, import contracts and tests'
	@echo 'make soak   the long tests'
	@echo 'make bench  every benchmark beside its baseline; BENCH="benchmarks/x.py" runs one'
	@echo 'make reference  write what of docs/reference follows from the code'
	@echo 'make lock   resolve the dependencies again into requirements.lock'
	@echo 'make clean  remove the environment and caches; data of a running project stays'

demo: $(READY)
	@$(BIN)/adjudge demo $(ARGS)

test: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder -m 'not soak' $(ARGS)

soak: $(READY)
	$(BIN)/pytest -m soak $(ARGS)

bench: $(READY)
	@for script in $(BENCH); do echo "== $$script"; $(BIN)/python $$script $(ARGS) || exit 1; done

reference: $(READY)
	@$(BIN)/python docs/reference/generate.py
	@$(BIN)/adjudge streams asyncapi > docs/reference/asyncapi.yaml

# The build back end is locked too (with what it wants for editable installs): installing the project itself then fetches nothing.
lock: $(READY)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check uv
	@$(BIN)/python -c 'import tomllib; print("editables", *tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	| UV_CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --extra embedded --group dev --output-file requirements.lock pyproject.toml -

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.lock pyproject.toml
	@if ! { $(BIN)/python -c '$(RECENT)' && $(BIN)/python -m pip --version; } >/dev/null 2>&1; then \
	  found=; bare=; \
	  for python in $(PYTHON); do \
	    if $$python -c '$(SUITED)' >/dev/null 2>&1; then found=$$python; break; fi; \
	    if $$python -c '$(RECENT)' >/dev/null 2>&1; then bare=$${bare:-$$python}; fi; \
	  done; \
	  if [ -z "$$found" ] && [ -n "$$bare" ]; then \
	    echo "adjudge: $$bare lacks the modules venv and ensurepip (on Debian or Ubuntu: apt install $$bare-venv)" >&2; exit 1; \
	  elif [ -z "$$found" ]; then \
	    echo "adjudge: Python 3.11 or newer is needed, and none of these is: $(PYTHON). If it has another name: make PYTHON=NAME" >&2; exit 1; \
	  fi; \
	  echo "making $(VENV) with $$($$found --version); this takes a minute, once"; \
	  $$found -m venv --clear $(VENV) || exit 1; \
	fi
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
