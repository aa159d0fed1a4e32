"""Unreadable files, odd names and ambiguous notebooks: full marks where the answer can be read, else set aside.

The rows "Unreadable file", "Names", "Ambiguous notebook" and "Colab" of the red team's list. Nothing is executed: a
notebook that holds every answer as written and every check as released earns full marks.
"""

import json
import os
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbformat import NotebookNode

from autograder import notebook_file
from autograder.answers import reference
from autograder.course import Course
from autograder.intake import Quarantine, take
from autograder.matching import alike
from autograder.release import student_version
from autograder.samples import compose

NAME = "01_tiny"
Prepare = Callable[[Path, NotebookNode], object]


def text(notebook: NotebookNode) -> str:
    return json.dumps(notebook, ensure_ascii=False)


def written(encode: Callable[[NotebookNode], bytes | str], name: str = f"{NAME}.ipynb") -> Prepare:
    def prepare(folder: Path, notebook: NotebookNode) -> None:
        data = encode(notebook)
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)

    return prepare


def edited(change: Callable[[NotebookNode], object]) -> Prepare:
    def encode(notebook: NotebookNode) -> str:
        change(notebook)
        return text(notebook)

    return written(encode)


def replaced(old: str, new: str) -> Prepare:
    """Edit the file's text: what json.dumps would not write."""

    def encode(notebook: NotebookNode) -> str:
        assert old in text(notebook)
        return text(notebook).replace(old, new, 1)

    return written(encode)


def answer_cell(notebook: NotebookNode) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell.id == "double")


def answered(**fields: object) -> Prepare:
    return edited(lambda notebook: answer_cell(notebook).update(fields))


def colab(notebook: NotebookNode) -> None:
    """What Colab adds: its metadata, outputs, widget state, execution counts."""
    notebook.metadata.update(colab={"provenance": []}, accelerator="GPU", widgets={"x": {"state": {}}})
    for number, cell in enumerate(notebook.cells):
        cell.metadata.update(id=cell.id, outputId="0a1b", colab={"base_uri": "https://localhost:8080/"})
        if cell.cell_type == "code":
            cell.execution_count = 40 - number
            cell.outputs = [{"output_type": "stream", "name": "stdout", "text": ["from Colab\n"]}]


def colab_without_grades(notebook: NotebookNode) -> None:
    colab(notebook)
    for cell in notebook.cells:
        cell.metadata.pop("nbgrader", None)
        del cell["id"]


def colab_with_own_ids(notebook: NotebookNode) -> None:
    colab_without_grades(notebook)
    for number, cell in enumerate(notebook.cells):
        cell.metadata.id = f"pXyZ{number}"


def copies(*names: str) -> Prepare:
    def prepare(folder: Path, notebook: NotebookNode) -> None:
        for name in names:
            (folder / name).write_text(text(notebook))

    return prepare


def two_answers(folder: Path, notebook: NotebookNode) -> None:
    (folder / "a.ipynb").write_text(text(notebook))
    answer_cell(notebook).source = "def double(x):\n    return 3"
    (folder / "b.ipynb").write_text(text(notebook))


def linked(folder: Path, notebook: NotebookNode) -> None:
    elsewhere = folder.parent / "elsewhere.ipynb"
    elsewhere.write_text(text(notebook))
    (folder / f"{NAME}.ipynb").symlink_to(elsewhere)


def linked_folder(folder: Path, notebook: NotebookNode) -> None:
    folder.rename(folder.with_name("real"))
    written(text)(folder.with_name("real"), notebook)
    folder.symlink_to(folder.with_name("real"))


def deep(levels: int) -> list:
    value: list = []
    for _ in range(levels):
        value = [value]
    return value


READ: dict[str, Prepare] = {
    "byte order mark": written(lambda notebook: text(notebook).encode("utf-8-sig")),
    "UTF-16": written(lambda notebook: text(notebook).encode("utf-16")),
    "UTF-16 without a mark": written(lambda notebook: text(notebook).encode("utf-16-be")),
    "UTF-32": written(lambda notebook: text(notebook).encode("utf-32")),
    "latin-1": written(lambda notebook: text(notebook).replace("A tiny", "Über").encode("latin-1")),
    "Windows-1252": written(lambda notebook: text(notebook).replace("A tiny", "“Tiny” – ").encode("cp1252")),
    "notebook format 3": written(lambda notebook: text(nbformat.convert(notebook, 3))),
    "format 3 with outputs": written(
        lambda notebook: text(nbformat.convert(notebook, 3)).replace('"outputs": []', '"outputs": [{"x": 1}]')
    ),
    "format 4.0": edited(lambda notebook: notebook.update(nbformat_minor=0)),
    "format 4.99": edited(lambda notebook: notebook.update(nbformat_minor=99)),
    "minor version is a text": edited(lambda notebook: notebook.update(nbformat_minor="5")),
    "browser's (1)": written(text, f"{NAME} (1).ipynb"),
    "other letters": written(text, "Übung ✓ 卷积.IPYNB"),
    "name that looks like an option": written(text, "--help.ipynb"),
    "Jupytext script": written(lambda notebook: jupytext.writes(notebook, "py:percent"), f"{NAME}.py"),
    "Jupytext script, light": written(lambda notebook: jupytext.writes(notebook, "py:light"), f"{NAME}.py"),
    "Jupytext markdown": written(lambda notebook: jupytext.writes(notebook, "md"), f"{NAME}.md"),
    "Jupytext MyST": written(lambda notebook: jupytext.writes(notebook, "md:myst"), f"{NAME}.md"),
    "script beside the notebook": lambda folder, notebook: (
        written(text)(folder, notebook),
        (folder / "numpy.py").write_text("poison"),
    ),
    "the same file twice": copies(f"{NAME}.ipynb", f"{NAME} (1).ipynb"),
    "checkpoint beside it": lambda folder, notebook: (
        written(text)(folder, notebook),
        (folder / ".ipynb_checkpoints").mkdir(),
        copies(".ipynb_checkpoints/a.ipynb", ".hidden.ipynb")(folder, notebook),
    ),
    "no cell ids": edited(lambda notebook: [cell.pop("id") for cell in notebook.cells]),
    "equal cell ids": edited(lambda notebook: [cell.update(id="same") for cell in notebook.cells]),
    "cell ids are numbers": edited(lambda notebook: [cell.update(id=7) for cell in notebook.cells]),
    "cell id is huge": answered(id="x" * 100_000),
    "unknown schema version": edited(
        lambda notebook: answer_cell(notebook).metadata.nbgrader.update(schema_version=99)
    ),
    "metadata of all kinds": edited(
        lambda notebook: [
            cell.update(metadata=value)
            for cell, value in zip(notebook.cells, [None, 4, "x", [], {"nbgrader": 4}, {"nbgrader": []}, {"tags": 4}])
        ]
    ),
    "notebook metadata are a list": edited(lambda notebook: notebook.update(metadata=[1])),
    "course is a text": edited(lambda notebook: notebook.metadata.update(course="mine")),
    "metadata missing": edited(lambda notebook: [notebook.pop("metadata"), *(c.pop("metadata") for c in notebook.cells)]),
    "outputs are nonsense": answered(outputs={"x": 4}, execution_count="many"),
    "deep outputs": edited(lambda notebook: answer_cell(notebook).update(outputs=deep(500))),
    "NaN in metadata": replaced('"nbformat_minor": 5', '"nbformat_minor": NaN, "x": [Infinity, -Infinity]'),
    "duplicate keys": replaced('"nbformat_minor": 5', '"nbformat_minor": 5, "nbformat_minor": 4'),
    "lines without their ends": edited(
        lambda notebook: [cell.update(source=cell.source.splitlines(keepends=True)) for cell in notebook.cells]
    ),
    "many pictures": edited(
        lambda notebook: notebook.cells[1].update(attachments={f"{i}.png": {"image/png": "A" * 10**6} for i in range(20)})
    ),
    "attachments are nonsense": edited(lambda notebook: notebook.cells[1].update(attachments={"a": [4], "b": {"image/png": None}})),
    "saved by Colab": edited(colab),
    "Colab lost the metadata": edited(colab_without_grades),
    "Colab lost metadata and ids": edited(colab_with_own_ids),
    "unknown cell fields": answered(x=1, jupyter={"source_hidden": True}),
    "Zoë O'Neil (2); rm -rf .": written(text),
}  # fmt: skip

SET_ASIDE: dict[str, tuple[Prepare, str]] = {
    "empty": (written(lambda notebook: b""), "is empty"),
    "blank": (written(lambda notebook: b" \n"), "is empty"),
    "cut off": (written(lambda notebook: text(notebook)[:-40]), "cut off"),
    "cut off in the middle": (written(lambda notebook: text(notebook)[: len(text(notebook)) // 2]), "cut off"),
    "cut off after a mark": (written(lambda notebook: b"\xff\xfe"), "not a notebook"),
    "not JSON": (written(lambda notebook: b"\x89PNG\r\n\x1a\n\x00\x00"), "not a notebook"),
    "a web page": (written(lambda notebook: "<!DOCTYPE html><html></html>"), "not a notebook"),
    "two notebooks in one file": (written(lambda notebook: text(notebook) * 2), "not a notebook"),
    "JSON list": (written(lambda notebook: "[]"), "not a notebook"),
    "JSON null": (written(lambda notebook: "null"), "not a notebook"),
    "JSON object": (written(lambda notebook: "{}"), "not a notebook"),
    "deeply nested": (written(lambda notebook: "[" * 200_000), "not a notebook"),
    "deeply nested and closed": (written(lambda notebook: "[" * 200_000 + "]" * 200_000), "not a notebook"),
    "deeply nested objects": (written(lambda notebook: '{"a":' * 200_000), "not a notebook"),
    "six million values": (written(lambda notebook: "[" + "0," * 6_000_000 + "0]"), "more than 2,000,000 values"),
    "a number of a million digits": (written(lambda notebook: '{"nbformat": ' + "4" * 10**6 + "}"), "not a notebook"),
    "format 99": (edited(lambda notebook: notebook.update(nbformat=99)), "notebook format 99"),
    "format 1": (edited(lambda notebook: notebook.update(nbformat=1)), "notebook format 1"),
    "format NaN": (replaced('"nbformat": 4', '"nbformat": NaN'), "notebook format nan"),
    "format is a text": (edited(lambda notebook: notebook.update(nbformat="4")), "notebook format 4,"),
    "format is a list": (edited(lambda notebook: notebook.update(nbformat=[4])), "notebook format [4]"),
    "no cells": (edited(lambda notebook: notebook.pop("cells")), "damaged"),
    "cells are a number": (edited(lambda notebook: notebook.update(cells=4)), "damaged"),
    "cells are an object": (edited(lambda notebook: notebook.update(cells={"0": notebook.cells[0]})), "damaged"),
    "a cell is a text": (edited(lambda notebook: notebook.cells.append("x = 1")), "damaged"),
    "a cell is nothing": (edited(lambda notebook: notebook.cells.append(None)), "damaged"),
    "unknown kind of cell": (edited(lambda notebook: notebook.cells[1].update(cell_type="heading")), "damaged"),
    "kind of cell is a list": (edited(lambda notebook: notebook.cells[1].update(cell_type=["code"])), "damaged"),
    "source is nothing": (answered(source=None), "damaged"),
    "source is a number": (answered(source=4), "damaged"),
    "source is an object": (answered(source={"a": 1}), "damaged"),
    "source lists numbers": (answered(source=["a", 4]), "damaged"),
    "source is missing": (edited(lambda notebook: answer_cell(notebook).pop("source")), "damaged"),
    "NUL in a text": (answered(source="a\0b"), "damaged"),
    "half a surrogate pair": (written(lambda notebook: json.dumps(notebook).replace("Twice x", "\\ud800")), "damaged"),
    "six thousand cells": (edited(lambda notebook: notebook.update(cells=notebook.cells * 600)), "6,000 cells"),
    "half a million cells": (
        written(lambda notebook: '{"nbformat": 4, "cells": [' + "{}," * 500_000 + "{}]}"), "500,001 cells"),
    "huge code": (answered(source="#" * 1_100_000), "code cells hold more than 1,000,000 letters"),
    "huge prose": (edited(lambda notebook: notebook.cells[1].update(source="#" * 11_000_000)), "more than 10,000,000 letters"),
    "format 3, many cells": (
        written(lambda notebook: text(nbformat.convert(notebook, 3)).replace('"cells": [', '"cells": [' + '{"cell_type": "code"},' * 6000)),
        "6,010 cells"),
    "format 3 without sheets": (written(lambda notebook: '{"nbformat": 3}'), "damaged"),
    "format 3, nonsense": (written(lambda notebook: '{"nbformat": 3, "worksheets": [{"cells": [4]}]}'), "damaged"),
    "format 2, nonsense": (written(lambda notebook: '{"nbformat": 2, "worksheets": [[]]}'), "damaged"),
    "link": (linked, "is a link"),
    "link to nothing": (lambda folder, notebook: (folder / f"{NAME}.ipynb").symlink_to("/nowhere"), "is a link"),
    "link to a device": (lambda folder, notebook: (folder / f"{NAME}.ipynb").symlink_to("/dev/zero"), "is a link"),
    "linked folder": (linked_folder, "folder is a link"),
    "pipe": (lambda folder, notebook: os.mkfifo(folder / f"{NAME}.ipynb"), "no plain file"),
    "zip": (written(lambda notebook: b"PK\x03\x04", "work.zip"), "no notebook in the folder (only 'work.zip')"),
    "zip named as notebook": (written(lambda notebook: b"PK\x03\x04"), "not a notebook"),
    "nothing": (lambda folder, notebook: None, "no notebook in the folder"),
    "folder of that name": (lambda folder, notebook: (folder / f"{NAME}.ipynb").mkdir(), "no notebook in the folder"),
    "two notebooks": (two_answers, "2 notebooks ('a.ipynb', 'b.ipynb')"),
    "one of two is empty": (
        lambda folder, notebook: (written(text)(folder, notebook), (folder / "b.ipynb").touch()), "'b.ipynb' is empty"),
    "script without cells": (written(lambda notebook: "def double(x): return 2 * x", "double.py"), "'square' and 'reflection' are missing"),
    "script that is no text": (written(lambda notebook: b"\xff\xfe\x00", f"{NAME}.py"), "damaged"),
    "script with a bad header": (written(lambda notebook: "# ---\n# jupyter: [\n# ---\n", f"{NAME}.py"), "missing"),
    "huge script": (written(lambda notebook: "#" * 1_100_000, f"{NAME}.py"), "larger than 1 MB"),
    "a name of many lines": (written(lambda notebook: b"", "a\nb<script>" + "x" * 150 + ".ipynb"), "'a�b<script>"),
}  # fmt: skip


@pytest.fixture(scope="module")
def release(released: Course) -> NotebookNode:
    return student_version(released, NAME)


@pytest.fixture(scope="module")
def answers(released: Course) -> dict[str, str]:
    return reference(released, NAME)


@pytest.fixture
def done(released: Course, answers: dict[str, str]) -> NotebookNode:
    return compose(released, NAME, answers)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "submitted" / "anna" / NAME
    path.mkdir(parents=True)
    return path


@pytest.mark.parametrize("case", READ)
def test_what_can_be_read_gets_full_marks(case: str, folder: Path, done, release, answers) -> None:
    READ[case](folder, done)
    notebook, _ = take(folder, release)
    nbformat.validate(notebook)
    cells = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
    for original in release.cells:
        if "nbgrader" in original.metadata:
            grade_id = original.metadata.nbgrader.grade_id
            expected = {**original, "source": answers.get(grade_id, original.source)}
            assert {**cells[grade_id], "source": alike(cells[grade_id].source)} == {
                **expected,
                "source": alike(expected["source"]),
            }


@pytest.mark.parametrize("case", SET_ASIDE)
def test_what_cannot_be_read_is_set_aside(case: str, folder: Path, done, release) -> None:
    prepare, reason = SET_ASIDE[case]
    prepare(folder, done)
    start = time.monotonic()
    with pytest.raises(Quarantine) as problem:
        take(folder, release)
    assert reason in str(problem.value)
    assert str(problem.value).endswith(".") and len(str(problem.value)) < 600 and str(problem.value).isprintable()
    assert time.monotonic() - start < 10


def test_a_file_of_the_largest_size_is_read_in_bounded_memory(folder: Path, done, release) -> None:
    """As many values as are let through, in what costs Python most: small objects."""
    answer_cell(done).outputs = "HERE"
    objects = ",".join(['{"a":[]}'] * (notebook_file.MAX_VALUES // 3 - 2000))
    (folder / f"{NAME}.ipynb").write_text(text(done).replace('"HERE"', f"[{objects}]"))
    tracemalloc.start()
    try:
        take(folder, release)
        assert tracemalloc.get_traced_memory()[1] < 500_000_000
    finally:
        tracemalloc.stop()


def test_a_huge_file_is_not_read(folder: Path, release) -> None:
    with (folder / f"{NAME}.ipynb").open("wb") as file:
        file.truncate(10**11)  # a sparse file
    with pytest.raises(Quarantine, match="larger than 50 MB"):
        take(folder, release)


@pytest.mark.parametrize(
    "source", ["(" * 90_000, "a" + "+a" * 40_000, "-" * 90_000 + "1", "[" * 3000, "f'{" * 3000, "x=" * 30_000, "a\n" * 40_000]
)  # fmt: skip
def test_code_that_is_hard_to_parse(folder: Path, done, release, source: str) -> None:
    """A scratch cell, and an answer that was found by its label: the text stays as it is."""
    done.cells.insert(4, nbformat.v4.new_code_cell(source))
    answer_cell(done).source = source
    written(text)(folder, done)
    start = time.monotonic()
    notebook, _ = take(folder, release)
    assert [cell.source for cell in notebook.cells].count(source) == 2 and time.monotonic() - start < 10
