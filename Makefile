# Each line calls one command; `make book` and `make test` work from a bare machine with Python 3.11 or newer.
PYTHON ?= python3
READY := .venv/.ready

help:  ## show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/'

book: $(READY)  ## execute lectures and pages, make the student notebooks and build the site in _build/html
	.venv/bin/python book/system.py data npm
	.venv/bin/python book/build.py

pdf: book  ## print the site as one PDF, beside its pages
	.venv/bin/python book/system.py browser
	.venv/bin/python book/pdf.py

test: pdf  ## lint, then every test, the site's in a real browser
	.venv/bin/python book/system.py database
	.venv/bin/ruff check .
	.venv/bin/python -m pytest --numprocesses 2 --dist worksteal tests/course_lib tests/site; first=$$?; \
	.venv/bin/python -m pytest tests/autograder tests/notebooks tests/redteam && exit $$first # sandboxes have the machine to themselves

serve: pdf  ## show the site at http://localhost:8000
	.venv/bin/python -m http.server --directory _build/html --bind 127.0.0.1 8000

lock: $(READY)  ## remake requirements.txt from pyproject.toml, and package-lock.json from package.json
	.venv/bin/uv pip compile --universal --python-version 3.11 --all-extras pyproject.toml -o requirements.txt --no-annotate
	cd book && npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

clean:  ## remove everything that `make book` made, but not the environment
	rm -rf _build book/lectures book/assignments book/pages/*.ipynb book/api/generated

# The environment holds exactly the lock, plus this repository; made again when either file changes.
$(READY): requirements.txt pyproject.toml
	$(PYTHON) book/system.py python
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet "$$(grep '^uv==' requirements.txt)"
	.venv/bin/uv pip sync --quiet --compile-bytecode requirements.txt
	.venv/bin/uv pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(READY)

.PHONY: help book pdf test serve lock clean
