# make demo | test | fuzz | lab | app | lint | cases | bench | notebooks | course | gallery | docs: each does its own set-up first.
PYTHON ?= python3
RUN = .venv/bin/python
export MPLBACKEND ?= Agg
lab notebooks: export MPLBACKEND = module://matplotlib_inline.backend_inline

.PHONY: demo lab app test test-slow fuzz lint cases bench samples notebooks course gallery docs

demo: .venv/ready
	$(RUN) -m nstlib demo

lab: .venv/ready
	.venv/bin/jupyter lab --ServerApp.ip=127.0.0.1 --LabApp.default_url=/lab/tree/notebooks/01_quickstart.ipynb

app: .venv/ready-app
	$(RUN) -m nstlib studio

test: .venv/ready-dev
	$(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=10 -rs

test-slow: .venv/ready-dev
	$(RUN) -m pytest -m slow --durations=10

fuzz: .venv/ready-dev
	$(RUN) -m pytest tests/house/test_fuzz.py -m "slow or not slow" --durations=10

lint: .venv/ready-dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

cases: .venv/ready
	$(RUN) -m nstlib.workshop.cases

bench: .venv/ready
	$(RUN) -m nstlib.workshop.bench $(AREA)

samples: .venv/ready
	$(RUN) -m nstlib.samples

notebooks: .venv/ready
	.venv/bin/jupyter nbconvert --to notebook --execute --output-dir outputs/notebooks notebooks/*.ipynb

course: .venv/ready-dev
	$(RUN) -m nstlib.workshop.course

gallery: .venv/ready
	$(RUN) -m nstlib.workshop.gallery

docs: .venv/ready-dev
	$(RUN) -m nstlib.workshop.pages
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --quiet

.venv/ready: requirements.txt pyproject.toml
	test -x $(RUN) || $(PYTHON) -m venv .venv
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv/ready-dev: .venv/ready requirements-dev.txt requirements-cluster.txt requirements-heic.txt requirements-onnx.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	! command -v npm > /dev/null || npm ci --silent --prefix tests/studio  # axe-core, for the studio's page
	touch $@

.venv/ready-app: .venv/ready requirements-app.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-app.txt
	touch $@
