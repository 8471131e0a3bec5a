# make run | gallery | test | test-slow | fuzz | test-cluster | test-gpu | test-browser | zoo | docs | format | bench | clean
# A virtual environment lies in .venv; it is made, and updated only when pyproject.toml or constraints.txt changed.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
ZOO := .venv-zoo
DEMO := .venv-demo
DOCS := .venv-docs
TOOLS := .venv-tools
COVERAGE := .venv-coverage
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --constraint constraints.txt
# pip would compile 20,000 files one after the other; this takes all cores. Some are no valid Python, on purpose.
# A quarter, those that nothing here imports, waits until somebody does.
COMPILE := $(BIN)/python -m compileall -qq -j 0 -x '/(tests|databricks|pip)/' $(VENV)/lib || true
INPUTS := pyproject.toml constraints.txt
ARGS ?=
SECONDS ?= 60
SEED ?= 0
# The browser comes from the system.
CHROMIUM := { command -v chromium || command -v chromium-browser || command -v google-chrome; } > /dev/null || \
	{ apt-get update -q && apt-get install -y -q --no-install-recommends chromium; } || \
	echo "Chromium could not be installed: its tests are skipped"

.PHONY: run gallery test test-slow fuzz test-cluster test-gpu test-browser zoo lint unit format bench clean help

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'

run: $(VENV)/.run  ## set up, train the default experiment, print the result and where the report lies (ARGS="key=value ...")
	$(BIN)/python -m segexp $(ARGS)

gallery: $(VENV)/.run  ## a page of all runs in outputs, found by data set, model, task, tag, state and measure (ARGS=open=true)
	$(BIN)/python -m segexp report outputs pages=missing $(ARGS)

test: $(VENV)/.dev  ## set up, then lint, types and tests, at the same time
	$(MAKE) --no-print-directory --jobs=2 lint unit

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

unit: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

test-slow: $(VENV)/.dev  ## tests that are too long for every change
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow $(ARGS)

fuzz: $(VENV)/.dev  ## seeded fuzz of files and configs, properties, faulty commands, for a time (SECONDS=60 SEED=0)
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) --seed $(SEED)

test-cluster: $(VENV)/.cluster  ## sweeps and predictions through a real SLURM and a real Ray, started for it (Debian, as root); minutes
	SEGEXP_TEST_CLUSTER=1 $(BIN)/python -m pytest -rs tests/cluster $(ARGS)

test-gpu:  ## what a GPU computes and how fast, by the python3 that has CUDA's PyTorch (PYTHON=...); under 8 minutes, no network
	$(PYTHON) -m tests.gpu.script $(ARGS)

.PHONY: interruptions
interruptions: $(VENV)/.dev  ## end a training in each phase by each signal, go on, compare: minutes
	folder=$$(mktemp -d) && $(BIN)/python -m tests.training.interruptions $$folder/plain && \
	$(BIN)/python -m tests.training.interruptions $$folder/tracked tracked

test-browser: $(VENV)/.dev  ## pages, and the docs site once it is built, in a real headless Chromium, installed for it where there is none (Debian, as root)
	$(CHROMIUM)
	$(BIN)/python -m pytest -rs tests/browser $(ARGS)

zoo: $(ZOO)/.test  ## tests of model=zoo and against torchvision, in an environment of their own
	$(ZOO)/bin/python -m pytest -n 2 tests/zoo tests/contracts/test_models.py -k "zoo or torchvision" $(ARGS)

.PHONY: test-demo
test-demo: $(DEMO)/.test  ## the page of the command demo in a real headless Chromium, in an environment of its own
	$(CHROMIUM)
	$(DEMO)/bin/python -m pytest -rs tests/browser/test_demo.py tests/inference/demo $(ARGS)

.PHONY: docs
docs: $(DOCS)/.build  ## the docs site: site/index.html opens without a network; every warning and broken link is an error
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/python -m mkdocs build --strict --quiet
	$(DOCS)/bin/python -m docs.website.links site

format: $(VENV)/.dev  ## put the code into the common form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: faults kills-sweep
faults: $(VENV)/.dev  ## full and read-only disk, vanished folder, no handles, no memory, at ten moments of a run (as root); minutes
	$(BIN)/python benchmarks/faults.py $(ARGS)

kills-sweep: $(VENV)/.dev  ## twenty sweeps and searches, killed at random moments and resumed, against undisturbed ones; long
	$(BIN)/python benchmarks/sweep_kill.py --rounds 20 --kills 2 --kind both $(ARGS)

bench: $(VENV)/.dev  ## measurements side by side: start-up, training throughput
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/train_throughput.py

.PHONY: kills
kills: $(VENV)/.dev  ## kills trainings at 40 random moments, resumes them, compares all with undisturbed ones (ARGS="--kills 8"); 20 minutes
	$(BIN)/python -m benchmarks.kills $(ARGS)

.PHONY: coverage
coverage: $(COVERAGE)/.test  ## share of segexp's lines and branches that tests reach, also in the processes they start; long
	$(COVERAGE)/bin/python -m pytest -n 2 --dist worksteal --cov --cov-report=term:skip-covered $(ARGS); passed=$$?; \
	$(COVERAGE)/bin/python -m coverage json --quiet -o - | $(COVERAGE)/bin/python -c "import json, sys; \
	total = json.load(sys.stdin)['totals']; print('lines {percent_statements_covered:.1f} %, branches \
	{percent_branches_covered:.1f} %'.format(**total))"; exit $$passed

.PHONY: notebooks test-wheel test-lowest test-newest release
notebooks: $(TOOLS)/.tools  ## make the notebooks of examples/ of the scripts beside them (jupytext)
	$(TOOLS)/bin/python -m tests.examples.notebooks

test-wheel: $(TOOLS)/.tools  ## the built wheel in a bare environment: commands, a run, all notebooks; minutes
	$(TOOLS)/bin/python -m tests.release.wheel pinned --notebooks $(ARGS)

test-lowest: $(TOOLS)/.tools  ## the same commands and many tests with the lowest versions that pyproject.toml allows
	$(TOOLS)/bin/python -m tests.release.wheel lowest --tests $(ARGS)

test-newest: $(TOOLS)/.tools  ## the same with the newest versions there are, but for torch (ARGS="--torch 2.14.1")
	$(TOOLS)/bin/python -m tests.release.wheel newest --tests $(ARGS)

release: $(TOOLS)/.tools  ## archives and checksums of a version, tried in a bare environment (VERSION=0.2.0; TAG=1: commit and tag)
	$(TOOLS)/bin/python -m tests.release.prepare $(VERSION) $(if $(TAG),--tag)

clean:  ## remove the environment and caches; outputs stay
	rm -rf $(VENV) $(ZOO) $(DEMO) $(DOCS) $(TOOLS) $(COVERAGE) site build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(INPUTS) | $(BIN)/python
	$(PIP) --editable .
	$(COMPILE)
	touch $@

$(VENV)/.dev: $(INPUTS) | $(BIN)/python
	$(PIP) --editable '.[dev]'
	$(COMPILE)
	touch $@ $(VENV)/.run

# SLURM comes from the system. Where it cannot be installed its tests are skipped, and say so.
$(VENV)/.cluster: $(INPUTS) $(VENV)/.dev
	$(PIP) --editable '.[dev,ray]'
	$(COMPILE)
	{ command -v slurmctld && command -v munged; } > /dev/null || \
		{ apt-get update -q && apt-get install -y -q --no-install-recommends slurm-wlm munge; } || \
		 echo "SLURM could not be installed: its tests are skipped"
	touch $@

# It sees the packages of the main environment, torch above all, and adds to them what only the zoo needs. The files of
# paths are read by name: that of the main environment before the one of segexp, which imports a package from there.
# torchvision's build on the registry is for CUDA; a .pth file makes it importable beside a CPU build of torch, in every
# process of this environment (see the file it copies).
$(ZOO)/.test: $(INPUTS) tests/zoo/torchvision_on_cpu.py $(VENV)/.dev
	$(PYTHON) -m venv $(ZOO)
	packages=$$($(ZOO)/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))") && \
		$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" > $$packages/000_main.pth && \
		cp tests/zoo/torchvision_on_cpu.py $$packages && \
		echo 'import torchvision_on_cpu' > $$packages/torchvision_on_cpu.pth
	$(ZOO)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[zoo,test]'
	touch $@

# gradio takes neither the pillow nor the tomlkit of constraints.txt: names in constraints-demo.txt replace those there.
$(DEMO)/.test: $(INPUTS) constraints-demo.txt
	$(PYTHON) -m venv $(DEMO)
	awk -F == 'FNR == NR { mine[$$1]; print; next } !($$1 in mine)' constraints-demo.txt constraints.txt > $(DEMO)/constraints.txt
	$(DEMO)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(DEMO)/constraints.txt \
		--editable '.[demo]' pytest rasterio
	touch $@

# It sees the packages of the main environment, as the zoo's does, and adds what builds pages.
$(DOCS)/.build: $(INPUTS) constraints-docs.txt $(VENV)/.run
	$(PYTHON) -m venv $(DOCS)
	packages=$$($(DOCS)/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))") && \
		$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" > $$packages/000_main.pth
	$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--constraint constraints-docs.txt --editable '.[docs]'
	touch $@

# Tools that no test and no user needs.
$(TOOLS)/.tools: constraints-tools.txt
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints-tools.txt \
		build hatchling ipykernel jupytext nbclient twine uv
	touch $@

# It sees the packages of the main environment, and adds what measures: coverage begins in every process of this one.
$(COVERAGE)/.test: $(INPUTS) constraints-tools.txt $(VENV)/.dev
	$(PYTHON) -m venv $(COVERAGE)
	packages=$$($(COVERAGE)/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))") && \
		$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" > $$packages/000_main.pth
	$(COVERAGE)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints-tools.txt coverage pytest-cov
	$(COVERAGE)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@
