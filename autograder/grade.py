"""Grade the submissions of an assignment: each gets a verdict or a reason, whatever the others are like."""

from __future__ import annotations

from pathlib import Path

from nbformat import NotebookNode
from nbgrader.converters import GenerateFeedback
from nbgrader.plugins import CsvExportPlugin
from nbgrader.utils import parse_utc
from tqdm import tqdm

from autograder.course import Course, CourseError
from autograder.intake import Quarantine, find_notebook, read_notebook, restore
from autograder.release import student_version
from autograder.steps import open_gradebook, run_step
from autograder.stock import StockJudge
from autograder.verdict import Judge, Submission, Verdict


def submissions(course: Course, name: str) -> dict[str, Path]:
    """The folders `grading/submitted/<student>/<name>`, by student."""
    folders = sorted(course.grading.glob(f"submitted/*/{name}"))
    return {path.parent.name: path for path in folders if path.is_dir() and not path.parent.name.startswith(".")}


def grade(
    course: Course, name: str, *, student: str | None = None, judge: Judge | None = None, progress: bool = False
) -> dict[str, Verdict]:
    """Grade all submissions of an assignment, or one student's, and write gradebook, feedback and CSV.

    Args:
        student: grade only this one.
        judge: by default nbgrader's own way of running and judging.
        progress: show a bar.

    Returns:
        `{student: verdict}`; never without a status and, unless it is "graded", a reason.

    Raises:
        CourseError: wrong assignment name or student, nothing to grade, or a master that cannot be released.
    """
    released = student_version(course, name)
    folders = submissions(course, name)
    if not folders:
        raise CourseError(
            f"Nothing to grade: {course.where(course.submitted('<student>', name))}/ holds no submission. "
            f"'python -m autograder samples {name}' makes three."
        )
    if student is not None:
        if student not in folders:
            raise CourseError(f"No submission of '{name}' by '{student}'. There are: {', '.join(folders)}.")
        folders = {student: folders[student]}
    judge = judge or StockJudge(course, name)
    verdicts = {}
    for who in tqdm(folders, desc=f"grading {name}", unit="submission", disable=None if progress else True):
        verdicts[who] = _grade_one(who, folders[who], released, judge)
        if verdicts[who].status == "graded":
            verdicts[who].reason = _write_feedback(course, name, who)
        elif course.autograded(who, name).exists():
            verdicts[who].reason += " The marks of an earlier submission stay in the gradebook."
    with open_gradebook(course) as gradebook:
        CsvExportPlugin(to=str(course.grades_csv)).export(gradebook)
    return verdicts


def _grade_one(student: str, folder: Path, released: NotebookNode, judge: Judge) -> Verdict:
    """One verdict, whatever happens."""
    try:
        notebook = restore(read_notebook(find_notebook(folder)), released)
        submission = Submission(student, notebook, _timestamp(folder))
    except Quarantine as problem:
        return Verdict(student, "quarantined", reason=str(problem))
    except Exception as error:  # noqa: BLE001 - whatever a file is like, the others are graded
        return Verdict(student, "quarantined", reason=f"It could not be read ({type(error).__name__}: {error}).")
    try:
        return judge(submission)
    except Exception as error:  # noqa: BLE001 - a judge's failure is one student's reason
        said = str(error) or type(error).__name__
        advice = "Open the notebook, run it from the top and see which cell ends it."
        return Verdict(student, "failed", reason=f"It could not be run ({said}). {advice}")


def _timestamp(folder: Path) -> str | None:
    path = folder / "timestamp.txt"
    if not path.exists():
        return None
    try:
        text = path.read_text().strip()
        return f"{parse_utc(text)} UTC" if text else None
    except ValueError:
        raise Quarantine("timestamp.txt holds no time: write it as '2025-03-01 12:00:00 UTC' or remove it.") from None


def _write_feedback(course: Course, name: str, student: str) -> str:
    """Make the student's feedback page; returns why not, or nothing."""
    try:
        run_step(GenerateFeedback, course, name, folder=course.grading, student=student)
    except Exception as error:  # noqa: BLE001 - the verdict stands without its page
        return f"The feedback page could not be made: {error}"
    return ""
