"""Which of a student's cells is which released cell, whatever happened to its metadata.

A cell is recognised by its nbgrader metadata, else by its cell id, else by its text or its place between cells that
were recognised, else by the names that it defines. Stronger signs than a label are the whole text of a locked cell and,
where a label contradicts the code, the names that the code defines.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from nbformat import NotebookNode

from autograder.notebook_file import Quarantine

_MAX_CODE = 100_000  # letters that are parsed; Python's parser needs a thousand times that in memory
_MAGIC = re.compile(r"^([ \t]*)[%!?].*$", re.MULTILINE)
_DEFINITION = re.compile(r"^(?:(?:async[ ]+)?(?:def|class)[ ]+(\w+)|(\w+)[ ]*(?::[^=\n]+)?=(?!=))", re.MULTILINE)


def alike(text: str) -> str:
    """A text without what editors change: blanks at the ends of lines, empty lines at its own ends."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def parse(code: str) -> ast.Module | None:
    """The syntax tree of a cell, with its magics blanked if need be; None where it is no Python."""
    if len(code) > _MAX_CODE:
        return None
    with warnings.catch_warnings(action="ignore"):
        for candidate in (code, _MAGIC.sub(r"\1pass", code)):
            try:
                return ast.parse(candidate)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
    return None


def defined(code: str, *, functions_only: bool = False) -> set[str]:
    """Names that a cell defines at its top level; read by eye where it is no valid Python."""
    tree = parse(code)
    if tree is None:
        return {function or variable for function, variable in _DEFINITION.findall(code[:_MAX_CODE])}
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif functions_only:
            continue
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.If | ast.Try | ast.With | ast.For):
            names.update(each.id for each in ast.walk(node) if _is_bound(each))
            names.update(each.name for each in ast.walk(node) if isinstance(each, ast.FunctionDef | ast.ClassDef))
    return names


def _is_bound(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


@dataclass(eq=False)
class Original:
    """A released cell."""

    cell: NotebookNode

    @cached_property
    def id(self) -> str:
        """Its grade id; empty for a cell that is the student's to change."""
        return self.cell.metadata.get("nbgrader", {}).get("grade_id", "")

    @cached_property
    def role(self) -> Literal["answer", "locked", "plain"]:
        meta = self.cell.metadata.get("nbgrader")
        return "plain" if meta is None else "answer" if meta["solution"] else "locked"

    @cached_property
    def is_check(self) -> bool:
        return self.role == "locked" and bool(self.cell.metadata.nbgrader.grade)

    @cached_property
    def text(self) -> str:
        return alike(self.cell.source)

    @cached_property
    def names(self) -> set[str]:
        """What an answer must define: its functions and classes, else its variables."""
        if self.role != "answer" or self.cell.cell_type != "code":
            return set()
        return defined(self.cell.source, functions_only=True) or defined(self.cell.source)


@dataclass(eq=False)
class Theirs:
    """A cell of the student's."""

    place: int
    cell: NotebookNode
    claim: Original | None = None

    @cached_property
    def text(self) -> str:
        return alike(self.cell.source)

    @cached_property
    def names(self) -> set[str]:
        return defined(self.cell.source) if self.cell.cell_type == "code" else set()

    @cached_property
    def label(self) -> str | None:
        label = self.cell.metadata.get("nbgrader", {}).get("grade_id")
        return label if isinstance(label, str) else None

    @property
    def fits(self) -> bool:
        """Whether the text bears out what the cell is taken for."""
        if self.claim is None:
            return False
        if self.claim.role == "answer" and self.claim.names:
            return bool(self.names & self.claim.names)
        return self.text == self.claim.text


@dataclass
class Matching:
    """Who is who: the student's cells by released cell, and what is missing."""

    originals: list[Original]
    theirs: list[Theirs]
    shared: dict[str, Theirs] = field(default_factory=dict)  # answers that stand in the cell of another answer
    missing: list[Original] = field(default_factory=list)  # answers
    found_by: dict[str, str] = field(default_factory=dict)  # where it was not the metadata

    def of(self, original: Original) -> list[Theirs]:
        """The student's cells that are taken for `original`, in order."""
        return [each for each in self.theirs if each.claim is original]

    def places(self) -> dict[int, int]:
        """The first place of each released cell that was found, by its own number."""
        found: dict[int, int] = {}
        for each in reversed(self.theirs):
            if each.claim is not None:
                found[self.numbers[each.claim]] = each.place
        return found

    @cached_property
    def numbers(self) -> dict[Original, int]:
        return {original: number for number, original in enumerate(self.originals)}


def match(submitted: NotebookNode, released: NotebookNode) -> Matching:
    """Find the released cells in a submitted notebook.

    Raises:
        Quarantine: several cells could be the same answer.
    """
    matching = Matching(
        [Original(cell) for cell in released.cells], [Theirs(place, cell) for place, cell in enumerate(submitted.cells)]
    )
    _by_label(matching)
    answers = [original for original in matching.originals if original.role == "answer"]
    for answer in answers:
        if answer.names and not any(each.fits for each in matching.of(answer)):
            _by_name(matching, answer)
    for answer in answers:
        if not matching.of(answer) and answer.id not in matching.shared:
            _by_place(matching, answer)
    matching.missing = [answer for answer in answers if not matching.of(answer) and answer.id not in matching.shared]
    return matching


def _by_label(matching: Matching) -> None:
    """By the whole text of a locked cell, by metadata, by id; the student's plain cells as far as they are known."""
    locked, plain = defaultdict(list), {}
    for original in matching.originals:
        if original.role == "locked":
            locked[original.text].append(original)
        elif original.role == "plain":
            plain[original.text] = plain[original.cell.id] = original
    graded = {original.id: original for original in matching.originals if original.role != "plain"}
    by_cell_id = {original.cell.id: original for original in graded.values()}
    for each in matching.theirs:
        twins = locked.get(each.text, [])
        each.claim = next((twin for twin in twins if twin.id == each.label), twins[0] if len(twins) == 1 else None)
        each.claim = each.claim or graded.get(each.label)
    labelled = {each.claim for each in matching.theirs}
    for each in matching.theirs:
        if each.claim is None:
            known = (by_cell_id.get(key) for key in (each.cell.id, each.cell.metadata.get("id")))
            each.claim = next((found for found in known if found and found not in labelled), None)
            each.claim = each.claim or plain.get(each.cell.id) or plain.get(each.text)
        if each.claim is not None and each.claim.role != "plain" and each.label != each.claim.id:
            by_text = each.claim.role == "locked" and each.text == each.claim.text
            matching.found_by.setdefault(each.claim.id, "its text" if by_text else "its cell id")


def _by_name(matching: Matching, answer: Original) -> None:
    """The cell that defines what the answer must define, wherever it stands and whatever its label says."""

    def defines(each: Theirs) -> bool:
        return bool(each.names & answer.names) and not (each.claim and each.claim.role == "plain")

    found = [each for each in matching.theirs if not each.fits and defines(each)]
    found = _the_one(found) or _the_one(_between(matching, answer, found)) or found
    if len({each.text for each in found}) > 1 and not matching.of(answer):
        raise contradiction(answer, found)
    if found:
        if len({each.text for each in found}) == 1:
            for each in found:
                each.claim = answer
            matching.found_by[answer.id] = "the name it defines"
        return
    hosts = [each for each in matching.theirs if each.fits and defines(each)]
    if not matching.of(answer) and len(hosts) == 1:
        matching.shared[answer.id] = hosts[0]


def _by_place(matching: Matching, answer: Original) -> None:
    """The one cell of its kind between the cells around it; of several, the one that opens with the same line."""
    if answer.names:
        return  # a cell that does not define them is no answer
    kind = answer.cell.cell_type
    free = [each for each in matching.theirs if each.claim is None and each.cell.cell_type == kind]
    found = _between(matching, answer, free)
    opening = answer.text.strip().split("\n")[0]
    found = _the_one(found) or _the_one([each for each in found if each.text.strip().startswith(opening)])
    for each in found:
        each.claim = answer
        matching.found_by[answer.id] = "its place"


def _the_one(cells: list[Theirs]) -> list[Theirs]:
    """The cells, if they all say the same."""
    return cells if len({each.text for each in cells}) == 1 else []


def _between(matching: Matching, answer: Original, cells: Iterable[Theirs]) -> list[Theirs]:
    """Those of `cells` that stand between the nearest recognised cells before and behind the answer."""
    number = matching.numbers[answer]
    places = matching.places()
    before = max((place for other, place in places.items() if other < number), default=-1)
    behind = min((place for other, place in places.items() if other > number and place > before), default=None)
    return [each for each in cells if each.place > before and (behind is None or each.place < behind)]


def contradiction(answer: Original, cells: list[Theirs]) -> Quarantine:
    """Several different cells could be the same answer."""
    texts: dict[str, str] = {}
    for each in cells:
        texts.setdefault(each.text, f"cell {each.place + 1}")
    return Quarantine(
        f"There are {len(texts)} different cells '{answer.id}' ({', '.join(list(texts.values())[:5])} of the notebook): "
        "keep the answer that counts.",
        [(where, text) for text, where in texts.items()],
    )
