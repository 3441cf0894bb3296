# make install | demo | test | check | docs | bench     (see CONTRIBUTING.md)
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
QT ?= pyqt6
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PY := $(BIN)/python

# A CPU build where there is no NVIDIA GPU: the plain name would bring gigabytes of CUDA. A user's install pins nothing.
TORCH ?= $(shell $(PYTHON) scripts/choose_torch.py)

# Without byte code, which takes longer than the rest: Python writes it for what is imported, when it is.
PIP := $(PY) -m pip install --quiet --no-compile

# Named, because qtpy takes PyQt5 where both are installed.
WITH_QT := QT_API=$(QT) PYTEST_QT_API=$(QT)

# One thread: tests are small, and two runs of them share the machine.
PYTEST := $(WITH_QT) OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 scripts/with_display.sh $(PY) -m pytest

SOURCES := src tests sample_data benchmarks scripts

.PHONY: install system demo shots extremes docs docs-serve test kernels test-fast test-windows test-views test-slow test-qt5 test-gl pyqt5 check format bench bench-window bench-seeing \
	clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip
	$(PIP) "$(TORCH)"
	$(PIP) --editable ".[all]"
	$(PIP) --group dev
	touch $@

system:
	@bash scripts/system_libraries.sh

demo: install system
	$(WITH_QT) $(BIN)/phenotyper demo --out demo

# The pictures of the documentation, taken from the real window; look at them before you commit them.
shots: install system
	rm -rf build/shots && mkdir -p build/shots
	$(PY) -c "from napari_phenotyper.session.sample import sample_plate; from pathlib import Path; sample_plate(Path('build/shots/SIMULATED'))"
	$(WITH_QT) CI=true scripts/with_display.sh $(BIN)/phenotyper tour build/shots/SIMULATED \
		--labels build/shots/SIMULATED/truth.csv --out docs/window
	$(WITH_QT) CI=true scripts/with_display.sh $(PY) scripts/follow_tutorial.py build/shots/tutorial --pictures docs/tutorial

# The site, into build/site, where index.html also opens from the disk; any broken link or docstring stops it.
docs: install
	$(PIP) --group docs
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict

docs-serve: install
	$(PIP) --group docs
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs serve

# The same for windows that have least room or most to show.
extremes: install system
	$(WITH_QT) CI=true $(PY) scripts/extreme_shots.py build/extremes

check: install
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/npe2 validate src/napari_phenotyper/napari.yaml

# The checks, then four runs of tests, each on a display of its own; three at a time, as runs with windows wait a lot.

test:
	$(MAKE) -j2 install system
	$(MAKE) -j3 kernels check pyqt5
	$(MAKE) -j3 test-windows test-fast test-views test-qt5

# Compiles the loops once, before several runs would do it side by side.
kernels: install
	OMP_NUM_THREADS=1 $(PY) -c "from napari_phenotyper.core.progress import no_progress as p; from napari_phenotyper.session.warming import warm_up; warm_up(p)"

test-fast: install system
	$(PYTEST) -m "not slow and not gl"

test-slow: install system
	$(WITH_QT) scripts/with_display.sh $(PY) -m pytest -m slow

# PyQt5 stays supported: what opens napari, walks its windows once and paints or takes the mouse runs once more with it
# (`make test-gl QT=pyqt5` runs all).
WITH_PYQT5 := $(addprefix tests/views/test_,canvas.py forms.py gallery_view.py jobs_bar.py plate_map.py) \
	$(addprefix tests/plugin/test_,napari.py journey.py gallery_window.py results_window.py mosaic_window.py)

test-qt5: install system pyqt5
	$(MAKE) test-gl QT=pyqt5 GL_TESTS="$(WITH_PYQT5)"

pyqt5: install
	$(PIP) "PyQt5>=5.15"

test-windows: install system
	$(PYTEST) -m "gl and not slow" tests/plugin

test-views: install system
	$(PYTEST) -m "gl and not slow" --ignore=tests/plugin

test-gl: install system
	$(PYTEST) -m "gl and not slow" $(GL_TESTS)

format: install
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

bench: $(patsubst benchmarks/bench_%.py,bench-%,$(wildcard benchmarks/bench_*.py))

bench-seeing: install system
	$(WITH_QT) scripts/with_display.sh $(PY) benchmarks/bench_seeing.py

bench-window: install system
	$(WITH_QT) scripts/with_display.sh $(PY) benchmarks/bench_window.py

bench-%: install
	$(PY) benchmarks/bench_$*.py

clean:
	rm -rf $(VENV) demo build dist .mypy_cache .ruff_cache .pytest_cache
