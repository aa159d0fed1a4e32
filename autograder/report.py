"""The page an instructor reads after a batch: who needs attention, how the scores lie, what the checks are worth."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import nbformat
from nbgrader.api import MissingEntry

from autograder.course import Course
from autograder.feedback import check_title
from autograder.items import analyse, mistakes
from autograder.pages import render, write_page
from autograder.steps import open_gradebook
from autograder.verdict import Verdict

LINES = 12  # of a file that was set aside
_READ = 2_000_000  # bytes


def report(course: Course, name: str, verdicts: Mapping[str, Verdict]) -> Path:
    """Write `grading/reports/<name>.html`, one page without scripts that needs no other file and no network.

    Args:
        verdicts: by student; as :meth:`autograder.ledger.Ledger.verdicts` has them, with the marks of today.
    """
    course.require(name)
    late = _late_penalties(course, name)
    everyone = [
        replace(verdict, score=max(0.0, (verdict.score or 0.0) - late.get(verdict.student, 0.0)))
        if verdict.status == "graded"
        else verdict
        for verdict in verdicts.values()
    ]
    graded = [verdict for verdict in everyone if verdict.status == "graded"]
    titles = _titles(course, name)
    values = {
        "name": name,
        "when": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        "everyone": sorted(
            everyone, key=lambda verdict: (verdict.status == "graded", _share(verdict), verdict.student)
        ),
        "graded": graded,
        "aside": [
            (verdict, first_lines(course.submitted(verdict.student, name), verdict.reason))
            for verdict in sorted(everyone, key=lambda verdict: (verdict.status, verdict.student))
            if verdict.status != "graded"
        ],
        "flagged": [verdict for verdict in everyone if verdict.flags],
        "waiting": _waiting(graded),
        "items": analyse(graded),
        "mistakes": mistakes(graded),
        "title": lambda grade_id: titles.get(grade_id, grade_id),
        "share": _share,
        "scores": _summary(graded),
        "histogram": histogram([_share(verdict) for verdict in graded]),
        "feedback": lambda student: _link(course, name, student),
    }
    return write_page(course.grading / "reports" / f"{name}.html", render("report.html.j2", values))


def histogram(shares: Iterable[float]) -> list[int]:
    """How many of the shares lie in each tenth from 0 to 1; full marks belong to the last."""
    counts = [0] * 10
    for share in shares:
        counts[max(0, min(9, int(round(10 * share, 9))))] += 1
    return counts


def first_lines(folder: Path, reason: str) -> list[tuple[str, str]]:
    """(what it is, its first lines) of what was set aside: the cells that the reason names, else the file's start.

    Links are not followed, and no more than the start of a file is read.
    """
    shown = []
    try:
        files = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.is_symlink()]
        for path in [path for path in files if path.name != "timestamp.txt"][:2]:
            with path.open("rb") as file:
                data = file.read(_READ)
            named = [(f"{path.name}, {label}", source) for label, source in _named_cells(data, reason)]
            shown += named or [(path.name, data[:2000].decode("utf-8", "replace"))]
    except OSError:
        pass  # there is nothing to show; the reason stands
    return [(label, "\n".join(line[:200] for line in text.splitlines()[:LINES])) for label, text in shown[:6]]


def _named_cells(data: bytes, reason: str) -> list[tuple[str, str]]:
    """The cells of a notebook whose grade id or cell id stands in quotes in the reason."""
    found = []
    try:
        for place, cell in enumerate(json.loads(data)["cells"], start=1):
            names = {str(cell.get("id")), str(cell.get("metadata", {}).get("nbgrader", {}).get("grade_id"))}
            if any(f"'{each}'" in reason for each in names):
                found.append((f"cell {place}", "".join(cell["source"])))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return []  # no notebook after all
    return found


def _late_penalties(course: Course, name: str) -> dict[str, float]:
    """Points taken off, by student."""
    with open_gradebook(course) as book:
        try:
            submissions = book.find_assignment(name).submissions
        except MissingEntry:
            return {}
        return {each.student_id: each.late_submission_penalty or 0.0 for each in submissions}


def _titles(course: Course, name: str) -> dict[str, str]:
    path = course.source(name)
    cells = nbformat.read(path, as_version=4).cells if path.exists() else []
    return {cell.metadata.nbgrader.grade_id: check_title(cell) for cell in cells if "nbgrader" in cell.metadata}


def _share(verdict: Verdict) -> float:
    return (verdict.score or 0.0) / verdict.max_score if verdict.max_score else 0.0


def _summary(graded: list[Verdict]) -> dict[str, float]:
    scores = [verdict.score or 0.0 for verdict in graded]
    if not scores:
        return {}
    return {
        "mean": statistics.fmean(scores),
        "median": statistics.median(scores),
        "least": min(scores),
        "most": max(scores),
    }


def _waiting(graded: list[Verdict]) -> dict[str, list[str]]:
    """{cell: the students whose answer nobody has read yet}"""
    waiting: dict[str, list[str]] = {}
    for verdict in graded:
        for grade_id in verdict.needs_manual_grade:
            waiting.setdefault(grade_id, []).append(verdict.student)
    return waiting


def _link(course: Course, name: str, student: str) -> str | None:
    path = course.feedback(student, name)
    return quote(f"../{path.relative_to(course.grading).as_posix()}") if path.exists() else None
