"""Only the cells of an assignment that one exercise's checks rest on: a notebook that is judged in a fraction of the time."""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache

from nbformat import NotebookNode

from autograder.names import bound, parse, read_first


def sliced(source: NotebookNode, grade_id: str, answer: str) -> NotebookNode:
    """The cells on which the checks of one solution cell rest, with an answer in its place; the rest is left out.

    A check belongs to the exercise if a name that it reads comes from the solution cell, directly or through other
    cells. What a cell changes without assigning to it (`train(net)` in a cell of its own) is not seen: whoever uses a
    slice must see that the right answer passes in it.

    Args:
        source: the instructor's notebook, whose solution cells hold the reference solution.
        grade_id: the solution cell.
        answer: what stands in it instead.
    """
    notebook = answered(source, grade_id, answer)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    reference = {id(new): old.source for new, old in zip(notebook.cells, source.cells)}
    rests_on: list[set[int]] = []  # the cells that define what a cell reads
    depends: list[set[str]] = []  # the solution cells that what a cell does depends on
    latest: dict[str, int] = {}  # the cell that defined a name last
    for number, cell in enumerate(cells):
        # Written in another style, an answer may read and define other names than the reference.
        names = [_names(text) for text in (reference[id(cell)], cell.source)]
        rests_on.append({latest[name] for read, _ in names for name in read if name in latest})
        about = cell.metadata.get("nbgrader", {})
        depends.append(set().union(*(depends[other] for other in rests_on[number])))
        if about.get("solution"):
            depends[number].add(about["grade_id"])
        if not _is_check(cell):
            latest.update({name: number for _, defined in names for name in defined})
    wanted = {number for number, cell in enumerate(cells) if _is_check(cell) and grade_id in depends[number]}
    pending = [other for number in wanted for other in rests_on[number] if depends[other]]
    while pending:
        number = pending.pop()
        if number not in wanted:
            wanted.add(number)
            pending += rests_on[number]
    notebook.cells = [cells[number] for number in sorted(wanted)]
    return notebook


def answered(source: NotebookNode, grade_id: str, answer: str) -> NotebookNode:
    """The instructor's notebook with another answer in one solution cell."""
    notebook = deepcopy(source)
    (cell,) = (c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)
    cell.source = answer
    return notebook


@lru_cache(1000)  # an audit makes many slices of the same few cells
def _names(text: str) -> tuple[set[str], set[str]]:
    """What the code reads first, and what it defines."""
    tree = parse(text)
    return read_first(tree), bound(tree)


def _is_check(cell: NotebookNode) -> bool:
    about = cell.metadata.get("nbgrader", {})
    return bool(about.get("grade") and not about.get("solution"))
