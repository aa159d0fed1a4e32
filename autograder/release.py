"""Make the student version and the solution version of an assignment."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment, GenerateSolution

from autograder.course import Course, CourseError
from autograder.markers import leaks
from autograder.master import read_master, source_notebook, version
from autograder.rules import label
from autograder.steps import StepError, in_gradebook, run_step
from autograder.verdict import outcome_of, read_check


def make_student_version(course: Course, name: str) -> Path:
    """Validate the master and let nbgrader make the student notebook of it; nothing is executed.

    Raises:
        CourseError: the master cannot be released; then no file is written, or what leaks is removed again.
    """
    _write(source_notebook(course, name), course.source(name))
    try:
        run_step(GenerateAssignment, course, name, folder=course.grading)
    except StepError as error:
        raise CourseError(
            f"nbgrader could not make the student version of '{name}': {error}. Once submissions are graded, keep the "
            f"grade ids as they were, or move {course.where(course.gradebook)} away and grade anew."
        ) from error
    path = course.release(name)
    master = read_master(course, name)
    visible = [line for cell in nbformat.read(path, as_version=4).cells for line in cell.source.splitlines()]
    if leaked := leaks(master, visible):
        path.unlink()
        number, line = leaked[0]
        where = label(master.cells[number - 1], number)
        raise CourseError(f"The student version of '{name}' would show '{line}' ({where}); it was removed.")
    return path


def student_version(course: Course, name: str) -> NotebookNode:
    """The released notebook, made again first where it, or the gradebook, is missing or older than the master."""
    current = version(course, name)  # raises for a wrong name
    path = course.release(name)
    if path.exists() and in_gradebook(course, name):
        notebook = nbformat.read(path, as_version=4)
        if notebook.metadata.get("course", {}).get("version") == current:
            return notebook
    return nbformat.read(make_student_version(course, name), as_version=4)


def make_solution_version(course: Course, name: str, *, cell_timeout: int = 600) -> Path:
    """Execute the master with nbgrader and keep it, with its outputs, as the solution.

    Args:
        cell_timeout: seconds a cell may run.

    Raises:
        CourseError: a cell fails or a check does not give its full points; no solution is written.
    """
    student_version(course, name)
    with TemporaryDirectory(prefix="solution-") as scratch:
        # nbgrader empties the folder it writes to, so it works beside solutions/, not in it.
        folder = Path(scratch).resolve()
        _write(source_notebook(course, name), folder / "source" / name / f"{name}.ipynb")
        try:
            run_step(GenerateSolution, course, name, folder=folder, cell_timeout=cell_timeout)
        except StepError as error:
            raise CourseError(f"The solution of '{name}' could not be executed: {error}.") from error
        made = folder / "solution" / name / f"{name}.ipynb"
        if found := _failures(nbformat.read(made, as_version=4)):
            where = course.where(course.master(name))
            raise CourseError(
                "\n".join([f"The solution of '{name}' is not right:", *(f"  {where}, {t}" for t in found)])
            )
        path = course.solution(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made, path)
    return path


def _failures(executed: NotebookNode) -> list[str]:
    """What went wrong in an executed solution, one text a cell."""
    found = []
    for number, cell in enumerate(executed.cells):  # the setup cell is no cell of the master: it is number 0
        if cell.cell_type != "code":
            continue
        meta = cell.metadata.get("nbgrader", {})
        if meta.get("grade") and not meta.get("solution"):
            check = read_check(cell)
            outcome, message = check.outcome, check.message
        else:
            outcome, message = outcome_of(cell)
        if outcome != "passed":
            found.append(f"{label(cell, number)}: {message}")
    return found


def _write(notebook: NotebookNode, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
