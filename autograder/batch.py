"""Grade many submissions: workers judge, this process alone writes, and every submission gets a verdict or a reason."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.utils import parse_utc
from tqdm import tqdm

from autograder.course import Course, CourseError
from autograder.executors import Workers
from autograder.intake import MAX_BYTES, Quarantine, take
from autograder.ledger import Ledger
from autograder.master import source_notebook
from autograder.release import student_version
from autograder.verdict import GraderError, Judge, Judged, Submission, Verdict

RETRIES = 2
_TICK = 10.0  # seconds after which a silent batch asks whether there are workers


@dataclass
class _Job:
    key: str
    submission: Submission


@dataclass
class _Failure:
    """No verdict: the submission could not be run, or (`lost`) the grader could not run it."""

    message: str
    lost: bool


def submissions(course: Course, name: str) -> dict[str, Path]:
    """The folders `grading/submitted/<student>/<name>`, by student."""
    folders = sorted(course.grading.glob(f"submitted/*/{name}"))
    return {path.parent.name: path for path in folders if path.is_dir() and not path.parent.name.startswith(".")}


def grade_all(
    course: Course,
    name: str,
    judge: Judge,
    *,
    executor: Workers,
    students: Collection[str] | None = None,
    progress: bool = False,
    patience: float = 30.0,
) -> dict[str, Verdict]:
    """Judge what has not been judged yet, enter it in the gradebook, and return the verdicts on all.

    A batch that is stopped, at whatever moment, goes on where it was when it is started again. What was graded before
    and has the same files, checks and judge is left alone; where the grader failed, it tries again.

    Args:
        judge: what it depends on besides the assignment (its limits, its version) is said by its attribute `version`,
            if it has one; see `judge_version`.
        executor: from `local_executor` or `dask_executor`.
        students: by default all who have submitted.
        patience: seconds to wait for a locked gradebook or a full disk.

    Raises:
        CourseError: the gradebook cannot be written or no worker is left; what was graded is kept.
    """
    released = student_version(course, name)
    checks = _checks_key(source_notebook(course, name), judge)
    folders = {who: folder for who, folder in submissions(course, name).items() if students is None or who in students}
    verdicts: dict[str, Verdict] = {}
    with (
        _alone(course, name),
        Ledger(course, name, patience=patience) as ledger,
        tqdm(total=len(folders), desc=f"grading {name}", unit="submission", disable=None if progress else True) as bar,
    ):

        def settle(verdict: Verdict) -> None:
            verdicts[verdict.student] = verdict
            bar.update()

        def jobs() -> Iterator[_Job]:
            """What has to be judged; the rest is settled here."""
            for student, folder in folders.items():
                key = ""
                try:
                    _check_name(student)
                    key = _key(folder, checks)
                    if verdict := ledger.find(student, key):
                        settle(verdict)
                    else:
                        yield _Job(key, _take_in(student, folder, released))
                except Quarantine as problem:
                    verdict = Verdict(student, "quarantined", reason=str(problem))
                    settle(ledger.record(key, verdict) if key else verdict)

        for job, result in _judge_all(judge, jobs(), executor):
            settle(_enter(ledger, job, result))
    return {student: verdicts[student] for student in folders}


def judge_version(judge: Judge) -> str:
    """What a change of the judge shows in: its attribute `version`, else its name."""
    kind = judge if hasattr(judge, "__qualname__") else type(judge)
    return str(getattr(judge, "version", f"{kind.__module__}.{kind.__qualname__}"))


def _judge_all(judge: Judge, jobs: Iterator[_Job], executor: Workers) -> Iterator[tuple[_Job, Judged | _Failure]]:
    """Results as they come. At most two submissions a worker are under way, so memory does not grow with the batch.

    When a worker dies, all that was under way may be lost with it, and one of them may be the cause. They are tried
    again when the others are done, one at a time.
    """
    running: dict[Future, _Job] = {}
    lost: list[_Job] = []

    def finished() -> Iterator[tuple[_Job, Judged | _Failure]]:
        done, _ = wait(running, timeout=_TICK, return_when=FIRST_COMPLETED)
        if not done:
            executor.check()
        for future in done:
            job, result = running.pop(future), _result(future)
            if isinstance(result, _Failure) and result.lost:
                lost.append(job)
            else:
                yield job, result

    for job in jobs:
        running[executor.submit(_judge_one, judge, job.submission)] = job
        while len(running) >= 2 * executor.count:
            yield from finished()
    while running:
        yield from finished()
    for job in lost:
        for _ in range(RETRIES):
            future = executor.submit(_judge_one, judge, job.submission)
            while not wait([future], timeout=_TICK).done:
                executor.check()
            result = _result(future)
            if not (isinstance(result, _Failure) and result.lost):
                break
        yield job, result


def _judge_one(judge: Judge, submission: Submission) -> Judged | _Failure:
    """In the worker. Errors come back as text: an exception of a library may not survive the way."""
    try:
        return judge(submission)
    except (GraderError, MemoryError, OSError) as error:
        return _Failure(_said(error), lost=True)
    except Exception as error:  # noqa: BLE001 - a judge's failure is one student's reason
        return _Failure(_said(error), lost=False)


def _result(future: Future) -> Judged | _Failure:
    """What a worker returned; whatever is raised instead (a broken pool, Dask's KilledWorker) means a lost worker."""
    if future.cancelled():
        return _Failure("the cluster gave it up", lost=True)
    if error := future.exception():
        return _Failure(_said(error), lost=True)
    return future.result()


def _enter(ledger: Ledger, job: _Job, result: Judged | _Failure) -> Verdict:
    """Write one result down, whatever it is."""
    student = job.submission.student
    if isinstance(result, Judged):
        result.verdict.student = student
        result.verdict.flags = [
            *job.submission.flags,
            *(f for f in result.verdict.flags if f not in job.submission.flags),
        ]
        if result.verdict.status != "graded":
            return ledger.record(job.key, result.verdict)
        try:
            return ledger.enter(job.key, job.submission, result)
        except CourseError:
            raise
        except Exception as error:  # noqa: BLE001 - what one submission holds must not stop the others
            reason = f"The grader could not enter the marks ({_said(error)}). Tell its maintainers."
    elif result.lost:
        reason = (
            f"The grader failed {RETRIES + 1} times on this submission ({result.message}). Grade again, with fewer jobs "
            "if memory is short; if it stays, look at the notebook."
        )
    else:
        advice = "Open the notebook, run it from the top and see which cell ends it."
        reason = f"It could not be run ({result.message}). {advice}"
    return ledger.record(job.key, Verdict(student, "failed", reason=reason, flags=job.submission.flags))


def _said(error: BaseException) -> str:
    return str(error).strip() or type(error).__name__


def _check_name(student: str) -> None:
    try:
        student.encode()
    except UnicodeEncodeError:
        raise Quarantine("The name of its folder is not UTF-8 text: rename the folder and grade again.") from None


def _take_in(student: str, folder: Path, released: NotebookNode) -> Submission:
    """The submission as a judge gets it; raises Quarantine."""
    try:
        notebook, flags = take(folder, released)
        return Submission(student, notebook, _timestamp(folder), flags)
    except Quarantine:
        raise
    except Exception as error:
        raise Quarantine(f"It could not be read ({type(error).__name__}: {error}).") from error


def _timestamp(folder: Path) -> str | None:
    path = folder / "timestamp.txt"
    if not path.exists():
        return None
    try:
        text = path.read_text().strip()
        return f"{parse_utc(text)} UTC" if text else None
    except ValueError:
        raise Quarantine("timestamp.txt holds no time: write it as '2025-03-01 12:00:00 UTC' or remove it.") from None


def _key(folder: Path, checks: str) -> str:
    """Digest of all that a verdict depends on: what was handed in, and what it is judged by."""
    digest = hashlib.sha256(checks.encode())
    if folder.is_symlink() or folder.parent.is_symlink():
        return digest.hexdigest()  # it is not opened
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for path in (Path(place) / each for each in sorted(names) if not each.startswith(".")):
            digest.update(b"\0" + os.fsencode(path.relative_to(folder)) + b"\0")
            try:
                digest.update(_content(path))
            except OSError as error:  # whoever reads it next says what to do
                digest.update(f"not readable ({error.errno})".encode())
    return digest.hexdigest()


def _content(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        return b"no plain file"
    if (status := path.stat()).st_size > MAX_BYTES:
        return f"{status.st_size} bytes of {status.st_mtime_ns}".encode()
    return hashlib.sha256(path.read_bytes()).digest()


def _checks_key(source: NotebookNode, judge: Judge) -> str:
    """Digest of the assignment, all but its prose, and of the judge."""
    cells = [
        (cell.cell_type, cell.source, cell.metadata)
        for cell in source.cells
        if cell.cell_type == "code" or "nbgrader" in cell.metadata
    ]
    course = {**source.metadata["course"], "version": ""}  # it changes with the prose too
    parts = [cells, {**source.metadata, "course": course}, judge_version(judge)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@contextmanager
def _alone(course: Course, name: str) -> Iterator[None]:
    """One batch of an assignment at a time; the kernel takes the lock back however the batch ends."""
    with (course.grading / f".{name}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CourseError(f"'{name}' is being graded already: wait until that is done, or stop it.") from None
        yield
