"""Answers to an assignment's exercises: the master's own, and the wrong and other right ones beside it."""

from __future__ import annotations

import re
from typing import Literal

from nbformat import NotebookNode

from autograder.course import Course, CourseError
from autograder.markers import SOLUTION, has_marker
from autograder.master import read_master, read_script


def reference(course: Course, name: str) -> dict[str, str]:
    """The master's own answers, `{grade_id: source}` in order, without the markers."""
    return {
        grade_id: "\n".join(line for line in cell.source.splitlines() if not has_marker(line, SOLUTION))
        for grade_id, cell in solution_cells(course, name).items()
    }


def solution_cells(course: Course, name: str) -> dict[str, NotebookNode]:
    """The cells of the master that students fill in, by grade id, in order; written answers included."""
    return {
        cell.metadata.nbgrader.grade_id: cell
        for cell in read_master(course, name).cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }


def load(course: Course, name: str, kind: Literal["wrong", "right"]) -> dict[str, dict[str, str]]:
    """The answers in wrong_answers.py or right_answers.py beside the master.

    A cell headed `answers="<grade_id>"` is the answer; one headed `changes="<grade_id>"` says in comments which lines of the
    master's own solution are others in it, see :func:`with_changes`.

    Returns:
        `{grade_id: {title: source}}`; empty where there is no such file.

    Raises:
        CourseError: an answer has no title, a title stands twice, or it answers no solution cell.
    """
    path = course.master(name).with_name(f"{kind}_answers.py")
    if not path.exists():
        return {}
    known, right = solution_cells(course, name), reference(course, name)
    answers: dict[str, dict[str, str]] = {}
    for cell in read_script(path).cells:
        if cell.cell_type != "code":
            continue
        changed = "changes" in cell.metadata
        title, grade_id = cell.metadata.get("title"), cell.metadata.get("changes" if changed else "answers")
        start = f"{course.where(path)}, the cell starting '{cell.source.strip().splitlines()[:1]}'"
        if not title or not grade_id:
            raise CourseError(f"{start}: head it '# %% <what is special> answers=\"<grade_id>\"'.")
        if grade_id not in known:
            raise CourseError(f"{start} answers '{grade_id}', which is none of: {', '.join(known)}.")
        if title in answers.setdefault(grade_id, {}):
            raise CourseError(f"{start}: '{title}' stands twice for '{grade_id}'; give each answer its own title.")
        try:
            answers[grade_id][title] = with_changes(right[grade_id], cell.source) if changed else cell.source
        except ValueError as error:
            raise CourseError(f"{start}: {error}") from error
    return answers


def with_changes(source: str, changes: str) -> str:
    """A solution in which some lines are others.

    Args:
        source: the solution.
        changes: comments: lines `# - old` that stand in the solution one after another, once, and the lines `# + new` that
            stand there instead; several such groups with an empty line between them. Indentation is that of the solution's
            first line of the group, and what the others have more or less than it.

    Raises:
        ValueError: a line that is none of these, or old lines that the solution does not have, or has twice.
    """
    for group in re.split(r"\n\s*\n", changes.strip()):
        written = [re.fullmatch(r"# ([-+])(?: (.*))?", line) for line in group.splitlines()]
        if not written or not all(written) or written[0][1] != "-":
            raise ValueError("write lines of the solution as '# - line', then what stands there instead as '# + line'.")
        old, new = ([line[2] or "" for line in written if line[1] == sign] for sign in "-+")
        lines = source.splitlines()
        stripped = [line.strip() for line in lines]
        wanted = [line.strip() for line in old]
        places = [n for n in range(len(lines)) if stripped[n : n + len(wanted)] == wanted]
        if len(places) != 1:
            raise ValueError(f"the solution has '{old[0].strip()}' and what follows it {len(places)} times, not once.")
        (place,) = places
        margin = lines[place][: len(lines[place]) - len(lines[place].lstrip())]
        first = len(old[0]) - len(old[0].lstrip())
        shifted = [margin + line[first:] if line.strip() else "" for line in new]
        source = "\n".join([*lines[:place], *shifted, *lines[place + len(old) :]])
    return source
