"""Where a course keeps its files, and which assignments it has."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parent.parent


class CourseError(Exception):
    """Something the person at the keyboard can mend; the message says how."""


@dataclass(frozen=True)
class Course:
    """A folder that holds `notebooks/<name>/assignment.py`; all state lives under `grading/` in nbgrader's layout.

    Args:
        root: the folder; by default the repository this package belongs to.
        database: address of the gradebook's database, `postgresql://…` say; by default what the environment variable
            AUTOGRADER_DATABASE holds, else the file `grading/gradebook.db`.
    """

    root: Path = REPOSITORY
    database: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root).resolve())

    def names(self) -> list[str]:
        """Names of the assignments, in order."""
        return sorted(path.parent.name for path in self.root.glob("notebooks/*/assignment.py"))

    def require(self, name: str) -> None:
        """Raise CourseError, listing the right names, unless `name` is an assignment of this course."""
        names = self.names()
        if name in names:
            return
        if not names:
            raise CourseError(
                f"{self.root} holds no notebooks/<name>/assignment.py: give the course's folder with --root."
            )
        raise CourseError(f"There is no assignment '{name}' in {self.root}. The assignments are: {', '.join(names)}.")

    def master(self, name: str) -> Path:
        """The master script of an assignment; raises CourseError for a wrong name."""
        self.require(name)
        return self.root / "notebooks" / name / "assignment.py"

    @property
    def grading(self) -> Path:
        """The course directory of nbgrader."""
        return self.root / "grading"

    def source(self, name: str) -> Path:
        """The instructor's notebook that nbgrader reads."""
        return self.grading / "source" / name / f"{name}.ipynb"

    def release(self, name: str) -> Path:
        """The student version."""
        return self.grading / "release" / name / f"{name}.ipynb"

    def solution(self, name: str) -> Path:
        """The executed solution version."""
        return self.root / "solutions" / f"{name}.ipynb"

    def submitted(self, student: str, name: str) -> Path:
        """The folder a student's submission lies in."""
        return self.grading / "submitted" / student / name

    def autograded(self, student: str, name: str) -> Path:
        """The submission as it was run."""
        return self.grading / "autograded" / student / name / f"{name}.ipynb"

    def feedback(self, student: str, name: str) -> Path:
        """The page a student gets back."""
        return self.grading / "feedback" / student / name / f"{name}.html"

    @property
    def grades_csv(self) -> Path:
        """The marks of all students in all assignments."""
        return self.grading / "grades.csv"

    @property
    def gradebook(self) -> Path:
        """The file of nbgrader's database, where no other database is named."""
        return self.grading / "gradebook.db"

    @property
    def database_url(self) -> str:
        """The address of nbgrader's database."""
        url = self.database or os.environ.get("AUTOGRADER_DATABASE") or f"sqlite:///{self.gradebook}"
        # Without a driver's name SQLAlchemy 2.0 and 2.1 take different ones.
        return re.sub(r"^postgres(ql)?://", "postgresql+psycopg2://", url)

    def repository_url(self) -> str:
        """Address of the public repository, from `repository: url:` in _config.yml.

        A course folder without a _config.yml uses the one of this repository, where course_lib comes from.
        """
        for folder in (self.root, REPOSITORY):
            config = folder / "_config.yml"
            if config.exists():
                url = (yaml.safe_load(config.read_text(encoding="utf-8")) or {}).get("repository", {}).get("url")
                if url:
                    return url.removesuffix("/").removesuffix(".git")
        raise CourseError(f"{self.root / '_config.yml'} does not name the repository: add 'repository:' with a 'url:'.")

    def where(self, path: Path) -> str:
        """`path` as messages show it: relative to the course's folder."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)
