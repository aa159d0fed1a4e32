"""Run nbgrader's own converters in this process: quietly, for one assignment, with the last word of a failure."""

from __future__ import annotations

import glob
import importlib.util
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.converters.base import BaseConverter
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder.course import Course

_log = logging.getLogger("autograder.nbgrader")
_log.propagate = False
_log.setLevel(logging.WARNING)


class StepError(Exception):
    """A converter failed; the message is the error's last line."""


def open_gradebook(course: Course) -> Gradebook:
    """nbgrader's gradebook, to be used as a context manager; made on first use."""
    course.grading.mkdir(parents=True, exist_ok=True)
    with environment():
        return Gradebook(course.database_url)


def in_gradebook(course: Course, name: str) -> bool:
    """Whether the gradebook knows assignment `name`."""
    with open_gradebook(course) as book:
        return name in {assignment.name for assignment in book.assignments}


def run_step(
    step: type[BaseConverter],
    course: Course,
    name: str,
    *,
    folder: Path,
    student: str | None = None,
    cell_timeout: int = 600,
) -> None:
    """Run one converter on assignment `name`, replacing what it made before.

    Args:
        step: e.g. nbgrader's GenerateAssignment.
        folder: the course directory it reads and writes, in nbgrader's layout; the gradebook is always the course's.
        student: restricts it to one student's submission.
        cell_timeout: seconds a cell may run, for converters that execute.

    Raises:
        StepError: the converter failed.
    """
    for part in (str(folder), student or ""):
        if glob.escape(part) != part or part.strip() != part:
            raise StepError(
                f"nbgrader cannot work with the name '{part}': use one without [, * and ?, or blanks at its ends"
            )
    config = Config()
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.db_url = course.database_url
    config.CourseDirectory.course_id = "default_course"  # Gradebook's own default; PostgreSQL insists that it exists
    config.CourseDirectory.assignment_id = name
    config.CourseDirectory.student_id = student or "*"
    config.BaseConverter.force = True
    config.Execute.timeout = cell_timeout
    config.Execute.extra_arguments = ["--IPKernelApp.log_level=ERROR"]
    # nbgrader fails a check whose cell writes to stderr; a warning or a progress bar is no error.
    config.IgnorePattern.enabled = True
    config.IgnorePattern.pattern = "(?s)."
    memory = _Memory()
    _log.addHandler(memory)
    try:
        with warnings.catch_warnings(action="ignore"), environment():
            step(coursedir=CourseDirectory(config=config, log=_log), config=config, log=_log).start()
    except Exception as error:
        raise StepError(memory.last_word() or f"{type(error).__name__}: {error}") from error
    finally:
        _log.removeHandler(memory)


@contextmanager
def environment() -> Iterator[None]:
    """The environment nbgrader and its kernels need, whether or not the virtual environment is activated."""
    before = dict(os.environ)
    # nbgrader calls the program alembic when it makes a gradebook.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before.get("PATH", os.defpath)])
    # A kernel, wherever it starts, imports the same course_lib as the grader.
    spec = importlib.util.find_spec("course_lib")
    if spec and spec.origin:
        paths = [str(Path(spec.origin).parent.parent), before.get("PYTHONPATH", "")]
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # a warning of the kernel's debugger
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class _Memory(logging.Handler):
    """Keeps a converter's warnings and errors instead of printing them."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())

    def last_word(self) -> str:
        """The last line of the last traceback, else the last message."""
        tracebacks = [text for text in self.messages if text.startswith("Traceback")]
        last = (tracebacks or self.messages or [""])[-1].strip()
        return last.split("\n")[-1]
