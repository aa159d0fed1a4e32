"""The lines between nbgrader's `### BEGIN …` and `### END …` markers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from nbformat import NotebookNode

SOLUTION = "SOLUTION"
HIDDEN_TESTS = "HIDDEN TESTS"


def split(source: str, kind: str) -> tuple[list[str], list[str]]:
    """Part a cell's lines into those outside and those inside its marked regions; the markers are in neither.

    Args:
        source: the cell's text.
        kind: SOLUTION or HIDDEN_TESTS.

    Raises:
        ValueError: the markers are not balanced; the message completes the sentence "the cell …".
    """
    outside: list[str] = []
    inside: list[str] = []
    lines = outside
    for number, line in enumerate(source.splitlines(), start=1):
        if f"BEGIN {kind}" in line:
            if lines is inside:
                raise ValueError(f"opens BEGIN {kind} twice (line {number}) without END {kind} between")
            lines = inside
        elif f"END {kind}" in line:
            if lines is outside:
                raise ValueError(f"has END {kind} (line {number}) without BEGIN {kind} before it")
            lines = outside
        else:
            lines.append(line)
    if lines is inside:
        raise ValueError(f"has BEGIN {kind} without END {kind} after it")
    return outside, inside


def has_marker(source: str, kind: str) -> bool:
    """Whether a marker of this kind stands in the cell."""
    return f"BEGIN {kind}" in source or f"END {kind}" in source


def public_lines(master: NotebookNode) -> list[str]:
    """The lines of a master that students may see."""
    lines = []
    for cell in master.cells:
        outside, _ = split(cell.source, SOLUTION)
        lines += split("\n".join(outside), HIDDEN_TESTS)[0]
    return lines


def leaks(master: NotebookNode, visible: Iterable[str]) -> list[tuple[int, str]]:
    """Private lines of a master that stand among the lines a student sees.

    A line of a solution may stand nowhere; a line of a hidden test may repeat one of a visible test (set-up), but not
    stand more often than the master's public text has it. Short lines and comments (`else:`, `# loop`) do not count.

    Returns:
        (number of the master's cell, line) for each line that leaks.
    """
    shown = Counter(line.strip() for line in visible)
    public = Counter(line.strip() for line in public_lines(master))
    found = []
    for number, cell in enumerate(master.cells, start=1):
        for kind in (SOLUTION, HIDDEN_TESTS):
            for line in map(str.strip, split(cell.source, kind)[1]):
                allowed = public[line] if kind == HIDDEN_TESTS else 0
                if len(line) >= 12 and not line.startswith("#") and shown[line] > allowed:
                    found.append((number, line))
    return found
