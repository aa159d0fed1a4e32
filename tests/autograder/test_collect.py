"""Archives and folders as learning platforms lay them out, and what people and bad archives do to them."""

import io
import os
import stat
import zipfile
from pathlib import Path

import pytest

from autograder import archive
from autograder import collect as collecting
from autograder.collect import Collected, Refused, collect
from autograder.course import Course, CourseError

NAME = "01_tiny"
TIME = "2025-03-01 12:00:00 UTC"
METADATA = """\
submission_111:
  :submitters:
  - :name: Ana Núñez
    :sid: '0100'
    :email: ana@example.org
  :created_at: 2025-03-01 12:00:00.250000000 Z
  :score: 0.0
submission_222:
  :submitters:
  - :name: Bo
    :email: bo@example.org
  - :name: Cy
  :created_at: !ruby/object:ActiveSupport::TimeWithZone
    utc: 2025-03-01 12:00:00 Z
submission_333:
  :submitters: []
"""
# Layout: ({file: content}, {student: {file: content}}); a content of None is the file's own name.
LAYOUTS: dict[str, tuple[dict[str, str], dict[str, dict[str, str]]]] = {
    "Canvas": (
        {
            "doejane_12345_67890_01_tiny.ipynb": "jane",
            "roejohn_LATE_12346_67891_Untitled (2).ipynb": "john",
            "núñezañano_7_8_01_tiny-3.ipynb": "ana",
            "anon_Ab1cD_9_work.ipynb": "anon",
            "LATE_anon_Xy2zW_10_work.ipynb": "late",
        },
        {
            "doejane_12345": {"01_tiny.ipynb": "jane"},
            "roejohn_12346": {"01_tiny.ipynb": "john"},
            "núñezañano_7": {"01_tiny.ipynb": "ana"},
            "anon_Ab1cD": {"01_tiny.ipynb": "anon"},
            "anon_Xy2zW": {"01_tiny.ipynb": "late"},
        },
    ),
    "Canvas, handed in again": (
        {
            "doejane_12345_100_01_tiny.ipynb": "first",
            "doejane_12345_300_01_tiny-10.ipynb": "eleventh",
            "doejane_12345_200_01_tiny-2.ipynb": "third",
            "roejohn_LATE_12346_400_a.ipynb": "newer",
            "roejohn_12346_200_a.ipynb": "older",
        },
        {"doejane_12345": {"01_tiny.ipynb": "eleventh"}, "roejohn_12346": {"01_tiny.ipynb": "newer"}},
    ),
    "Moodle": (
        {
            "Jane Doe_12345_assignsubmission_file_/01_tiny.ipynb": "jane",
            "Jane Doe_12345_assignsubmission_onlinetext_/onlinetext.html": "<p>hello</p>",
            "Лев Толстой_12346_assignsubmission_file_/sub/work.ipynb": "лев",
            "O'Neil Zoë_12347_assignsubmission_file_/01_tiny.py": "# %%",
            "Participant_12348_assignsubmission_file_01_tiny.ipynb": "flat",
        },
        {
            "Jane Doe_12345": {"01_tiny.ipynb": "jane"},
            "Лев Толстой_12346": {"01_tiny.ipynb": "лев"},
            "O'Neil Zoë_12347": {"01_tiny.py": "# %%"},
            "Participant_12348": {"01_tiny.ipynb": "flat"},
        },
    ),
    "Gradescope": (
        {
            "assignment_9_export/submission_metadata.yml": METADATA,
            "assignment_9_export/submission_111/01_tiny.ipynb": "ana",
            "assignment_9_export/submission_222/deep/er/x.ipynb": "group",
            "__MACOSX/assignment_9_export/._submission_metadata.yml": "\0",
        },
        {
            "0100": {"01_tiny.ipynb": "ana", "timestamp.txt": "2025-03-01 12:00:00.250000 UTC\n"},
            "bo@example.org": {"01_tiny.ipynb": "group", "timestamp.txt": "2025-03-01 12:00:00 UTC\n"},
            "Cy": {"01_tiny.ipynb": "group", "timestamp.txt": "2025-03-01 12:00:00 UTC\n"},
        },
    ),
    "nbgrader": (
        {
            f"submitted/anna/{NAME}/01_tiny.ipynb": "anna",
            f"submitted/anna/{NAME}/timestamp.txt": TIME,
            f"submitted/anna/{NAME}/.ipynb_checkpoints/01_tiny-checkpoint.ipynb": "old",
            f"submitted/bob/{NAME}/x.ipynb": "bob",
        },
        {
            "anna": {"01_tiny.ipynb": "anna", "timestamp.txt": "2025-03-01 12:00:00 UTC\n"},
            "bob": {"01_tiny.ipynb": "bob"},
        },
    ),
    "nbgrader without the step": (
        {f"anna/{NAME}/01_tiny.ipynb": "anna", f"bob/{NAME}/01_tiny.ipynb": "bob"},
        {"anna": {"01_tiny.ipynb": "anna"}, "bob": {"01_tiny.ipynb": "bob"}},
    ),
    "a pile of files": (
        {
            "anna.ipynb": "anna",
            "01_tiny_bob.ipynb": "bob",
            "carla - 01_tiny.ipynb": "carla",
            "dee (1).ipynb": "dee",
            "李 小龙.IPYNB": "li",
            "eve.py": "# %%",
            ".DS_Store": "x",
        },
        {
            "anna": {"01_tiny.ipynb": "anna"},
            "bob": {"01_tiny.ipynb": "bob"},
            "carla": {"01_tiny.ipynb": "carla"},
            "dee": {"01_tiny.ipynb": "dee"},
            "李 小龙": {"01_tiny.ipynb": "li"},
            "eve": {"01_tiny.py": "# %%"},
        },
    ),
    "a pile of folders": (
        {"anna/Untitled.ipynb": "anna", "anna/data.csv": "1,2", "bob/deep/work.ipynb": "bob"},
        {"anna": {"01_tiny.ipynb": "anna"}, "bob": {"01_tiny.ipynb": "bob"}},
    ),
    "one student's folder": ({"anna/work.ipynb": "anna"}, {"anna": {"01_tiny.ipynb": "anna"}}),
    "wrapped once more": (
        {"source/anna.ipynb": "anna", "source/bob/work.ipynb": "bob"},
        {"anna": {"01_tiny.ipynb": "anna"}, "bob": {"01_tiny.ipynb": "bob"}},
    ),
    "names that nbgrader cannot take": (
        {"a[1]*?.ipynb": "a", ".hidden.ipynb": "b", "tab\there.ipynb": "c"},
        {"a_1___": {"01_tiny.ipynb": "a"}, "_hidden": {"01_tiny.ipynb": "b"}, "tab here": {"01_tiny.ipynb": "c"}},
    ),
    "two files of one student": (
        {"anna.ipynb": "one", "anna (1).ipynb": "two", "bob/a.ipynb": "same", "bob/sub/a.ipynb": "other"},
        {"anna": {"anna.ipynb": "one", "anna (1).ipynb": "two"}, "bob": {"a.ipynb": "same", "a [2].ipynb": "other"}},
    ),
}  # fmt: skip


@pytest.fixture
def course(tmp_path: Path) -> Course:
    root = tmp_path / "course"
    (root / "notebooks" / NAME).mkdir(parents=True)
    (root / "notebooks" / NAME / "assignment.py").touch()
    return Course(root)


def as_folder(tmp_path: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return tmp_path / "source"


def zipped(files: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return data.getvalue()


def as_zip(tmp_path: Path, files: dict[str, str | bytes]) -> Path:
    path = tmp_path / "source.zip"
    path.write_bytes(zipped(files))
    return path


def lying(course: Course) -> dict[str, dict[str, str]]:
    """What lies in grading/submitted."""
    return {
        folder.parent.name: {path.name: path.read_text() for path in folder.iterdir()}
        for folder in course.grading.glob(f"submitted/*/{NAME}")
    }


@pytest.mark.parametrize("pack", [as_folder, as_zip])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(course: Course, tmp_path: Path, layout: str, pack) -> None:
    files, expected = LAYOUTS[layout]
    path = pack(tmp_path, files)
    collected, refused = collect(course, NAME, path)
    assert lying(course) == expected
    assert {one.student for one in collected} == set(expected) and {one.change for one in collected} == {"new"}
    assert {file for one in collected for file in one.files} <= {f for files in expected.values() for f in files}
    assert refused == []
    assert not list(tmp_path.rglob(".01_tiny.*"))
    again, refused = collect(course, NAME, path)
    assert lying(course) == expected and {one.change for one in again} == {"unchanged"} and refused == []


def test_notes_say_what_was_left_out(course: Course, tmp_path: Path) -> None:
    files = {**LAYOUTS["Canvas, handed in again"][0], "doejane_12345_101_report.pdf": "x"}
    (jane, john), _ = collect(course, NAME, as_zip(tmp_path, files))
    assert jane.notes == [
        "Handed in again: the newest version is kept, not '01_tiny.ipynb', '01_tiny-2.ipynb'.",
        "Not collected, being no notebook: 'report.pdf'.",
    ]
    assert john.notes[0] == "The platform marks it as late."


def test_gradescope_keeps_the_last_submission_of_a_student(course: Course, tmp_path: Path) -> None:
    metadata = METADATA.replace("submission_222", "submission_444").replace(":email: bo@example.org", ":sid: '0100'")
    files = {
        "submission_metadata.yml": metadata.replace("utc: 2025-03-01", "utc: 2025-03-02"),
        "submission_111/a.ipynb": "first",
        "submission_444/a.ipynb": "second",
        "submission_333/a.ipynb": "nobody",
    }
    _, refused = collect(course, NAME, as_zip(tmp_path, files))
    assert lying(course)["0100"] == {"01_tiny.ipynb": "second", "timestamp.txt": "2025-03-02 12:00:00 UTC\n"}
    assert [each.file for each in refused] == ["submission_333/a.ipynb"] and "name no student" in refused[0].reason


@pytest.mark.parametrize("text", ["a: [", "- 1", "&a [*a]", "!!python/object/apply:os.system [x]", "[" * 5000, "x: \0"])
def test_metadata_that_cannot_be_read(course: Course, tmp_path: Path, text: str) -> None:
    path = as_zip(tmp_path, {"submission_metadata.yml": text, "submission_1/a.ipynb": "a"})
    collected, refused = collect(course, NAME, path)
    assert [one.student for one in collected] == ["submission_1"]
    assert [each.file for each in refused] == ["submission_metadata.yml"]


def test_collecting_again_replaces_only_what_changed(course: Course, tmp_path: Path) -> None:
    collect(course, NAME, as_zip(tmp_path, {"anna.ipynb": "1", "bob.ipynb": "1", "carla.ipynb": "1"}))
    untouched = (course.submitted("carla", NAME) / f"{NAME}.ipynb").stat()
    collected, _ = collect(course, NAME, as_zip(tmp_path, {"bob.ipynb": "1", "anna.ipynb": "2", "dee.ipynb": "1"}))
    assert {one.student: one.change for one in collected} == {"anna": "replaced", "bob": "unchanged", "dee": "new"}
    assert {student: files[f"{NAME}.ipynb"] for student, files in lying(course).items()} == {
        "anna": "2", "bob": "1", "carla": "1", "dee": "1",
    }  # fmt: skip
    assert (course.submitted("carla", NAME) / f"{NAME}.ipynb").stat() == untouched


def test_an_older_submission_does_not_replace_a_newer_one(course: Course, tmp_path: Path) -> None:
    new = {f"anna/{NAME}/a.ipynb": "new", f"anna/{NAME}/timestamp.txt": "2025-03-02 08:00:00 UTC"}
    old = {f"anna/{NAME}/a.ipynb": "old", f"anna/{NAME}/timestamp.txt": "2025-03-01 20:00:00 UTC"}
    for files in (new, old):
        (one,), _ = collect(course, NAME, as_zip(tmp_path, files))
    assert lying(course)["anna"]["01_tiny.ipynb"] == "new"
    assert one.change == "unchanged" and "is newer (2025-03-02 08:00:00 UTC)" in one.notes[0]


def test_a_run_that_was_killed_between_two_renamings(course: Course, tmp_path: Path) -> None:
    path = as_zip(tmp_path, {"anna.ipynb": "1"})
    collect(course, NAME, path)
    folder = course.submitted("anna", NAME)
    os.replace(folder, folder.with_name(f".{NAME}.old"))
    (one,), _ = collect(course, NAME, path)
    assert one.change == "unchanged" and lying(course) == {"anna": {"01_tiny.ipynb": "1"}}


def test_too_alike(course: Course, tmp_path: Path) -> None:
    files = {"Anna.ipynb": "A", "anna.ipynb": "a", "b*.ipynb": "1", "b?.ipynb": "2", "carla.ipynb": "c"}
    collected, refused = collect(course, NAME, as_zip(tmp_path, files))
    assert [one.student for one in collected] == ["carla"]
    assert sorted(each.file for each in refused) == ["Anna.ipynb", "anna.ipynb", "b*.ipynb", "b?.ipynb"]
    assert "'Anna', 'anna' are too alike" in refused[0].reason
    collected, refused = collect(course, NAME, as_zip(tmp_path, {"CARLA.ipynb": "c"}))
    assert collected == [] and "'carla', 'CARLA' are too alike" in refused[0].reason


BAD_ZIPS: dict[str, tuple[bytes, str]] = {
    "not a zip": (b"PK\3\4 and no more", "cannot be opened"),
    "cut off": (zipped({"a.ipynb": "x" * 500})[:-30], "cannot be opened"),
    "zip inside": (zipped({"b.zip": zipped({"a.ipynb": "x"})}), "A zip inside a zip"),
    "too large": (zipped({"a.ipynb": b"\0" * 60_000_000}), "larger than 50 MB"),
    "too many files": (zipped({f"{'x' * 100}{number}": "" for number in range(3000)}), "more than 1,000 files"),
    "leads out": (zipped({"../../a.ipynb": "x"}), "leads out of the archive"),
    "absolute": (zipped({"/tmp/a.ipynb": "x"}), "leads out of the archive"),
    "a drive": (zipped({"C:\\a.ipynb": "x"}), "leads out of the archive"),
    "leads out, with backslashes": (zipped({"x\\..\\..\\a.ipynb": "x"}), "leads out of the archive"),
    "damaged": (zipped({"a.ipynb": "hello"}, zipfile.ZIP_STORED).replace(b"hello", b"jello"), "damaged in the archive"),
    "no notebook": (zipped({"a.pdf": "x"}), "No notebook was handed in (only 'work.zip')"),
    "nothing": (zipped({}), "No notebook was handed in"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_ZIPS)
def test_a_zip_that_a_student_handed_in(course: Course, tmp_path: Path, case: str) -> None:
    """The good one is collected; the bad one is refused, the student gets a reason and keeps what was there before."""
    data, reason = BAD_ZIPS[case]
    good = zipped({"folder/a.ipynb": "good", "folder/numpy.py": "evil"})
    moodle = "Jo_1_assignsubmission_file_"
    path = as_zip(tmp_path, {f"{moodle}/work.zip": data, "anna.zip": good})
    collected, refused = collect(course, NAME, path)
    assert [one.student for one in collected] == ["anna"] and lying(course)["anna"] == {"01_tiny.ipynb": "good"}
    assert len(refused) == 1 and reason in refused[0].reason
    assert reason in lying(course)["Jo_1"]["not-collected.txt"]
    collect(course, NAME, as_zip(tmp_path, {f"{moodle}/work.zip": good}))
    collect(course, NAME, path)
    assert lying(course)["Jo_1"] == {"01_tiny.ipynb": "good"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["course", "source.zip"]


def test_names_that_lead_out_of_the_archive(course: Course, tmp_path: Path) -> None:
    path = as_zip(
        tmp_path, {"../evil.ipynb": "1", "/etc/evil.ipynb": "2", "a/../../b.ipynb": "3", "x" * 300 + ".ipynb": "4"}
    )
    collected, refused = collect(course, NAME, path)
    assert collected == [] and len(refused) == 4 and not list(tmp_path.rglob("*.ipynb"))
    assert "longer than 200 bytes" in refused[-1].reason and len(refused[-1].file) < 100


def test_links_are_not_followed(course: Course, tmp_path: Path) -> None:
    secret = tmp_path / "secret.ipynb"
    secret.write_text("secret")
    folder = as_folder(tmp_path, {"anna.ipynb": "a"})
    (folder / "bob.ipynb").symlink_to(secret)
    (folder / "carla").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(folder / "dee.ipynb")
    collected, refused = collect(course, NAME, folder)
    assert [one.student for one in collected] == ["anna"]
    assert sorted(each.file for each in refused) == ["bob.ipynb", "carla", "dee.ipynb"]

    link = zipfile.ZipInfo("eve.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "links.zip", "w") as packed:
        packed.writestr(link, str(secret))
    collected, refused = collect(course, NAME, tmp_path / "links.zip")
    assert collected == [] and "is a link" in refused[0].reason


def test_a_student_folder_that_is_a_link_is_not_written_through(course: Course, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    submitted = course.grading / "submitted"
    submitted.mkdir(parents=True)
    (submitted / "anna").symlink_to(elsewhere, target_is_directory=True)
    collected, refused = collect(course, NAME, as_zip(tmp_path, {"anna.ipynb": "a"}))
    assert collected == [] and "is a link" in refused[0].reason and not list(elsewhere.iterdir())


def test_an_encrypted_member(course: Course, tmp_path: Path) -> None:
    data = bytearray(zipped({"anna.ipynb": "a", "bob.ipynb": "b"}))
    data[data.index(b"PK\1\2") + 8] |= 1  # the flag in the table of contents
    (tmp_path / "source.zip").write_bytes(data)
    collected, refused = collect(course, NAME, tmp_path / "source.zip")
    assert [one.student for one in collected] == ["bob"] and "encrypted" in refused[0].reason


def test_a_bomb_ends_where_the_budget_ends(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_UNPACKED", 10)
    monkeypatch.setattr(archive.Budget.__init__, "__defaults__", (10,))
    path = as_zip(tmp_path, {f"{student}.ipynb": "1234" for student in ("anna", "bob", "carla")})
    collected, refused = collect(course, NAME, path)
    assert [one.student for one in collected] == ["anna", "bob"]
    assert "collect it in parts" in refused[0].reason


def test_names_in_utf8_without_saying_so(course: Course, tmp_path: Path) -> None:
    data = zipped({"Zo\u00eb.ipynb": "a", "bo\u0308b.ipynb": "b"})
    for sign in (b"PK\1\2", b"PK\3\4"):
        start = -1
        while (start := data.find(sign, start + 1)) >= 0:
            flags = start + (8 if sign == b"PK\1\2" else 6)
            data = data[: flags + 1] + b"\0" + data[flags + 2 :]
    (tmp_path / "source.zip").write_bytes(data)
    collected, _ = collect(course, NAME, tmp_path / "source.zip")
    assert [one.student for one in collected] == ["Zo\u00eb", "b\u00f6b"]


def test_what_names_no_student(course: Course, tmp_path: Path) -> None:
    files = {"01_tiny.ipynb": "x", "01_tiny (1).ipynb": "x", "grades.csv": "x", "___.ipynb": "x"}
    collected, refused = collect(course, NAME, as_zip(tmp_path, files))
    assert collected == [] and len(refused) == 4
    assert all(each.reason.endswith(".") for each in refused)


def test_too_many_notebooks_of_one_student(course: Course, tmp_path: Path) -> None:
    files = {f"anna/{number}.ipynb": "x" for number in range(collecting.MAX_NOTEBOOKS + 1)}
    collected, refused = collect(course, NAME, as_zip(tmp_path, {**files, "bob/a.ipynb": "b"}))
    assert [one.student for one in collected] == ["bob"] and "11 notebooks" in refused[0].reason
    assert "keep the one that counts" in lying(course)["anna"]["not-collected.txt"]


def test_a_single_file(course: Course, tmp_path: Path) -> None:
    path = as_folder(tmp_path, {"anna.ipynb": "a"}) / "anna.ipynb"
    assert collect(course, NAME, path) == ([Collected("anna", ["01_tiny.ipynb"])], [])


def test_what_cannot_be_opened_is_said(course: Course, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="does not exist: give the folder or zip"):
        collect(course, NAME, tmp_path / "nothing.zip")
    (tmp_path / "bad.zip").write_bytes(zipped({"a": "b"})[:-5])
    with pytest.raises(CourseError, match="no zip that can be opened"):
        collect(course, NAME, tmp_path / "bad.zip")
    with pytest.raises(CourseError, match="no assignment '02_none'"):
        collect(course, "02_none", tmp_path)
    assert not course.grading.exists()


def test_the_disk_refuses(course: Course, tmp_path: Path) -> None:
    path = as_zip(tmp_path, {"anna.ipynb": "1", "bob.ipynb": "1"})
    (course.grading / "submitted").mkdir(parents=True)
    (course.grading / "submitted" / "anna").write_text("a file where a folder should be")
    collected, refused = collect(course, NAME, path)
    assert [one.student for one in collected] == ["bob"]
    assert refused == [Refused("anna", refused[0].reason)] and "could not be written" in refused[0].reason
