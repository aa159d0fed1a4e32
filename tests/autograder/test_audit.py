"""The audit of the tiny course, whose answers and mutants are few enough to know them all; and of what is wrong with it."""

import dataclasses
import json
import shutil
from pathlib import Path

import nbformat
import pytest

from autograder.answers import load, reference
from autograder.audit import Answer, Audit, audit, read_excuses
from autograder.course import Course, CourseError
from autograder.judge import SandboxJudge
from autograder.master import source_notebook
from autograder.slicing import answered, sliced
from autograder.verdict import Check, Submission

TINY = Path(__file__).parent / "tiny_course"
COURSE = Course()


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The tiny course with everything in it that an audit should find."""
    course = Course(shutil.copytree(TINY, tmp_path_factory.mktemp("audit") / "course"))
    folder = course.master("01_tiny").parent
    with (folder / "wrong_answers.py").open("a") as file:
        file.write('\n\n# %% right, but here answers="double"\ndef double(x):\n    return x * 2\n')
    with (folder / "right_answers.py").open("a") as file:
        file.write('\n\n# %% wrong, but here answers="square"\ndef square(x):\n    return x**3\n')
    master = course.master("01_tiny")
    text = master.read_text().replace("square(3)", "square(2)").replace("== 9", "== 4").replace("be 9", "be 4")
    master.write_text(text.replace("square(-5) == 25", "square(0) == 0"))  # x * 2 passes
    (folder / "equivalent_mutants.txt").write_text(
        "# Mutants that are as right as the solution.\n\n"
        "square: squared_number = x ** 2 → squared_number = x ** 1  # not true, but who would know\n"
        "square: no such line → pass  # it was there once\n"
    )
    return course


@pytest.fixture(scope="module")
def result(course: Course) -> Audit:
    before = sorted(course.root.rglob("*"))
    result = audit(course, "01_tiny", jobs=1)
    assert sorted(course.root.rglob("*")) == before, "an audit changes nothing in the course's folder"
    return result


def told(result: Audit, exercise: str, kind: str) -> dict[str, bool]:
    return {answer.title: answer.as_it_should for answer in result.of(exercise, kind)}


def test_wrong_answers_are_caught_and_a_right_one_among_them_is_named(result):
    assert told(result, "double", "wrong") == {"zero": True, "keeps the number": True, "right, but here": False}
    assert "  double, wrong: right, but here\n" in str(result)


def test_a_wrong_answer_that_a_weak_check_lets_pass_is_named(result):
    assert told(result, "square", "wrong") == {"doubles instead": False}


def test_right_answers_pass_and_a_wrong_one_among_them_is_shown_with_the_message(result):
    assert told(result, "square", "right") == {"power": True, "wrong, but here": False}
    assert "  square, right: wrong, but here\n    lost square_check: square(2) should be 4, got 8\n" in str(result)


def test_mutants_are_killed_counted_and_the_survivor_is_shown(result):
    assert result.mutants["double"] == len(result.of("double", "mutant")) == 5
    assert all(told(result, "double", "mutant").values())
    survivors = [title for title, killed in told(result, "square", "mutant").items() if not killed]
    assert survivors == ["squared_number = x ** 2 → squared_number = x * 2"]
    assert f"  square, mutant: {survivors[0]}\n" in str(result)


def test_an_excused_mutant_does_not_count_and_an_excuse_that_fits_none_is_told(result):
    titles = [answer.title for answer in result.of("square", "mutant")]
    assert result.excused == {"double": 0, "square": 1} and not any("x ** 1" in title for title in titles)
    assert result.stale == ["square: no such line → pass"]


def test_the_whole_notebook_is_judged_untouched_and_answered_right(result):
    assert {c: check.score for c, check in result.reference.items()} == {
        "double_visible": 1, "double_hidden": 2, "square_check": 3,
    }  # fmt: skip
    assert {c: check.score for c, check in result.untouched.items()} == dict.fromkeys(result.reference, 0)
    assert "untouched copy: 0 of 6 points" in str(result)


def test_table_and_failures(result):
    double, square = (len(result.of(exercise, "mutant")) for exercise in ("double", "square"))
    assert [line.split()[:4] for line in str(result).splitlines()[1:3]] == [
        ["double", "2/3", "1/1", f"{double}/{double}"],
        ["square", "0/1", "1/2", f"{square - 1}/{square}"],
    ]
    assert [text.split(" answers")[0] for text in result.failures] == [
        "double: 2 of 3 wrong",
        "square: 0 of 1 wrong",
        "square: 1 of 2 right",
        f"square: {square - 1} of {square} mutant",
        "equivalent_mutants.txt: no mutant is 'square: no such line → pass'; remove or mend the line",
    ]
    assert json.loads(json.dumps(result.to_json()))["failures"] == result.failures


def test_one_exercise_alone(course):
    result = audit(course, "01_tiny", exercise="double", jobs=1, most_mutants=3)
    assert {answer.exercise for answer in result.answers} == {"double"}
    assert len(result.of("double", "mutant")) == 3 and "of " in str(result).splitlines()[1]
    assert not result.untouched and result.reference


def test_no_such_exercise(course):
    with pytest.raises(CourseError, match="no exercise 'cube'; it has: double, square"):
        audit(course, "01_tiny", exercise="cube")


def test_an_excuse_without_a_reason_is_refused(tiny):
    (tiny.master("01_tiny").parent / "equivalent_mutants.txt").write_text("square: a → b\n")
    with pytest.raises(CourseError, match="reason"):
        read_excuses(tiny, "01_tiny")


def check(score: float, outcome: str = "failed") -> Check:
    return Check(score, 1.0, outcome)


def test_thresholds_points_for_nothing_and_idle_checks():
    lost, kept = {"a": check(0), "b": check(1)}, {"a": check(1), "b": check(1)}
    mutants = [Answer("one", "mutant", str(k), lost if k else kept) for k in range(20)]
    one = Audit("01", mutants, {"a": check(1)}, {"a": check(0)}, {"one": 20})
    assert not one.failures and one.idle == ["b"]  # 19 of 20 are 95 %
    one.answers[1] = dataclasses.replace(mutants[1], checks=kept)
    assert one.failures == ["one: 18 of 20 mutant answers killed, not 95%"]
    free = Audit("01", mutants, {"a": check(0)}, {"a": check(1)}, {"one": 20})
    assert free.failures[-2].startswith("the reference solution loses points in a")
    assert free.failures[-1] == "a gives points for nothing"


def test_an_answer_that_no_check_looked_at_is_not_as_it_should():
    assert not Answer("one", "wrong", "", {}).as_it_should and not Answer("one", "right", "", {}).as_it_should


@pytest.mark.parametrize(("exercise", "kind"), [("conv2d", "wrong"), ("max_pool2d", "right")])
def test_slice_and_whole_notebook_agree(exercise, kind):
    """On assignment 04: what an exercise's checks say does not depend on what else is in the notebook."""
    name = "04_convnets"
    source = source_notebook(COURSE, name)
    judge = SandboxJudge(nbformat.writes(source), b"audit")
    for grade_id, text in reference(COURSE, name).items():
        source = answered(source, grade_id, text)
    text = list(load(COURSE, name, kind)[exercise].values())[-2]
    part = judge(Submission("audit", sliced(source, exercise, text))).verdict.checks
    whole = judge(Submission("audit", answered(source, exercise, text))).verdict.checks
    assert part and {c: (whole[c].score, whole[c].outcome) for c in part} == {
        c: (check.score, check.outcome) for c, check in part.items()
    }
    others = {c: check for c, check in whole.items() if c not in part and c != "reflection"}
    assert all(check.score == check.max for check in others.values()), "a check outside the slice rests on the answer"
