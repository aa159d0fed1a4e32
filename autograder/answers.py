"""Answers to an assignment's exercises: the master's own, and the wrong and other right ones beside it."""

from __future__ import annotations

from typing import Literal

from nbformat import NotebookNode

from autograder.course import Course, CourseError
from autograder.markers import SOLUTION, has_marker
from autograder.master import read_master, read_script


def reference(course: Course, name: str) -> dict[str, str]:
    """The master's own answers, `{grade_id: source}` in order, without the markers."""
    return {
        grade_id: "\n".join(line for line in cell.source.splitlines() if not has_marker(line, SOLUTION))
        for grade_id, cell in solution_cells(course, name).items()
    }


def solution_cells(course: Course, name: str) -> dict[str, NotebookNode]:
    """The cells of the master that students fill in, by grade id, in order; written answers included."""
    return {
        cell.metadata.nbgrader.grade_id: cell
        for cell in read_master(course, name).cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }


def load(course: Course, name: str, kind: Literal["wrong", "right"]) -> dict[str, dict[str, str]]:
    """The answers in wrong_answers.py or right_answers.py beside the master.

    Returns:
        `{grade_id: {title: source}}`; empty where there is no such file.

    Raises:
        CourseError: an answer has no title, a title stands twice, or it answers no solution cell.
    """
    path = course.master(name).with_name(f"{kind}_answers.py")
    if not path.exists():
        return {}
    known = solution_cells(course, name)
    answers: dict[str, dict[str, str]] = {}
    for cell in read_script(path).cells:
        if cell.cell_type != "code":
            continue
        title, grade_id = cell.metadata.get("title"), cell.metadata.get("answers")
        start = f"{course.where(path)}, the cell starting '{cell.source.strip().splitlines()[:1]}'"
        if not title or not grade_id:
            raise CourseError(f"{start}: head it '# %% <what is special> answers=\"<grade_id>\"'.")
        if grade_id not in known:
            raise CourseError(f"{start} answers '{grade_id}', which is none of: {', '.join(known)}.")
        if title in answers.setdefault(grade_id, {}):
            raise CourseError(f"{start}: '{title}' stands twice for '{grade_id}'; give each answer its own title.")
        answers[grade_id][title] = cell.source
    return answers
