# Two commands do all the set-up: make demo, make test. They need Python 3.11 or newer, and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CONSTRAINTS ?= constraints.txt
FILES  ?= src/affekt/examples
RECIPE ?= voice-svm
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help demo app test check light coverage docs train model bench fuzz kills dist lock clean

help:                        ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /	/'

demo: $(VENV)/core           ## classify the example clips, or FILES="a.wav folder/"
	$(BIN)/affekt predict $(FILES) --csv predictions.csv

app: $(VENV)/app             ## open the web app: make app [CORPUS=RAVDESS/]
	$(BIN)/affekt app $(if $(CORPUS),--corpus $(CORPUS))

test: $(VENV)/dev            ## install what tests need, a browser among it, run them all
	$(BIN)/python tools/get_chromium.py
	$(BIN)/pytest --numprocesses auto --dist loadfile

check: $(VENV)/dev           ## format, lint, types, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses auto --dist loadfile

light:                       ## test the path of predictions with the libraries that are installed, for distributors
	$(PYTHON) -m pytest --light tests/audio tests/features tests/model tests/inference tests/support tests/corpora

coverage: $(VENV)/dev        ## which lines no test runs
	$(BIN)/pytest --cov=affekt --cov-report=term:skip-covered --cov-report=html

docs: $(VENV)/dev            ## write the documentation site to site/, strictly
	$(BIN)/mkdocs build --strict

train: $(VENV)/dev           ## score, train and save: make train CORPUS=RAVDESS/ [RECIPE=voice-svm]
	$(BIN)/affekt train $(CORPUS) --recipe $(RECIPE)

model: $(VENV)/dev           ## train the bundled model anew: make model CORPUS="RAVDESS/ NEMO/"
	$(BIN)/affekt train $(CORPUS) --recipe affekt-net-2 --out src/affekt/model/default.onnx --checkpoints .folds
	$(BIN)/python tools/write_model_card.py

bench: $(VENV)/dev           ## time features and answers against librosa: make bench CORPUS=RAVDESS/
	$(BIN)/pip install --quiet opensmile
	$(BIN)/python benchmarks/features.py $(CORPUS)
	$(BIN)/python benchmarks/predict.py $(CORPUS)

fuzz: $(VENV)/dev            ## give damaged recordings and models to predict: some minutes
	$(BIN)/python benchmarks/fuzz.py

kills: $(VENV)/dev           ## kill commands at random moments, and look at their outputs: ten minutes
	$(BIN)/python benchmarks/kills.py

dist:                        ## build what is released, check it, and try it with every Python here
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*
	$(BIN)/python tools/try_wheel.py dist/*.whl

lock:                        ## write the versions of this installation to constraints-locked.txt
	(sed -n '/^#/p' constraints-locked.txt; \
	  $(BIN)/pip freeze --exclude-editable | sed -n 's/^\([^ @]*==[^+]*\).*/\1/p') > constraints-locked.new
	mv constraints-locked.new constraints-locked.txt

clean:                       ## remove the installation
	rm -rf $(VENV)

# An installation is done again when what is to be installed has changed.
$(VENV)/core: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable .
	touch $@

$(VENV)/app: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint $(CONSTRAINTS) --editable '.[app]'
	touch $@ $(VENV)/core

$(VENV)/dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint $(CONSTRAINTS) --editable '.[dev]'
	touch $@ $(VENV)/core $(VENV)/app
