"""Sample submissions, generated from the master and the wrong answers beside it."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.answers import load, reference, solution_cells
from autograder.course import Course, CourseError
from autograder.release import student_version


def compose(course: Course, name: str, answers: dict[str, str]) -> NotebookNode:
    """The student version with some answers filled in.

    Args:
        answers: `{grade_id: source}`; a solution cell that is not named stays as released.

    Raises:
        CourseError: `answers` names a cell that students do not write.
    """
    notebook = deepcopy(student_version(course, name))
    cells = {
        cell.metadata.nbgrader.grade_id: cell
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    if unknown := answers.keys() - cells.keys():
        raise CourseError(
            f"Assignment '{name}' has no solution cell {', '.join(sorted(unknown))}; it has: {', '.join(cells)}."
        )
    for grade_id, source in answers.items():
        cells[grade_id].source = source
    return notebook


def sample_answers(course: Course, name: str) -> dict[str, dict[str, str]]:
    """What the three sample students answer: everything, the first half of the code, the first mistake each time."""
    right = reference(course, name)
    code = [grade_id for grade_id, cell in solution_cells(course, name).items() if cell.cell_type == "code"]
    return {
        "full": right,
        "partial": {grade_id: right[grade_id] for grade_id in code[: max(1, len(code) // 2)]},
        "wrong": {grade_id: next(iter(titles.values())) for grade_id, titles in load(course, name, "wrong").items()},
    }


def write_samples(course: Course, name: str) -> list[Path]:
    """Write the sample submissions of the students full, partial and wrong to grading/submitted/."""
    paths = []
    for student, answers in sample_answers(course, name).items():
        path = course.submitted(student, name) / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(compose(course, name, answers), path)
        paths.append(path)
    return paths
