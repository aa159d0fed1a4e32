"""Grade the submissions of an assignment: each gets a verdict or a reason, whatever the others are like."""

from __future__ import annotations

import os
import secrets
from contextlib import ExitStack, nullcontext
from typing import Literal

import nbformat

from autograder.batch import grade_all, submissions
from autograder.course import Course, CourseError
from autograder.executors import dask_executor, local_executor
from autograder.master import source_notebook
from autograder.sandbox import NoSandbox, probe
from autograder.verdict import Judge, Verdict

Sandbox = Literal["auto", "none"]


def grade(
    course: Course,
    name: str,
    *,
    student: str | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    sandbox: Sandbox = "auto",
    judge: Judge | None = None,
    progress: bool = False,
) -> dict[str, Verdict]:
    """Grade the submissions that are new or changed, or one student's, and write the gradebook.

    Args:
        student: grade only this one.
        jobs: how many submissions are judged at a time on this machine.
        scheduler: address of a Dask cluster that judges instead.
        sandbox: "none" runs submissions as nbgrader does, unprotected, with verdicts that they can forge.
        judge: another way of running and judging.
        progress: show a bar.

    Returns:
        `{student: verdict}`, of those graded before too; never without a status and, unless it is "graded", a reason.

    Raises:
        CourseError: wrong assignment name or student, nothing to grade, a master that cannot be released, no sandbox on
            this machine, or a gradebook or cluster that cannot be used.
    """
    course.require(name)
    folders = submissions(course, name)
    if not folders:
        raise CourseError(
            f"Nothing to grade: {course.where(course.submitted('<student>', name))}/ holds no submission. "
            f"'python -m autograder collect {name} PATH' brings them; 'python -m autograder samples {name}' makes three."
        )
    if student is not None and student not in folders:
        raise CourseError(f"No submission of '{name}' by '{student}'. There are: {', '.join(folders)}.")
    judge = judge or make_judge(course, name, sandbox)
    students = None if student is None else [student]
    with ExitStack() as stack:
        if scheduler:
            executor = stack.enter_context(dask_executor(scheduler))
        else:
            start = stack.enter_context(getattr(judge, "shared", nullcontext)())
            executor = stack.enter_context(local_executor(jobs, start, getattr(judge, "modules", ())))
        return grade_all(course, name, judge, executor=executor, students=students, progress=progress)


def make_judge(course: Course, name: str, sandbox: Sandbox = "auto") -> Judge:
    """The judge of an assignment: checks out here and code in the sandbox, or nbgrader's own way.

    Raises:
        CourseError: this machine has no sandbox; the message says how to go on.
    """
    if sandbox == "none":
        from autograder.stock import StockJudge

        return StockJudge(course, name)
    from autograder.judge import SandboxJudge  # here, because it brings torch

    try:
        probe()
    except NoSandbox as error:
        raise CourseError(str(error)) from error
    source = source_notebook(course, name)
    return SandboxJudge(nbformat.writes(source), _secret(course), dict(source.metadata.get("autograder", {})))


def _secret(course: Course) -> bytes:
    """What decides, with each submission, which inputs its checks draw; the course's own, made once."""
    path = course.grading / ".secret"
    if not path.exists():
        course.grading.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".secret-{os.getpid()}")
        fresh.touch(0o600)
        fresh.write_bytes(secrets.token_bytes(32))
        fresh.rename(path)
    return path.read_bytes()
