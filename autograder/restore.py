"""A submission in which only the student's own text differs from the released notebook."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy

import nbformat
from nbformat import NotebookNode

from autograder.matching import Matching, Original, Theirs, alike, contradiction, defined, match, parse
from autograder.notebook_file import Quarantine, new_cell, quoted

_GRADING = ("grade", "solution", "locked", "task", "points", "schema_version")  # nbgrader's metadata that steer marks
_MAX_PARTS = 8  # into which an answer may be split


def restore(submitted: NotebookNode, released: NotebookNode) -> tuple[NotebookNode, list[str]]:
    """Put back, as released, everything that was not the student's to change.

    Answers and the student's own cells stay where they stand. Locked cells and all metadata are those of the release;
    a check that stood before the answers it needs moves behind them. Copies of released cells go, so do tags.

    Args:
        submitted: as `read_notebook` returns it.
        released: the student version.

    Returns:
        The notebook, and sentences on what an instructor may want to look at.

    Raises:
        Quarantine: the notebook is of another assignment, or an answer is missing or ambiguous.
    """
    versions = _versions(submitted, released)
    matching = match(submitted, released)
    flags = []
    if versions:
        flags.append(
            f"The notebook was made from {versions}; all answer cells were found, and the current checks are used."
        )
    if matching.missing:
        raise _missing(matching, versions)
    answers = {original.id: _answer(matching, original, flags) for original in _of_role(matching, "answer")}
    notebook = nbformat.v4.new_notebook(cells=_arrange(matching, answers, flags), metadata=deepcopy(released.metadata))
    return notebook, flags + _changes(matching) + _tags(matching)


def is_untouched(notebook: NotebookNode, released: NotebookNode) -> bool:
    """Whether a restored notebook answers nothing: its answer cells and the student's own text are as released."""
    known = {alike(cell.source) for cell in released.cells} | {""}
    return all(alike(cell.source) in known for cell in notebook.cells)


def _versions(submitted: NotebookNode, released: NotebookNode) -> str:
    """Which version the notebook is of and which is current, where they differ.

    Raises:
        Quarantine: it says that it is another assignment.
    """
    ours, theirs = released.metadata.get("course", {}), submitted.metadata.get("course", {})
    here, there = ours.get("assignment"), theirs.get("assignment")
    if "assignment" in theirs and there != here:
        raise Quarantine(f"The notebook is for assignment {quoted(there)}, not '{here}': collect it for that one.")
    if "version" in theirs and theirs["version"] != ours.get("version"):
        return f"version {quoted(theirs['version'])} of assignment '{here}', not '{ours.get('version')}'"
    return ""


def _missing(matching: Matching, versions: str) -> Quarantine:
    ids = [f"'{answer.id}'" for answer in matching.missing]
    which = f"cell {ids[0]} is" if len(ids) == 1 else f"cells {', '.join(ids[:-1])} and {ids[-1]} are"
    told = f"The notebook was made from {versions}. " if versions else ""
    if not any(each.claim for each in matching.theirs):
        told += "No cell of it is one of this assignment. "
    own = [(f"cell {each.place + 1}", each.text) for each in matching.theirs if each.claim is None]
    return Quarantine(f"{told}The answer {which} missing: ask the student for a notebook that has all answers.", own)


def _of_role(matching: Matching, *roles: str) -> list[Original]:
    return [original for original in matching.originals if original.role in roles]


def _answer(matching: Matching, answer: Original, flags: list[str]) -> tuple[Theirs, str | None]:
    """The cell in which an answer stands and its text; without text where it stands in the cell of another answer.

    Copies that are equal or untouched are no second answer, and cells that the student split off stay the student's
    own. What is left over loses its claim; what was put into the text gets no place of its own.
    """
    if host := matching.shared.get(answer.id):
        flags.append(f"The answer '{answer.id}' stands in the cell '{host.claim.id}'.")
        return host, None
    cells = matching.of(answer)
    if len({each.text for each in cells}) > 1:
        copies, cells = cells, [each for each in cells if each.text != answer.text]
        if len({each.text for each in cells}) > 1 and any(each.fits for each in cells):
            for each in cells:  # only a part of the answer, or a note beside it: it stays where it is
                each.claim = answer if each.fits else None
            cells = [each for each in cells if each.fits]
            flags.append(f"The answer '{answer.id}' stands in more than one cell; all of them are used.")
        if len({each.text for each in cells}) > 1:
            raise contradiction(answer, copies)
    chosen = cells[0]
    source = _with_its_rest(matching, chosen, answer)
    if source != chosen.cell.source:
        flags.append(f"The answer '{answer.id}' was split in the middle; its parts were put together.")
    return chosen, source


def _with_its_rest(matching: Matching, chosen: Theirs, answer: Original) -> str:
    """The text of an answer and of the cells right behind it that are no Python without it."""
    source = chosen.cell.source
    if answer.cell.cell_type != "code":
        return source
    for rest in matching.theirs[chosen.place + 1 : chosen.place + 1 + _MAX_PARTS]:
        both = f"{source.rstrip()}\n{rest.cell.source}"
        free = rest.cell.cell_type == "code" and rest.claim in (None, answer)
        if not free or (parse(source) and parse(rest.cell.source)):
            break
        if parse(both) is None or not answer.names & (defined(both) or answer.names):
            break
        source, rest.claim = both, answer
    return source


def _arrange(matching: Matching, answers: dict[str, tuple[Theirs, str | None]], flags: list[str]) -> list[NotebookNode]:
    """All cells in their order: at each place the student's cell, then the released cells that belong behind it."""
    placed: list[tuple[int, int, NotebookNode]] = []
    last = answered = -1  # where the last released cell stands, and the last answer
    found = matching.places()
    sources = {host.place: source for host, source in answers.values() if source is not None}
    first_at: dict[int, str] = {}  # several answers may stand in one cell: the first of them keeps it
    for number, original in enumerate(matching.originals):
        if original.role == "plain":
            last = found.get(number, last)
            continue
        cell = deepcopy(original.cell)
        if original.role == "answer":
            host = answers[original.id][0]
            place = host.place
            if first := first_at.get(place):
                cell.source = f"# Answered in the cell '{first}'."
            else:
                first_at[place], cell.source = original.id, sources[place]
                if host.cell.get("attachments"):
                    cell.attachments = deepcopy(host.cell.attachments)
            answered = max(answered, place)
        else:
            places = _places_of_locked(matching, original)
            fitting = [place for place in places if place > answered or not original.is_check]
            place = fitting[0] if fitting else max(last, answered) if original.is_check else last
            if places and not fitting:
                flags.append(f"The {_named(original)} stood before the answers it needs; it was moved behind them.")
        last = place
        placed.append((place, number, cell))
    taken = {original.cell.id for original in matching.originals}
    own = [each for each in matching.theirs if each.claim is None or each.claim.role == "plain"]
    placed += [(each.place, -1, _own(each, taken)) for each in own]
    return [cell for _, _, cell in sorted(placed, key=lambda item: item[:2])]


def _places_of_locked(matching: Matching, original: Original) -> list[int]:
    """Where a locked cell stands; a changed copy beside the true one (or a second one) is a cell of the student's."""
    cells = matching.of(original)
    kept = [each for each in cells if each.text == original.text] or cells[:1]
    for each in cells:
        each.claim = original if each in kept else None
    return [each.place for each in kept]


def _own(theirs: Theirs, taken: set[str]) -> NotebookNode:
    """A cell of the student's: no metadata, and always the same new id, so that neither can steer the run.

    Only a released cell that was left as it was keeps its tags, one of which may say that it is not run in grading.
    """
    cell = new_cell(theirs.cell.cell_type, theirs.cell.source)
    if theirs.claim and theirs.text == theirs.claim.text and (tags := theirs.claim.cell.metadata.get("tags")):
        cell.metadata.tags = list(tags)
    cell.id = f"own-{theirs.place}"
    while cell.id in taken:
        cell.id += "-"
    if theirs.cell.get("attachments"):
        cell.attachments = deepcopy(theirs.cell.attachments)
    return cell


def _changes(matching: Matching) -> list[str]:
    """What was changed in, or happened to, released cells that are not the student's, one sentence each."""
    said = []
    for original in _of_role(matching, "answer", "locked"):
        cells, name = matching.of(original), _named(original)
        if original.role == "locked" and not cells:
            said.append(f"The {name} was missing; it was put back.")
        elif original.role == "locked" and not any(_same(each, original) for each in cells):
            said.append(f"The {name} was changed; the released one is used.")
        elif original.role == "answer" and any(each.cell.cell_type != original.cell.cell_type for each in cells):
            said.append(
                f"The {name} was made a {cells[0].cell.cell_type} cell; it is a {original.cell.cell_type} cell."
            )
        if len({each.text for each in cells}) < len(cells):
            said.append(f"The {name} stood there {len(cells)} times; once is enough.")
        if keys := sorted(set().union(*(_differing(each, original) for each in cells if each.label == original.id))):
            said.append(
                f"The grading metadata of the {name} were changed ({', '.join(keys)}); the released ones count."
            )
    lost: dict[str, list[str]] = {}
    for original in _of_role(matching, "answer", "locked"):
        if original.id in matching.found_by and not any(each.label == original.id for each in matching.of(original)):
            lost.setdefault(matching.found_by[original.id], []).append(f"'{original.id}'")
    said += [
        f"Without its own grading metadata, and recognised by {sign}: {', '.join(ids)}." for sign, ids in lost.items()
    ]
    return said


def _named(original: Original) -> str:
    kind = "check" if original.is_check else "locked cell" if original.role == "locked" else "answer"
    return f"{kind} '{original.id}'"


def _same(theirs: Theirs, original: Original) -> bool:
    return theirs.text == original.text and theirs.cell.cell_type == original.cell.cell_type


def _differing(theirs: Theirs, original: Original) -> set[str]:
    """The names of the grading metadata in which a cell differs from the released one."""
    meta = theirs.cell.metadata.nbgrader
    released = original.cell.metadata.nbgrader
    return {key for key in _GRADING if key in meta and meta[key] != released.get(key)}


def _tags(matching: Matching) -> list[str]:
    released = {tag for original in matching.originals for tag in original.cell.metadata.get("tags", [])}
    tags: Iterable[str] = (tag for each in matching.theirs for tag in each.cell.metadata.get("tags", []))
    new = sorted({tag for tag in tags if tag not in released})
    return [f"Tags that the student set were dropped: {', '.join(map(quoted, new[:5]))}."] if new else []
