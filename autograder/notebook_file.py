"""From a file that a student handed in to a notebook in memory.

Any bytes may arrive. What comes out holds only what counts: the kind, text, id, pasted pictures, tags and nbgrader
metadata of each cell, and which assignment the notebook says it is. Outputs and all other metadata are left behind.
Time and memory are bounded by the limits below, all far above what an honest notebook needs.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode

MAX_BYTES = 50_000_000  # a file
MAX_VALUES = 2_000_000  # brackets and commas in a file: what makes JSON large in memory
MAX_CELLS = 5_000
MAX_LETTERS = {"code": 1_000_000, "markdown": 10_000_000, "raw": 1_000_000}  # in all cells of a kind together
MAX_SCRIPT = 1_000_000  # bytes of a Jupytext file
MAX_PICTURES = 10_000_000  # letters of pictures pasted into Markdown cells
SCRIPTS = (".py", ".md")
_PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp"}


class Quarantine(Exception):
    """A submission that is set aside; the message is a sentence that a person can act on.

    Args:
        reason: the message.
        evidence: (heading, text) pairs for a page that shows the case, e.g. the two cells that contradict each other;
            the first ten are kept, and the beginning of each text.
    """

    def __init__(self, reason: str, evidence: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(reason)
        self.evidence = [(heading, text[:4000]) for heading, text in list(evidence)[:10]]


def quoted(value: object) -> str:
    """Something a student wrote, as a message quotes it: short, on one line, in quotation marks."""
    text = value if isinstance(value, str) else repr(value)
    shown = "".join(letter if letter.isprintable() else "�" for letter in text[:80])
    return f"'{shown}…'" if len(text) > 80 else f"'{shown}'"


def new_cell(kind: str, source: str, **fields: Any) -> NotebookNode:
    """A notebook cell of this kind. nbformat's own makers hold each against a schema, which takes longer than to read it."""
    if kind not in MAX_LETTERS:
        raise ValueError(f"no kind of cell: {kind!r}")
    cell = NotebookNode(id=secrets.token_hex(4), cell_type=kind, metadata=NotebookNode(), source=source)
    if kind == "code":
        cell.update(outputs=[], execution_count=None)
    cell.update(fields)
    return cell


def new_output(kind: str, **content: Any) -> NotebookNode:
    """An output of a code cell, likewise."""
    output = NotebookNode(output_type=kind)
    if kind in ("display_data", "execute_result"):
        output.metadata = NotebookNode()
    if kind == "execute_result":
        output.execution_count = None
    output.update(content)
    return output


def read_notebook(path: Path) -> NotebookNode:
    """Read a submitted notebook, or Jupytext script, as nbformat 4 without outputs.

    Any encoding that JSON allows (with or without a mark at the start) and Windows' or latin-1 are read; notebook
    formats 2 and 3 are upgraded.

    Raises:
        Quarantine: it cannot be read.
    """
    name = quoted(path.name)
    data = _read_bytes(path)
    if not data.strip():
        raise Quarantine(f"{name} is empty: ask the student to download it again.")
    try:
        suffix = path.suffix.lower()
        return _plain(_read_script(suffix, data) if suffix in SCRIPTS else _read_json(name, data))
    except Quarantine:
        raise
    except Exception as error:  # noqa: BLE001 - any shape of JSON may arrive here, and jupytext raises anything
        said = quoted(f"{type(error).__name__}: {error}")
        raise Quarantine(f"{name} is damaged ({said}): open and save it in Jupyter or Colab again.") from None


def _read_bytes(path: Path) -> bytes:
    """The bytes of a plain file that is not too large; links are not followed and pipes not waited for."""
    name = quoted(path.name)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if path.is_symlink():
            raise Quarantine(f"{name} is a link, and is not followed: ask for the file itself.") from None
        raise Quarantine(f"{name} cannot be opened ({error.strerror}): ask for it again.") from None
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Quarantine(f"{name} is no plain file, and is not opened: ask for the file itself.")
        data = file.read(MAX_BYTES + 1)
    limit = MAX_SCRIPT if path.suffix.lower() in SCRIPTS else MAX_BYTES
    if len(data) > limit:
        raise Quarantine(f"{name} is larger than {limit / 10**6:g} MB: ask for it with its outputs cleared.")
    return data


def _read_json(name: str, data: bytes) -> dict:
    """The notebook in the shape of format 4."""
    if sum(map(data.count, (b"[", b"{", b","))) > MAX_VALUES:
        raise Quarantine(f"{name} holds more than {MAX_VALUES:,} values: ask for it with its outputs cleared.")
    try:
        content = json.loads(_decode(data, json.detect_encoding(data)))
    except (ValueError, RecursionError) as error:
        raise Quarantine(f"{name} is not a notebook or was cut off ({quoted(str(error))}): ask for it again.") from None
    if not isinstance(content, dict) or "nbformat" not in content:
        raise Quarantine(f"{name} is JSON but not a notebook: ask the student for the notebook.")
    if content["nbformat"] not in (2, 3, 4):
        form = quoted(content["nbformat"]).strip("'")
        raise Quarantine(f"{name} has notebook format {form}, not 2 to 4: save it in Jupyter or Colab again.")
    if content["nbformat"] == 4:
        return content
    sheets = [{"cells": [_without_outputs(cell) for cell in sheet["cells"]]} for sheet in content["worksheets"]]
    _require_few(sum(len(sheet["cells"]) for sheet in sheets))
    old = {"nbformat": content["nbformat"], "nbformat_minor": 0, "metadata": {}, "worksheets": sheets}
    upgraded = nbformat.convert(nbformat.from_dict(old), to_version=4)
    return {**upgraded, "metadata": content.get("metadata", {})}


def _without_outputs(cell: dict) -> dict:
    return {**cell, "outputs": []} if "outputs" in cell else cell


def _require_few(cells: int) -> None:
    if cells > MAX_CELLS:
        raise Quarantine(f"The notebook has {cells:,} cells, more than {MAX_CELLS:,}: ask the student what happened.")


def _decode(data: bytes, encoding: str) -> str:
    for candidate in (encoding, "cp1252"):
        try:
            return data.decode(candidate).removeprefix("\ufeff")
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _read_script(suffix: str, data: bytes) -> dict:
    text = _decode(data, "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8")
    form = {"extension": suffix}
    if suffix == ".md":  # never the formats that call other programs
        form["format_name"] = "myst" if "format_name: myst" in text else "markdown"
    return jupytext.reads(text, fmt=form)


def _plain(content: dict) -> NotebookNode:
    """What counts of a notebook of format 4; raises anything if it is none."""
    cells = content["cells"]
    if not isinstance(cells, list):
        raise TypeError(f"its cells are a {type(cells).__name__}")
    _require_few(len(cells))
    plain, letters, room = [], dict.fromkeys(MAX_LETTERS, 0), MAX_PICTURES
    for number, cell in enumerate(cells, start=1):
        plain.append(_plain_cell(cell, number, room))
        kind = plain[-1].cell_type
        letters[kind] += len(plain[-1].source)
        if letters[kind] > MAX_LETTERS[kind]:
            raise Quarantine(
                f"The {kind} cells hold more than {MAX_LETTERS[kind]:,} letters: ask for a notebook without pasted data."
            )
        room -= sum(len(data) for each in plain[-1].get("attachments", {}).values() for data in each.values())
    metadata = content.get("metadata")
    course = metadata.get("course") if isinstance(metadata, dict) else None
    known = {key: course[key] for key in ("assignment", "version") if key in course} if isinstance(course, dict) else {}
    # Not new_notebook: it would give doubled cell ids new names before `restore` sees them.
    return NotebookNode(cells=plain, metadata=NotebookNode(course=NotebookNode(known)))


def _plain_cell(cell: dict, number: int, room: int) -> NotebookNode:
    source = cell["source"]
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str) or "\0" in source:
        raise TypeError(f"the text of cell {number} is no text")
    source.encode()  # half a surrogate pair is valid JSON, but no text
    plain = new_cell(cell["cell_type"], source)
    plain.id = cell["id"] if isinstance(cell.get("id"), str) else ""
    metadata = cell.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    if isinstance(metadata.get("nbgrader"), dict):
        plain.metadata.nbgrader = NotebookNode(metadata["nbgrader"])
    if isinstance(metadata.get("tags"), list):
        plain.metadata.tags = [tag for tag in metadata["tags"] if isinstance(tag, str)]
    if isinstance(metadata.get("id"), str):  # where Colab keeps it
        plain.metadata.id = metadata["id"]
    if plain.cell_type == "markdown" and isinstance(cell.get("attachments"), dict):
        plain.attachments = _pictures(cell["attachments"], room)
    return plain


def _pictures(attachments: dict, room: int) -> NotebookNode:
    """The pictures pasted into a Markdown cell that fit into `room` letters; nothing that can carry a script."""
    kept = NotebookNode()
    for name, versions in attachments.items():
        for kind, data in versions.items() if isinstance(versions, dict) else ():
            data = "".join(data) if isinstance(data, list) and all(isinstance(part, str) for part in data) else data
            if kind in _PICTURES and isinstance(data, str) and data.isascii() and len(data) <= room:
                name.encode()
                kept[name] = NotebookNode({kind: data})
                room -= len(data)
    return kept
