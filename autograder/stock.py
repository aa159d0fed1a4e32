"""The judge of today: nbgrader runs the whole notebook in one kernel and marks what the check cells say.

The verdict is computed in the student's own process, so this judge is for students one trusts.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbformat import NotebookNode
from nbgrader.api import MissingEntry
from nbgrader.converters import Autograde

from autograder.course import Course
from autograder.steps import open_gradebook, run_step
from autograder.verdict import Check, Submission, Verdict, read_check


class StockJudge:
    """Judge submissions of one assignment with `nbgrader autograde`; writes its gradebook and `autograded/`.

    Args:
        cell_timeout: seconds a cell may run.
    """

    def __init__(self, course: Course, name: str, *, cell_timeout: int = 120) -> None:
        self.course = course
        self.name = name
        self.cell_timeout = cell_timeout

    def __call__(self, submission: Submission) -> Verdict:
        """Run one submission; raises StepError, and leaves the gradebook as it was, if nbgrader cannot."""
        student, name = submission.student, self.name
        kept = self.course.autograded(student, name)
        before = nbformat.read(kept, as_version=4) if kept.exists() else None
        with TemporaryDirectory(prefix="autograde-") as scratch, self._gradebook_kept_on_failure(student):
            # A folder of its own: the student's files are neither changed nor imported by the run.
            folder = Path(scratch).resolve()
            handed_in = folder / "submitted" / student / name
            handed_in.mkdir(parents=True)
            nbformat.write(submission.notebook, handed_in / f"{name}.ipynb")
            if submission.timestamp:
                (handed_in / "timestamp.txt").write_text(submission.timestamp)
            reviewed = self._reviewed(student)
            run_step(Autograde, self.course, name, folder=folder, student=student, cell_timeout=self.cell_timeout)
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.unlink(missing_ok=True)
            shutil.move(folder / "autograded" / student / name / kept.name, kept)
        after = nbformat.read(kept, as_version=4)
        if before and [cell.source for cell in before.cells] == [cell.source for cell in after.cells]:
            self._keep_reviews(student, reviewed)
        return self._read_verdict(student, after)

    def _reviewed(self, student: str) -> set[str]:
        """Cells whose marks a person has given and nobody needs to look at again."""
        with open_gradebook(self.course) as book:
            try:
                grades = book.find_submission_notebook(self.name, self.name, student).grades
            except MissingEntry:
                return set()
            return {grade.name for grade in grades if grade.manual_score is not None and not grade.needs_manual_grade}

    def _keep_reviews(self, student: str, reviewed: set[str]) -> None:
        """nbgrader asks for a new review whenever it runs; the same notebook needs none."""
        with open_gradebook(self.course) as book:
            for grade_id in reviewed:
                book.find_grade(grade_id, self.name, self.name, student).needs_manual_grade = False
            book.db.commit()

    def _read_verdict(self, student: str, executed: NotebookNode) -> Verdict:
        """Scores from the gradebook, outcomes and messages from the executed notebook."""
        cells = {
            cell.metadata.nbgrader.grade_id: cell
            for cell in executed.cells
            if cell.metadata.get("nbgrader", {}).get("grade")
        }
        with open_gradebook(self.course) as book:
            record = book.find_submission_notebook(self.name, self.name, student)
            verdict = Verdict(student, "graded", score=record.score, max_score=record.max_score)
            grades = {grade.name: grade for grade in record.grades}
            for grade_id, cell in cells.items():
                grade = grades[grade_id]
                if grade.needs_manual_grade:
                    verdict.needs_manual_grade.append(grade_id)
                if grade.needs_manual_grade and grade.manual_score is None:
                    continue
                if cell.metadata.nbgrader.solution:
                    full = grade.score >= grade.max_score
                    message = "" if full else ("no answer" if grade.manual_score is None else "graded by hand")
                    check = Check(grade.score, grade.max_score, "passed" if full else "failed", message)
                else:
                    check = read_check(cell)
                    check.score = grade.score  # a person may have changed it
                verdict.checks[grade_id] = check
        return verdict

    @contextmanager
    def _gradebook_kept_on_failure(self, student: str) -> Iterator[None]:
        """nbgrader enters a submission before it runs it; one that could not be run must not look like a zero."""
        with open_gradebook(self.course) as book:
            had_student = _exists(book.find_student, student)
            had_submission = _exists(book.find_submission, self.name, student)
        try:
            yield
        except BaseException:
            with open_gradebook(self.course) as book, suppress(MissingEntry):
                if not had_submission:
                    book.remove_submission(self.name, student)
                if not had_student:
                    book.remove_student(student)
            raise


def _exists(find: Callable[..., object], *key: str) -> bool:
    try:
        find(*key)
    except MissingEntry:
        return False
    return True
