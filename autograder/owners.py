"""Whose is a file? The rule by which names of files and folders give students' ids.

The rule is a table in the book, in the guide for instructors under *Collecting*.

Names keep their letters, whatever the language. Signs that file systems or nbgrader cannot take become `_`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import dateutil.parser
import yaml

from autograder.archive import Item, Refusal

METADATA = ("submission_metadata.yml", "submission_metadata.yaml")
NOTEBOOKS = (".ipynb", ".py", ".md", ".zip")  # a zip may hold one
_CANVAS = re.compile(r"(?P<who>(?:LATE_)?anon_\w+?|.+?(?:_LATE)?_\d+)_(?P<attachment>\d+)_(?P<file>.+)", re.DOTALL)
_MOODLE = re.compile(r"(?P<who>.+_\d+)_assignsubmission_(?:file|onlinetext)_?(?P<file>.*)", re.DOTALL)
_AGAIN = re.compile(r"(?P<stem>.+)-(?P<again>\d{1,4})")
_COPY = re.compile(r"\s*\(\d+\)$")
_WRAPPERS = {"submitted", "submissions"}
_UNUSABLE = re.compile(r'[\[\]*?/\\:<>|"]')


@dataclass(frozen=True)
class Owner:
    """Who handed in a file.

    Args:
        key: what tells this student from all others in the layout.
        student: the id.
        file: the file's own name, as the student gave it.
        stem: the same for all versions of a file that was handed in again.
        version: larger is newer.
        late: whether the platform's name says so.
        timestamp: when it was handed in, in UTC, where the layout says so.
    """

    key: str
    student: str
    file: str
    stem: str = ""
    version: tuple[int, int] = (0, 0)
    late: bool = False
    timestamp: str | None = None


def owners(items: list[Item], name: str, wrapper: str) -> Iterator[tuple[Item, list[Owner] | Refusal]]:
    """Each file with the students who handed it in (several for a group), or why nobody is known.

    Args:
        name: the assignment.
        wrapper: the source's own name; a folder of that name around everything is no student.
    """
    gradescope, problems = _gradescope(items)
    rest = []
    for item in items:
        try:
            if item in problems:
                yield item, problems[item]
            elif item.name in METADATA:
                continue
            elif found := _from_gradescope(item, gradescope) or _by_pattern(item, name):
                yield item, found
            else:
                rest.append(item)
        except Refusal as refusal:
            yield item, refusal
    depth = _depth_of_wrapper(rest, wrapper)
    for item in rest:
        try:
            yield item, [_from_pile(item.parts[depth:], name)]
        except Refusal as refusal:
            yield item, refusal


def student_id(text: str) -> str:
    """A student's name as an id that file systems and nbgrader can take; raises Refusal for one without letters."""
    shown = "".join(sign if sign.isprintable() else "_" for sign in " ".join(text.split()))
    shown = _UNUSABLE.sub("_", shown)
    shown = "_" + shown.lstrip(".") if shown.startswith(".") else shown
    if not any(sign.isalnum() for sign in shown):
        raise Refusal("Its name tells no student: name it <student>.ipynb.")
    return shown


def _by_pattern(item: Item, name: str) -> list[Owner]:
    """nbgrader's, Moodle's and Canvas's ways to write who it was."""
    parts = item.parts
    if len(parts) >= 3 and name in parts[1:-1]:
        place = parts.index(name, 1)
        who, file = parts[place - 1], parts[-1]
        return [Owner(f"nbgrader {who}", student_id(who), file)]
    for place, part in enumerate(parts):
        if found := _MOODLE.fullmatch(part):
            file = parts[-1] if place < len(parts) - 1 else found["file"] or part
            return [Owner(f"moodle {found['who']}", student_id(found["who"]), file)]
    if found := _CANVAS.fullmatch(item.name):
        who = found["who"].removeprefix("LATE_")
        late = who != found["who"] or "_LATE_" in who
        who = re.sub(r"_LATE(_\d+)$", r"\1", who)
        stem, _, suffix = found["file"].rpartition(".")
        again = None if stem == name else _AGAIN.fullmatch(stem)
        version = (int(again["again"]) if again else 0, int(found["attachment"]))
        stem = f"{again['stem'] if again else stem}.{suffix}"
        return [Owner(f"canvas {who.rsplit('_', 1)[-1]}", student_id(who), found["file"], stem, version, late)]
    return []


def _from_pile(parts: tuple[str, ...], name: str) -> Owner:
    """A folder or a file named after the student."""
    if len(parts) > 1:
        return Owner(f"pile {parts[0]}", student_id(parts[0]), parts[-1])
    stem, dot, suffix = parts[0].rpartition(".")
    if f"{dot}{suffix}".lower() not in NOTEBOOKS:
        raise Refusal("It is no notebook, and stands in no student's folder: ask for the .ipynb if it was handed in.")
    who = _COPY.sub("", stem)
    if who != name:
        who = re.sub(rf"^{re.escape(name)}[\s_-]+|[\s_-]+{re.escape(name)}$", "", who)
    if who == name:
        raise Refusal("Its name tells the assignment and no student: name it <student>.ipynb.")
    return Owner(f"pile {who}", student_id(who), parts[0])


def _depth_of_wrapper(items: list[Item], wrapper: str) -> int:
    """How many folders stand around everything before the students' own begin."""
    first = {item.parts[0] for item in items if len(item.parts) > 1}
    if len(first) != 1 or any(len(item.parts) == 1 for item in items):
        return 0
    deep = all(len(item.parts) > 2 for item in items)
    return 1 if deep or first & {wrapper, *_WRAPPERS} else 0


def _gradescope(items: list[Item]) -> tuple[dict[tuple[str, ...], dict], dict[Item, Refusal]]:
    """The record of each submission's folder, from Gradescope's metadata; and metadata that cannot be read."""
    records: dict[tuple[str, ...], dict] = {}
    problems: dict[Item, Refusal] = {}
    for item in items:
        if item.name in METADATA:
            try:
                # Every scalar stays text (a student number may begin with zeros) and no tag makes an object.
                content = yaml.load(item.read(), Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
                records |= {(*item.parts[:-1], str(folder)): record for folder, record in content.items()}
            except Refusal as refusal:
                problems[item] = refusal
            except (yaml.YAMLError, AttributeError, ValueError, RecursionError):
                problems[item] = Refusal("It cannot be read: export the submissions from Gradescope again.")
    return records, problems


def _from_gradescope(item: Item, records: dict[tuple[str, ...], dict]) -> list[Owner]:
    for depth in range(1, len(item.parts)):
        record = records.get(item.parts[:depth])
        if record is None:
            continue
        people = record.get(":submitters") if isinstance(record, dict) else None
        known = [person for person in people or () if isinstance(person, dict)] if isinstance(people, list) else []
        ids = [
            next((p[k] for k in (":sid", ":email", ":name") if isinstance(p.get(k), str) and p[k]), "") for p in known
        ]
        if not any(ids):
            raise Refusal("Gradescope's metadata name no student for it: look the submission up there.")
        when = _utc(record.get(":created_at"))
        return [Owner(f"gradescope {who}", student_id(who), item.name, timestamp=when) for who in ids if who]
    return []


def _utc(value: object) -> str | None:
    """A time as nbgrader's timestamp.txt has it."""
    value = value.get("utc") if isinstance(value, dict) else value
    try:
        when = dateutil.parser.parse(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
    if not isinstance(when, datetime):
        return None
    return f"{(when.astimezone(UTC) if when.tzinfo else when).replace(tzinfo=None)} UTC"
