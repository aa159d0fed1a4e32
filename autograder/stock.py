"""nbgrader's own judge: it runs the whole notebook in one kernel and marks what the check cells say.

The verdict is computed in the student's own process, so this judge is for students one trusts.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import nbgrader
from nbformat import NotebookNode
from nbgrader.converters import Autograde, GenerateAssignment

from autograder.course import Course
from autograder.master import source_notebook
from autograder.steps import open_gradebook, run_step
from autograder.verdict import Check, Judged, Submission, Verdict, read_check

_STUDENT = "student"  # in the throw-away course, where a name that nbgrader cannot take does no harm


class StockJudge:
    """Judge submissions of one assignment with `nbgrader autograde`, each in a throw-away course directory.

    Args:
        cell_timeout: seconds a cell may run.
    """

    def __init__(self, course: Course, name: str, *, cell_timeout: int = 120) -> None:
        self.name = name
        self.cell_timeout = cell_timeout
        self.version = f"nbgrader {nbgrader.__version__}, {cell_timeout} s"
        self._source = nbformat.writes(source_notebook(course, name))

    def __call__(self, submission: Submission) -> Judged:
        """Run one submission; raises StepError if nbgrader cannot."""
        with TemporaryDirectory(prefix="autograde-") as scratch:
            course = _throw_away(Path(scratch))
            course.grading.mkdir()
            course.gradebook.write_bytes(_gradebook(self.name, self._source))
            _write(submission.notebook, course.submitted(_STUDENT, self.name) / f"{self.name}.ipynb")
            timeout = self.cell_timeout
            run_step(Autograde, course, self.name, folder=course.grading, student=_STUDENT, cell_timeout=timeout)
            executed = nbformat.read(course.autograded(_STUDENT, self.name), as_version=4)
            return Judged(_read_verdict(course, self.name, submission, executed), executed)


@cache
def _gradebook(name: str, source: str) -> bytes:
    """A gradebook that knows the assignment and nobody's marks; made once a worker."""
    with TemporaryDirectory(prefix="gradebook-") as scratch:
        course = _throw_away(Path(scratch))
        _write(nbformat.reads(source, as_version=4), course.source(name))
        run_step(GenerateAssignment, course, name, folder=course.grading)
        return course.gradebook.read_bytes()


def _throw_away(folder: Path) -> Course:
    course = Course(folder)
    return Course(folder, database=f"sqlite:///{course.gradebook}")


def _write(notebook: NotebookNode, path: Path) -> None:
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)


def _read_verdict(course: Course, name: str, submission: Submission, executed: NotebookNode) -> Verdict:
    """Scores from the gradebook, outcomes and messages from the executed notebook."""
    with open_gradebook(course) as book:
        record = book.find_submission_notebook(name, name, _STUDENT)
        verdict = Verdict(submission.student, "graded", score=record.score, max_score=record.max_score)
        verdict.flags = list(submission.flags)
        grades = {grade.name: grade for grade in record.grades}
        for cell in executed.cells:
            meta = cell.metadata.get("nbgrader", {})
            if not meta.get("grade"):
                continue
            grade = grades[meta.grade_id]
            if grade.needs_manual_grade:
                verdict.needs_manual_grade.append(meta.grade_id)
            elif meta.solution:  # nbgrader marks a written answer only where there is none
                verdict.checks[meta.grade_id] = Check(grade.score, grade.max_score, "failed", "no answer")
            else:
                verdict.checks[meta.grade_id] = read_check(cell)
    return verdict
