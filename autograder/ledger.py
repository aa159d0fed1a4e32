"""The one writer: marks in nbgrader's gradebook, what was executed in `autograded/`, and which submission gave it.

A submission is entered in one transaction of the gradebook. The verdict lies in the same database, in a table of its
own beside nbgrader's, under a key that names what was graded: after a kill at any moment the key of a submission is
there with all of its marks, or neither is, and the submission is graded again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Comment, Grade, MissingEntry, SubmittedNotebook
from nbgrader.plugins import BasePlugin
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import compute_checksum
from traitlets.config import Config, PyFileConfigLoader

from autograder.course import Course
from autograder.gradebook import Book, patiently
from autograder.verdict import Check, GraderError, Judged, Submission, Verdict

EARLIER = "The marks of an earlier submission stay in the gradebook."


@dataclass(frozen=True)
class _Cell:
    """A graded cell as the gradebook has it."""

    name: str
    max: float


class Ledger:
    """The marks and verdicts of one assignment; use it as a context manager, one at a time.

    Args:
        patience: seconds to wait for a locked gradebook or a full disk before giving up.
    """

    def __init__(self, course: Course, name: str, *, patience: float = 30.0) -> None:
        self.course, self.name, self.patience = course, name, patience
        self._late = _late_plugin(course)
        self._book = patiently(lambda: Book(course), patience)
        self._graded = patiently(self._graded_cells, patience)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *error: object) -> None:
        self._book.close()

    def find(self, student: str, key: str) -> Verdict | None:
        """The verdict on the submission with this key, with the marks of today; None if it has to be judged (again)."""

        def attempt() -> Verdict | None:
            with self._book.transaction():
                row = self._book.row(self.name, student)
                if not row or row.submission != key:
                    return None
                verdict = _from_json(student, row.verdict)
                if verdict.status == "failed" or (
                    verdict.status == "graded" and row.notebook != self._on_disk(student)
                ):
                    return None
                return self._as_of_today(verdict)

        return patiently(attempt, self.patience)

    def verdicts(self) -> dict[str, Verdict]:
        """All verdicts, with the marks of today, by student."""

        def attempt() -> dict[str, Verdict]:
            with self._book.transaction():
                stored = [_from_json(row.student, row.verdict) for row in self._book.rows(self.name)]
                return {each.student: each for each in map(self._as_of_today, stored) if each}

        return patiently(attempt, self.patience)

    def record(self, key: str, verdict: Verdict) -> Verdict:
        """Keep the verdict on a submission that got no marks; those of an earlier submission stay."""

        def attempt() -> Verdict:
            with self._book.transaction():
                if self._submitted(verdict.student) and EARLIER not in verdict.reason:
                    verdict.reason = f"{verdict.reason} {EARLIER}".strip()
                self._book.keep(self.name, verdict.student, submission=key, verdict=_to_json(verdict))
                return verdict

        return patiently(attempt, self.patience)

    def enter(self, key: str, submission: Submission, judged: Judged) -> Verdict:
        """Enter a graded submission: its executed notebook, its marks, its verdict.

        A person's marks and comments stay; nbgrader's request to look at them again is left out where the student's
        answer is the one that was looked at.

        Raises:
            GraderError: the judge gave marks that the gradebook has no place for.
            LedgerError: the gradebook is locked, or the disk full, for longer than `patience`.
        """
        student, marks, stored = submission.student, judged.verdict, _to_json(judged.verdict)
        data = (nbformat.writes(judged.notebook, version=nbformat.NO_CONVERT) + "\n").encode()
        answers = _answers(judged.notebook)
        self._refuse_impossible(marks)

        def attempt() -> Verdict:
            # First the file: if we die before the commit, the old row's digest no longer fits it.
            _replace(self.course.autograded(student, self.name), data)
            with self._book.transaction():
                self._book.update_or_create_student(student)
                self._book.db.flush()
                with self._book.db.no_autoflush:  # nbgrader builds the submission before it adds it
                    self._book.update_or_create_submission(self.name, student, timestamp=submission.timestamp)
                row = self._book.row(self.name, student)
                before = json.loads(row.answers) if row else {}
                same = {part for part, digest in answers.items() if before.get(part) == digest}
                record = self._submitted(student)
                for grade in record.grades:
                    self._mark(grade, marks, same, answers)
                _comment(record.comments, judged.notebook)
                self._book.keep(
                    self.name,
                    student,
                    submission=key,
                    verdict=stored,
                    notebook=_digest(data),
                    answers=json.dumps(answers),
                )
                return self._as_of_today(_from_json(student, stored))

        return patiently(attempt, self.patience)

    def _mark(self, grade: Grade, marks: Verdict, same: set[str], answers: dict[str, str]) -> None:
        name = self._graded[grade.cell_id].name
        check = marks.checks.get(name)
        grade.auto_score = check.score if check else None
        if grade.manual_score is None:
            grade.needs_manual_grade = check is None or name in marks.needs_manual_grade
        elif (name if name in answers else "") not in same:
            grade.needs_manual_grade = True

    def _as_of_today(self, verdict: Verdict) -> Verdict | None:
        """A graded verdict with what people and due dates changed since; None if its marks are gone."""
        if verdict.status != "graded":
            return verdict
        if not (record := self._submitted(verdict.student)):
            return None
        grades = {self._graded[grade.cell_id].name: grade for grade in record.grades}
        verdict.score = sum(_score(grade) for grade in grades.values())
        verdict.max_score = sum(cell.max for cell in self._graded.values())
        verdict.needs_manual_grade = sorted(name for name, grade in grades.items() if grade.needs_manual_grade)
        for name, check in verdict.checks.items():
            check.score = _score(grades[name])
        for name, grade in sorted(grades.items()):
            if name not in verdict.checks and grade.manual_score is not None:
                score, full = _score(grade), self._graded[grade.cell_id].max
                done = score >= full
                said = "" if done else "graded by hand"
                verdict.checks[name] = Check(score, full, "passed" if done else "failed", said)
        self._penalize(verdict, record)
        return verdict

    def _penalize(self, verdict: Verdict, record: SubmittedNotebook) -> None:
        """The late penalty by nbgrader's plugin, entered in the gradebook and said in a flag."""
        handed_in, penalty = record.assignment, None
        due = handed_in.assignment.duedate  # nbgrader cannot add an extension to no due date
        if due and (late := handed_in.total_seconds_late) > 0:
            penalty = self._late.late_submission_penalty(verdict.student, verdict.score, late)
            penalty = penalty if penalty is None else min(max(float(penalty), 0.0), verdict.score)
            verdict.flags = [
                *verdict.flags,
                f"handed in {timedelta(seconds=int(late))} late: {penalty or 0:g} points off",
            ]
        if record.late_submission_penalty != penalty:
            record.late_submission_penalty = penalty

    def _refuse_impossible(self, marks: Verdict) -> None:
        room = {cell.name: cell.max for cell in self._graded.values()}
        for name, check in marks.checks.items():
            if not 0 <= check.score <= room.get(name, -1):
                raise GraderError(
                    f"{check.score:g} points for '{name}', which the gradebook knows with {room.get(name, 'no')} points"
                )

    def _graded_cells(self) -> dict[str, _Cell]:
        with self._book.transaction():
            notebook = self._book.find_notebook(self.name, self.name)
            cells = [*notebook.grade_cells, *notebook.task_cells]
            return {cell.id: _Cell(cell.name, cell.max_score) for cell in cells}

    def _submitted(self, student: str) -> SubmittedNotebook | None:
        try:
            return self._book.find_submission_notebook(self.name, self.name, student)
        except MissingEntry:
            return None

    def _on_disk(self, student: str) -> str:
        path = self.course.autograded(student, self.name)
        return _digest(path.read_bytes()) if path.exists() else ""


def _late_plugin(course: Course) -> BasePlugin:
    """nbgrader's plugin for late penalties, as the course's nbgrader_config.py sets it."""
    config = Config()
    for folder in (course.root, course.grading):
        if (folder / "nbgrader_config.py").exists():
            config.merge(PyFileConfigLoader("nbgrader_config.py", path=str(folder)).load_config())
    log = logging.getLogger("autograder.late")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    sys.path.insert(0, str(course.root))  # where a plugin of the course's own may lie
    try:
        assign = AssignLatePenalties(config=config, log=log)
        assign.init_plugin()
    finally:
        sys.path.remove(str(course.root))
    return assign.plugin_inst


def _score(grade: Grade) -> float:
    """As nbgrader's `Grade.score`, which is only known after a query."""
    score = grade.auto_score if grade.manual_score is None else grade.manual_score
    return 0.0 if score is None else score + (grade.extra_credit or 0.0)


def _answers(notebook: NotebookNode) -> dict[str, str]:
    """Digests of what a person looks at: each written answer under its grade id, all the student's text under ''."""
    answers, own = {}, []
    for cell in notebook.cells:
        meta = cell.metadata.get("nbgrader", {})
        if not meta.get("locked"):
            own.append(cell.source)
        if meta.get("grade") and meta.get("solution"):
            answers[meta["grade_id"]] = _digest(f"{meta['points']} {cell.source}".encode())
    return {**answers, "": _digest("\0".join(own).encode())}


def _comment(comments: list[Comment], notebook: NotebookNode) -> None:
    """nbgrader's remark on an answer that was left as released."""
    cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
    for comment in comments:
        cell = cells.get(comment.name)
        untouched = cell and cell.metadata.nbgrader.get("checksum") == compute_checksum(cell)
        comment.auto_comment = "No response." if untouched and not cell.metadata.nbgrader.get("task") else None


def _replace(path: Path, data: bytes) -> None:
    """Write a file so that its readers see the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.half")  # what a kill leaves is overwritten, as there is one writer
    half.write_bytes(data)
    os.replace(half, path)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _to_json(verdict: Verdict) -> str:
    return json.dumps(verdict.to_json())


def _from_json(student: str, text: str) -> Verdict:
    record = json.loads(text)
    record["checks"] = {name: Check(**check) for name, check in record["checks"].items()}
    return Verdict(student, **record)
