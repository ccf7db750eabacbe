# make run     the app on http://127.0.0.1:8501          make test    all tests
# make check   lint, types and tests, as CI does          make clean   forget the virtual environment
# make bench   all that is said of speed, measured here and written into benchmarks/RESULTS.md
#
# Each does its own set-up: a virtual environment in .venv with the pinned requirements, renewed when these change.

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: run test check bench clean

run: $(VENV)/.ready
	$(BIN)/python -m streamlit run app.py --server.address 127.0.0.1 --server.port 8501

test: $(VENV)/.ready
	$(PYTEST)

check: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST)

bench: $(VENV)/.ready
	$(BIN)/python -m benchmarks.bench

clean:
	rm -rf $(VENV)

$(VENV)/.ready: requirements.txt requirements-extras.txt | $(BIN)/pip
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt -r requirements-extras.txt
	touch $@

# pip is what a half-made environment lacks: python -m venv writes it last.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "FrameCast needs Python 3.11 or newer; $(PYTHON) is older or missing. Install python3.11, or name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || { \
	  echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: sudo apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
