# Everything from a fresh clone: only Python (3.11 or newer), make and a C library are needed.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= results
SITE ?= site/html
TIMES ?= 200
PYTEST := $(BIN)/python -m pytest
SHARED := --numprocesses auto --dist worksteal
APART := not heads and not clustering and not soma and not browser and not docs
COMMA := ,
COVERED := metrics stats io
# by uv, which takes a third of pip's time; by pip, with its configuration, where uv does not find the packages
installed = $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python $(1) || \
	$(BIN)/python -m pip install --quiet $(1)
EXAMPLES ?= 2000
SAMPLE ?= 200
FAMILIES ?= 1500

.PHONY: install reproduce archive test test-minimum test-minimum-heads kill fuzz mutants dist pages test-slow test-heads test-slow-heads test-classes test-clustering test-soma test-browser check bench calibrate peers docs docs-heads site vendor clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt uv
	$(call installed,--constraint constraints.txt --editable ".[study$(COMMA)dev]")
	touch $@

reproduce: install  ## the study: tables, figures, summaries, verdicts
	$(BIN)/concentra reproduce --out $(OUT)

archive: install  ## renew the archived tables from raw data
	$(BIN)/concentra reproduce --out $(OUT) --write-archive

test: install  ## all that is quick and needs neither torch, nor scanpy, nor a browser
	$(PYTEST) $(SHARED) --cov --cov-report= -m "$(APART) and not slow" $(foreach one,$(COVERED),tests/$(one) src/concentra/$(one))
	$(BIN)/python tests/coverage_floor.py $(foreach one,$(COVERED),$(one)=95)
	$(PYTEST) $(SHARED) -m "$(APART) and not slow" $(foreach one,$(COVERED),--ignore tests/$(one) --ignore src/concentra/$(one))

fuzz: install  ## readers under mutated inputs: 20,000 of each kind of table, EXAMPLES of each binary format
	CONCENTRA_FUZZ=20000 $(PYTEST) tests/io/test_fuzz_tables.py
	$(BIN)/python -W ignore tests/fuzz_binary.py --examples $(EXAMPLES)

mutants: install  ## small faults in the statistics, and which of them the tests notice: SAMPLE of them
	$(BIN)/python tests/mutants.py --sample $(SAMPLE)

test-slow: install  ## calibrations and whole runs; those of `make kill` apart
	$(PYTEST) $(SHARED) -m "slow and $(APART)" --ignore tests/robustness

kill: install  ## commands killed at random moments and writes that fail; every rerun gives the same bytes
	CONCENTRA_KILLS=$(TIMES) $(PYTEST) -m slow tests/robustness

test-minimum:  ## the library with the oldest versions that pyproject.toml allows
	$(PYTHON) -m venv .venv-minimum
	.venv-minimum/bin/python -m pip install --quiet uv
	.venv-minimum/bin/uv pip install --quiet --python .venv-minimum/bin/python --resolution lowest-direct --editable ".[study,dev]"
	.venv-minimum/bin/python -m pytest $(SHARED) -m "$(APART) and not slow" tests/metrics tests/stats tests/io tests/analysis

test-minimum-heads:  ## head importance with the oldest transformers that pyproject.toml allows, and the torch tested
	$(PYTHON) -m venv .venv-minimum-heads
	.venv-minimum-heads/bin/python -m pip install --quiet uv
	.venv-minimum-heads/bin/uv pip install --quiet --python .venv-minimum-heads/bin/python --resolution lowest-direct \
		--editable ".[heads]" "pytest>=8.3" "hypothesis>=6.120" "$$(grep ^torch== constraints.txt)"
	.venv-minimum-heads/bin/python -m pytest --override-ini addopts=--import-mode=importlib \
		$(addprefix tests/heads/test_,exact.py importance.py checkpoints.py tokens.py cost.py unembedding.py lowrank.py)

dist: install  ## the source distribution and the wheel, for a release
	$(BIN)/python -m build --outdir dist

test-heads: .venv/installed-heads  ## head importance: installs torch
	$(PYTEST) $(SHARED) -m "heads and not slow" --ignore tests/heads/test_every_class.py tests/heads tests/cli

test-slow-heads: .venv/installed-heads  ## the whole demo, shards side by side that are killed
	$(PYTEST) -m "heads and slow" --ignore tests/heads/test_every_class.py tests/heads

test-classes: .venv/installed-heads  ## head importance in every class of the installed transformers: an hour
	$(PYTEST) -m heads tests/heads/test_every_class.py

test-clustering: .venv/installed-peers  ## clustering against its peers: installs scanpy
	$(PYTEST) -m clustering tests/clustering tests/simulate tests/io

test-soma: .venv/installed-soma  ## counting a SOMA experiment: installs tiledbsoma
	$(PYTEST) -m soma tests/io

test-browser: install  ## the report in Chromium, which must be at /usr/bin/chromium
	$(PYTEST) $(SHARED) -m browser tests/browser

# torch by pip, which takes the build for processors where its configuration names one
.venv/installed-heads: .venv/installed
	$(BIN)/python -m pip install --quiet --no-compile "$$(grep ^torch== constraints.txt)"
	$(call installed,--constraint constraints.txt --editable ".[heads]")
	touch $@

.venv/installed-peers: .venv/installed
	$(call installed,--constraint constraints.txt --editable ".[peers]")
	touch $@

.venv/installed-soma: .venv/installed
	$(call installed,--constraint constraints.txt --editable ".[census]")
	touch $@

check: install  ## style, types, layers, workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/question.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.readthedocs .readthedocs.yaml
	$(BIN)/zizmor --offline --quiet .github

pages: .venv/installed-docs  ## the documentation site, warnings as errors, every tutorial executed
	$(BIN)/sphinx-build -q -W --keep-going -n docs $(SITE)

site: pages  ## the same, tested
	$(PYTEST) -m docs tests/docs
	@echo site/html/index.html

.venv/installed-docs: .venv/installed
	$(call installed,--constraint constraints.txt --editable ".[docs]")
	touch $@

vendor:  ## what the report's page brings along, bundled anew from src/concentra/report/vendor/package.json: needs npm
	cd src/concentra/report/vendor && npm ci --no-audit --no-fund && npm run build

bench: install  ## paired ratios against peers
	for file in benchmarks/bench_*.py; do $(BIN)/python $$file || exit 1; done

calibrate: install  ## coverage, level and power, simulated and on the cohorts of CONCENTRA_DATA_DIR, with their page
	$(BIN)/python benchmarks/calibration.py --runs $$(($(FAMILIES) / 3)) --out docs/calibration.csv
	$(BIN)/python benchmarks/calibration_cohorts.py --families $(FAMILIES) --out docs/calibration_cohorts.csv
	$(BIN)/python benchmarks/calibration_blood.py --runs $$(($(FAMILIES) * 4 / 3)) --out docs/calibration_blood.csv --cohorts docs/calibration_verdicts.csv
	$(BIN)/python benchmarks/calibration_model.py --families $$(($(FAMILIES) / 6)) --out docs/calibration_model.csv
	$(BIN)/python benchmarks/calibration_page.py docs

peers: install  ## limma, lme4, lmerTest and vegan (Debian: r-bioc-limma r-cran-lmertest r-cran-statmod r-cran-vegan); scanpro
	Rscript benchmarks/peers.R $(CONCENTRA_DATA_DIR) tests/stats/peers
	$(PYTHON) -m venv .venv-scanpro
	.venv-scanpro/bin/python -m pip install --quiet scanpro "setuptools<81"
	.venv-scanpro/bin/python benchmarks/peers_scanpro.py $(CONCENTRA_DATA_DIR) tests/stats/peers

docs: install  ## pages that are generated from the code
	$(BIN)/python -m concentra.study.describe docs
	$(BIN)/concentra reproduce --out $(OUT)
	$(BIN)/python -c "from PIL import Image; Image.open('$(OUT)/figures/figure_1_overlay.png').convert('RGB').quantize(64).save('docs/figure_1.png', optimize=True)"
	[ -z "$$CONCENTRA_DATA_DIR" ] || MPLBACKEND=agg $(BIN)/python docs/blood_ageing.py

docs-heads: .venv/installed-heads  ## what the tutorial on heads prints, for the site, which is built without torch
	$(BIN)/python -W ignore docs/heads_outputs.py

clean:
	rm -rf .venv .venv-minimum .venv-minimum-heads .venv-scanpro dist $(OUT) .test-results site docs/api/generated .pytest_cache .mypy_cache .ruff_cache .hypothesis
