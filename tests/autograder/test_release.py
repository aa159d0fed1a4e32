"""The student version: what is in it, what is not, and that it is always the same."""

import shutil
from pathlib import Path

import nbformat
import pytest

from autograder import release
from autograder.colab import colab_url, install_cell
from autograder.course import Course, CourseError
from autograder.release import make_solution_version, make_student_version, student_version
from autograder.steps import open_gradebook


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def test_students_see_no_solution_and_no_hidden_test(released: Course) -> None:
    text = released.release("01_tiny").read_text()
    for private in (
        "twice_the_number",
        "squared_number",
        "secret_number",
        "square(-5)",
        "where both give four",
        "SOLUTION",
        "HIDDEN",
    ):
        assert private not in text
    for public in (
        "double(2) should be 4",
        "double(0) should be 0",
        "When are the two equal?",
        "YOUR CODE HERE",
        "YOUR ANSWER HERE",
    ):
        assert public in text


def test_first_cell_installs_the_library_and_is_locked(released: Course) -> None:
    first = read(released.release("01_tiny")).cells[0]
    assert first.source == install_cell("https://github.com/example/tiny-course")
    assert first.metadata.nbgrader.locked and not first.metadata.editable


def test_notebook_says_what_it_is(released: Course) -> None:
    metadata = read(released.release("01_tiny")).metadata
    assert metadata.kernelspec.name == "python3"
    assert metadata.language_info.name == "python"
    assert metadata.course.assignment == "01_tiny"
    assert len(metadata.course.version) == 12


def test_the_same_master_gives_the_same_bytes(released: Course, tiny: Course) -> None:
    first = released.release("01_tiny").read_bytes()
    assert make_student_version(tiny, "01_tiny").read_bytes() == first
    assert make_student_version(tiny, "01_tiny").read_bytes() == first


def test_cell_ids_last(released: Course) -> None:
    ids = [cell.id for cell in read(released.release("01_tiny")).cells]
    assert len(set(ids)) == len(ids)
    assert {"double", "double_visible", "double_hidden", "square", "square_check", "reflection"} <= set(ids)


def test_a_changed_master_is_released_again(tiny: Course) -> None:
    before = student_version(tiny, "01_tiny")
    master = tiny.master("01_tiny")
    master.write_text(master.read_text().replace("Now the square.", "And now the square."))
    after = student_version(tiny, "01_tiny")
    assert before.metadata.course.version != after.metadata.course.version
    assert "And now the square." in [cell.source for cell in after.cells]


def test_a_gradebook_moved_away_is_made_again(tiny: Course) -> None:
    student_version(tiny, "01_tiny")
    tiny.gradebook.unlink()
    student_version(tiny, "01_tiny")
    with open_gradebook(tiny) as book:
        assert [assignment.name for assignment in book.assignments] == ["01_tiny"]


def test_a_leak_is_found_whoever_makes_it(tiny: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """A student version that shows a solution line is removed, even if nbgrader is what let it through."""

    def careless(step, course, name, *, folder):
        course.release(name).parent.mkdir(parents=True)
        shutil.copy(course.source(name), course.release(name))

    monkeypatch.setattr(release, "run_step", careless)
    with pytest.raises(CourseError, match="twice_the_number.*cell 'double'"):
        make_student_version(tiny, "01_tiny")
    assert not tiny.release("01_tiny").exists()


def test_a_wrong_reference_is_refused(tiny: Course) -> None:
    master = tiny.master("01_tiny")
    master.write_text(master.read_text().replace("squared_number = x**2", "squared_number = x**3"))
    with pytest.raises(CourseError, match=r"cell 'square_check': AssertionError: square\(3\) should be 9, got 27"):
        make_solution_version(tiny, "01_tiny")
    assert not tiny.solution("01_tiny").exists()


def test_colab_url() -> None:
    url = colab_url("https://github.com/convnets-course/convnets-course", "04_convnets")
    assert url == (
        "https://colab.research.google.com/github/convnets-course/convnets-course/blob/student-notebooks/"
        "04_convnets/04_convnets.ipynb"
    )


@pytest.fixture
def pip_calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Records what the install cell would run; nothing is installed, and the first call succeeds."""
    calls: list[list[str]] = []

    def run(command: list[str]):
        calls.append(command)
        return type("Finished", (), {"returncode": len(calls) - 1})

    monkeypatch.setattr("subprocess.run", run)
    return calls


def test_install_cell_does_nothing_where_the_library_is(pip_calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    exec(install_cell("https://github.com/example/tiny-course"), {})  # noqa: S102
    assert pip_calls == []


def test_install_cell_keeps_what_colab_brings(pip_calls, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import PackageNotFoundError

    def version(package: str) -> str:
        if package == "torchvision":
            raise PackageNotFoundError(package)
        return {"torch": "2.11.0+cu128", "numpy": "2.0.2"}[package]

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("importlib.metadata.version", version)
    source = install_cell("https://github.com/example/tiny-course")
    exec(source, {})  # noqa: S102
    (command,) = pip_calls
    assert command[1:] == [
        "-m", "pip", "install", "--quiet", "torch==2.11.0+cu128", "numpy==2.0.2", "git+https://github.com/example/tiny-course",
    ]  # fmt: skip
    with pytest.raises(RuntimeError, match="check the network"):
        exec(source, {})  # noqa: S102
