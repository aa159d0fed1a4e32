"""The page a student gets back: the notebook as it was graded, marks and comments from nbgrader's gradebook, and what
each failed check expected. It shows what nbgrader's own page shows, but runs and loads nothing (see pages.py)."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from markupsafe import Markup
from nbconvert.filters import strip_ansi
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry, SubmittedNotebook

from autograder import markers
from autograder.course import Course, CourseError
from autograder.pages import image_url, plain, render, safe_code, safe_html, safe_markdown, write_page
from autograder.steps import open_gradebook
from autograder.verdict import outcome_of

_IMAGES = ("image/png", "image/jpeg", "image/svg+xml")
_OWN_WORDS = {"", "AssertionError", "Error", "Timeout", "Killed"}  # behind these the message says it all
_HEADING = re.compile(r"^## +(.+?)(?: \(\d+ points?\))?$", re.MULTILINE)
_LEFT_OUT = "(left out: it repeats a line of a hidden test)"


@dataclass
class Output:
    """What a cell printed or drew; `content` is inert HTML, or the address of an image."""

    kind: str  # text, error, rich, image
    content: Markup | str
    alt: str = ""


@dataclass
class Cell:
    """One cell of the page; `result` is passed, partial, failed or waiting where the cell is graded, else empty."""

    grade_id: str = ""
    title: str = ""
    exercise: str = ""  # the heading that it stands under
    markdown: Markup | str = ""
    code: Markup | str = ""
    outputs: list[Output] = field(default_factory=list)
    result: str = ""
    score: float = 0.0
    max: float = 0.0
    message: str = ""
    comment: Markup | str = ""


def write_feedback(
    course: Course, name: str, students: Collection[str] | None = None, *, with_hidden: bool = False
) -> list[Path]:
    """Write the pages `grading/feedback/<student>/<name>/<name>.html`, from what is in the gradebook now.

    Args:
        students: by default everyone who has been graded.
        with_hidden: show the text of hidden tests too.

    Raises:
        CourseError: nobody has been graded, a student of `students` has not, or a page could not be made; then all
            others have been written.
    """
    course.require(name)
    graded = {path.parents[1].name: path for path in sorted(course.grading.glob(f"autograded/*/{name}/{name}.ipynb"))}
    chosen = sorted(graded) if students is None else list(students)
    if not chosen and students is None:
        raise CourseError(f"Nobody has been graded in '{name}': run 'python -m autograder grade {name}' first.")
    paths, problems = [], []
    with open_gradebook(course) as book:
        for student in chosen:
            if student not in graded:
                problems.append(f"'{student}' has not been graded in '{name}'.")
                continue
            try:
                notebook = nbformat.read(graded[student], as_version=4)
                html = feedback_page(notebook, name, student, book, with_hidden=with_hidden)
                paths.append(write_page(course.feedback(student, name), html))
            except MissingEntry:
                problems.append(f"'{student}' is not in the gradebook for '{name}': grade again.")
            except Exception as error:  # noqa: BLE001 - one page must not keep the others from being made
                problems.append(f"The page of '{student}' could not be made ({type(error).__name__}: {error}).")
    if problems:
        raise CourseError("\n".join([*problems, f"{len(paths)} other pages have been written."]))
    return paths


def feedback_page(notebook: NotebookNode, name: str, student: str, book: Gradebook, *, with_hidden: bool) -> str:
    """The page for one executed notebook; raises MissingEntry where the gradebook does not know it."""
    record = book.find_submission_notebook(name, name, student)
    cells = _cells(notebook, record, with_hidden)
    late = record.late_submission_penalty or 0.0
    values = {
        "name": name,
        "student": student,
        "score": max(0.0, record.score - late),
        "max_score": record.max_score,
        "late_penalty": late,
        "waiting": sum(cell.max for cell in cells if cell.result == "waiting"),
        "cells": cells,
    }
    return render("feedback.html.j2", values)


def check_title(cell: NotebookNode) -> str:
    """What a graded cell is about: its first line where that is a comment, else its grade id."""
    first = cell.source.strip().partition("\n")[0].strip()
    about = first.lstrip("# ").strip() if cell.cell_type == "code" and first.startswith("# ") else ""
    return about or cell.metadata.nbgrader.grade_id.replace("_", " ")


def _cells(notebook: NotebookNode, record: SubmittedNotebook, with_hidden: bool) -> list[Cell]:
    grades = {grade.name: grade for grade in record.grades}
    comments = {comment.name: comment.comment for comment in record.comments if comment.comment}
    hidden = frozenset() if with_hidden else hidden_lines(notebook)
    cells, exercise = [], ""
    for source in notebook.cells:
        meta = source.metadata.get("nbgrader", {})
        if source.cell_type == "markdown" and not meta and (headings := _HEADING.findall(source.source)):
            exercise = headings[-1][:80]
        if meta.get("locked") and "remove-cell" in source.metadata.get("tags", []):
            continue  # what only sets the notebook up
        cell = Cell(grade_id=str(meta.get("grade_id", "")))
        is_check = bool(meta.get("grade")) and not meta.get("solution") and source.cell_type == "code"
        text = _public(source.source) if is_check and not with_hidden else source.source
        if source.cell_type == "code":
            cell.code = safe_code(text.strip("\n"))
        elif source.cell_type == "markdown":
            cell.markdown = safe_markdown(text, source.get("attachments"))
        else:
            cell.markdown = plain(text)
        if not is_check:  # what the checks print is the grader's business
            cell.outputs = _outputs(source, hidden)
        if comment := comments.get(cell.grade_id):
            cell.comment = safe_markdown(comment)
        if grade := grades.get(cell.grade_id):
            cell.title, cell.exercise = check_title(source), exercise
            cell.score, cell.max = grade.score or 0.0, grade.max_score
            cell.result = _result(cell, waiting=bool(grade.needs_manual_grade and grade.manual_score is None))
            if is_check or cell.result == "waiting":
                cell.message = _message(source, cell, hidden)
            elif cell.result == "failed" and grade.manual_score is None:
                cell.message = "There is no answer here yet."
        cells.append(cell)
    return cells


def _result(cell: Cell, *, waiting: bool) -> str:
    if waiting:
        return "waiting"
    if cell.score >= cell.max:
        return "passed"
    return "partial" if cell.score > 0 else "failed"


def _message(source: NotebookNode, cell: Cell, hidden: frozenset[str]) -> str:
    """Why points are missing, in the student's terms."""
    if cell.result == "waiting":
        return "A person will read this answer."
    outcome, message = outcome_of(source)
    kind, _, said = message.partition(": ")
    said = said if kind in _OWN_WORDS else message
    if said and not _repeats(said, hidden):
        return said
    if outcome != "passed":
        hides = markers.has_marker(source.source, markers.HIDDEN_TESTS)
        return "A part of this check did not pass" + (", perhaps one that is not shown." if hides else ".")
    return "" if cell.result == "passed" else f"{cell.score:g} of {cell.max:g} points."


def hidden_lines(notebook: NotebookNode) -> frozenset[str]:
    """The lines of the hidden tests, the short ones (`else:`) left aside."""
    lines = set()
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade") and markers.has_marker(cell.source, markers.HIDDEN_TESTS):
            _, inside = markers.split(cell.source, markers.HIDDEN_TESTS)
            lines |= {line.strip() for line in inside if len(line.strip()) >= 12}
    return frozenset(lines)


def _public(source: str) -> str:
    return "\n".join(markers.split(source, markers.HIDDEN_TESTS)[0])


def _outputs(cell: NotebookNode, hidden: frozenset[str]) -> list[Output]:
    """A cell's outputs in a form that only shows something."""
    shown = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            shown.append(Output("text", _text(output.text, hidden)))
        elif output.output_type == "error":
            traceback = "\n".join(output.get("traceback") or []) or f"{output.ename}: {output.evalue}"
            shown.append(Output("error", _text(traceback, hidden)))
        else:
            shown.append(_display(output, hidden))
    return [output for output in shown if output.content]


def _display(output: NotebookNode, hidden: frozenset[str]) -> Output:
    """The best form of a rich output that a page can show and not run: a picture, a table, else its text."""
    data = {kind: "".join(text) for kind, text in output.data.items() if isinstance(text, str | list)}
    for kind in _IMAGES:
        if kind in data and (url := image_url(kind, data[kind])):
            about = output.get("metadata", {}).get(kind)
            alt = str(about.get("alt", "")) if isinstance(about, dict) else ""
            return Output("image", url, alt or "a picture that this cell drew")
    for kind, safe in (("text/html", safe_html), ("text/markdown", safe_markdown)):
        if kind in data and not _repeats(data[kind], hidden):
            return Output("rich", safe(data[kind]))
    return Output("text", _text(data.get("text/plain") or data.get("text/latex") or "", hidden))


def _text(text: str, hidden: frozenset[str]) -> Markup:
    """Terminal text without colours, progress bars in their last state."""
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in strip_ansi(text).split("\n"))
    cleaned = "\n".join(lines).strip("\n")
    return plain(_LEFT_OUT if _repeats(cleaned, hidden) else cleaned) if cleaned.strip() else Markup()


def _repeats(text: str, hidden: frozenset[str]) -> bool:
    return any(line in text for line in hidden)
