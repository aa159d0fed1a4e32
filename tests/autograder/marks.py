"""A gradebook and executed notebooks as a batch leaves them, written directly: what pages and exports start from."""

from __future__ import annotations

from collections.abc import Callable

import nbformat
from nbformat import NotebookNode

from autograder.course import Course
from autograder.samples import compose
from autograder.steps import open_gradebook

NAME = "01_tiny"
CHECKS = {"double_visible": 1.0, "double_hidden": 2.0, "square_check": 3.0}


def put_mark(
    course: Course,
    student: str,
    errors: dict[str, str] | None = None,
    *,
    change: Callable[[NotebookNode], object] = lambda notebook: None,
    reflection: float | None = None,
    comment: str = "",
    late_penalty: float = 0.0,
    **about: str,
) -> None:
    """Enter one graded submission of the tiny course: gradebook entry and `autograded/` notebook.

    Args:
        errors: messages of the checks that failed; the others passed.
        change: what else is special about the executed notebook.
        reflection: the mark of a person who has read it.
        about: columns of nbgrader's student table (first_name, email, …).
    """
    errors = errors or {}
    notebook = compose(course, NAME, {})
    checks = {cell.metadata.nbgrader.grade_id: cell for cell in nbformat.read(course.source(NAME), as_version=4).cells
              if cell.metadata.get("nbgrader", {}).get("grade")}  # fmt: skip
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id in CHECKS:
            cell.source = checks[grade_id].source  # as nbgrader keeps it: with the hidden tests
        if grade_id in errors:
            said = {"ename": "AssertionError", "evalue": errors[grade_id], "traceback": [cell.source]}
            cell.outputs = [nbformat.v4.new_output("error", **said)]
    change(notebook)
    path = course.autograded(student, NAME)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    with open_gradebook(course) as book:
        book.update_or_create_student(student, **about)
        book.update_or_create_submission(NAME, student)
        record = book.find_submission_notebook(NAME, NAME, student)
        record.late_submission_penalty = late_penalty
        for grade in record.grades:
            if grade.name in CHECKS:
                grade.auto_score = 0.0 if grade.name in errors else CHECKS[grade.name]
                grade.needs_manual_grade = False
            else:
                grade.manual_score, grade.needs_manual_grade = reflection, reflection is None
        if comment:
            book.find_comment("reflection", NAME, NAME, student).manual_comment = comment
        book.db.commit()
