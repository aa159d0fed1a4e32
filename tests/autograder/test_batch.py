"""Batches: the same however many workers there are, only once, and with a verdict or a reason for everyone."""

import os
from contextlib import nullcontext
from pathlib import Path

import psutil
import pytest
from batches import NAME, WRONG, QuickJudge, batch_of, contents, dump, hand_in, judged, threads

from autograder.batch import grade_all
from autograder.course import Course, CourseError
from autograder.executors import dask_executor, local_executor
from autograder.release import student_version
from autograder.steps import open_gradebook
from autograder.verdict import Verdict


def judge_all(course: Course, log: Path | None = None, **judge: object) -> dict[str, Verdict]:
    return grade_all(course, NAME, QuickJudge(str(log) if log else "", **judge), executor=threads())


def test_parallel_is_serial(released: Course, tmp_path: Path) -> None:
    found = []
    for workers in (nullcontext(threads(1)), local_executor(2)):
        course = batch_of(released, tmp_path / str(len(found)), 12)
        with workers as executor:
            verdicts = grade_all(course, NAME, QuickJudge(), executor=executor)
        assert list(verdicts) == [f"s{number:04}" for number in range(12)]
        assert [verdict.score for verdict in verdicts.values()] == [6, 3, 6] * 4
        found.append((verdicts, contents(course)))
    assert found[0] == found[1]


def test_grading_again_changes_nothing(released: Course, tmp_path: Path) -> None:
    course, log = batch_of(released, tmp_path, 4), tmp_path / "log"
    hand_in(course, "empty").write_text("")
    hand_in(course, "trouble", double="# no memory")

    def state() -> tuple[list[str], dict[Path, int]]:
        return dump(course), {path: path.stat().st_mtime_ns for path in course.grading.rglob("*") if path.is_file()}

    first, before = judge_all(course, log), state()
    assert judged(log).count("s0000") == 1
    assert judge_all(course, log) == first
    assert state() == before
    assert judged(log).count("s0000") == 1
    assert judged(log).count("trouble") == 6, "where the grader failed it tries again, three times each batch"


def test_only_what_changed_is_judged_again(released: Course, tmp_path: Path) -> None:
    course, log = batch_of(released, tmp_path, 3), tmp_path / "log"
    master = course.master(NAME)

    def again(**judge: object) -> list[str]:
        log.unlink(missing_ok=True)
        judge_all(course, log, **judge)
        return judged(log)

    everyone = ["s0000", "s0001", "s0002"]
    assert again() == everyone
    hand_in(course, "s0001")
    assert again() == ["s0001"]
    (course.submitted("s0002", NAME) / "timestamp.txt").write_text("2025-03-01 12:00:00 UTC")
    assert again() == ["s0002"]
    master.write_text(master.read_text().replace("Now the square.", "And now the square."))
    assert again() == [], "prose"
    master.write_text(master.read_text().replace("(-7, 0.25)", "(-8, 0.25)"))
    assert again() == everyone, "a hidden test"
    assert again(version="2") == everyone, "the judge"
    assert again(version="2") == []


def test_what_is_set_aside_is_recorded_and_has_no_marks(released: Course, tmp_path: Path) -> None:
    course = batch_of(released, tmp_path, 2)
    hand_in(course, "new").write_text("cut off")
    (course.submitted("none", NAME)).mkdir(parents=True)
    judge_all(course)
    hand_in(course, "s0000").write_text("cut off")
    verdicts = judge_all(course)
    assert contents(course)["verdicts"] == verdicts
    assert {student: verdict.status for student, verdict in verdicts.items()} == {
        "new": "quarantined", "none": "quarantined", "s0000": "quarantined", "s0001": "graded",
    }  # fmt: skip
    assert "earlier submission stay" in verdicts["s0000"].reason
    with open_gradebook(course) as book:
        assert {student.id for student in book.students} == {"s0000", "s0001"}


@pytest.mark.skipif(os.sep != "/", reason="names that are no text")
def test_odd_names_are_set_aside_or_graded(released: Course, tmp_path: Path) -> None:
    course = batch_of(released, tmp_path, 2)
    for name in ("[a] *", "Zoë; rm -rf .", "x" * 250):
        hand_in(course, name)
    bytes_name = os.fsdecode(b"no\xfftext")
    hand_in(course, bytes_name)
    verdicts = judge_all(course)
    assert verdicts[bytes_name].status == "quarantined" and "rename" in verdicts[bytes_name].reason
    assert all(verdict.status == "graded" for student, verdict in verdicts.items() if student != bytes_name)


def test_the_graders_trouble_is_not_the_students(released: Course, tmp_path: Path) -> None:
    course, log = batch_of(released, tmp_path, 5), tmp_path / "log"
    hand_in(course, "trouble", double="# no memory")
    verdict = judge_all(course, log)["trouble"]
    assert verdict.status == "failed" and verdict.score is None
    assert verdict.reason.startswith("The grader failed 3 times on this submission (no memory is left). Grade again")
    assert judged(log).count("trouble") == 3 and len(judged(log)) == 8
    hand_in(course, "trouble", double=WRONG)
    assert judge_all(course)["trouble"].score == 3


def test_one_batch_at_a_time(released: Course, tmp_path: Path) -> None:
    course = batch_of(released, tmp_path, 2)

    def while_grading(_: object) -> None:
        with pytest.raises(CourseError, match="'01_tiny' is being graded already"):
            judge_all(course)

    student_version(course, NAME)
    workers = threads()
    submit = workers.submit
    workers.submit = lambda *arguments: (while_grading(None), submit(*arguments))[1]
    grade_all(course, NAME, QuickJudge(), executor=workers)


def test_a_cluster_that_is_not_there_is_said() -> None:
    said = r"No Dask scheduler answers at 'tcp://127.0.0.1:9'.*dask scheduler"
    with pytest.raises(CourseError, match=said), dask_executor("tcp://127.0.0.1:9", patience=1):
        pass


def test_many_submissions_need_no_more_memory_than_few(released: Course, tmp_path: Path) -> None:
    """AUTOGRADER_SOAK sets how many; the 2,000 of a large course take a minute or two."""
    count = int(os.environ.get("AUTOGRADER_SOAK", "400"))
    course, log = batch_of(released, tmp_path, count), tmp_path / "log"
    judge = QuickJudge(str(log))
    first = [f"s{number:04}" for number in range(100)]
    process = psutil.Process()
    grade_all(course, NAME, judge, executor=threads(), students=first)
    before = process.memory_info().rss
    verdicts = grade_all(course, NAME, judge, executor=threads())
    grown = (process.memory_info().rss - before) / 1e6
    assert grown < 10 + 40 * count / 2000, f"{grown:.0f} MB more"
    assert [verdict.score for verdict in verdicts.values()] == [3 if number % 3 == 1 else 6 for number in range(count)]
    assert judged(log) == list(verdicts), "each is judged once"
    with open_gradebook(course) as book:
        assert len(book.assignment_submissions(NAME)) == count
