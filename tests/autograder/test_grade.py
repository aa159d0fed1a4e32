"""One batch with every kind of submission: each gets a verdict or a reason, and none harms another."""

import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from autograder.answers import load, reference
from autograder.course import Course, CourseError
from autograder.grade import grade
from autograder.samples import compose
from autograder.steps import open_gradebook
from autograder.stock import StockJudge
from autograder.verdict import Judged, Submission, Verdict

NAME = "01_tiny"
pytestmark = pytest.mark.filterwarnings("ignore::nbformat.warnings.DuplicateCellId")  # from writing doubled cells


def cell(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def answer(grade_id: str, source: str) -> Callable[[NotebookNode], None]:
    return lambda notebook: cell(notebook, grade_id).update(source=source)


def easy_check(notebook: NotebookNode) -> None:
    answer("square", "def square(x):\n    return 0")(notebook)
    cell(notebook, "square_check").source = "pass"


def tampered_metadata(notebook: NotebookNode) -> None:
    answer("square", "def square(x):\n    return 0")(notebook)
    check = cell(notebook, "square_check")
    check.metadata.nbgrader.update(points=300, solution=True, schema_version=99)
    check.metadata.tags = ["skip-execution"]


def check_as_markdown(notebook: NotebookNode) -> None:
    check = cell(notebook, "square_check")
    place = notebook.cells.index(check)
    notebook.cells[place] = nbformat.v4.new_markdown_cell(check.source, metadata=check.metadata)


def without(*grade_ids: str) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        for grade_id in grade_ids:
            notebook.cells.remove(cell(notebook, grade_id))

    return change


def doubled(grade_id: str, source: str | None = None) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        original = cell(notebook, grade_id)
        copy = nbformat.from_dict({**original, "source": original.source if source is None else source})
        notebook.cells.insert(notebook.cells.index(original), copy)

    return change


def lost_metadata(notebook: NotebookNode) -> None:
    for each in notebook.cells:
        each.metadata = NotebookNode()


def other_assignment(notebook: NotebookNode) -> None:
    notebook.metadata.course.assignment = "02_other"


# Student: (change to a full solution, score); the reflection's four points wait for a person.
JUDGED = {
    "good": (lambda notebook: None, 6),
    "loop": (answer("double", "def double(x):\n    while x == 0: pass\n    return 2 * x"), 4),
    "raises": (answer("double", "def double(x):\n    return double(x)"), 3),
    "broken_syntax": (answer("double", "def double(x:"), 3),
    "half_right": (answer("double", "def double(x):\n    return 4 if x == 2 else 0"), 4),
    "noisy": (answer("double", "import sys, warnings\ndef double(x):\n    warnings.warn('slow')\n    print('…', file=sys.stderr)\n    return 2 * x"), 6),
    "easy_check": (easy_check, 3),
    "tampered_metadata": (tampered_metadata, 3),
    "check_as_markdown": (check_as_markdown, 6),
    "deleted_checks": (without("double_visible", "double_hidden", "square_check", "setup-course-lib"), 6),
    "doubled_check": (doubled("double_visible"), 6),
    "same_answer_twice": (doubled("double"), 6),
    "lost_metadata": (lost_metadata, 6),
}  # fmt: skip
# Student: (change, part of the reason).
SET_ASIDE = {
    "deleted_answer": (without("double"), "'double' is missing"),
    "two_answers": (doubled("double", "def double(x):\n    return 3"), "2 different cells 'double'"),
    "other_assignment": (other_assignment, "'02_other'"),
}


class HastyWithLoops:
    """nbgrader's judge, which does not wait two minutes for the endless loop."""

    version = "test"

    def __init__(self, course: Course) -> None:
        self.patient, self.hasty = StockJudge(course, NAME), StockJudge(course, NAME, cell_timeout=6)

    def __call__(self, submission: Submission) -> Judged:
        return (self.hasty if submission.student == "loop" else self.patient)(submission)


def failing_judge(submission: Submission) -> Judged:
    if submission.student == "good":
        raise MemoryError("no memory left")
    if submission.student == "raises":
        raise RuntimeError("the notebook is too odd")
    verdict = Verdict(submission.student, "failed", reason="a judge's own reason, kept as it is")
    return Judged(verdict, submission.notebook)


@pytest.fixture(scope="module")
def batch(released: Course, tmp_path_factory: pytest.TempPathFactory) -> tuple[Course, dict[str, Verdict]]:
    """A graded batch of all of the above and of files that are no notebooks."""
    course = Course(shutil.copytree(released.root, tmp_path_factory.mktemp("batch") / "course"))
    full = reference(course, NAME)

    def folder(student: str) -> Path:
        path = course.submitted(student, NAME)
        path.mkdir(parents=True)
        return path

    for student, (change, _) in {**JUDGED, **SET_ASIDE}.items():
        notebook = compose(course, NAME, full)
        change(notebook)
        nbformat.write(notebook, folder(student) / f"{NAME}.ipynb")
    good = (course.submitted("good", NAME) / f"{NAME}.ipynb").read_bytes()
    shutil.copy(course.release(NAME), folder("untouched") / f"{NAME}.ipynb")
    (folder("renamed") / f"{NAME} (1).ipynb").write_bytes(good)
    (folder("empty") / f"{NAME}.ipynb").touch()
    (folder("truncated") / f"{NAME}.ipynb").write_bytes(good[:900])
    two = folder("two")
    (two / f"{NAME}.ipynb").write_bytes(good)
    shutil.copy(course.submitted("half_right", NAME) / f"{NAME}.ipynb", two / f"{NAME} (1).ipynb")
    folder("nothing")
    answer("double", "import os\nos._exit(1)")(died := compose(course, NAME, full))
    nbformat.write(died, folder("died") / f"{NAME}.ipynb")
    return course, grade(course, NAME, judge=HastyWithLoops(course))


def test_every_submission_has_a_verdict_or_a_reason(batch) -> None:
    course, verdicts = batch
    assert verdicts.keys() == {path.parent.name for path in course.grading.glob(f"submitted/*/{NAME}")}
    for verdict in verdicts.values():
        assert verdict.status == "graded" or len(verdict.reason) > 20


@pytest.mark.parametrize("student", JUDGED)
def test_scores(batch, student: str) -> None:
    verdict = batch[1][student]
    assert (verdict.status, verdict.reason, verdict.score, verdict.max_score) == ("graded", "", JUDGED[student][1], 10)
    assert verdict.needs_manual_grade == ["reflection"]
    assert sum(check.score for check in verdict.checks.values()) == verdict.score


@pytest.mark.parametrize("student", SET_ASIDE)
def test_ambiguous_submissions_are_set_aside(batch, student: str) -> None:
    verdict = batch[1][student]
    assert verdict.status == "quarantined" and SET_ASIDE[student][1] in verdict.reason


@pytest.mark.parametrize(
    ("student", "status", "reason"),
    [
        ("empty", "quarantined", "is empty"),
        ("truncated", "quarantined", "cut off"),
        ("two", "quarantined", "2 notebooks"),
        ("nothing", "quarantined", "no notebook"),
        ("died", "failed", "Kernel died"),
    ],
)
def test_unreadable_submissions(batch, student: str, status: str, reason: str) -> None:
    verdict = batch[1][student]
    assert verdict.status == status and reason in verdict.reason
    assert verdict.score is None and verdict.checks == {}


def test_untouched_copy_scores_zero(batch) -> None:
    verdict = batch[1]["untouched"]
    assert (verdict.status, verdict.score) == ("graded", 0)
    assert {check.outcome for check in verdict.checks.values()} == {"error", "failed"}
    assert verdict.checks["reflection"].message == "no answer"


def test_a_single_notebook_of_another_name_is_graded_and_kept(batch) -> None:
    course, verdicts = batch
    assert verdicts["renamed"].score == 6
    assert [path.name for path in course.submitted("renamed", NAME).iterdir()] == [f"{NAME} (1).ipynb"]


def test_outcomes_say_what_happened(batch) -> None:
    verdicts = batch[1]
    assert verdicts["loop"].checks["double_hidden"].outcome == "timeout"
    assert verdicts["raises"].checks["double_visible"].message.startswith("RecursionError: ")
    assert verdicts["broken_syntax"].checks["double_visible"].outcome == "error"
    hidden = verdicts["half_right"].checks["double_hidden"]
    assert (hidden.outcome, hidden.score, hidden.message) == ("failed", 0, "AssertionError: double(-7) is wrong")


def test_the_gradebook_holds_what_was_graded_and_nothing_else(batch) -> None:
    course, verdicts = batch
    with open_gradebook(course) as book:
        scores = {row["student"]: row["score"] for row in book.submission_dicts(NAME)}
        assert {student.id for student in book.students} == scores.keys()
    assert scores == {student: verdict.score for student, verdict in verdicts.items() if verdict.status == "graded"}


def test_executed_notebook_of_each(batch) -> None:
    course, verdicts = batch
    for student, verdict in verdicts.items():
        assert course.autograded(student, NAME).exists() == (verdict.status == "graded")


def test_one_student_can_be_graded_again_and_marks_by_hand_survive(batch) -> None:
    course, verdicts = batch
    with open_gradebook(course) as book:
        mark = book.find_grade("reflection", NAME, NAME, "good")
        mark.manual_score, mark.needs_manual_grade = 2.5, False
        book.db.commit()
    (first,) = grade(course, NAME, student="good", judge=HastyWithLoops(course)).values()
    (second,) = grade(course, NAME, student="good", sandbox="none").values()  # another judge: it is run again
    assert first == second
    assert (first.score, first.needs_manual_grade) == (8.5, [])
    assert {k: v for k, v in first.checks.items() if k != "reflection"} == verdicts["good"].checks
    assert first.checks["reflection"].message == "graded by hand"


def test_a_worse_resubmission_leaves_the_earlier_marks(batch) -> None:
    course, _ = batch
    path = course.submitted("noisy", NAME) / f"{NAME}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    answer("double", "import os\nos._exit(1)")(notebook)
    nbformat.write(notebook, path)
    verdict = grade(course, NAME, student="noisy", sandbox="none")["noisy"]
    assert verdict.status == "failed" and "earlier submission stay" in verdict.reason
    with open_gradebook(course) as book:
        assert book.find_submission(NAME, "noisy").score == 6


def test_graded_cells_cannot_go_while_there_are_marks(batch) -> None:
    course, _ = batch
    master = course.master(NAME)
    text = master.read_text()
    try:
        master.write_text(text.replace('"grade_id": "double_visible"', '"grade_id": "double_seen"'))
        with pytest.raises(CourseError, match="Cannot add or remove cells.*keep the grade ids"):
            grade(course, NAME)
    finally:
        master.write_text(text)


def test_any_judge_may_fail(batch) -> None:
    """The seam: a judge is any callable that can be pickled, and its failure is one student's reason."""
    verdicts = grade(batch[0], NAME, judge=failing_judge)
    assert verdicts["good"].status == "failed" and "The grader failed 3 times" in verdicts["good"].reason
    assert "no memory left" in verdicts["good"].reason
    assert verdicts["raises"].reason.startswith("It could not be run (the notebook is too odd). Open the notebook")
    assert verdicts["half_right"].reason.startswith("a judge's own reason, kept as it is")


def test_who_to_grade_must_exist(batch, released: Course) -> None:
    with pytest.raises(CourseError, match="No submission of '01_tiny' by 'nobody'. There are: .*good"):
        grade(batch[0], NAME, student="nobody")
    with pytest.raises(CourseError, match="Nothing to grade.*samples"):
        grade(released, NAME)


def test_answers_beside_the_assignment(tiny: Course) -> None:
    assert list(reference(tiny, NAME)) == ["double", "square", "reflection"]
    assert "SOLUTION" not in "".join(reference(tiny, NAME).values())
    assert {grade_id: list(titles) for grade_id, titles in load(tiny, NAME, "wrong").items()} == {
        "double": ["zero", "keeps the number"],
        "square": ["doubles instead"],
    }
    path = tiny.master(NAME).with_name("wrong_answers.py")
    path.write_text('# %% zero answers="tripple"\ndef double(x): return 0\n')
    with pytest.raises(CourseError, match="'tripple', which is none of: double, square, reflection"):
        load(tiny, NAME, "wrong")
    path.unlink()
    assert load(tiny, NAME, "wrong") == {}
