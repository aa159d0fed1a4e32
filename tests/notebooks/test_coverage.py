"""Every system, question and number that the course must teach has a section that holds it."""

import re
from functools import cache
from pathlib import Path

import jupytext
import pytest
import yaml

ROOT = Path(__file__).parents[2]
COVERAGE = yaml.safe_load((ROOT / "book" / "coverage.yml").read_text(encoding="utf-8"))
ENTRIES = [(name, entry) for name, entries in COVERAGE.items() for entry in entries]


@cache
def sections(name: str) -> dict[str, str]:
    """The text and code of a lecture below each of its headings."""
    found, heading = {}, ""
    for cell in jupytext.read(ROOT / "notebooks" / name / "lecture.py").cells:
        for line in cell.source.splitlines():
            if cell.cell_type == "markdown" and (title := re.match(r"#+ (.*)", line)):
                heading = title[1]
            found[heading] = f"{found.get(heading, '')} {line}"
    return {title: " ".join(text.split()) for title, text in found.items()}


def test_every_lecture_is_covered():
    lectures = {path.parent.name for path in ROOT.glob("notebooks/*/lecture.py")}
    assert lectures == set(COVERAGE)


@pytest.mark.parametrize(("name", "entry"), ENTRIES, ids=[f"{name}: {entry['what']}" for name, entry in ENTRIES])
def test_an_entry_is_where_it_says(name, entry):
    assert entry.keys() == {"kind", "what", "at", "holds"} and entry["kind"] in ("system", "question", "number")
    assert entry["at"] in sections(name), f"{name} has no section '{entry['at']}'"
    held = " ".join(entry["holds"].split())
    assert held and held in sections(name)[entry["at"]], f"section '{entry['at']}' of {name} does not hold: {held}"
    if entry["kind"] == "question":
        assert "?" in sections(name)[entry["at"]]
    if entry["kind"] == "number":
        assert "assert " in sections(name)[entry["at"]]
