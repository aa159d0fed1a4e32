"""Links, read from the files: internal ones lead somewhere, Colab's name a notebook that `release` makes."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from built import ROOT, site_pages

from autograder.colab import STUDENT_BRANCH, binder_url, colab_url, notebook_path
from autograder.course import Course

COLAB = "https://colab.research.google.com/"
REPOSITORY = Course(ROOT).repository_url().rstrip("/")
NOTEBOOKS = ROOT / "_build" / "notebooks"
CHAPTERS = [name for name in site_pages() if name.startswith(("lectures/", "assignments/"))]


@cache
def parsed(path: Path) -> BeautifulSoup:
    """A page's tree."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@cache
def anchors(path: Path) -> set[str]:
    """The ids of a page."""
    return {element["id"] for element in parsed(path).find_all(id=True)}


def addresses(path: Path) -> list[str]:
    """Everything that a page links to or loads."""
    return [element[key] for key in ("href", "src") for element in parsed(path).find_all(attrs={key: True})]


@pytest.mark.parametrize("name", site_pages() or ["index.html"])
def test_internal_links_resolve(name: str, site: Path) -> None:
    """The file is there, and so is the anchor in it."""
    page, dead = site / name, []
    for address in addresses(page):
        parts = urlsplit(address)
        if parts.scheme or parts.netloc or address in ("", "#"):
            continue
        target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        wanted = unquote(parts.fragment)
        if not target.is_file() or (wanted and target.suffix == ".html" and wanted not in anchors(target)):
            dead.append(address)
    assert not dead, f"{name} links to what is not there: {dead}"


@pytest.mark.parametrize("name", CHAPTERS)
def test_colab_opens_a_notebook_of_the_branch(name: str, site: Path) -> None:
    """Each Colab link of a chapter: right repository, right branch, a file that the build puts there."""
    links = {address for address in addresses(site / name) if address.startswith(COLAB)}
    assert links, f"{name} has no Colab link"
    project = urlsplit(REPOSITORY).path
    for link in links:
        match = re.fullmatch(rf"{COLAB}github{project}/blob/{STUDENT_BRANCH}/(.+)", link)
        assert match, f"{name}: {link} does not open the branch {STUDENT_BRANCH} of {REPOSITORY}"
        assert (NOTEBOOKS / match[1]).is_file(), f"{name}: the build makes no {match[1]}"


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_s_own_notebook_can_be_opened_and_downloaded(name: str, site: Path) -> None:
    section, chapter = name.removesuffix(".html").split("/")
    path = notebook_path(chapter, section)
    found = set(addresses(site / name))
    assert {colab_url(REPOSITORY, chapter, section), binder_url(REPOSITORY, chapter, section)} <= found
    assert f"../notebooks/{path}" in found and (site / "notebooks" / path).is_file()


def test_notebooks_hold_what_colab_shows_and_no_output() -> None:
    """CommonMark and maths: nothing of MyST, which would be seen as text; the library is installed first."""
    notebooks = sorted(NOTEBOOKS.rglob("*.ipynb"))
    assert len(notebooks) == len(CHAPTERS)
    for path in notebooks:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert "course_lib" in notebook.cells[0].source and "pip" in notebook.cells[0].source
        assert not any(cell.get("outputs") for cell in notebook.cells)
        prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        marks = re.findall(r"^(?:```|:::)\{\w+|\{(?:doc|ref|cite|numref|term)\}`", prose, re.MULTILINE)
        assert not marks, f"{path.name}: {marks}"


def test_binder_gets_an_environment_with_the_library() -> None:
    environment = yaml.safe_load((NOTEBOOKS / "environment.yml").read_text(encoding="utf-8"))
    assert environment["dependencies"][-1] == {"pip": [f"git+{REPOSITORY}"]}


def test_source_links_lead_to_files(site: Path) -> None:
    """Every link into the repository's main branch names a file that is there, masters instead of derived pages."""
    wrong = set()
    for name in site_pages():
        for link in addresses(site / name):
            match = re.match(rf"{re.escape(REPOSITORY)}/(?:edit|blob|raw)/main/([^?#]+)", link)
            if match and not (ROOT / unquote(match[1])).is_file():
                wrong.add(f"{name}: {match[1]}")
            elif match and re.match(r"book/(lectures|assignments|api/generated)/|.*\.ipynb", match[1]):
                wrong.add(f"{name}: {match[1]} is derived")
    assert not wrong


def test_published_branch_is_the_one_that_colab_opens() -> None:
    """The workflow pushes the student notebooks where the links look."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "publish.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["student-notebooks"]["env"]["BRANCH"] == STUDENT_BRANCH
