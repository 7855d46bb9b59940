# LipTwin. `make help` lists the targets; the first one run sets up what is missing.
.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
DEMO := demo/hello.mp4
SENTENCE := Hello. I am LipTwin, and these are my lips.

.PHONY: help setup demo corpus test detector lint format model bench clean

help:  ## show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

.venv/.ready: pyproject.toml constraints.txt scripts/set_up.sh
	@scripts/set_up.sh use
	@touch $@

.venv/.ready-to-develop: pyproject.toml constraints.txt scripts/set_up.sh
	@scripts/set_up.sh develop
	@touch .venv/.ready $@

.venv-detector/.ready: scripts/detector-requirements.txt scripts/set_up_detector.sh | .venv/.ready-to-develop
	@scripts/set_up_detector.sh
	@mkdir -p $(@D) && touch $@

setup: .venv/.ready-to-develop  ## install everything into .venv, for tests and benchmarks too

detector: .venv-detector/.ready  ## install the independent face detector into .venv-detector

demo: .venv/.ready  ## make the twin say one sentence: demo/hello.mp4
	@mkdir -p $(dir $(DEMO))
	$(BIN)/liptwin speak --text "$(SENTENCE)" --output $(DEMO)

corpus: .venv/.ready  ## install and align recorded prompts in five languages
	$(BIN)/liptwin corpus install
	$(BIN)/liptwin corpus align

lint: .venv/.ready-to-develop  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: .venv/.ready-to-develop .venv-detector/.ready lint  ## check style and types, then run all tests
	$(BIN)/pytest -n 2 --dist worksteal

format: .venv/.ready-to-develop  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

model: .venv/.ready-to-develop  ## build the face model files again from their source
	$(BIN)/python -m sim.build_model

bench: .venv/.ready-to-develop  ## run the benchmarks
	$(BIN)/python -m benchmarks

clean:  ## remove the environments and everything generated
	rm -rf .venv .venv-detector build dist *.egg-info demo .mypy_cache .pytest_cache .ruff_cache
