"""Unreadable files, odd names and ambiguous notebooks: full marks where the answer can be read, else set aside.

The rows "Unreadable file", "Names" and "Ambiguous notebook" of the red team's list, as one batch through the grader.
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbformat import NotebookNode

from autograder.answers import reference
from autograder.course import Course
from autograder.grade import grade
from autograder.samples import compose
from autograder.verdict import Verdict

NAME = "01_tiny"
Prepare = Callable[[Path, NotebookNode], None]


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


def answer_cell(notebook: NotebookNode) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell.id == "double")


def merge_answers(notebook: NotebookNode) -> None:
    """Both answers in the first cell; the second is gone."""
    second = next(cell for cell in notebook.cells if cell.id == "square")
    answer_cell(notebook).source += "\n\n" + second.source
    notebook.cells.remove(second)


def split_answer(notebook: NotebookNode) -> None:
    """A helper moves to a cell of its own; the answer uses it."""
    cell = answer_cell(notebook)
    notebook.cells.insert(notebook.cells.index(cell), nbformat.v4.new_code_cell("def helper(x):\n    return 2 * x"))
    cell.source = "def double(x):\n    return helper(x)"


def colab(notebook: NotebookNode) -> None:
    """What Colab adds: its metadata, outputs, widget state, execution counts."""
    notebook.metadata.update(colab={"provenance": []}, accelerator="GPU", widgets={"x": {"state": {}}})
    for cell in notebook.cells:
        cell.metadata.update(id=cell.id, outputId="0a1b", colab={"base_uri": "https://localhost:8080/"})
        if cell.cell_type == "code":
            cell.execution_count = 7
            cell.outputs = [{"output_type": "stream", "name": "stdout", "text": ["from Colab\n"]}]


def two_files(folder: Path, notebook: NotebookNode) -> None:
    for name in (f"{NAME}.ipynb", f"{NAME} (1).ipynb"):
        (folder / name).write_text(text(notebook))


def linked(folder: Path, notebook: NotebookNode) -> None:
    elsewhere = folder.parent / "elsewhere.ipynb"
    elsewhere.write_text(text(notebook))
    (folder / f"{NAME}.ipynb").symlink_to(elsewhere)


READ: dict[str, Prepare] = {
    "byte order mark": written(lambda notebook: text(notebook).encode("utf-8-sig")),
    "UTF-16": written(lambda notebook: text(notebook).encode("utf-16")),
    "latin-1": written(
        lambda notebook: text(notebook).replace("Twice x", "Zweimal über x").encode("latin-1", "replace")
    ),
    "notebook format 3": written(lambda notebook: text(nbformat.convert(notebook, 3))),
    "browser's (1)": written(text, f"{NAME} (1).ipynb"),
    "other letters": written(text, "Übung ✓ 卷积.IPYNB"),
    "Jupytext script": written(lambda notebook: jupytext.writes(notebook, "py:percent"), f"{NAME}.py"),
    "Jupytext markdown": written(lambda notebook: jupytext.writes(notebook, "md"), f"{NAME}.md"),
    "no cell ids": edited(lambda notebook: [cell.pop("id") for cell in notebook.cells]),
    "equal cell ids": edited(lambda notebook: [cell.update(id="same") for cell in notebook.cells]),
    "unknown schema version": edited(
        lambda notebook: answer_cell(notebook).metadata.nbgrader.update(schema_version=99)
    ),
    "helper in a cell of its own": edited(split_answer),
    "saved by Colab": edited(colab),
    "Zoë O'Neil (2); rm -rf .": written(text),
}
SET_ASIDE: dict[str, tuple[Prepare, str]] = {
    "empty": (written(lambda notebook: b""), "is empty"),
    "blank": (written(lambda notebook: b" \n"), "is empty"),
    "cut off": (written(lambda notebook: text(notebook)[:-40]), "cut off"),
    "not JSON": (written(lambda notebook: b"\x89PNG\r\n\x1a\n\x00\x00"), "not a notebook"),
    "JSON list": (written(lambda notebook: "[]"), "not a notebook"),
    "deeply nested": (written(lambda notebook: "[" * 200_000), "not a notebook"),
    "format 99": (edited(lambda notebook: notebook.update(nbformat=99)), "notebook format 99"),
    "format is a list": (edited(lambda notebook: notebook.update(nbformat=[4])), "notebook format [4]"),
    "cells are a number": (edited(lambda notebook: notebook.update(cells=4)), "damaged"),
    "a cell is a text": (edited(lambda notebook: notebook.cells.append("x = 1")), "damaged"),
    "unknown kind of cell": (edited(lambda notebook: notebook.cells[1].update(cell_type="heading")), "damaged"),
    "half a surrogate pair": (
        written(lambda notebook: json.dumps(notebook).replace("Twice x", "\\ud800")), "damaged",
    ),
    "link": (linked, "is a link"),
    "pipe": (lambda folder, notebook: os.mkfifo(folder / f"{NAME}.ipynb"), "no plain file"),
    "zip": (written(lambda notebook: b"PK\x03\x04", "work.zip"), "no notebook in the folder (only work.zip)"),
    "nothing": (lambda folder, notebook: None, "no notebook in the folder"),
    "folder of that name": (lambda folder, notebook: (folder / f"{NAME}.ipynb").mkdir(), "no notebook in the folder"),
    "two files": (two_files, "2 notebooks"),
    "script without cells": (written(lambda notebook: "def double(x): return 2 * x", "double.py"), "'double' is missing"),
    "merged answers": (edited(merge_answers), "'square' is missing"),
}  # fmt: skip


@pytest.fixture(scope="module")
def verdicts(released: Course, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    """All of the above, graded in one batch."""
    course = Course(shutil.copytree(released.root, tmp_path_factory.mktemp("files") / "course"))
    answers = reference(course, NAME)
    for student, prepare in {**READ, **{student: prepare for student, (prepare, _) in SET_ASIDE.items()}}.items():
        folder = course.submitted(student, NAME)
        folder.mkdir(parents=True)
        prepare(folder, compose(course, NAME, answers))
    write = course.submitted("[a] *", NAME) / f"{NAME}.ipynb"
    write.parent.mkdir(parents=True)
    write.write_text(text(compose(course, NAME, answers)))
    return grade(course, NAME)


def test_a_name_that_nbgrader_cannot_take_is_said(verdicts: dict[str, Verdict]) -> None:
    verdict = verdicts["[a] *"]
    assert verdict.status == "failed" and "the name '[a] *': use one without [" in verdict.reason


@pytest.mark.parametrize("student", READ)
def test_what_can_be_read_gets_full_marks(verdicts: dict[str, Verdict], student: str) -> None:
    verdict = verdicts[student]
    assert (verdict.status, verdict.reason, verdict.score) == ("graded", "", 6)


@pytest.mark.parametrize("student", SET_ASIDE)
def test_what_cannot_be_read_is_set_aside(verdicts: dict[str, Verdict], student: str) -> None:
    verdict = verdicts[student]
    assert verdict.status == "quarantined" and SET_ASIDE[student][1] in verdict.reason, verdict
    assert verdict.score is None


def test_too_large_a_file_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from autograder import intake

    monkeypatch.setattr(intake, "MAX_BYTES", 10)
    (tmp_path / f"{NAME}.ipynb").write_text("{" + " " * 20)
    with pytest.raises(intake.Quarantine, match="larger than"):
        intake.find_notebook(tmp_path)
