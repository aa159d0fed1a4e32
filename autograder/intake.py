"""From what a student handed in to a notebook that can be judged, or the reason why not.

The student's cells are matched with the released ones; everything the student was not meant to write (locked cells,
all metadata) is put back as it was released.
"""

from __future__ import annotations

import json
from collections import defaultdict
from copy import deepcopy
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

MAX_BYTES = 50_000_000  # far above a notebook with pictures
_SCRIPTS = {".py", ".md"}
_NEW_CELL = {
    "code": nbformat.v4.new_code_cell,
    "markdown": nbformat.v4.new_markdown_cell,
    "raw": nbformat.v4.new_raw_cell,
}


class Quarantine(Exception):
    """A submission that is set aside; the message is a sentence that a person can act on."""


def find_notebook(folder: Path) -> Path:
    """The one notebook in a submission's folder, whatever its name; else the one Jupytext script.

    Raises:
        Quarantine: there is none, more than one, or the file is a link or too large.
    """
    files = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".") and not path.is_dir()]
    found = [path for path in files if path.suffix.lower() == ".ipynb"]
    found = found or [path for path in files if path.suffix.lower() in _SCRIPTS]
    if not found:
        others = f" (only {', '.join(path.name for path in files)})" if files else ""
        raise Quarantine(f"There is no notebook in the folder{others}: ask the student for the .ipynb file.")
    if len(found) > 1:
        names = ", ".join(f"'{path.name}'" for path in found)
        raise Quarantine(f"There are {len(found)} notebooks ({names}): keep the one that counts and grade again.")
    (path,) = found
    if path.is_symlink() or folder.is_symlink() or not path.is_file():
        raise Quarantine(f"'{path.name}' is a link or no plain file, and is not opened: ask for the file itself.")
    if path.stat().st_size > MAX_BYTES:
        raise Quarantine(f"'{path.name}' is larger than {MAX_BYTES // 10**6} MB: ask for it with its outputs cleared.")
    return path


def read_notebook(path: Path) -> NotebookNode:
    """Read a submitted notebook as nbformat 4, without outputs.

    Any encoding that JSON allows (with or without a mark at the start) and latin-1 are read; older formats are upgraded.

    Raises:
        Quarantine: it cannot be read.
    """
    data = path.read_bytes()
    if not data.strip():
        raise Quarantine(f"'{path.name}' is empty: ask the student to download it again.")
    if path.suffix.lower() in _SCRIPTS:
        return _read_script(path, data)
    try:
        try:
            content = json.loads(data)
        except UnicodeDecodeError:
            content = json.loads(data.decode("latin-1"))
    except (ValueError, RecursionError) as error:
        raise Quarantine(f"'{path.name}' is not a notebook or was cut off ({error}): ask for it again.") from None
    if not isinstance(content, dict) or "nbformat" not in content:
        raise Quarantine(f"'{path.name}' is JSON but not a notebook: ask the student for the notebook.")
    if content["nbformat"] not in (2, 3, 4):
        raise Quarantine(
            f"'{path.name}' has notebook format {content['nbformat']!r}: save it in Jupyter or Colab again."
        )
    try:
        notebook = nbformat.convert(nbformat.from_dict(content), to_version=4)
        # Not new_notebook: it would give doubled cell ids new names before `restore` sees them.
        return NotebookNode(cells=[_plain(cell) for cell in notebook.cells], metadata=notebook.metadata)
    except Exception as error:  # noqa: BLE001 - any shape of JSON may arrive here
        raise Quarantine(
            f"'{path.name}' is damaged ({type(error).__name__}: {error}): open and save it in Jupyter or Colab again."
        ) from None


def _read_script(path: Path, data: bytes) -> NotebookNode:
    try:
        return jupytext.reads(data.decode("utf-8-sig"), fmt=path.suffix.lower().removeprefix("."))
    except Exception as error:  # noqa: BLE001 - jupytext's readers raise whatever their parsers do
        raise Quarantine(f"'{path.name}' cannot be read as a notebook ({error}): ask for the .ipynb file.") from None


def _plain(cell: NotebookNode) -> NotebookNode:
    """The parts of a cell that count: kind, text, id and metadata."""
    source = cell.get("source", "")
    text = "".join(source) if isinstance(source, list) else str(source)
    text.encode()  # half a surrogate pair is valid JSON, but no text
    plain = _NEW_CELL[cell["cell_type"]](text)
    plain.metadata = NotebookNode(cell.get("metadata", {}))
    if isinstance(cell.get("id"), str):
        plain.id = cell["id"]
    return plain


def restore(submitted: NotebookNode, released: NotebookNode) -> NotebookNode:
    """The submission with everything but the student's own text as it was released.

    A cell is recognised by its grade id, else by its cell id. Missing, doubled and changed locked cells are put right;
    the student's other cells stay, without metadata that could steer the run.

    Raises:
        Quarantine: the notebook belongs to another assignment, or an answer is missing or ambiguous.
    """
    assignment = released.metadata["course"]["assignment"]
    course = submitted.metadata.get("course")
    theirs = course.get("assignment", assignment) if isinstance(course, dict) else assignment
    if theirs != assignment:
        raise Quarantine(f"The notebook is for assignment '{theirs}', not '{assignment}': move it there.")

    originals = {cell.metadata.nbgrader.grade_id: cell for cell in released.cells if "nbgrader" in cell.metadata}
    by_cell_id = {cell.id: grade_id for grade_id, cell in originals.items()}
    matches: dict[str, list[int]] = {grade_id: [] for grade_id in originals}
    for place, cell in enumerate(submitted.cells):
        meta = cell.metadata.get("nbgrader")
        grade_id = meta.get("grade_id") if isinstance(meta, dict) else None
        if not (isinstance(grade_id, str) and grade_id in originals):
            grade_id = by_cell_id.get(cell.id)
        if grade_id is not None:
            matches[grade_id].append(place)

    # The student's own cells get no metadata and a new id: neither tags nor a copied id may steer the run.
    cells = [_NEW_CELL[cell.cell_type](cell.source) for cell in submitted.cells]
    position = -1  # where the last recognised cell stands; a missing locked cell goes behind it
    behind: dict[int, list[NotebookNode]] = defaultdict(list)
    for grade_id, original in originals.items():
        if original.metadata.nbgrader.solution:
            position = _the_answer(grade_id, original, submitted, matches[grade_id])
            cells[position] = _as_released(original, submitted.cells[position].source)
        elif matches[grade_id]:
            position = matches[grade_id][-1]
            cells[position] = _as_released(original, original.source)
        else:
            behind[position].append(_as_released(original, original.source))
    cells = behind[-1] + [each for place, cell in enumerate(cells) for each in (cell, *behind[place])]
    return nbformat.v4.new_notebook(cells=cells, metadata=deepcopy(released.metadata))


def _the_answer(grade_id: str, original: NotebookNode, submitted: NotebookNode, places: list[int]) -> int:
    """Where the student's one answer stands; copies that are equal or untouched are no second answer."""
    if not places:
        raise Quarantine(f"The answer cell '{grade_id}' is missing: ask the student for a notebook that has it.")
    sources = {place: submitted.cells[place].source for place in places}
    answers = {source: place for place, source in sources.items() if source.strip() != original.source.strip()}
    if len(answers) > 1:
        raise Quarantine(f"There are {len(answers)} different cells '{grade_id}': keep the answer that counts.")
    return next(iter(answers.values()), places[-1])


def _as_released(original: NotebookNode, source: str) -> NotebookNode:
    cell = deepcopy(original)
    cell.source = source
    return cell
