"""Read a master script and make nbgrader's source notebook of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from autograder.colab import install_cell
from autograder.course import Course, CourseError
from autograder.rules import problems

# A comment that looks like a magic stays a comment: a master is a plain script.
_PERCENT = {"extension": ".py", "format_name": "percent", "comment_magics": False}


class MasterError(CourseError):
    """A master that cannot be released; `problems` says why, one sentence each."""

    def __init__(self, where: str, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join([f"{where} cannot be released:", *(f"  {where}, {text}" for text in problems)]))


def read_script(path: Path) -> NotebookNode:
    """A py:percent script as a notebook; raises CourseError if the file is missing or not UTF-8."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise CourseError(f"{path} does not exist.") from None
    except UnicodeDecodeError as error:
        raise CourseError(f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8.") from None
    return jupytext.reads(text, fmt=_PERCENT)


def read_master(course: Course, name: str) -> NotebookNode:
    """The validated master of an assignment as a notebook, markers and short metadata as written.

    Raises:
        MasterError: with every problem found.
    """
    path = course.master(name)
    notebook = read_script(path)
    if found := problems(notebook, course.root):
        raise MasterError(course.where(path), found)
    return notebook


def version(course: Course, name: str) -> str:
    """Twelve hex digits that change whenever the master does."""
    return hashlib.sha256(course.master(name).read_bytes()).hexdigest()[:12]


def source_notebook(course: Course, name: str) -> NotebookNode:
    """nbgrader's source notebook: the validated master with the install cell, full metadata and lasting cell ids.

    The same master always gives the same notebook.
    """
    master = read_master(course, name)
    setup = nbformat.v4.new_code_cell(install_cell(course.repository_url()))
    # The chapter on the site leaves the cell out; Colab shows its title instead of its code.
    setup.metadata = NotebookNode(
        cellView="form", nbgrader=NotebookNode(grade_id="setup-course-lib", locked=True), tags=["remove-cell"]
    )
    notebook = nbformat.v4.new_notebook(cells=[setup, *master.cells])
    notebook.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
        course={"assignment": name, "version": version(course, name)},
    )
    if limits := master.metadata.get("autograder"):
        notebook.metadata.autograder = limits
    taken: set[str] = set()
    for cell in notebook.cells:
        cell.metadata.pop("lines_to_next_cell", None)
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader = _full_metadata(cell.metadata.nbgrader)
        cell.id = _lasting_id(cell, taken)
        taken.add(cell.id)
    return notebook


def _full_metadata(short: NotebookNode) -> NotebookNode:
    """nbgrader's metadata with its defaults filled in (a check cell is locked, a solution is not)."""
    check = short.get("grade", False) and not short.get("solution", False)
    defaults = {"grade": False, "solution": False, "task": False, "locked": check, "schema_version": 3}
    return NotebookNode({**defaults, **short})


def _lasting_id(cell: NotebookNode, taken: set[str]) -> str:
    """A cell id that outlives release after release: the grade id, else a digest of the text."""
    wanted = cell.metadata.get("nbgrader", {}).get("grade_id") or hashlib.sha256(cell.source.encode()).hexdigest()[:12]
    candidate, copy = wanted, 1
    while candidate in taken:
        copy += 1
        candidate = f"{wanted}-{copy}"
    return candidate
