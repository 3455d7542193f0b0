# make demo   sets up what is needed and runs the electrolyte campaign against a separate simulator process
# make test   sets up what is needed and runs every test
# make coverage  the same, and how much of the source it reaches (a third slower; at least 90 %)
# make check  lint, types, import contract, doctests, documentation and fast tests: gates each commit
# make lint, make fast  its two halves: all but the tests, and the fast tests
# make wheel-test  tests of files and labs against the built wheel instead of the tree; the contract kit tries every driver
# make proof  the long proofs of the promises (kills, commit by commit), and the contract of planners for Ax and BayBE

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# Three processes, also on two cores: nearly half of the time tests wait for ports, clocks and other programs.
# tests/conftest.py says which tests stay in one process.
TEST := -m pytest -n 3 --dist loadgroup
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: demo test coverage check lint fast wheel-test proof cross-check clean

demo: .venv/.run
	$(BIN)/python examples/electrolyte/demo.py

test: .venv/.dev cross-env/.ready
	$(BIN)/python $(TEST) -q

coverage: .venv/.dev cross-env/.ready
	$(BIN)/python $(TEST) -q --cov --cov-report=term:skip-covered --cov-fail-under=90

check: lint fast

lint: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fast: .venv/.dev
	$(BIN)/python $(TEST) -q -m "not slow"

# PYTHONSAFEPATH keeps the tree out of sys.path, so that the unpacked wheel is what is imported.
WHEEL := PYTHONSAFEPATH=1 PYTHONPATH=$(CURDIR)/build/wheel/site
wheel-test: .venv/.dev
	rm -rf build/wheel build/lib
	$(BIN)/python -m build --wheel --no-isolation --outdir build/wheel . >/dev/null
	$(BIN)/python -m zipfile -e build/wheel/autolab_sdl-*.whl build/wheel/site
	$(WHEEL) $(BIN)/python -c "import autolab; assert 'build/wheel/site' in autolab.__file__, autolab.__file__"
	$(WHEEL) $(BIN)/pytest -n 3 --dist loadfile -q -m "not slow" tests/spec tests/lab

proof: .venv/.dev cross-env/.ready
	$(BIN)/python tests/loop/proof_of_kills.py --kills 20
	$(BIN)/python tests/loop/proof_of_commits.py
	PYTHONPATH=$(CURDIR) cross-env/planners/bin/python -m pytest -q tests/planners/test_contract.py -k "TestAx or TestBayBE"

cross-check: .venv/.dev cross-env/.ready
	$(BIN)/python -m pytest -q tests/simulators/test_third_party.py tests/drivers/test_third_party.py tests/planners/test_third_party.py

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.run: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) install -c constraints.txt torch
	$(PIP) install -c constraints.txt -e .
	touch $@

.venv/.dev: .venv/.run
	$(PIP) install -c constraints.txt -e ".[dev]"
	touch $@

# Programs that other people wrote, in environments of their own, one for each list of requirements: their licences and
# pins stay out of ours, and out of one another's way.
CROSS := $(wildcard tests/simulators/third_party/requirements/*.txt)
cross-env/.ready: $(CROSS:tests/simulators/third_party/requirements/%.txt=cross-env/%/.ready)
	touch $@

cross-env/%/.ready: tests/simulators/third_party/requirements/%.txt
	$(PYTHON) -m venv cross-env/$*
	cross-env/$*/bin/python -m pip --disable-pip-version-check -q install -r $<
	touch $@

clean:
	rm -rf .venv cross-env build dist *.egg-info .coverage
