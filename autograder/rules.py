"""What a master must satisfy before it may be released: every rule, every cell, all problems at once."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
import tomllib
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from nbformat import NotebookNode
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from autograder.markers import HIDDEN_TESTS, SOLUTION, has_marker, leaks, public_lines, split
from autograder.names import bound, parse, read_first
from autograder.sandbox.launch import Limits

_KEYS = {"grade_id", "grade", "solution", "locked", "task", "points", "schema_version"}
_GRADE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # nbgrader's characters, nbformat's length of a cell id
_MAGIC = re.compile(r"\s*(%{1,2}\w|!|\?|[\w.]+\?)")


def role(cell: NotebookNode) -> dict:
    """The cell's nbgrader metadata; empty where there is none or it is no JSON object."""
    meta = cell.metadata.get("nbgrader")
    return meta if isinstance(meta, dict) else {}


def label(cell: NotebookNode, number: int) -> str:
    """How messages name a cell: by its grade id, else by its place and first line."""
    if grade_id := role(cell).get("grade_id"):
        return f"cell '{grade_id}'"
    start = cell.source.strip().split("\n")[0][:50]
    return f"cell {number}, starting '{start}'"


def problems(master: NotebookNode, root: Path) -> list[str]:
    """Everything that keeps a master from being released, each naming the cell and the cure.

    Args:
        master: the script as a notebook, before defaults are filled in.
        root: the course's folder, whose pyproject.toml says which packages a student has.
    """
    found = []
    grade_ids = Counter(str(role(cell).get("grade_id")) for cell in master.cells)
    provided = _provided_modules(root)
    for number, cell in enumerate(master.cells, start=1):
        texts = [*_metadata_problems(cell), *_marker_problems(cell)]
        if cell.cell_type == "code":
            texts += _code_problems(cell.source, provided)
        grade_id = role(cell).get("grade_id")
        if grade_id and grade_ids[str(grade_id)] > 1:
            texts.append(f"grade_id '{grade_id}' is used {grade_ids[str(grade_id)]} times: give each cell its own.")
        found += [f"{label(cell, number)}: {text}" for text in texts]
    found += _helper_problems(master.cells)
    try:
        Limits().changed(dict(master.metadata.get("autograder", {})))
    except (TypeError, ValueError) as error:
        found.append(f"the header's 'autograder:' {error}")
    if not any(role(cell).get("grade") for cell in master.cells):
        found.append(
            "the whole file: no cell is graded; write cells as '# %%' and give at least one the metadata "
            'nbgrader={"grade_id": "…", "grade": true, "points": 1}.'
        )
    if not found:
        found = [
            f"{label(master.cells[number - 1], number)}: the line '{line}' of its solution also stands where students "
            "see it; reword it there."
            for number, line in leaks(master, public_lines(master))
        ]
    return found


def _helper_problems(cells: Iterable[NotebookNode]) -> Iterator[str]:
    """Checks that rest on the student: a locked function that mentions a student's name is run by the student's process."""
    theirs: set[str] = set()
    helpers: dict[str, str] = {}  # a locked function, and the student's name in it
    for number, cell in enumerate(cells, start=1):
        if cell.cell_type != "code":
            continue
        tree = parse(cell.source)
        if role(cell).get("solution"):
            theirs |= bound(tree)
        elif role(cell).get("grade"):
            for name in sorted(read_first(tree) & helpers.keys()):
                yield (
                    f"{label(cell, number)}: it calls {name}, a locked function that speaks of the student's {helpers[name]} "
                    f"and so runs in the student's process: give {name} that as an argument, or write it into the check."
                )
        else:
            functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
            for node in functions:
                if names := read_first(ast.Module([node], [])) & theirs:
                    helpers[node.name] = min(names)
            if read_first(tree) & theirs:
                theirs |= bound(tree)


def _metadata_problems(cell: NotebookNode) -> Iterator[str]:
    """Problems of the cell's nbgrader metadata."""
    if garbled := cell.metadata.get("incorrectly_encoded_metadata"):
        yield f"its metadata {garbled!r} cannot be read: write the value of nbgrader= as JSON."
    meta = cell.metadata.get("nbgrader")
    if meta is None:
        return
    if not isinstance(meta, dict):
        yield f'nbgrader={meta!r} is not a JSON object: write nbgrader={{"grade_id": "…", …}}.'
        return
    grade_id = meta.get("grade_id")
    if grade_id is None:
        yield 'it has nbgrader metadata but no grade_id: add "grade_id": "<a name of its own>".'
    elif not isinstance(grade_id, str) or not _GRADE_ID.fullmatch(grade_id):
        yield f"grade_id {grade_id!r} is refused by nbgrader: use 1 to 64 letters, digits, '_' and '-'."
    if unknown := set(meta) - _KEYS:
        yield f"nbgrader does not know {', '.join(sorted(unknown))}: use only {', '.join(sorted(_KEYS))}."
    flags = [key for key in ("grade", "solution", "locked", "task") if not isinstance(meta.get(key, False), bool)]
    if flags:
        yield f"{', '.join(flags)} must be true or false."
    grade, solution, task = (bool(meta.get(key)) for key in ("grade", "solution", "task"))
    if not (grade or solution or task or meta.get("locked")):
        yield 'nbgrader would ignore it: say "solution": true, "grade": true or "locked": true.'
    if cell.cell_type == "markdown" and not task and grade != solution:
        yield 'a written answer is graded by hand: give it "grade": true, "solution": true and points.'
    if grade or task:
        points = meta.get("points")
        if isinstance(points, bool) or not isinstance(points, int | float) or not 0 < points < float("inf"):
            said = "no points" if "points" not in meta else f"points {points!r}"
            yield f'it is graded but has {said}: add "points": <a number above 0>.'


def _marker_problems(cell: NotebookNode) -> Iterator[str]:
    """Problems of the BEGIN/END markers, seen in the light of what the cell is."""
    solution = bool(role(cell).get("solution"))
    check = bool(role(cell).get("grade")) and not solution
    allowed = {SOLUTION: solution, HIDDEN_TESTS: check}
    cure = {
        SOLUTION: 'mark the cell "solution": true, or it would be handed out with its solution',
        HIDDEN_TESTS: 'hidden tests belong into a check cell ("grade": true, "points": …)',
    }
    for kind in (SOLUTION, HIDDEN_TESTS):
        if has_marker(cell.source, kind):
            if not allowed[kind]:
                yield f"it has {kind} markers: {cure[kind]}."
            try:
                split(cell.source, kind)
            except ValueError as error:
                yield f"it {error}: balance the markers."
        elif kind == SOLUTION and solution:
            yield "a solution cell needs '### BEGIN SOLUTION' and '### END SOLUTION' around what students write."


def _code_problems(source: str, provided: frozenset[str]) -> Iterator[str]:
    """Problems of the code: not a plain script, or tied to one machine."""
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(source, "<cell>", "exec", dont_inherit=True)
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        magics = [line.strip() for line in source.splitlines() if _MAGIC.match(line)]
        if magics:
            yield f"'{magics[0]}' only works in IPython: a master must run as a plain script, so write it in Python."
        else:
            where = f" (line {error.lineno} of the cell)" if isinstance(error, SyntaxError) else ""
            yield f"it is not valid Python{where}: {getattr(error, 'msg', error)}."
        return
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(level=level) if level > 0:
                yield f"'{ast.unparse(node)}' is a relative import: a notebook has no package, import from course_lib."
            case ast.Import(names=names):
                yield from _import_problems((alias.name for alias in names), provided)
            case ast.ImportFrom(module=str(module), names=names):
                yield from _import_problems([module], provided)
                if module == "sys" and any(alias.name == "path" for alias in names):
                    yield _SYS_PATH
            case ast.Attribute(value=ast.Name(id="sys"), attr="path"):
                yield _SYS_PATH


_SYS_PATH = "it touches sys.path, which only works on your own machine: import from course_lib or a declared package."


def _import_problems(modules: Iterable[str], provided: frozenset[str]) -> Iterator[str]:
    for module in modules:
        if module.partition(".")[0] not in provided:
            yield (
                f"'import {module}' only works where {module.partition('.')[0]} happens to be: "
                "move the code to course_lib, or add its package to [project] dependencies in pyproject.toml."
            )


def _provided_modules(root: Path) -> frozenset[str]:
    """Top-level modules that every student has: Python's own, course_lib, and what its dependencies bring."""
    pyproject = root / "pyproject.toml"
    if pyproject.exists():
        requirements = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"].get("dependencies", [])
    else:  # a course elsewhere, whose students install course_lib
        requirements = [line for line in importlib.metadata.requires("convnets-course") or [] if "extra ==" not in line]
    packages = {canonicalize_name(Requirement(line).name) for line in requirements}
    modules = {
        module
        for module, distributions in _distributions().items()
        if packages & {canonicalize_name(name) for name in distributions}
    }
    return frozenset({"course_lib"} | modules | sys.stdlib_module_names)


@lru_cache(1)
def _distributions() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()
