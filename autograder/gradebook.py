"""nbgrader's gradebook with transactions of our own, and a table for verdicts beside nbgrader's tables."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from nbgrader.api import Gradebook
from sqlalchemy import Column, MetaData, Row, Table, Text, event, insert, select, update
from sqlalchemy.exc import OperationalError

from autograder.course import Course, CourseError
from autograder.steps import environment

T = TypeVar("T")
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
# `submission` names what was graded, `notebook` is the digest of the file in autograded/, `answers` those of the answers.
_VERDICTS = Table(
    "autograder_verdict",
    MetaData(),
    Column("assignment", Text, primary_key=True),
    Column("student", Text, primary_key=True),
    *(Column(name, Text, nullable=False) for name in ("submission", "verdict", "notebook", "answers")),
)


class LedgerError(CourseError):
    """The gradebook could not be written for a while; nothing that was entered before is lost."""


class Book(Gradebook):
    """nbgrader's gradebook, several of whose calls make one transaction.

    Nearly every call of nbgrader's ends in `self.db.commit()`. Here that does nothing, queries flush what is pending, and
    only the end of `transaction` commits.
    """

    def __init__(self, course: Course) -> None:
        with environment():
            super().__init__(course.database_url)
        _VERDICTS.create(self.engine, checkfirst=True)
        if self.engine.dialect.name == "sqlite":
            # Take the lock when a transaction begins, so that another writer is met there and nowhere else.
            event.listen(self.engine, "connect", _leave_begin_to_us)
            event.listen(self.engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
            self.engine.dispose()
        self._commit = self.db.commit
        self.db.commit = lambda: None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what the block does."""
        try:
            yield
            self.db.flush()
            self._commit()
        except BaseException:
            self.db.rollback()
            raise
        finally:
            self.db.remove()  # with all it has loaded: memory stays flat

    def row(self, assignment: str, student: str) -> Row | None:
        """The row of a student in the table of verdicts."""
        return self.db.execute(select(_VERDICTS).where(*_is(assignment, student))).one_or_none()

    def rows(self, assignment: str) -> list[Row]:
        """The rows of all students, in order."""
        of_assignment = select(_VERDICTS).where(_VERDICTS.c.assignment == assignment)
        return list(self.db.execute(of_assignment.order_by(_VERDICTS.c.student)))

    def keep(self, assignment: str, student: str, **columns: str) -> None:
        """Write a student's row, or some columns of it."""
        if self.row(assignment, student):
            self.db.execute(update(_VERDICTS).where(*_is(assignment, student)).values(**columns))
        else:
            values = {"notebook": "", "answers": "{}", **columns}
            self.db.execute(insert(_VERDICTS).values(assignment=assignment, student=student, **values))


def patiently(attempt: Callable[[], T], patience: float) -> T:
    """Try for some seconds, until the gradebook is free and the disk has room.

    Raises:
        LedgerError: it did not come to that.
    """
    give_up = time.monotonic() + patience
    while True:
        try:
            return attempt()
        except (OperationalError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in _NO_ROOM:
                raise
            if time.monotonic() > give_up:
                said = " ".join(str(getattr(error, "orig", error)).split())
                raise LedgerError(
                    f"The gradebook could not be used for {patience:g} s ({said}). Close what else uses it, or make room "
                    "on the disk, and grade again: it goes on where it stopped."
                ) from error
            time.sleep(0.2)


def _is(assignment: str, student: str) -> tuple:
    return _VERDICTS.c.assignment == assignment, _VERDICTS.c.student == student


def _leave_begin_to_us(connection: object, _record: object) -> None:
    connection.isolation_level = None
