"""The command line on the tiny course: what it prints, writes and returns."""

import json
import shutil
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner, Result

from autograder.cli import app
from autograder.course import Course


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> tuple[Course, dict[str, Result]]:
    """release, samples and grade, one after the other."""
    root = shutil.copytree(Path(__file__).parent / "tiny_course", tmp_path_factory.mktemp("cli") / "course")
    results = {
        "release": call("--root", root, "release", "01_tiny"),
        "samples": call("samples", "01_tiny", "--root", root),
        "grade": call("grade", "01_tiny", "--root", root, "--json", root / "verdicts.json"),
        "feedback": call("feedback", "01_tiny", "--student", "full", "--root", root),
        "report": call("report", "01_tiny", "--root", root),
        "export": call("export", "--format", "moodle", "--root", root),
        "doctor": call("doctor", "--root", root),
    }
    return Course(root), results


def test_all_commands_succeed(road) -> None:
    failed = {command: result.output for command, result in road[1].items() if result.exit_code}
    assert not failed


def test_release_makes_both_versions(road) -> None:
    course, results = road
    assert course.release("01_tiny").exists() and course.solution("01_tiny").exists()
    assert "grading/release/01_tiny/01_tiny.ipynb" in results["release"].output
    assert "solutions/01_tiny.ipynb" in results["release"].output


def test_the_solution_is_executed_and_keeps_its_outputs(road) -> None:
    notebook = nbformat.read(road[0].solution("01_tiny"), as_version=4)
    assert any("3.14159" in str(cell.get("outputs")) for cell in notebook.cells)
    assert any("BEGIN SOLUTION" in cell.source for cell in notebook.cells)


def test_samples_get_the_right_marks(road) -> None:
    course, _ = road
    verdicts = json.loads((course.root / "verdicts.json").read_text())
    assert {student: verdict["score"] for student, verdict in verdicts.items()} == {"full": 6, "partial": 3, "wrong": 0}
    assert verdicts["full"]["max_score"] == 10
    assert verdicts["full"]["needs_manual_grade"] == ["reflection"]
    assert verdicts["wrong"]["checks"]["double_visible"] == {
        "score": 0, "max": 1, "outcome": "failed", "message": "double(2) should be 4, got 0",
    }  # fmt: skip


def test_the_table_names_everyone(road) -> None:
    lines = road[1]["grade"].stdout.splitlines()
    assert lines[:4] == [
        "student  status  score  reason",
        "full     graded  6/10   to grade by hand: reflection",
        "partial  graded  3/10",
        "wrong    graded  0/10",
    ]


def test_every_command_says_where_to_look(road) -> None:
    course, results = road
    assert "grades.csv" in results["grade"].output and course.grades_csv.exists()
    assert course.feedback("wrong", "01_tiny").exists()
    for command in ("report", "export"):
        assert (course.root / results[command].stdout.strip()).is_file()
    assert "wait to be read" in results["export"].stderr
    assert results["feedback"].stdout.startswith("1 page")
    assert "bubblewrap" in results["doctor"].stdout


def test_grading_again_changes_nothing(road) -> None:
    course, _ = road
    before = course.autograded("full", "01_tiny").stat().st_mtime_ns
    assert call("grade", "01_tiny", "--root", course.root, "--no-feedback").exit_code == 0
    assert course.autograded("full", "01_tiny").stat().st_mtime_ns == before


def test_collect_takes_a_folder_and_says_what_it_refused(road, tmp_path: Path) -> None:
    course, _ = road
    shutil.copy(course.release("01_tiny"), tmp_path / "ada.ipynb")
    (tmp_path / "broken.zip").write_bytes(b"PK")
    result = call("collect", "01_tiny", tmp_path, "--root", course.root)
    assert result.exit_code == 0 and "ada" in result.stdout and "broken.zip" in result.stderr
    assert course.submitted("ada", "01_tiny").is_dir()


def test_grading_without_a_sandbox_is_loud(tiny: Course) -> None:
    call("samples", "01_tiny", "--root", tiny.root)
    result = call("grade", "01_tiny", "--student", "wrong", "--sandbox", "none", "--no-feedback", "--root", tiny.root)
    assert result.exit_code == 0 and "WARNING: no sandbox" in result.stderr and "0/10" in result.stdout


def test_a_machine_without_a_sandbox_is_told_how_to_go_on(tiny: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    from autograder import grade as module
    from autograder.sandbox import NoSandbox

    def refuse() -> str:
        raise NoSandbox("The program bwrap is not here: 'apt-get install bubblewrap' brings it.")

    monkeypatch.setattr(module, "probe", refuse)
    call("samples", "01_tiny", "--root", tiny.root)
    result = call("grade", "01_tiny", "--root", tiny.root)
    assert result.exit_code == 2 and "apt-get install bubblewrap" in result.stderr


@pytest.mark.parametrize("command", ["release", "samples", "grade", "feedback", "report", "audit"])
def test_a_wrong_name_is_answered_with_the_right_ones(tiny: Course, command: str) -> None:
    result = call(command, "04_covnets", "--root", tiny.root)
    assert result.exit_code == 2
    assert "There is no assignment '04_covnets'" in result.stderr and "01_tiny" in result.stderr
    assert "Traceback" not in result.output


def test_list(tiny: Course) -> None:
    result = call("list", "--root", tiny.root)
    assert (result.exit_code, result.stdout) == (0, "01_tiny\n")


def test_a_folder_without_assignments(tmp_path: Path) -> None:
    result = call("grade", "01_tiny", "--root", tmp_path)
    assert result.exit_code == 2 and "--root" in result.stderr


def test_a_bad_master_ends_release_with_its_problems(tiny: Course) -> None:
    master = tiny.master("01_tiny")
    master.write_text(master.read_text().replace("import math", "import my_helpers"))
    result = call("release", "01_tiny", "--root", tiny.root)
    assert result.exit_code == 2
    assert "notebooks/01_tiny/assignment.py, cell 2, starting 'import my_helpers'" in result.stderr
    assert not tiny.grading.exists() and not (tiny.root / "solutions").exists()
