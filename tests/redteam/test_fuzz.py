"""2,000 submissions damaged at random: always a notebook with every check as released, or a sentence that says why not.

Set FUZZ_SEED to try others; a failure names the seed and the number with which it comes again.
"""

import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from autograder.answers import reference
from autograder.course import REPOSITORY, Course
from autograder.intake import Quarantine, take
from autograder.release import make_student_version, student_version
from autograder.samples import compose

SEED = os.environ.get("FUZZ_SEED", "1")
ODD: list[Any] = [
    None, True, 0, -1, 10**30, 1e999, float("nan"), "", "x", "\0", "\ud800", "é" * 300, "'; DROP TABLE grade; --", [], [[]],
    ["a", 4], {}, {"a": {"b": []}}, "double", "square_check", "code", "markdown", "def double(x):\n    return 2",
    {"nbgrader": {"grade_id": "double", "grade": True, "points": 99}}, "%%bash\nrm -rf /", "  indented = 1", "return",
]  # fmt: skip


def somewhere(chance: random.Random, content: Any) -> tuple[Any, Any]:
    """A random container in the notebook and a key in it."""
    while True:
        keys = list(content) if isinstance(content, dict) else list(range(len(content)))
        key = chance.choice(keys)
        inside = content[key]
        if not isinstance(inside, dict | list) or not inside or chance.random() < 0.2:
            return content, key
        content = inside


def replace_value(chance: random.Random, notebook: dict) -> None:
    container, key = somewhere(chance, notebook)
    container[key] = deepcopy(chance.choice(ODD))


def remove_value(chance: random.Random, notebook: dict) -> None:
    container, key = somewhere(chance, notebook)
    del container[key]


def copy_value(chance: random.Random, notebook: dict) -> None:
    container, key = somewhere(chance, notebook)
    other, place = somewhere(chance, notebook)
    container[key] = deepcopy(other[place])


def on_cells(change: Callable[[random.Random, list], None]) -> Callable[[random.Random, dict], None]:
    def mutate(chance: random.Random, notebook: dict) -> None:
        cells = notebook.get("cells")
        if isinstance(cells, list) and len(cells) > 1 and all(isinstance(cell, dict) for cell in cells):
            change(chance, cells)

    return mutate


def shuffle(chance: random.Random, cells: list) -> None:
    start = chance.randrange(len(cells))
    some = cells[start : start + chance.randint(2, 6)]
    chance.shuffle(some)
    cells[start : start + len(some)] = some


def duplicate(chance: random.Random, cells: list) -> None:
    cells.insert(chance.randrange(len(cells) + 1), deepcopy(chance.choice(cells)))


def drop(chance: random.Random, cells: list) -> None:
    del cells[chance.randrange(len(cells))]


def text(cell: dict) -> str:
    return cell["source"] if isinstance(cell.get("source"), str) else ""


def merge(chance: random.Random, cells: list) -> None:
    place = chance.randrange(len(cells) - 1)
    cells[place]["source"] = text(cells[place]) + "\n" + text(cells.pop(place + 1))


def split(chance: random.Random, cells: list) -> None:
    place = chance.randrange(len(cells))
    cut = chance.randint(0, len(text(cells[place])))
    rest = {**deepcopy(cells[place]), "source": text(cells[place])[cut:]}
    cells[place]["source"] = text(cells[place])[:cut]
    if chance.random() < 0.5:
        rest["metadata"] = {}
    cells.insert(place + 1, rest)


def swap_field(chance: random.Random, cells: list) -> None:
    one, other = chance.sample(range(len(cells)), 2)
    field = chance.choice(["metadata", "source", "id", "cell_type"])
    cells[one][field], cells[other][field] = cells[other].get(field), cells[one].get(field)


def lose_field(chance: random.Random, cells: list) -> None:
    field = chance.choice(["metadata", "id", "outputs"])
    for cell in cells if chance.random() < 0.5 else [chance.choice(cells)]:
        cell.pop(field, None)


def retype(chance: random.Random, cells: list) -> None:
    chance.choice(cells)["cell_type"] = chance.choice(["code", "markdown", "raw"])


def edit(chance: random.Random, cells: list) -> None:
    cell = chance.choice(cells)
    place = chance.randint(0, len(text(cell)))
    cell["source"] = (
        text(cell)[:place]
        + chance.choice(["\n", " ", "'''", "(", "#", "é", "\\", "\f", "\r", "\u2028"])
        + text(cell)[place:]
    )


MUTATIONS = [
    replace_value, replace_value, remove_value, copy_value,
    *map(on_cells, [shuffle, duplicate, drop, merge, split, swap_field, lose_field, retype, edit]),
]  # fmt: skip


def damage_bytes(chance: random.Random, data: bytes) -> bytes:
    kind = chance.randrange(5)
    if kind == 0:
        return data[: chance.randrange(len(data))]
    if kind == 1:
        return data.decode().encode(chance.choice(["utf-16", "utf-32", "utf-8-sig", "utf-7"]))
    damaged = bytearray(data)
    for _ in range(chance.choice([1, 1, 3, 30])):
        place = chance.randrange(len(damaged))
        if kind == 2:
            damaged[place] ^= 1 << chance.randrange(8)
        elif kind == 3:
            damaged[place : place + 1] = bytes([chance.randrange(256)]) * chance.randint(0, 3)
        else:
            damaged[place] = chance.choice(b'"{}[]:,\\0 \n')
    return bytes(damaged)


def damaged(chance: random.Random, notebook: NotebookNode) -> bytes:
    content = json.loads(json.dumps(notebook))
    for _ in range(chance.choice([0, 1, 1, 2, 3, 5])):
        if content:
            chance.choice(MUTATIONS)(chance, content)
    data = json.dumps(content, indent=chance.choice([None, 1])).encode()
    return damage_bytes(chance, data) if chance.random() < 0.25 else data


def check_restored(notebook: NotebookNode, flags: list[str], release: NotebookNode) -> None:
    nbformat.validate(notebook)
    json.dumps(notebook, ensure_ascii=False).encode()
    assert notebook.metadata == release.metadata
    graded = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    cells = {cell.metadata.nbgrader.grade_id: cell for cell in graded}
    assert len(cells) == len(graded) == sum("nbgrader" in cell.metadata for cell in release.cells)
    for original in release.cells:
        if "nbgrader" in original.metadata:
            cell = cells[original.metadata.nbgrader.grade_id]
            answer = original.metadata.nbgrader.solution
            assert cell.metadata == original.metadata and cell.cell_type == original.cell_type
            assert answer or cell == original
    tagged = {cell.source: {"tags": cell.metadata.tags} for cell in release.cells if cell.metadata.get("tags")}
    for cell in notebook.cells:
        if "nbgrader" not in cell.metadata:  # the student's own, or a released cell that was left as it was
            assert cell.metadata in ({}, tagged.get(cell.source))
    assert all(flag.endswith(".") and flag.isprintable() for flag in flags)


def fuzz(course: Course, name: str, numbers: range, folder: Path) -> Counter:
    release = student_version(course, name)
    done = compose(course, name, reference(course, name))
    path = folder / f"{name}.ipynb"
    outcomes: Counter = Counter()
    for number in numbers:
        path.write_bytes(damaged(random.Random(f"{SEED}-{number}"), done))
        try:
            try:
                notebook, flags = take(folder, release)
            except Quarantine as problem:
                reason = str(problem)
                assert reason.endswith((".", "?")) and reason.isprintable() and 20 < len(reason) < 800, reason
                outcomes["set aside"] += 1
            else:
                check_restored(notebook, flags, release)
                outcomes["restored"] += 1
        except BaseException:
            print(f"FUZZ_SEED={SEED}, submission {number} of {name}")
            raise
    return outcomes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "submitted" / "anna" / "work"
    path.mkdir(parents=True)
    return path


def test_the_tiny_assignment(released: Course, folder: Path) -> None:
    outcomes = fuzz(released, "01_tiny", range(1800), folder)
    assert min(outcomes.values()) > 300 and outcomes.total() == 1800, outcomes


def test_a_real_assignment(tmp_path: Path, folder: Path) -> None:
    name = "04_convnets"
    root = tmp_path / "course"
    shutil.copytree(REPOSITORY / "notebooks" / name, root / "notebooks" / name)
    for file in ("_config.yml", "pyproject.toml"):
        shutil.copy(REPOSITORY / file, root)
    course = Course(root)
    make_student_version(course, name)
    outcomes = fuzz(course, name, range(1800, 2000), folder)
    assert min(outcomes.values()) > 30 and outcomes.total() == 200, outcomes
