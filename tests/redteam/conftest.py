"""The tiny course of tests/autograder, released, for submissions that try to trip the grader."""

import shutil
from pathlib import Path

import pytest
from lab import Grader

from autograder.course import Course
from autograder.release import make_student_version

TINY = Path(__file__).parent.parent / "autograder" / "tiny_course"


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The tiny course with its student version made; tests must not change it."""
    course = Course(shutil.copytree(TINY, tmp_path_factory.mktemp("redteam") / "course"))
    make_student_version(course, "01_tiny")
    return course


@pytest.fixture(scope="session")
def grader() -> Grader:
    """One warm judge for all attacks, as a worker of a batch is."""
    return Grader()
