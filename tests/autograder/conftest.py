"""A tiny course whose grading takes seconds: two functions and a reflection, ten points, no torch."""

import shutil
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.release import make_student_version

TINY = Path(__file__).parent / "tiny_course"


@pytest.fixture
def tiny(tmp_path: Path) -> Course:
    """A fresh copy of the tiny course."""
    return Course(shutil.copytree(TINY, tmp_path / "course"))


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The tiny course with its student version made; tests must not change it."""
    course = Course(shutil.copytree(TINY, tmp_path_factory.mktemp("released") / "course"))
    make_student_version(course, "01_tiny")
    return course
