"""Every assignment, graded for real: wrong answers lose points, right ones get all, an untouched copy gets none.

Grading a notebook takes some ten seconds, so the k-th wrong answer of every exercise goes into one submission; that is
fair because an exercise's checks (whose ids begin with its solution's id and "_") use no other exercise's names.
"""

import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import nbformat
import pytest

from autograder.answers import load, reference
from autograder.course import Course
from autograder.grade import grade
from autograder.release import student_version
from autograder.samples import compose
from autograder.verdict import Verdict

COURSE = Course()
WRONG, RIGHT = (
    [
        (name, grade_id, title)
        for name in COURSE.names()
        for grade_id, titles in load(COURSE, name, kind).items()
        for title in titles
    ]
    for kind in ("wrong", "right")
)
# An answer whose title begins so must not earn anything.
WORTH_NOTHING = ("zeros", "always 0", "memorised", "the library's", "the course's")


def ids(case: tuple[str, ...]) -> str:
    return ": ".join(case)


def submissions(name: str) -> dict[str, dict[str, str]]:
    """What each student hands in, `{student: {grade_id: source}}`; student wrong-3 has the fourth mistake everywhere."""
    students = {"untouched": {}, "reference": reference(COURSE, name)}
    for kind in ("wrong", "right"):
        for grade_id, titles in load(COURSE, name, kind).items():
            for k, source in enumerate(titles.values()):
                students.setdefault(f"{kind}-{k}", {})[grade_id] = source
    return students


def grade_one(root: Path, name: str, student: str, answers: dict[str, str]) -> Verdict:
    """Grade one submission in a course folder of its own, so that several can be graded side by side."""
    course = Course(root / f"{name}-{student}")
    shutil.copytree(COURSE.master(name).parent, course.root / "notebooks" / name)
    path = course.submitted(student, name) / f"{name}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(compose(course, name, answers), path)
    return grade(course, name)[student]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Verdict]:
    root = tmp_path_factory.mktemp("courses")
    with ProcessPoolExecutor(max_workers=os.cpu_count(), mp_context=get_context("spawn")) as pool:
        running = {
            (name, student): pool.submit(grade_one, root, name, student, answers)
            for name in COURSE.names()
            for student, answers in submissions(name).items()
        }
        return {key: future.result() for key, future in running.items()}


def checks_of(verdict: Verdict, grade_id: str) -> dict[str, tuple[float, float]]:
    """Score and maximum of an exercise's checks."""
    assert verdict.status == "graded", verdict.reason
    return {name: (c.score, c.max) for name, c in verdict.checks.items() if name.startswith(f"{grade_id}_")}


def verdict_on(verdicts: dict, kind: str, name: str, grade_id: str, title: str) -> Verdict:
    k = list(load(COURSE, name, kind)[grade_id]).index(title)
    return verdicts[name, f"{kind}-{k}"]


@pytest.mark.parametrize("case", WRONG, ids=ids)
def test_wrong_answer_loses_points(case, verdicts):
    _, grade_id, title = case
    checks = checks_of(verdict_on(verdicts, "wrong", *case), grade_id)
    assert any(score < most for score, most in checks.values()), "every check passed"
    if title.startswith(WORTH_NOTHING):
        assert not any(score for score, _ in checks.values()), f"this must earn nothing: {checks}"


@pytest.mark.parametrize("case", RIGHT, ids=ids)
def test_right_answer_gets_all_points(case, verdicts):
    _, grade_id, _ = case
    verdict = verdict_on(verdicts, "right", *case)
    lost = {c: verdict.checks[c].message for c, (score, most) in checks_of(verdict, grade_id).items() if score < most}
    assert not lost


@pytest.mark.parametrize("name", COURSE.names())
def test_reference_gets_all_but_the_reflection(name, verdicts):
    verdict = verdicts[name, "reference"]
    by_machine = {c: check for c, check in verdict.checks.items() if c not in verdict.needs_manual_grade}
    assert all(check.score == check.max for check in by_machine.values()), by_machine
    assert verdict.score == sum(check.max for check in by_machine.values())
    assert verdict.needs_manual_grade, "every assignment has a reflection, graded by hand"


@pytest.mark.parametrize("name", COURSE.names())
def test_untouched_copy_gets_nothing(name, verdicts):
    verdict = verdicts[name, "untouched"]
    assert verdict.status == "graded" and verdict.score == 0 and verdict.max_score > 0
    assert not any(check.score for check in verdict.checks.values())


@pytest.mark.parametrize("name", COURSE.names())
def test_every_exercise_has_wrong_and_right_answers_and_checks(name, verdicts):
    verdict = verdicts[name, "reference"]
    by_machine = [c for c in verdict.checks if c not in verdict.needs_manual_grade]
    code = [g for g in reference(COURSE, name) if g not in verdict.needs_manual_grade]
    for grade_id in code:
        assert checks_of(verdict, grade_id), f"no check's id begins with {grade_id}_"
        assert len(load(COURSE, name, "wrong").get(grade_id, {})) >= 5, f"{grade_id}: at least five wrong answers"
        assert len(load(COURSE, name, "right").get(grade_id, {})) >= 2, f"{grade_id}: at least two other right answers"
    for check in by_machine:
        assert sum(check.startswith(f"{g}_") for g in code) == 1, f"{check} belongs to no exercise, or to two"


@pytest.mark.parametrize("name", COURSE.names())
def test_student_copy_holds_no_solution(name):
    released = student_version(COURSE, name)
    text = "\n".join(cell.source for cell in released.cells)
    kept = {
        c.metadata.nbgrader.grade_id: c.source for c in released.cells if c.metadata.get("nbgrader", {}).get("solution")
    }
    for grade_id, source in reference(COURSE, name).items():
        for line in map(str.strip, source.splitlines()):
            if len(line) > 20 and line not in kept[grade_id]:
                assert line not in text, f"{grade_id} is given away: {line}"
    assert "SOLUTION" not in text and "HIDDEN" not in text
