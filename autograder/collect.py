"""Fill grading/submitted/ from what a learning platform hands out, or from a plain pile of files.

Only notebooks are taken: a student's other files could change how the notebook runs. Whose a file is says
`autograder.owners`. What cannot be taken is named with its reason, and never harms what was collected before.
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Literal

from nbgrader.utils import parse_utc

from autograder.archive import Item, Refusal, open_inside, open_source
from autograder.course import Course
from autograder.intake import NOTE
from autograder.notebook_file import SCRIPTS, quoted
from autograder.owners import Owner, owners

MAX_NOTEBOOKS = 10  # of one student
_TIMESTAMP = "timestamp.txt"


@dataclass
class Collected:
    """One student's submission, as it lies in grading/submitted/ now."""

    student: str
    files: list[str]
    timestamp: str | None = None
    notes: list[str] = field(default_factory=list)
    change: Literal["new", "replaced", "unchanged"] = "new"


@dataclass
class Refused:
    """A file that was not taken, and why."""

    file: str
    reason: str


def collect(course: Course, name: str, path: Path) -> tuple[list[Collected], list[Refused]]:
    """Collect the submissions of an assignment from a folder or zip as Canvas, Moodle, Gradescope or nbgrader lay it out.

    Students who are not in it keep what they handed in before. Where two versions of a file can be told apart, the
    newer one counts; else both are kept, and grading says that a person must choose.

    Returns:
        What was collected, by student, and what was refused.

    Raises:
        CourseError: a wrong assignment name, or nothing that can be opened at `path`.
    """
    course.require(name)
    path = Path(path)
    with open_source(path) as (items, unusable):
        refused = [Refused(_shown(file), reason) for file, reason in unusable]
        handed_in: dict[str, list[tuple[Owner, Item]]] = defaultdict(list)
        for item, found in owners(items, name, path.stem):
            if isinstance(found, Refusal):
                refused.append(Refused(_shown(str(item)), str(found)))
                continue
            for owner in found:
                handed_in[owner.student].append((owner, item))
        _refuse_namesakes(handed_in, refused, course)
        everyone = [_collect_one(course, name, who, handed_in[who], refused) for who in sorted(handed_in)]
    return [one for one in everyone if one], refused


def _refuse_namesakes(handed_in: dict[str, list[tuple[Owner, Item]]], refused: list[Refused], course: Course) -> None:
    """Two students whose ids differ in capitals only, or became equal, cannot both be kept apart everywhere."""
    alike: dict[str, set[str]] = defaultdict(set)
    for student, pairs in handed_in.items():
        alike[student.casefold()] |= {owner.key for owner, _ in pairs}
    folders = {folder.name for folder in course.grading.glob("submitted/*")}
    known = {name.casefold(): name for name in folders}
    for student in sorted(handed_in):
        other = student if student in folders else known.get(student.casefold(), student)
        others = sorted({key.split(" ", 1)[1] for key in alike[student.casefold()]})
        if len(others) > 1 or other != student:
            names = ", ".join(map(quoted, others if len(others) > 1 else [other, student]))
            reason = f"The names {names} are too alike to be kept apart: rename one of them, and collect again."
            refused += [Refused(_shown(str(item)), reason) for _, item in handed_in.pop(student)]


def _collect_one(
    course: Course, name: str, student: str, pairs: list[tuple[Owner, Item]], refused: list[Refused]
) -> Collected | None:
    """Write one student's submission, if there is one and it changed."""
    told: list[Refused] = []
    notes = ["The platform marks it as late."] if any(owner.late for owner, _ in pairs) else []
    timestamp = _timestamp(pairs, told)
    files = _notebooks(_opened(_newest(pairs, notes), told), notes)
    contents: dict[str, bytes] = {}
    for file, item in files[:MAX_NOTEBOOKS]:
        try:
            contents[_free_name(file, contents)] = item.read()
        except Refusal as refusal:
            told.append(Refused(_shown(str(item)), str(refusal)))
    if len(files) > MAX_NOTEBOOKS:
        told.append(Refused(student, f"{len(files)} notebooks were handed in: keep the one that counts."))
        contents = {}
    if len(contents) == 1:  # nbgrader's own tools want this name
        ((file, data),) = contents.items()
        contents = {f"{name}{PurePath(file).suffix.lower()}": data}
    try:
        if contents:
            change = _write(course, name, student, contents, timestamp, notes)
            return Collected(student, sorted(contents), timestamp, notes, change)
        if not told:
            what = ", ".join(quoted(owner.file) for owner, _ in pairs[:5])
            told.append(Refused(student, f"No notebook was handed in (only {what}): ask for the .ipynb file."))
        _leave_note(course, name, student, told)
    except OSError as error:
        told.append(Refused(student, f"It could not be written ({error.strerror}): mend that and collect again."))
    finally:
        refused += told
    return None


def _opened(pairs: list[tuple[Owner, Item]], told: list[Refused]) -> list[tuple[Owner, Item]]:
    """The files, with those of zips that students handed in; a zip within such a zip stays closed."""
    files = []
    for owner, item in pairs:
        if PurePath(owner.file).suffix.lower() != ".zip":
            files.append((owner, item))
            continue
        try:
            inside, unusable = open_inside(item.read())
        except Refusal as refusal:
            told.append(Refused(_shown(str(item)), str(refusal)))
            continue
        told += [Refused(_shown(f"{item}/{file}"), reason) for file, reason in unusable]
        for each in inside:
            if PurePath(each.name).suffix.lower() == ".zip":
                told.append(
                    Refused(_shown(f"{item}/{each}"), "A zip inside a zip is not opened: ask for the notebook.")
                )
            else:
                files.append((replace(owner, file=each.name), each))
    return files


def _newest(files: list[tuple[Owner, Item]], notes: list[str]) -> list[tuple[Owner, Item]]:
    """Without the older versions of what was handed in again, where the names tell which is newer."""
    best: dict[str, tuple[int, int]] = {}
    for owner, _ in files:
        if owner.stem:
            best[owner.stem] = max(owner.version, best.get(owner.stem, owner.version))
    older = [owner.file for owner, _ in files if owner.stem and owner.version < best[owner.stem]]
    if older:
        notes.append(f"Handed in again: the newest version is kept, not {', '.join(map(quoted, older))}.")
    times = {owner.timestamp for owner, _ in files if owner.timestamp}
    last = max(times, default=None)
    if len(times) > 1:
        notes.append(f"Handed in {len(times)} times: the submission of {last} is kept.")
    return [
        (owner, item)
        for owner, item in files
        if not (owner.stem and owner.version < best[owner.stem]) and not (last and owner.timestamp != last)
    ]


def _notebooks(files: list[tuple[Owner, Item]], notes: list[str]) -> list[tuple[str, Item]]:
    """The notebooks, else the Jupytext scripts; the rest is left out, and said."""
    for kinds in ((".ipynb",), SCRIPTS):
        found = [(owner.file, item) for owner, item in files if PurePath(owner.file).suffix.lower() in kinds]
        if found:
            break
    rest = [owner.file for owner, item in files if (owner.file, item) not in found and owner.file != _TIMESTAMP]
    if rest:
        more = " …" if len(rest) > 5 else ""
        notes.append(f"Not collected, being no notebook: {', '.join(map(quoted, rest[:5]))}{more}.")
    return found


def _timestamp(pairs: list[tuple[Owner, Item]], told: list[Refused]) -> str | None:
    """When it was handed in: from nbgrader's timestamp.txt (no student writes it), or as the layout says."""
    for owner, item in pairs:
        if owner.key.startswith("nbgrader ") and owner.file == _TIMESTAMP:
            try:
                text = item.read()[:200].decode().strip()
                return f"{parse_utc(text)} UTC" if text else None
            except (Refusal, ValueError, OverflowError):
                told.append(Refused(_shown(str(item)), "It holds no time: write it as '2025-03-01 12:00:00 UTC'."))
    return max((owner.timestamp for owner, _ in pairs if owner.timestamp), default=None)


def _free_name(file: str, taken: Iterable[str]) -> str:
    """A file's own name, made safe and different from the others."""
    path = PurePath(
        "".join(sign if sign.isprintable() and sign not in '/\\:*?<>|"' else "_" for sign in file).lstrip(".")
    )
    used = {name.casefold() for name in taken}
    candidate, copy = f"{path.stem}{path.suffix}", 1
    while candidate.casefold() in used:
        copy += 1
        candidate = f"{path.stem} [{copy}]{path.suffix}"
    return candidate


def _write(
    course: Course, name: str, student: str, contents: dict[str, bytes], timestamp: str | None, notes: list[str]
) -> Literal["new", "replaced", "unchanged"]:
    """Put the files in place, all at once or not at all."""
    target = course.submitted(student, name)
    old, fresh = (target.with_name(f".{name}.{what}") for what in ("old", "new"))
    if target.parent.is_symlink():
        raise OSError(0, f"{course.where(target.parent)} is a link")
    target.parent.mkdir(parents=True, exist_ok=True)
    if old.exists() and not target.exists():  # an earlier run was killed between the two renamings below
        os.replace(old, target)
    if timestamp:
        contents = {**contents, _TIMESTAMP: f"{timestamp}\n".encode()}
    before = _contents(target)
    if before == contents:
        return "unchanged"
    if timestamp and (kept := before.get(_TIMESTAMP, b"").decode(errors="replace").strip()) > timestamp:
        notes.append(f"What was collected before is newer ({kept}) and stays.")
        return "unchanged"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        for file, data in contents.items():
            (fresh / file).write_bytes(data)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    replaced = target.is_symlink() or target.exists()
    if target.is_symlink():
        target.unlink()
    elif replaced:
        os.replace(target, old)
    os.replace(fresh, target)
    shutil.rmtree(old, ignore_errors=True)
    return "replaced" if replaced else "new"


def _contents(folder: Path) -> dict[str, bytes]:
    """The files that lie in a submission's folder."""
    if folder.is_symlink() or not folder.is_dir():
        return {}
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and not path.is_symlink()}


def _leave_note(course: Course, name: str, student: str, told: list[Refused]) -> None:
    """Where nothing was collected before, say why, so that grading sets the student aside with this reason."""
    target = course.submitted(student, name)
    if target.exists() and set(_contents(target)) - {NOTE, _TIMESTAMP}:
        return
    reason = " ".join(f"{quoted(each.file)}: {each.reason}" for each in told[:3])
    _write(course, name, student, {NOTE: f"{reason}\n".encode()}, None, [])


def _shown(file: str) -> str:
    return quoted(file)[1:-1]
