"""Every assignment, audited: wrong answers lose points, right ones get all, mutants die, an untouched copy gets none."""

import os
import re
import shutil
from functools import cache

import nbformat
import pytest

from autograder.answers import load, reference, solution_cells
from autograder.audit import Audit, audit
from autograder.course import Course
from autograder.grade import grade
from autograder.master import source_notebook
from autograder.release import make_student_version, student_version
from autograder.samples import compose
from autograder.steps import open_gradebook

COURSE = Course()
CASES = [
    (name, kind, grade_id, title)
    for name in COURSE.names()
    for kind in ("wrong", "right")
    for grade_id, titles in load(COURSE, name, kind).items()
    for title in titles
]
BY_HAND = ("project_proposal", "reading_lab")  # a person marks all of it
CHECKED = [name for name in COURSE.names() if name not in BY_HAND]
# An answer whose title begins so must not earn anything.
WORTH_NOTHING = ("zeros", "always 0", "memorised", "the library's", "the course's")


@cache
def audited(name: str) -> Audit:
    return audit(COURSE, name, jobs=os.cpu_count())


def exercises(name: str) -> list[str]:
    return [grade_id for grade_id, cell in solution_cells(COURSE, name).items() if cell.cell_type == "code"]


@pytest.mark.parametrize("case", CASES, ids=": ".join)
def test_wrong_answer_loses_points_and_right_answer_keeps_all(case):
    name, kind, grade_id, title = case
    (answer,) = (answer for answer in audited(name).of(grade_id, kind) if answer.title == title)
    assert answer.as_it_should, answer.lost or "every check passed"
    if kind == "wrong" and title.startswith(WORTH_NOTHING):
        assert not any(check.score for check in answer.checks.values()), f"this must earn nothing: {answer.checks}"


@pytest.mark.parametrize("name", CHECKED)
def test_audit_passes(name):
    """Also: mutants are killed, the reference gets all points, the untouched copy none, excuses are up to date."""
    assert not audited(name).failures, f"\n{audited(name)}"


@pytest.mark.parametrize("name", CHECKED)
def test_every_check_fails_for_some_mistake(name):
    assert set(audited(name).untouched) == set(audited(name).reference) != set()
    assert not audited(name).idle


@pytest.mark.parametrize("name", CHECKED)
def test_every_exercise_has_wrong_and_right_answers_and_checks(name):
    result = audited(name)
    for grade_id in exercises(name):
        checks = set().union(*(answer.checks for answer in result.of(grade_id, "wrong")))
        assert checks, f"no check rests on {grade_id}"
        assert all(check.startswith(f"{grade_id}_") for check in checks), f"{checks} should be named after {grade_id}"
        assert len(result.of(grade_id, "wrong")) >= 5, f"{grade_id}: at least five wrong answers"
        assert len(result.of(grade_id, "right")) >= 2, f"{grade_id}: at least two other right answers"
    by_exercise = [{c for a in result.of(grade_id, "wrong") for c in a.checks} for grade_id in exercises(name)]
    for check in result.reference:
        assert sum(check in checks for checks in by_exercise) == 1, f"{check} rests on no exercise, or on two"


@pytest.mark.parametrize("name", COURSE.names())
def test_there_is_a_reflection_graded_by_hand(name):
    assert any(cell.metadata.nbgrader.get("grade") for cell in solution_cells(COURSE, name).values())


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


@pytest.mark.parametrize("name", BY_HAND)
def test_a_person_finds_a_rubric_and_an_example(name):
    """Each part ends with a table whose points add up to the part's, the student sees it, the marker's notes stay behind."""
    master, cells = source_notebook(COURSE, name), solution_cells(COURSE, name)
    released = "\n".join(cell.source for cell in student_version(COURSE, name).cells)
    rubric, seen = [], 0
    for cell in master.cells:
        rubric = re.findall(r"^\| (\d) \|", cell.source.partition("| points | the answer |")[2], re.MULTILINE) or rubric
        about = cell.metadata.get("nbgrader", {})
        if about.get("grade"):
            assert sum(map(int, rubric)) == about["points"], about["grade_id"]
            assert "For the marker" in cell.source
            rubric, seen = [], seen + 1
    assert seen == len(cells) >= 5 and all(cell.cell_type == "markdown" for cell in cells.values())
    assert "## A worked example" in released and "The marker's note" in released and "For the marker" not in released


@pytest.mark.parametrize("name", BY_HAND)
def test_it_waits_for_a_person_and_counts_what_the_person_gives(name, tmp_path):
    """Through release, grading and nbgrader's gradebook, as the formgrader shows it."""
    course = Course(tmp_path / "course", database=f"sqlite:///{tmp_path}/gradebook.db")
    shutil.copytree(COURSE.master(name).parent, course.root / "notebooks" / name)
    make_student_version(course, name)
    cells = solution_cells(course, name)
    handed_in = course.submitted("ada", name) / f"{name}.ipynb"
    handed_in.parent.mkdir(parents=True)
    nbformat.write(compose(course, name, dict.fromkeys(cells, "What I think of it.")), handed_in)
    assert {who: (verdict.status, verdict.reason) for who, verdict in grade(course, name).items()} == {
        "ada": ("graded", "")
    }
    with open_gradebook(course) as gradebook:
        submission = gradebook.find_submission(name, "ada")
        waiting = [mark for mark in submission.notebooks[0].grades if mark.needs_manual_grade]
        assert {mark.name for mark in waiting} == set(cells) and submission.score == 0
        for mark in waiting:
            mark.manual_score = mark.max_score
        gradebook.db.commit()
        assert submission.score == submission.max_score == sum(cell.metadata.nbgrader.points for cell in cells.values())
