"""What a student did to the notebook, and what the judge gets: nothing is executed here."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from autograder.answers import reference
from autograder.course import Course
from autograder.intake import Quarantine, read_notebook, restore, take
from autograder.release import student_version
from autograder.samples import compose

NAME = "01_tiny"
Change = Callable[[NotebookNode], object]


@pytest.fixture(scope="module")
def release(released: Course) -> NotebookNode:
    return student_version(released, NAME)


@pytest.fixture(scope="module")
def answers(released: Course) -> dict[str, str]:
    return {grade_id: source.strip() for grade_id, source in reference(released, NAME).items()}


@pytest.fixture
def done(released: Course, answers: dict[str, str]) -> NotebookNode:
    """Everything answered, nothing else touched."""
    return compose(released, NAME, answers)


def at(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell.id == name)


def place(notebook: NotebookNode, name: str) -> int:
    return notebook.cells.index(at(notebook, name))


def code(source: str, **metadata: object) -> NotebookNode:
    return nbformat.v4.new_code_cell(source, metadata=metadata)


def insert(where: str, *cells: NotebookNode, behind: int = 1) -> Change:
    def change(notebook: NotebookNode) -> None:
        start = place(notebook, where) + behind
        notebook.cells[start:start] = cells

    return change


def change_cell(name: str, **fields: object) -> Change:
    return lambda notebook: at(notebook, name).update(fields)


def change_meta(name: str, **fields: object) -> Change:
    return lambda notebook: at(notebook, name).metadata.nbgrader.update(fields)


def remove(*names: str) -> Change:
    def change(notebook: NotebookNode) -> None:
        notebook.cells = [cell for cell in notebook.cells if cell.id not in names]

    return change


def twice(name: str, source: str | None = None, *, new_id: bool = False) -> Change:
    def change(notebook: NotebookNode) -> None:
        copy = deepcopy(at(notebook, name))
        copy.source = copy.source if source is None else source
        copy.id = "another" if new_id else copy.id
        notebook.cells.insert(place(notebook, name) + 1, copy)

    return change


def as_type(name: str, kind: str) -> Change:
    def change(notebook: NotebookNode) -> None:
        cell = at(notebook, name)
        made = getattr(nbformat.v4, f"new_{kind}_cell")(cell.source, metadata=cell.metadata)
        notebook.cells[place(notebook, name)] = made

    return change


def swap_ids(one: str, other: str) -> Change:
    def change(notebook: NotebookNode) -> None:
        first, second = at(notebook, one), at(notebook, other)
        first.metadata.nbgrader, second.metadata.nbgrader = second.metadata.nbgrader, first.metadata.nbgrader
        first.id, second.id = second.id, first.id

    return change


def anonymous(notebook: NotebookNode) -> None:
    """Neither metadata nor ids are left."""
    for number, cell in enumerate(notebook.cells):
        cell.metadata, cell.id = NotebookNode(), f"cell-{number}"


def nameless(*names: str) -> Change:
    def change(notebook: NotebookNode) -> None:
        for name in names:
            cell = at(notebook, name)
            cell.metadata, cell.id = NotebookNode(), f"was-{len(name)}"

    return change


def both(*changes: Change) -> Change:
    def change(notebook: NotebookNode) -> None:
        for each in changes:
            each(notebook)

    return change


def move(name: str, to: int) -> Change:
    def change(notebook: NotebookNode) -> None:
        cell = notebook.cells.pop(place(notebook, name))
        notebook.cells.insert(to if to >= 0 else len(notebook.cells) + 1 + to, cell)

    return change


def merge(host: str, guest: str) -> Change:
    def change(notebook: NotebookNode) -> None:
        at(notebook, host).source += "\n\n\n" + at(notebook, guest).source
        remove(guest)(notebook)

    return change


def split(name: str, *, keep: int, lines: int = 1) -> Change:
    """Split a cell behind `lines`; the part number `keep` has the metadata (2: both have)."""

    def change(notebook: NotebookNode) -> None:
        cell, start = at(notebook, name), place(notebook, name)
        text = cell.source.split("\n")
        first, second = deepcopy(cell), deepcopy(cell)
        first.source, second.source = "\n".join(text[:lines]), "\n".join(text[lines:])
        second.id = "second-part"
        if keep == 0:
            second.metadata = NotebookNode()
        elif keep == 1:
            first.metadata, first.id, second.id = NotebookNode(), "first-part", name
        notebook.cells[start : start + 1] = [first, second]

    return change


def tags(name: str, *names: str) -> Change:
    return lambda notebook: at(notebook, name).metadata.update(tags=list(names))


STUB = 'def double(x: float) -> float:\n    """Twice x."""\n    # YOUR CODE HERE\n    raise NotImplementedError()'
HELPER = "def twice(x):\n    return x + x"
USES_HELPER = "def double(x):\n    return twice(x)"

# What happened: (change, parts of the flags; none: nothing is worth a flag).
RESTORED: dict[str, tuple[Change, list[str]]] = {
    "nothing": (lambda notebook: None, []),
    "points": (change_meta("square_check", points=300), ["check 'square_check' were changed (points)"]),
    "points are a text": (change_meta("square_check", points="many"), ["(points)"]),
    "no longer locked": (change_meta("square_check", locked=False, grade=False), ["(grade, locked)"]),
    "check becomes an answer": (change_meta("square_check", solution=True), ["(solution)"]),
    "answer becomes a check": (change_meta("double", grade=True, solution=False, points=50), ["(grade, points, solution)"]),
    "check edited": (change_cell("square_check", source="pass"), ["check 'square_check' was changed"]),
    "check emptied": (change_cell("double_hidden", source=""), ["check 'double_hidden' was changed"]),
    "locked cell edited": (change_cell("setup-course-lib", source="import os"), ["locked cell 'setup-course-lib' was changed"]),
    "check as markdown": (as_type("square_check", "markdown"), ["check 'square_check' was changed"]),
    "check as raw": (as_type("double_visible", "raw"), ["check 'double_visible' was changed"]),
    "answer as markdown": (as_type("double", "markdown"), ["answer 'double' was made a markdown cell"]),
    "answer as raw": (as_type("square", "raw"), ["answer 'square' was made a raw cell"]),
    "grade ids of answers swapped": (swap_ids("double", "square"), ["the name it defines: 'double', 'square'"]),
    "grade ids of checks swapped": (swap_ids("double_visible", "square_check"), []),
    "ids of answer and check swapped": (swap_ids("double", "double_visible"), ["the name it defines: 'double'"]),
    "check renamed": (both(change_meta("square_check", grade_id="mine"), change_cell("square_check", id="x")),
                      ["its text: 'square_check'"]),
    "check renamed and edited": (
        both(change_meta("square_check", grade_id="mine"), change_cell("square_check", id="x", source="1 + 1")),
        ["check 'square_check' was missing"]),
    "answer renamed": (both(change_meta("double", grade_id="mine"), change_cell("double", id="x")), ["the name it defines: 'double'"]),
    "grade id is a list": (change_meta("double", grade_id=["double"]), ["its cell id: 'double'"]),
    "skip-execution": (tags("square_check", "skip-execution"), ["'skip-execution'"]),
    "raises-exception on an answer": (tags("double", "raises-exception", "remove-cell"), ["'raises-exception'"]),
    "check deleted": (remove("square_check"), ["check 'square_check' was missing"]),
    "all checks deleted": (remove("double_visible", "double_hidden", "square_check", "setup-course-lib"),
                           ["'double_visible' was missing", "'setup-course-lib' was missing"]),
    "check twice": (twice("square_check"), ["check 'square_check' stood there 2 times"]),
    "check twice, once easy": (twice("square_check", "pass"), []),
    "checks moved to the top": (move("square_check", 0), ["'square_check' stood before the answers"]),
    "answer moved to the end": (move("double", -1), ["'double_visible' stood before", "'square_check' stood before"]),
    "same answer twice": (twice("double"), ["answer 'double' stood there 2 times"]),
    "same answer twice, new id": (twice("double", new_id=True), ["stood there 2 times"]),
    "answer and untouched copy": (twice("double", STUB), []),
    "all cells twice": (lambda notebook: notebook.update(cells=notebook.cells + deepcopy(notebook.cells)), ["stood there 2 times"]),
    "equal cell ids": (lambda notebook: [cell.update(id="same") for cell in notebook.cells], []),
    "no cell ids": (lambda notebook: [cell.pop("id") for cell in notebook.cells], []),
    "unknown schema version": (change_meta("double", schema_version=99), ["(schema_version)"]),
    "old schema version": (change_meta("square_check", schema_version=1), ["(schema_version)"]),
    "all metadata lost": (lambda notebook: [cell.update(metadata={}) for cell in notebook.cells], ["its cell id: 'double'"]),
    "metadata and ids lost": (anonymous, ["its text: ", "the name it defines: 'double', 'square'", "its place: 'reflection'"]),
    "one answer lost its name": (nameless("double"), ["the name it defines: 'double'"]),
    "all lost, scratch cells": (both(insert("double", code("double(3)")), insert("square", code("# hm"), behind=0), anonymous), []),
    "all lost, a note at the end": (
        both(lambda notebook: notebook.cells.append(nbformat.v4.new_markdown_cell("Thanks!")), anonymous), ["its place"]),
    "merged with the next": (merge("double", "square"), ["'square' stands in the cell 'double'"]),
    "merged with the one before": (both(merge("square", "double")), ["'double' stands in the cell 'square'"]),
    "split in the middle, first is known": (split("double", keep=0), ["split in the middle"]),
    "split in the middle, second is known": (split("double", keep=1), ["split in the middle"]),
    "split in the middle, both are known": (split("double", keep=2), ["split in the middle"]),
    "split behind a line that is Python": (split("double", keep=0, lines=3), ["split in the middle"]),
    "split behind a line that is Python, both": (split("double", keep=2, lines=3), []),
    "own cells": (both(insert("double", code("print(double(1))", tags=["x"])), insert("square", code("%timeit 1"))), ["'x'"]),
    "prose edited": (change_cell("f40c667c387e", source="import math, os"), []),
    "Windows line ends": (lambda notebook: [cell.update(source=cell.source.replace("\n", "\r\n")) for cell in notebook.cells], []),
    "blanks at line ends": (change_cell("square_check", source="assert square(3) == 9, f\"square(3) should be 9, got {square(3)}\"  \n\n"), []),
}  # fmt: skip

# What happened: (change, part of the reason).
SET_ASIDE: dict[str, tuple[Change, str]] = {
    "answer deleted": (remove("double"), "answer cell 'double' is missing"),
    "reflection deleted": (remove("reflection"), "answer cell 'reflection' is missing"),
    "two deleted": (remove("double", "square"), "answer cells 'double' and 'square' are missing"),
    "two answers": (twice("double", "def double(x):\n    return 3"), "2 different cells 'double'"),
    "two answers, new id": (twice("double", "def double(x):\n    return 3", new_id=True), "2 different cells 'double'"),
    "two reflections": (twice("reflection", "Never."), "2 different cells 'reflection'"),
    "two answers without names": (both(insert("double", code("double = abs")), anonymous), "2 different cells 'double'"),
    "no cell is left": (lambda notebook: notebook.update(cells=[]), "No cell of it is one of this assignment"),
    "another assignment": (lambda notebook: notebook.metadata.course.update(assignment="02_other"), "is for assignment '02_other', not '01_tiny'"),
    "another assignment, odd": (lambda notebook: notebook.metadata.course.update(assignment=["<b>" * 99]), "is for assignment '['<b><b>"),
    "another version, other cells": (
        both(lambda notebook: notebook.metadata.course.update(version="0ld"), remove("square")),
        "made from version '0ld' of assignment '01_tiny', not"),
}  # fmt: skip


def through_a_file(notebook: NotebookNode, folder: Path) -> NotebookNode:
    path = folder / f"{NAME}.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return read_notebook(path)


@pytest.mark.parametrize("case", RESTORED)
def test_restored(case: str, done, release, answers, tmp_path: Path) -> None:
    change, said = RESTORED[case]
    change(done)
    notebook, flags = restore(through_a_file(done, tmp_path), release)
    nbformat.validate(notebook)
    released = {cell.id: cell for cell in release.cells if "nbgrader" in cell.metadata}
    graded = {cell.id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
    assert len([cell for cell in notebook.cells if "nbgrader" in cell.metadata]) == len(graded) == len(released)
    for name, cell in released.items():
        if not cell.metadata.nbgrader.solution:
            assert graded[name] == cell
        assert graded[name].metadata == cell.metadata and graded[name].cell_type == cell.cell_type
    assert [cell for cell in notebook.cells if "nbgrader" not in cell.metadata and cell.metadata] == []
    assert notebook.metadata == release.metadata
    text = "\n".join(cell.source.replace("\r\n", "\n") for cell in notebook.cells)
    for answer in answers.values():
        assert text.count(answer) == 1, "each answer stands there, once"
    order = [cell.id for cell in notebook.cells]
    for name in ("double", "square"):
        defining = next(i for i, cell in enumerate(notebook.cells) if f"def {name}" in cell.source)
        assert all(order.index(check) > defining for check in released if check.startswith(f"{name}_"))
    for part in said:
        assert any(part in flag for flag in flags), flags
    if not said and case in ("nothing", "prose edited", "no cell ids", "equal cell ids", "Windows line ends"):
        assert flags == []


@pytest.mark.parametrize("case", SET_ASIDE)
def test_set_aside(case: str, done, release, tmp_path: Path) -> None:
    change, reason = SET_ASIDE[case]
    change(done)
    with pytest.raises(Quarantine) as problem:
        restore(through_a_file(done, tmp_path), release)
    assert reason in str(problem.value)
    assert str(problem.value).endswith(".") and len(str(problem.value)) < 500


def test_what_contradicts_itself_can_be_shown(done, release, answers) -> None:
    twice("double", "def double(x):\n    return 3")(done)
    with pytest.raises(Quarantine) as problem:
        restore(done, release)
    assert problem.value.evidence == [("cell 4", answers["double"]), ("cell 5", "def double(x):\n    return 3")]


def test_a_helper_in_a_cell_of_its_own_stays_there(done, release) -> None:
    for behind in (0, 1):
        notebook = deepcopy(done)
        at(notebook, "double").source = USES_HELPER
        insert("double", code(HELPER), behind=behind)(notebook)
        cells, flags = restore(notebook, release)
        where = [cell.source for cell in cells.cells].index(HELPER)
        assert where == [cell.id for cell in cells.cells].index("double") + (1 if behind else -1) and flags == []


def test_a_split_off_helper_with_the_metadata_of_the_answer(done, release) -> None:
    copy = deepcopy(at(done, "double"))
    copy.source = HELPER
    at(done, "double").source = USES_HELPER
    done.cells.insert(place(done, "double"), copy)
    notebook, flags = restore(done, release)
    assert at(notebook, "double").source == USES_HELPER and HELPER in [cell.source for cell in notebook.cells]
    assert flags == ["The answer 'double' stands in more than one cell; all of them are used."]


def test_a_changed_copy_of_a_check_is_a_cell_of_the_students(done, release) -> None:
    twice("square_check", "print(square(3))")(done)
    notebook, _ = restore(done, release)
    place = [cell.id for cell in notebook.cells].index("square_check")
    assert notebook.cells[place + 1].source == "print(square(3))" and notebook.cells[place + 1].metadata == {}


def test_another_version_with_the_same_answers_is_graded_and_flagged(done, release) -> None:
    done.metadata.course.version = "0123456789ab"
    _, flags = restore(done, release)
    assert len(flags) == 1 and "version '0123456789ab'" in flags[0] and release.metadata.course.version in flags[0]


def test_the_same_submission_always_gives_the_same_notebook(done, release) -> None:
    insert("double", code("1 + 1"))(done)
    assert restore(deepcopy(done), release) == restore(deepcopy(done), release)


def test_own_cells_keep_their_place_and_lose_what_could_steer_the_run(done, release) -> None:
    own = code("print(1)", tags=["skip-execution"], nbgrader={"grade": True, "grade_id": "mine", "points": 9})
    own.id = "square_check"
    insert("double_visible", own)(done)
    notebook, _ = restore(done, release)
    (cell,) = [cell for cell in notebook.cells if cell.source == "print(1)"]
    assert cell.metadata == {} and cell.id == "own-5"
    assert notebook.cells.index(cell) == place(notebook, "double_visible") + 1


def test_pictures_in_a_written_answer_stay_and_scripts_go(done, release, tmp_path: Path) -> None:
    at(done, "reflection").attachments = {
        "a.png": {"image/png": "aGVsbG8="},
        "b.svg": {"image/svg+xml": "<svg onload='alert(1)'/>"},
        "c.png": {"image/png": 4},
        "d.png": {"image/png": "A" * 11_000_000},
    }
    notebook, _ = restore(through_a_file(done, tmp_path), release)
    assert at(notebook, "reflection").attachments == {"a.png": {"image/png": "aGVsbG8="}}


def test_outputs_and_what_colab_adds_are_left_behind(done, release, tmp_path: Path) -> None:
    done.metadata.update(colab={"provenance": []}, widgets={"state": {}})
    for cell in done.cells:
        cell.metadata = NotebookNode(id=cell.id, outputId="1", colab={"base_uri": "x"})
        del cell["id"]
        if cell.cell_type == "code":
            cell.update(execution_count=7, outputs=[{"output_type": "stream", "name": "stdout", "text": "hello"}])
    notebook, flags = restore(through_a_file(done, tmp_path), release)
    assert "hello" not in json.dumps(notebook) and "colab.research" not in json.dumps(notebook)
    assert [flag.split(":")[0] for flag in flags] == [
        "Without its own grading metadata, and recognised by its text",
        "Without its own grading metadata, and recognised by its cell id",
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "submitted" / "anna" / NAME
    path.mkdir(parents=True)
    return path


def write(folder: Path, **notebooks: NotebookNode) -> None:
    for name, notebook in notebooks.items():
        (folder / f"{name}.ipynb").write_text(json.dumps(notebook))


def test_of_several_notebooks_one_counts(done, release, folder: Path) -> None:
    other = deepcopy(done)
    other.metadata.course.assignment = "02_other"
    scratch = nbformat.v4.new_notebook(cells=[code("1 + 1")])
    write(folder, tiny=done, copy=done, empty=release, other=other, scratch=scratch)
    notebook, flags = take(folder, release)
    assert at(notebook, "double").source == at(done, "double").source
    assert "5 notebooks" in flags[0] and "'copy.ipynb' is used" in flags[0]


def test_several_notebooks_with_different_answers_are_for_a_person(done, release, folder: Path) -> None:
    other = deepcopy(done)
    at(other, "double").source = "def double(x):\n    return 3"
    write(folder, one=done, two=other)
    with pytest.raises(Quarantine, match=r"2 notebooks \('one.ipynb', 'two.ipynb'\) with different answers"):
        take(folder, release)
    (folder / "two.ipynb").write_text("")
    with pytest.raises(Quarantine, match="2 notebooks .* one cannot be used: 'two.ipynb' is empty"):
        take(folder, release)


def test_why_nothing_was_collected_is_the_reason(folder: Path, release) -> None:
    (folder / "not-collected.txt").write_text("'work.zip': It is encrypted.\n")
    with pytest.raises(Quarantine, match="^'work.zip': It is encrypted.$"):
        take(folder, release)


def test_a_released_cell_left_as_it_was_keeps_its_tags(release: NotebookNode, done: NotebookNode) -> None:
    """One of them says that a long experiment is not run in grading; a changed cell is the student's own."""
    experiment = code("print('a long experiment')", tags=["skip-grading"])
    for notebook in (release := deepcopy(release), done):
        notebook.cells.append(deepcopy(experiment))
    assert restore(done, release)[0].cells[-1].metadata == {"tags": ["skip-grading"]}
    done.cells[-1].source = "answer = 42"
    assert restore(done, release)[0].cells[-1].metadata == {}
