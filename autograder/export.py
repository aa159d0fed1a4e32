"""Marks for the learning platform, as CSV: nbgrader's columns, Canvas's gradebook import, Moodle's grade import."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, get_args

from nbgrader.api import Assignment, Gradebook, Student, SubmittedAssignment

from autograder.course import Course, CourseError
from autograder.steps import open_gradebook

Format = Literal["csv", "canvas", "moodle"]
Row = list[str | float | None]
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def export(course: Course, format: Format) -> Path:
    """Write the marks of all assignments, late penalties taken off, marks given by hand included.

    Canvas finds an assignment by its title and a student by the login, Moodle's grade import by ID number or e-mail.
    There a student who handed in nothing has an empty cell; nbgrader's own columns say 0 with an empty timestamp.

    Returns:
        `grading/grades.csv`, `grading/grades-canvas.csv` or `grading/grades-moodle.csv`.

    Raises:
        CourseError: there are no marks yet, or `format` is none of the three.
    """
    if format not in get_args(Format):
        raise CourseError(f"There is no export format '{format}'. The formats are: {', '.join(get_args(Format))}.")
    empty = CourseError("There are no marks yet: run 'python -m autograder grade NAME' first.")
    if course.database_url.endswith(str(course.gradebook)) and not course.gradebook.exists():
        raise empty
    makers: dict[str, Callable[[Gradebook], list[Row]]] = {"csv": _nbgrader, "canvas": _canvas, "moodle": _moodle}
    with open_gradebook(course) as book:
        if not book.assignments:
            raise empty
        text = to_csv(makers[format](book))
    path = course.grades_csv if format == "csv" else course.grades_csv.with_stem(f"grades-{format}")
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8", newline="")
    os.replace(part, path)
    return path


def unfinished(course: Course) -> list[str]:
    """One sentence for each assignment whose marks are not final, since a person still has to read answers."""
    with open_gradebook(course) as book:
        counts = {
            assignment.name: sum(bool(each.needs_manual_grade) for each in assignment.submissions)
            for assignment in book.assignments
        }
    return [
        f"{name}: {count} submissions wait to be read in formgrader; those answers count as zero."
        for name, count in counts.items()
        if count
    ]


def to_csv(rows: list[Row]) -> str:
    """Rows as CSV in which no cell is a formula: text that a spreadsheet would calculate gets a `'` in front."""
    file = io.StringIO(newline="")
    # Its line ends are those that Python's csv puts quotes around; with "\n" alone a "\r" in a name would begin a row.
    csv.writer(file, lineterminator="\r\n").writerows([[_inert(value) for value in row] for row in rows])
    return file.getvalue()


def _inert(value: str | float | None) -> str | float:
    if value is None:
        return ""
    if isinstance(value, str) and (value.startswith(_FORMULA) or value.lstrip().startswith(_FORMULA)):
        return f"'{value}"
    return value


def _nbgrader(book: Gradebook) -> list[Row]:
    rows: list[Row] = [
        ["assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
         "late_submission_penalty", "score", "max_score"]
    ]  # fmt: skip
    for assignment in book.assignments:
        submissions = _submissions(assignment)
        for student in book.students:
            found = submissions.get(student.id)
            raw, late = (float(found.score), float(found.late_submission_penalty or 0)) if found else (0.0, 0.0)
            when = [_time(assignment.duedate), _time(found.timestamp) if found else ""]
            about = [student.id, student.last_name, student.first_name, student.email]
            rows.append([assignment.name, *when, *about, raw, late, max(0.0, raw - late), float(assignment.max_score)])
    return rows


def _canvas(book: Gradebook) -> list[Row]:
    """Columns that Canvas's importer asks for; the second row gives the points of each assignment."""
    assignments = list(book.assignments)
    rows: list[Row] = [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *(each.name for each in assignments)],
        ["    Points Possible", "", "", "", "", *(_number(each.max_score) for each in assignments)],
    ]
    for student, marks in _marks(book):
        name = ", ".join(filter(None, [student.last_name, student.first_name])) or student.id
        rows.append([name, student.lms_user_id, "", student.id, "", *marks])
    return rows


def _moodle(book: Gradebook) -> list[Row]:
    """Columns of Moodle's own export, which its import maps by hand: "ID number" or "Email address" finds the user."""
    names = [assignment.name for assignment in book.assignments]
    rows: list[Row] = [["First name", "Last name", "ID number", "Email address", *names]]
    for student, marks in _marks(book):
        number = student.lms_user_id or student.id
        rows.append([student.first_name, student.last_name, number, student.email, *marks])
    return rows


def _marks(book: Gradebook) -> Iterator[tuple[Student, list[float | None]]]:
    """Each student with the mark in every assignment, None where nothing was handed in."""
    columns = [_submissions(assignment) for assignment in book.assignments]
    for student in book.students:
        found = [column.get(student.id) for column in columns]
        yield student, [each and _number(max(0.0, each.score - (each.late_submission_penalty or 0))) for each in found]


def _submissions(assignment: Assignment) -> dict[str, SubmittedAssignment]:
    """By student; one query, where nbgrader's own export makes one a student."""
    return {submission.student_id: submission for submission in assignment.submissions}


def _number(value: float) -> float:
    """Without the dust of binary fractions, and whole where it is."""
    rounded = round(float(value), 4)
    return int(rounded) if rounded.is_integer() else rounded


def _time(value: object) -> str:
    return "" if value is None else str(value)
