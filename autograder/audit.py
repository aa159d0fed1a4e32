"""Who grades the grader: do an assignment's checks catch wrong answers, and leave right ones alone?

For each exercise, which is a solution cell, three kinds of answers are judged in the sandbox like submissions: the wrong
ones and the other right ones that stand beside the master, and mutants, small mistakes put into the reference solution
by machine. All other exercises are answered right. A mutant dies with the first check that it fails: no more is asked of
it. One that is as right as the solution is excused by a line in equivalent_mutants.txt beside the master,
`<grade_id>: <line> → <other line>  # why it is right`.
"""

from __future__ import annotations

import os
import random
import shutil
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import nbformat
from nbformat import NotebookNode
from tqdm import tqdm

from autograder.answers import load, reference, solution_cells
from autograder.course import Course, CourseError
from autograder.executors import Workers, local_executor
from autograder.judge import SandboxJudge
from autograder.master import source_notebook
from autograder.mutants import mutants
from autograder.samples import compose
from autograder.sandbox import NoSandbox, probe
from autograder.slicing import answered, sliced
from autograder.verdict import Check, Judged, Submission

Kind = Literal["wrong", "right", "mutant"]
GOALS: dict[Kind, float] = {"wrong": 1.0, "right": 1.0, "mutant": 0.95}
MUTANTS = 40  # an exercise; of more, a sample that is always the same


@dataclass
class Answer:
    """One answer to one exercise, and what the checks that rest on it said."""

    exercise: str
    kind: Kind
    title: str
    checks: dict[str, Check]

    @property
    def lost(self) -> dict[str, Check]:
        """The checks that did not give all their points; of a mutant, the first."""
        return {grade_id: check for grade_id, check in self.checks.items() if check.score < check.max}

    @property
    def late(self) -> bool:
        """Whether nothing but a time limit took points."""
        return bool(self.lost) and all(check.outcome == "timeout" for check in self.lost.values())

    @property
    def as_it_should(self) -> bool:
        """A right answer keeps all points, any other loses some."""
        return bool(self.checks) and bool(self.lost) != (self.kind == "right")


@dataclass
class Audit:
    """The result. `reference` and `untouched` are the whole notebook answered right, and as it is handed out."""

    assignment: str
    answers: list[Answer] = field(default_factory=list)
    reference: dict[str, Check] = field(default_factory=dict)
    untouched: dict[str, Check] = field(default_factory=dict)
    mutants: dict[str, int] = field(default_factory=dict)  # how many there are of each exercise, excused ones apart
    excused: dict[str, int] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)  # lines of equivalent_mutants.txt that fit no mutant

    def of(self, exercise: str, kind: Kind) -> list[Answer]:
        """The answers of one kind to one exercise."""
        return [answer for answer in self.answers if (answer.exercise, answer.kind) == (exercise, kind)]

    @property
    def survivors(self) -> list[Answer]:
        """Wrong answers and mutants that kept all points, and right answers that lost some."""
        return [answer for answer in self.answers if not answer.as_it_should]

    @property
    def idle(self) -> list[str]:
        """Checks that no wrong answer and no mutant ever failed."""
        judged = {grade_id for answer in self.answers for grade_id in answer.checks}
        return sorted(
            judged - {grade_id for answer in self.answers if answer.kind != "right" for grade_id in answer.lost}
        )

    @property
    def failures(self) -> list[str]:
        """Why the assignment does not pass, one sentence each; empty if it does."""
        found = []
        for exercise in self.mutants:
            for kind, goal in GOALS.items():
                answers = self.of(exercise, kind)
                good = sum(answer.as_it_should for answer in answers)
                if good < goal * len(answers):
                    verb = {"wrong": "caught", "right": "passed", "mutant": "killed"}[kind]
                    found.append(f"{exercise}: {good} of {len(answers)} {kind} answers {verb}, not {goal:.0%}")
        found += [
            f"the reference solution loses points in {grade_id}: {check.message}"
            for grade_id, check in self.reference.items()
            if check.score < check.max
        ]
        found += [f"{grade_id} gives points for nothing" for grade_id, check in self.untouched.items() if check.score]
        return found + [
            f"equivalent_mutants.txt: no mutant is '{line}'; remove or mend the line" for line in self.stale
        ]

    def __str__(self) -> str:
        """A table, and below it what went otherwise than it should."""
        rows = [("exercise", "wrong caught", "right passed", "mutants killed", "")]
        for exercise, count in self.mutants.items():
            row = [exercise]
            for kind in GOALS:
                answers = self.of(exercise, kind)
                row.append(f"{sum(answer.as_it_should for answer in answers)}/{len(answers)}")
            notes = [f"of {count}"] if count > len(self.of(exercise, "mutant")) else []
            notes += [f"{self.excused[exercise]} excused"] if self.excused.get(exercise) else []
            late = sum(answer.late for answer in self.of(exercise, "mutant"))
            notes += [f"{late} killed by their time limit alone"] if late else []
            rows.append((*row, ", ".join(notes)))
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows]
        if self.untouched:
            most = sum(check.max for check in self.untouched.values())
            lines += [f"untouched copy: {sum(check.score for check in self.untouched.values()):g} of {most:g} points"]
        for answer in self.survivors:
            lines.append(f"  {answer.exercise}, {answer.kind}: {answer.title}")
            if answer.kind == "right":
                lines += [f"    lost {grade_id}: {check.message}" for grade_id, check in answer.lost.items()]
        if self.idle:
            lines.append(f"checks that no wrong answer and no mutant failed: {', '.join(self.idle)}")
        return "\n".join([*lines, *(f"FAILS: {text}" for text in self.failures)])

    def to_json(self) -> dict:
        """Everything, for `audit --json`."""
        return {**asdict(self), "idle": self.idle, "failures": self.failures}


def audit(
    course: Course,
    name: str,
    *,
    exercise: str | None = None,
    jobs: int | None = None,
    most_mutants: int = MUTANTS,
    progress: bool = False,
) -> Audit:
    """Judge all wrong and right answers and the mutants of an assignment; changes nothing in the course's folder.

    Args:
        exercise: only this solution cell; then the untouched copy is left out.
        jobs: how many answers are judged at a time; by default one a processor.
        most_mutants: how many mutants of an exercise are judged.
        progress: show a bar.

    Raises:
        CourseError: wrong name or exercise, an answer or excuse that cannot be read, or no sandbox on this machine.
    """
    try:
        probe()
    except NoSandbox as error:
        raise CourseError(str(error)) from error
    source = source_notebook(course, name)
    exercises = [grade_id for grade_id, cell in solution_cells(course, name).items() if cell.cell_type == "code"]
    if exercise and exercise not in exercises:
        raise CourseError(f"'{name}' has no exercise '{exercise}'; it has: {', '.join(exercises)}.")
    chosen = [exercise] if exercise else exercises
    result = Audit(name)
    pending = _answers(course, name, chosen, result, most_mutants)
    judge = SandboxJudge(nbformat.writes(source), b"audit", dict(source.metadata.get("autograder", {})))
    right = reference(course, name)
    for grade_id, text in right.items():
        source = answered(source, grade_id, text)
    slices = {grade_id: sliced(source, grade_id, right[grade_id]) for grade_id in chosen}
    whole = [source] if exercise else [source, _untouched(course, name)]
    count = len(whole) + len(slices) + len(pending)
    with (
        judge.shared() as start,
        local_executor(jobs or os.cpu_count() or 1, start, judge.modules) as workers,
        tqdm(total=count, disable=not progress, unit="answer", leave=False) as bar,
    ):
        first = [_submit(workers, judge, notebook) for notebook in [*whole, *slices.values()]]
        said = [_checks(future, bar) for future in first]
        result.reference, result.untouched = said[0], {} if exercise else said[1]
        passes = dict(zip(slices, map(_all_points, said[len(whole) :])))
        running = []
        for answer, text in pending:
            # Where the right answer does not pass in its slice, the slice lacks something: take the whole notebook.
            make = sliced if passes[answer.exercise] else answered
            asked = replace(judge, until_lost=answer.kind == "mutant" and passes[answer.exercise])
            running.append((answer, _submit(workers, asked, make(source, answer.exercise, text))))
        for answer, future in running:
            its_own = {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in slices[answer.exercise].cells}
            answer.checks = {grade_id: check for grade_id, check in _checks(future, bar).items() if grade_id in its_own}
            result.answers.append(answer)
    return result


def _answers(
    course: Course, name: str, chosen: list[str], result: Audit, most_mutants: int
) -> list[tuple[Answer, str]]:
    """What is to be judged, with its source; enters into `result` what there is to know beforehand."""
    excuses = read_excuses(course, name)
    cells = solution_cells(course, name)
    answers = {kind: load(course, name, kind) for kind in ("wrong", "right")}
    found = []
    for grade_id in chosen:
        for kind in ("wrong", "right"):
            titles = answers[kind].get(grade_id, {})
            found += [(Answer(grade_id, kind, title, {}), text) for title, text in titles.items()]
        made = mutants(cells[grade_id].source)
        excused = excuses.get(grade_id, {})
        counted = [mutant for mutant in made if mutant.change not in excused]
        result.mutants[grade_id], result.excused[grade_id] = len(counted), len(made) - len(counted)
        result.stale += [f"{grade_id}: {change}" for change in excused.keys() - {mutant.change for mutant in made}]
        if len(counted) > most_mutants:
            kept = random.Random(grade_id).sample(range(len(counted)), most_mutants)
            counted = [counted[k] for k in sorted(kept)]
        found += [(Answer(grade_id, "mutant", mutant.change, {}), mutant.source) for mutant in counted]
    result.stale += [f"{grade_id}: …" for grade_id in excuses.keys() - cells.keys()]
    return found


def read_excuses(course: Course, name: str) -> dict[str, dict[str, str]]:
    """The mutants that are as right as the solution, `{grade_id: {change: reason}}`, from equivalent_mutants.txt."""
    path = course.master(name).with_name("equivalent_mutants.txt")
    excuses: dict[str, dict[str, str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        if not line.strip() or line.startswith("#"):
            continue
        mutant, _, reason = line.rpartition("  # ")
        grade_id, colon, change = mutant.partition(": ")
        if not (colon and reason.strip()):
            raise CourseError(f"{course.where(path)}: write '<grade_id>: <line> → <line>  # reason', not '{line}'.")
        excuses.setdefault(grade_id, {})[change.strip()] = reason.strip()
    return excuses


def _untouched(course: Course, name: str) -> NotebookNode:
    """The student version as it is handed out, which nbgrader makes in a folder of its own."""
    with TemporaryDirectory(prefix="audit-") as folder:
        scratch = Course(Path(folder), database=f"sqlite:///{folder}/gradebook.db")
        shutil.copytree(course.master(name).parent, scratch.root / "notebooks" / name)
        for file in ("pyproject.toml", "_config.yml"):
            if (course.root / file).exists():
                shutil.copy(course.root / file, folder)
        return compose(scratch, name, {})


def _submit(workers: Workers, judge: SandboxJudge, notebook: NotebookNode) -> Future[Judged]:
    return workers.submit(judge, Submission("audit", notebook))


def _checks(future: Future[Judged], bar: tqdm) -> dict[str, Check]:
    judged = future.result()
    bar.update()
    by_hand = {
        cell.metadata.nbgrader.grade_id
        for cell in judged.notebook.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    return {grade_id: check for grade_id, check in judged.verdict.checks.items() if grade_id not in by_hand}


def _all_points(checks: dict[str, Check]) -> bool:
    return bool(checks) and all(check.score == check.max for check in checks.values())
