"""The ledger: what nbgrader's own autograde enters, in one transaction, on SQLite and on a real PostgreSQL server."""

import datetime
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from batches import NAME, WRONG, QuickJudge, batch_of, contents, hand_in, threads
from nbgrader.converters import Autograde
from nbgrader.plugins import CsvExportPlugin
from sqlalchemy import event
from system import find_database

from autograder.batch import grade_all
from autograder.course import Course, CourseError
from autograder.grade import grade
from autograder.gradebook import Book
from autograder.ledger import Ledger
from autograder.release import student_version
from autograder.samples import compose
from autograder.steps import open_gradebook, run_step
from autograder.verdict import Check, GraderError, Submission, Verdict


def judge_all(course: Course, **judge: object) -> dict[str, Verdict]:
    return grade_all(course, NAME, QuickJudge(**judge), executor=threads())


def set_mark(course: Course, student: str, score: float, comment: str = "") -> None:
    """What formgrader does when a person has read the reflection."""
    with open_gradebook(course) as book:
        mark = book.find_grade("reflection", NAME, NAME, student)
        mark.manual_score, mark.needs_manual_grade = score, False
        book.find_comment("reflection", NAME, NAME, student).manual_comment = comment
        book.db.commit()


def reflection(course: Course, student: str) -> tuple[float | None, bool, str | None]:
    with open_gradebook(course) as book:
        mark = book.find_grade("reflection", NAME, NAME, student)
        comment = book.find_comment("reflection", NAME, NAME, student)
        return mark.manual_score, mark.needs_manual_grade, comment.comment


def test_it_enters_what_nbgrader_enters(released: Course, tmp_path: Path) -> None:
    """The same two submissions through nbgrader's autograde and through our batch with nbgrader as judge."""
    ours, theirs = (Course(shutil.copytree(released.root, tmp_path / which / "course")) for which in ("ours", "theirs"))
    for course in (ours, theirs):
        hand_in(course, "good")
        untouched = course.submitted("idle", NAME) / f"{NAME}.ipynb"
        untouched.parent.mkdir(parents=True)
        shutil.copy(course.release(NAME), untouched)
        (untouched.parent / "timestamp.txt").write_text("2025-03-01 12:00:00 UTC")
    run_step(Autograde, theirs, NAME, folder=theirs.grading)
    verdicts = grade(ours, NAME, sandbox="none")
    for course in (ours, theirs):
        with open_gradebook(course) as book:
            CsvExportPlugin(to=str(course.grades_csv)).export(book)
    assert ours.grades_csv.read_text() == theirs.grades_csv.read_text()
    a, b = contents(ours), contents(theirs)
    assert {k: a[k] for k in ("scores", "grades", "comments", "cells")} == {
        k: b[k] for k in ("scores", "grades", "comments", "cells")
    }
    assert [(v.score, v.needs_manual_grade) for v in verdicts.values()] == [(6, ["reflection"]), (0, [])]
    for student in verdicts:
        mine, stock = (nbformat.read(course.autograded(student, NAME), as_version=4) for course in (ours, theirs))
        assert [(c.source, c.metadata.get("nbgrader")) for c in mine.cells] == [
            (c.source, c.metadata.get("nbgrader")) for c in stock.cells
        ]


def test_a_submission_is_one_transaction(released: Course, tmp_path: Path) -> None:
    course = batch_of(released, tmp_path, 2)
    submission = Submission("new", compose(course, NAME, {}))
    with Ledger(course, NAME) as ledger:
        commits = []
        event.listen(ledger._book.engine, "commit", commits.append)
        ledger.enter("key", submission, QuickJudge()(submission))
        assert len(commits) == 1


def test_what_fails_before_the_end_leaves_nothing(
    released: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = batch_of(released, tmp_path, 2)
    before = contents(course)
    submission = Submission("new", compose(course, NAME, {}))

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("power cut")

    with Ledger(course, NAME) as ledger:
        with monkeypatch.context() as patch, pytest.raises(RuntimeError):
            patch.setattr(Book, "keep", fail)
            ledger.enter("key", submission, QuickJudge()(submission))
        assert course.autograded("new", NAME).exists(), "the file comes first"
        assert ledger.find("new", "key") is None
    assert contents(course) == before


def test_a_notebook_that_is_not_the_graded_one_is_graded_again(released: Course, tmp_path: Path) -> None:
    """What a kill between file and commit leaves: the old row beside the new file."""
    course, log = batch_of(released, tmp_path, 3), tmp_path / "log"
    judge_all(course)
    course.autograded("s0001", NAME).write_text("{}")
    course.autograded("s0002", NAME).unlink()
    judge_all(course, log=str(log))
    assert sorted(log.read_text().split()) == ["s0001", "s0002"]
    assert nbformat.read(course.autograded("s0001", NAME), as_version=4).cells


def test_a_persons_marks_stay_while_the_answer_does(released: Course, tmp_path: Path) -> None:
    course = batch_of(released, tmp_path, 2)
    judge_all(course)
    set_mark(course, "s0000", 2.5, "Well said.")
    assert judge_all(course)["s0000"].score == 8.5, "seen without judging again"

    verdict = judge_all(course, version="2")["s0000"]
    assert (verdict.score, verdict.needs_manual_grade) == (8.5, [])
    assert verdict.checks["reflection"] == Check(2.5, 4, "failed", "graded by hand")
    hand_in(course, "s0000", double=WRONG)
    verdict = judge_all(course)["s0000"]
    assert (verdict.score, verdict.needs_manual_grade) == (5.5, []), "the answer that was read is the same"
    assert reflection(course, "s0000") == (2.5, False, "Well said.")

    hand_in(course, "s0000", reflection="Never.")
    verdict = judge_all(course)["s0000"]
    assert (verdict.score, verdict.needs_manual_grade) == (8.5, ["reflection"]), "a new answer is read again"
    assert reflection(course, "s0000") == (2.5, True, "Well said.")


def test_a_check_marked_by_hand_is_looked_at_again_when_the_code_changes(released: Course, tmp_path: Path) -> None:
    course = batch_of(released, tmp_path, 2)
    judge_all(course)
    with open_gradebook(course) as book:
        mark = book.find_grade("double_hidden", NAME, NAME, "s0001")
        mark.manual_score, mark.needs_manual_grade = 1, False
        book.db.commit()
    verdict = judge_all(course, version="2")["s0001"]
    assert verdict.checks["double_hidden"].score == 1 and verdict.needs_manual_grade == ["reflection"]
    hand_in(course, "s0001", double=WRONG + "  # really")
    assert judge_all(course)["s0001"].needs_manual_grade == ["double_hidden", "reflection"]


def test_late_penalties_are_nbgraders(released: Course, tmp_path: Path) -> None:
    course, log = batch_of(released, tmp_path, 2), tmp_path / "log"
    (course.root / "halves.py").write_text(
        "from nbgrader.plugins import BasePlugin\n"
        "class Halves(BasePlugin):\n"
        "    def late_submission_penalty(self, student_id, score, total_seconds_late):\n"
        "        return score / 2 if total_seconds_late < 7200 else 1000\n"
    )
    (course.root / "nbgrader_config.py").write_text("c.AssignLatePenalties.plugin_class = 'halves.Halves'\n")
    (course.submitted("s0000", NAME) / "timestamp.txt").write_text("2025-03-01 13:00:00 UTC")
    due = datetime.datetime(2025, 3, 1, 12)

    def penalty(**changes: object) -> float | None:
        with open_gradebook(course) as book:
            if "due" in changes:
                book.find_assignment(NAME).duedate = changes["due"]
            if "hours" in changes:
                book.grant_extension(NAME, "s0000", hours=changes["hours"])
            book.db.commit()
        verdict = judge_all(course, log=str(log))["s0000"]
        assert verdict.score == 6 and bool(verdict.flags) == ("1:00:00 late" in str(verdict.flags))
        with open_gradebook(course) as book:
            return book.find_submission_notebook(NAME, NAME, "s0000").late_submission_penalty

    assert penalty() is None
    assert penalty(due=due) == 3
    assert penalty(hours=2) is None, "an extension"
    assert penalty(hours=0, due=due - datetime.timedelta(days=1)) == 6, "never more than the score"
    assert penalty(due=None, hours=2) is None, "an extension of no due date"
    assert len(log.read_text().split()) == 2, "due dates change nothing that has to be judged"


@pytest.mark.parametrize("score", [-1, 1.5, float("nan"), float("inf")])
def test_marks_that_cannot_be_are_refused(released: Course, tmp_path: Path, score: float) -> None:
    course = batch_of(released, tmp_path, 2)
    submission = Submission("new", compose(course, NAME, {}))
    judged = QuickJudge()(submission)
    judged.verdict.checks["double_visible"].score = score
    with Ledger(course, NAME) as ledger, pytest.raises(GraderError, match="'double_visible'"):
        ledger.enter("key", submission, judged)
    assert not course.autograded("new", NAME).exists()


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server, which listens on a unix socket only."""
    found = find_database()
    assert found, "There is no PostgreSQL. Run `python book/system.py database`."
    programs = Path(found)
    folder = tmp_path_factory.mktemp("postgres")
    start: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "nobody", "nogroup")
        for parent in folder.parents:
            if parent.owner() == "root" and parent.is_relative_to("/tmp") and parent != Path("/tmp"):
                parent.chmod(0o711)
        start = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    data, log = folder / "data", folder / "log"
    init = [programs / "initdb", "-D", data, "-U", "grader", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run([*start, *init], check=True, capture_output=True, cwd="/")
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
    control = [*start, programs / "pg_ctl", "-D", data, "-w"]
    subprocess.run([*control, "-l", log, "-o", options, "start"], check=True, stdout=subprocess.DEVNULL, cwd="/")
    try:
        yield f"postgresql://grader@/postgres?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, stdout=subprocess.DEVNULL, cwd="/")


def test_postgresql_holds_what_sqlite_holds(
    released: Course, tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = batch_of(released, tmp_path, 6)
    hand_in(course, "s0003").write_text("cut off")
    elsewhere = Course(course.root, database=postgres)
    judge_all(elsewhere)
    set_mark(elsewhere, "s0000", 2.5)
    again = judge_all(elsewhere, log=str(tmp_path / "log"))
    assert not (tmp_path / "log").exists(), "nothing is judged twice"
    assert again["s0000"].score == 8.5 and again["s0003"].status == "quarantined"
    in_postgres = contents(elsewhere)

    monkeypatch.setenv("AUTOGRADER_DATABASE", postgres)
    assert contents(course) == in_postgres, "the environment variable names the same database"
    monkeypatch.delenv("AUTOGRADER_DATABASE")
    student_version(course, NAME)
    judge_all(course)
    set_mark(course, "s0000", 2.5)
    assert contents(course) == in_postgres


def test_a_database_that_is_not_there_is_said(released: Course, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="No such file or directory.*grade again"):
        Ledger(Course(released.root, database=f"postgresql://grader@/postgres?host={tmp_path}"), NAME, patience=0)
