"""Batches of made-up submissions for the tests of batch and ledger, and a judge that takes no time."""

import os
import shutil
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nbformat

from autograder.answers import reference
from autograder.course import Course
from autograder.executors import Workers
from autograder.ledger import Ledger
from autograder.samples import compose
from autograder.steps import open_gradebook
from autograder.verdict import Check, GraderError, Judged, Submission, Verdict

NAME = "01_tiny"
WRONG = "def double(x):\n    return 0"


@dataclass(frozen=True)
class QuickJudge:
    """Marks by a look at the text: 'return 0' earns nothing; 'worker dies' and 'no memory' are the grader's trouble.

    Each run leaves a line in the file `log`, so that a test can count them.
    """

    log: str = ""
    seconds: float = 0.0
    version: str = "1"

    def __call__(self, submission: Submission) -> Judged:
        text = "\n".join(cell.source for cell in submission.notebook.cells)
        if self.log:
            with open(self.log, "a") as file:
                file.write(submission.student + "\n")
        time.sleep(self.seconds)
        if "worker dies" in text:
            os._exit(1)
        if "no memory" in text:
            raise GraderError("no memory is left")
        verdict = Verdict(submission.student, "graded", seed=len(text))
        for cell in submission.notebook.cells:
            meta = cell.metadata.get("nbgrader", {})
            if meta.get("grade") and meta.solution:
                verdict.needs_manual_grade.append(meta.grade_id)
            elif meta.get("grade"):
                full = not (meta.grade_id.startswith("double") and "return 0" in text)
                verdict.checks[meta.grade_id] = Check(meta.points * full, meta.points, "passed" if full else "failed")
        return Judged(verdict, submission.notebook)


def hand_in(course: Course, student: str, **answers: str) -> Path:
    """A submission: the reference, with some answers changed."""
    path = course.submitted(student, NAME) / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(compose(course, NAME, {**reference(course, NAME), **answers}), path)
    return path


def batch_of(released: Course, folder: Path, count: int) -> Course:
    """A copy of the released course with `count` submissions, every third of them half wrong."""
    course = Course(shutil.copytree(released.root, folder / "course"))
    right, wrong = hand_in(course, "s0000").read_bytes(), hand_in(course, "s0001", double=WRONG).read_bytes()
    for number in range(2, count):
        path = course.submitted(f"s{number:04}", NAME) / f"{NAME}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(wrong if number % 3 == 1 else right)
    return course


def threads(count: int = 2) -> Workers:
    """Workers in this process, which start at once."""
    return Workers(lambda: ThreadPoolExecutor(count), count)


def judged(log: Path) -> list[str]:
    return sorted(log.read_text().split()) if log.exists() else []


def contents(course: Course) -> dict[str, object]:
    """What a gradebook says, without its random ids: scores, marks, comments, source cells and verdicts."""
    with open_gradebook(course) as book:
        scores = [{k: v for k, v in row.items() if k != "id"} for row in book.submission_dicts(NAME)]
        notebooks = book.notebook_submissions(NAME, NAME)
        grades = [{k: v for k, v in grade.to_dict().items() if k != "id"} for n in notebooks for grade in n.grades]
        comments = [{k: v for k, v in each.to_dict().items() if k != "id"} for n in notebooks for each in n.comments]
        cells = [
            {k: v for k, v in cell.to_dict().items() if k != "id"}
            for cell in book.find_notebook(NAME, NAME).source_cells
        ]
    with Ledger(course, NAME) as ledger:
        verdicts = ledger.verdicts()
    plain = {"scores": scores, "grades": grades, "comments": comments, "cells": cells}
    return {**{k: sorted(v, key=str) for k, v in plain.items()}, "verdicts": verdicts}


def dump(course: Course) -> list[str]:
    """Every row of a SQLite gradebook."""
    with sqlite3.connect(course.gradebook) as connection:
        return list(connection.iterdump())
