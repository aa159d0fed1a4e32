"""The seam between the batch and whatever runs and judges a submission: a submission in, a verdict out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Literal, Protocol

from nbconvert.filters import strip_ansi
from nbformat import NotebookNode
from nbgrader.utils import determine_grade

Outcome = Literal["passed", "failed", "error", "timeout", "killed"]


@dataclass
class Submission:
    """What a judge gets: a notebook in which only the student's own text differs from the released one.

    `timestamp` is the text of nbgrader's timestamp.txt where the submission has one, in UTC. `flags` are sentences on
    what an instructor may want to look at: a locked cell that was changed and put back, say.
    """

    student: str
    notebook: NotebookNode
    timestamp: str | None = None
    flags: list[str] = field(default_factory=list)


@dataclass
class Check:
    """One graded cell: its score out of `max`, and why points are missing."""

    score: float
    max: float
    outcome: Outcome
    message: str = ""


@dataclass
class Verdict:
    """The result for one student.

    A graded submission has scores and checks. One that was set aside (quarantined: the file is the matter) or could
    not be judged (failed: the judging is) has a reason that a person can act on. `needs_manual_grade` names the cells
    that wait for a person; they count as zero until then and are not among the checks. `seed` is what the checks drew
    their inputs from: with the same seed a verdict can be repeated.
    """

    student: str
    status: Literal["graded", "quarantined", "failed"]
    reason: str = ""
    score: float | None = None
    max_score: float | None = None
    checks: dict[str, Check] = field(default_factory=dict)
    needs_manual_grade: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    seed: int | None = None

    def to_json(self) -> dict:
        """The verdict as `grade --json` writes it, under the student's id."""
        record = asdict(self)
        del record["student"]
        return record


@dataclass
class Judged:
    """What a judge returns: the verdict, and the notebook as it was run, with outputs, as `autograded/` keeps it."""

    verdict: Verdict
    notebook: NotebookNode


class GraderError(Exception):
    """The grader's own failure (no memory, a lost worker). It is retried, and never charged to the student."""


class Judge(Protocol):
    """How a submission is run and judged: picklable and pure, it touches neither gradebook nor `grading/`."""

    def __call__(self, submission: Submission) -> Judged: ...


def read_check(cell: NotebookNode) -> Check:
    """The result of an executed check cell, read from its outputs by nbgrader's rules (stderr does not count)."""
    spoken = [output for output in cell.outputs if output.get("name") != "stderr"]
    score, points = determine_grade(NotebookNode({**cell, "outputs": spoken}))
    outcome, message = outcome_of(cell)
    if outcome == "passed" and score < points:
        outcome, message = "failed", f"partial credit: {score:g} of {points:g} points"
    return Check(score, points, outcome, message)


def outcome_of(cell: NotebookNode) -> tuple[Outcome, str]:
    """How an executed cell ended, and its error in one line (`AssertionError: expected shape …`)."""
    errors = [output for output in cell.get("outputs", []) if output.output_type == "error"]
    if not errors:
        return "passed", ""
    if any(error.ename == "CellTimeoutError" for error in errors):  # it follows the interrupt
        return "timeout", "the cell ran past its time limit"
    text = " ".join(strip_ansi(errors[0].evalue).split())
    message = f"{errors[0].ename}: {text[:500]}" if text else errors[0].ename
    return ("failed" if errors[0].ename == "AssertionError" else "error"), message
