# Everything from a fresh clone: only Python (3.11 or newer), make and a C library are needed.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= results
PYTEST := $(BIN)/python -m pytest
SHARED := --numprocesses auto --dist worksteal
APART := not heads and not clustering and not soma and not browser and not docs
SLOW ?= and not slow

.PHONY: install reproduce archive test coverage test-slow test-heads test-clustering test-soma test-browser check bench calibrate peers docs site vendor clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[study,dev]"
	touch $@

reproduce: install  ## the study: tables, figures, summaries, verdicts
	$(BIN)/concentra reproduce --out $(OUT)

archive: install  ## renew the archived tables from raw data
	$(BIN)/concentra reproduce --out $(OUT) --write-archive

test: install  ## all that needs neither torch, nor scanpy, nor a browser; SLOW= takes the slow ones in
	$(PYTEST) $(SHARED) -m "$(APART) $(SLOW)"

coverage: install  ## of what carries numbers, by its own tests, each law on few examples
	$(PYTEST) $(SHARED) --cov --cov-report=term:skip-covered --hypothesis-profile few -m "$(APART) and not slow" \
		tests/metrics tests/stats tests/io src/concentra/metrics src/concentra/stats src/concentra/io
	$(BIN)/python tests/coverage_floor.py metrics=95 stats=95 io=95

test-slow: install  ## calibrations and runs that are killed and resumed
	$(PYTEST) $(SHARED) -m "slow and $(APART)"

test-heads: .venv/installed-heads  ## head importance: installs torch
	$(PYTEST) -m heads tests/heads tests/cli

test-clustering: .venv/installed-peers  ## clustering against its peers: installs scanpy
	$(PYTEST) -m clustering tests/clustering tests/simulate tests/io

test-soma: .venv/installed-soma  ## counting a SOMA experiment: installs tiledbsoma
	$(PYTEST) -m soma tests/io

test-browser: install  ## the report in Chromium, which must be at /usr/bin/chromium
	$(PYTEST) -m browser tests/browser

.venv/installed-heads: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[heads]"
	touch $@

.venv/installed-peers: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[peers]"
	touch $@

.venv/installed-soma: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[census]"
	touch $@

check: install  ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

site: .venv/installed-docs  ## the documentation site, warnings as errors, every tutorial executed
	$(BIN)/sphinx-build -q -W --keep-going -n docs site/html
	$(PYTEST) -m docs tests/docs
	@echo site/html/index.html

.venv/installed-docs: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[docs]"
	touch $@

vendor:  ## what the report's page brings along, bundled anew from src/concentra/report/vendor/package.json: needs npm
	cd src/concentra/report/vendor && npm ci --no-audit --no-fund && npm run build

bench: install  ## paired ratios against peers
	for file in benchmarks/bench_*.py; do $(BIN)/python $$file || exit 1; done

calibrate: install  ## coverage, level and power, simulated and on the cohorts of CONCENTRA_DATA_DIR, with their page
	$(BIN)/python benchmarks/calibration.py --out docs/calibration.csv
	$(BIN)/python benchmarks/calibration_cohorts.py --out docs/calibration_cohorts.csv
	$(BIN)/python benchmarks/calibration_model.py --out docs/calibration_model.csv --cohorts docs/calibration_verdicts.csv
	$(BIN)/python benchmarks/calibration_page.py docs

peers: install  ## limma, lme4, lmerTest and vegan (Debian: r-bioc-limma r-cran-lmertest r-cran-statmod r-cran-vegan); scanpro
	Rscript benchmarks/peers.R $(CONCENTRA_DATA_DIR) tests/stats/peers
	$(PYTHON) -m venv .venv-scanpro
	.venv-scanpro/bin/python -m pip install --quiet scanpro "setuptools<81"
	.venv-scanpro/bin/python benchmarks/peers_scanpro.py $(CONCENTRA_DATA_DIR) tests/stats/peers

docs: install  ## pages that are generated from the code
	$(BIN)/python -m concentra.study.describe > docs/tables.md
	$(BIN)/concentra reproduce --out $(OUT)
	$(BIN)/python -c "from PIL import Image; Image.open('$(OUT)/figures/figure_1_overlay.png').quantize(64).save('docs/figure_1.png', optimize=True)"

clean:
	rm -rf .venv .venv-scanpro $(OUT) .test-results site docs/api/generated .pytest_cache .mypy_cache .ruff_cache .hypothesis
