"""Exported marks: the numbers of nbgrader, the columns each platform asks for, no formula."""

import csv
import io
import shutil
from pathlib import Path

import pytest
from marks import NAME, put_mark
from nbgrader.plugins import CsvExportPlugin

from autograder.course import Course, CourseError
from autograder.export import export, to_csv, unfinished
from autograder.steps import open_gradebook

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")


@pytest.fixture(scope="module")
def course(released_copy: Course) -> Course:
    put_mark(
        released_copy,
        "ada",
        first_name="Ada",
        last_name="Lovelace",
        email="ada@example.org",
        lms_user_id="101",
        reflection=3.5,
    )
    put_mark(released_copy, "bob", {"square_check": "no"}, late_penalty=1.25, reflection=0)
    put_mark(
        released_copy, "late", dict.fromkeys(("double_visible", "double_hidden", "square_check"), "no"), late_penalty=2
    )
    with open_gradebook(released_copy) as book:
        book.add_student("nothing handed in")
        book.add_student(
            '=HYPERLINK("http://x.invalid")', first_name="+cmd|' /C calc'!A0", last_name="@SUM(1)", email="\t=1"
        )
    return released_copy


@pytest.fixture(scope="module")
def released_copy(released: Course, tmp_path_factory: pytest.TempPathFactory) -> Course:
    return Course(shutil.copytree(released.root, tmp_path_factory.mktemp("export") / "course"))


def read(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_csv_has_nbgraders_columns_and_numbers(course: Course, tmp_path: Path) -> None:
    """The same table as nbgrader's own export makes, for students whose names need no quotes."""
    theirs = tmp_path / "theirs.csv"
    with open_gradebook(course) as book:
        CsvExportPlugin(to=str(theirs)).export(book)
    ours = export(course, "csv")
    assert ours == course.grades_csv
    tame = {"student_id", "ada", "bob", "late", "nothing handed in"}
    assert [row for row in read(ours) if row[3] in tame] == [row for row in read(theirs) if row[3] in tame]
    assert {row[3]: row[9] for row in read(ours)} | {"ada": "9.5", "bob": "1.75", "late": "0.0"} == {
        row[3]: row[9] for row in read(ours)
    }


def test_canvas(course: Course) -> None:
    header, points, *rows = read(export(course, "canvas"))
    assert header == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", NAME]
    assert points == ["    Points Possible", "", "", "", "", "10"]
    marks = {row[3]: row for row in rows}
    assert marks["ada"] == ["Lovelace, Ada", "101", "", "ada", "", "9.5"]
    assert marks["bob"] == ["bob", "", "", "bob", "", "1.75"]
    assert marks["late"][-1] == "0" and marks["nothing handed in"][-1] == ""


def test_moodle(course: Course) -> None:
    header, *rows = read(export(course, "moodle"))
    assert header == ["First name", "Last name", "ID number", "Email address", NAME]
    assert ["Ada", "Lovelace", "101", "ada@example.org", "9.5"] in rows
    assert ["", "", "nothing handed in", "", ""] in rows


@pytest.mark.parametrize("format", ["csv", "canvas", "moodle"])
def test_no_cell_is_a_formula(course: Course, format: str) -> None:
    cells = [cell for row in read(export(course, format)) for cell in row]
    assert '\'=HYPERLINK("http://x.invalid")' in cells
    assert not [cell for cell in cells if cell.strip().startswith(("=", "+", "-", "@", "\t"))]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1", "'=1"), ("+1", "'+1"), ("-1", "'-1"), ("@a", "'@a"), ("\t=1", "'\t=1"), ("\r=1", "'\r=1"), (" =1", "' =1"),
        ("＝1", "'＝1"), ("a=1", "a=1"), ("", ""), (-1.5, "-1.5"), (0, "0"), (None, ""), ('a",=1', 'a",=1'), ("a\n=1", "a\n=1"), ("a\r=1", "a\r=1"),
    ],
)  # fmt: skip
def test_text_is_made_inert_and_numbers_stay(value: str | float | None, shown: str) -> None:
    (row,) = csv.reader(io.StringIO(to_csv([["first", value, "last"]]), newline=""))
    assert row == ["first", shown, "last"]


def test_answers_that_wait_are_announced(course: Course) -> None:
    assert unfinished(course) == [f"{NAME}: 1 submissions wait to be read in formgrader; those answers count as zero."]


def test_without_marks_or_with_a_wrong_format(tiny: Course) -> None:
    with pytest.raises(CourseError, match="There are no marks yet"):
        export(tiny, "csv")
    assert not tiny.gradebook.exists()
    with pytest.raises(CourseError, match="no export format 'xlsx'. The formats are: csv, canvas, moodle"):
        export(tiny, "xlsx")
