# Needs Python 3.11 or newer and make. Everything goes into .venv, and into the data folder
# (WEBSEARCH_DATA_DIR, by default ~/.local/share/websearch-agent).
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
VENV = .venv
BIN = $(VENV)/bin

.PHONY: install run test test-model test-fast fuzz check contract-vllm contract-llama lock clean

install: $(VENV)/.installed

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("websearch_agent needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml requirements/run.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/websearch-agent index --builtin
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	touch $@

# The first start downloads the embedded model (1.1 GB, once) while the page already shows.
run: install
	$(BIN)/websearch-agent serve --host $(HOST) --port $(PORT)

# All tests. Those with the real embedded model need its weights: fetched once, then cached. Those of the
# page need Chromium: what is there, else Debian's if it may be installed, else they are skipped.
test: $(VENV)/.installed-dev
	$(BIN)/python tests/chromium.py
	$(BIN)/websearch-agent model pull
	$(BIN)/python -m pytest

test-fast: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m "not model"

# Hostile pages, replies and answers, other ones each time: hours with the default of 20,000 each.
fuzz: $(VENV)/.installed-dev
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest tests/pages/test_fuzz_extraction.py tests/models/test_fuzz_replies.py tests/agent/test_link_filter.py

check: $(VENV)/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# The client against a real vLLM on the processor (Linux x86_64): its environment, 3.5 GB, is made once
# in WEBSEARCH_VLLM_ENV, by default ~/.cache/websearch-agent/vllm. Skipped, with a reason, elsewhere.
contract-vllm: $(VENV)/.installed-dev
	$(BIN)/python tests/contract/run.py vllm

# The same against a llama-server of yours: make contract-llama LLAMA_SERVER=PATH MODEL=FILE.gguf
contract-llama: $(VENV)/.installed-dev
	$(BIN)/python tests/contract/run.py llama --server "$(LLAMA_SERVER)" --model "$(MODEL)" --options="$(LLAMA_OPTIONS)"

# Renews the hashed requirement files. No index is written into them.
lock: $(VENV)/.installed-dev
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --upgrade pyproject.toml requirements/build.in -o requirements/run.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --upgrade --extra dev pyproject.toml requirements/build.in -c requirements/run.txt -o requirements/dev.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
