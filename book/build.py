"""Build the site: execute lectures and pages, make the notebooks, let Jupyter Book make `_build/html`.

`_build/notebooks` holds what Colab and Binder open: each assignment's student version, each lecture.

Run by `make book`. A chapter is executed only when something that it depends on changed (see executed.py), and the site
is made only when a file that Sphinx reads changed, so a second run takes seconds.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from pathlib import Path

import jupytext
import nbformat
import yaml
from executed import BuildError, executed_chapter
from jupyter_book.sphinx import build_sphinx
from networks import write_networks

from autograder.colab import binder_environment, colab_url, install_cell, notebook_path
from autograder.course import Course, CourseError
from autograder.release import make_student_version

ROOT = Path(__file__).resolve().parent.parent
# Folder of derived pages below book/: their masters, by name.
SECTIONS = {
    "lectures": "notebooks/{}/lecture.py",
    "assignments": "notebooks/{}/assignment.py",
    "pages": "book/pages/{}.py",
}


def check_toc(root: Path) -> dict[str, list[str]]:
    """Names of the derived pages by section; refuses a master that the table of contents does not list, and the reverse."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    listed = set(toc_files(toc))
    names = {}
    for section, master in SECTIONS.items():
        before, after = master.split("{}")
        found = [path.relative_to(root).as_posix() for path in root.glob(master.format("*"))]
        names[section] = sorted(path.removeprefix(before).removesuffix(after) for path in found)
        pages = {page.partition("/")[2] for page in listed if page.startswith(f"{section}/")}
        for name in sorted(set(names[section]) - pages):
            raise BuildError(
                f"{master.format(name)} is not in _toc.yml. Add the line `- file: {section}/{name}` to its part."
            )
        for name in sorted(pages - set(names[section])):
            raise BuildError(f"_toc.yml lists {section}/{name}, but {master.format(name)} does not exist.")
    return names


def toc_files(entry: object) -> list[str]:
    """Every page named in a table of contents, at any depth."""
    if isinstance(entry, list):
        return [page for item in entry for page in toc_files(item)]
    if isinstance(entry, dict):
        own = [entry["file"]] if "file" in entry else []
        return own + [page for value in entry.values() for page in toc_files(value)]
    return []


def add_demos(notebook: nbformat.NotebookNode, name: str, demos: dict[str, dict[str, str]]) -> None:
    """Put each demo of demos.yml at the end of the lecture's section that it belongs to."""
    for demo, about in demos.items():
        if about["lecture"] != name:
            continue
        headings = [
            (number, line.lstrip("#").strip())
            for number, cell in enumerate(notebook.cells)
            if cell.cell_type == "markdown"
            for line in cell.source.splitlines()
            if re.match("#{1,3} ", line)
        ]
        titles = [title for _, title in headings]
        if about["at"] not in titles:
            raise BuildError(f"demos.yml puts '{demo}' at the section '{about['at']}', which {name} does not have.")
        after = titles.index(about["at"]) + 1
        end = headings[after][0] if after < len(headings) else len(notebook.cells)
        cell = nbformat.v4.new_markdown_cell(f"```{{demo}} {demo}\n```", id=f"demo-{demo}")
        notebook.cells.insert(end, cell)


def lecture_page(notebook: nbformat.NotebookNode, assignment: str | None, colab: str) -> nbformat.NotebookNode:
    """Add what only the site shows: the measured cost under the title, the way to the assignment at the end."""
    cost = notebook.metadata["course"]
    where = cost["gpu"] or f"{cost['cores']} CPU cores"
    memory = f"{cost['memory_mb'] / 1000:.1f} GB"
    measured = f"Measured when this page was built: {cost['seconds']:.0f} s on {where}, {memory} of memory."
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(f'<p class="measured">{measured}</p>', id="measured"))
    if assignment:
        text = (
            ":::{admonition} Now build it yourself\n:class: tip\n"
            f"{{doc}}`The assignment </assignments/{assignment}>` takes over here: you write these pieces, and the checks "
            f"tell you what is wrong. [Open it in Colab]({colab}).\n:::"
        )
        notebook.cells.append(nbformat.v4.new_markdown_cell(text, id="assignment"))
    return notebook


def open_notebook(master: Path, repository: str) -> nbformat.NotebookNode:
    """A lecture for readers who want to run it: the master with the cell that installs course_lib, without outputs."""
    notebook = jupytext.read(master)
    notebook.cells.insert(
        0, nbformat.v4.new_code_cell(install_cell(repository), id="setup", metadata={"cellView": "form"})
    )
    for number, cell in enumerate(notebook.cells[1:], 1):
        cell.id = f"cell-{number}"  # the same master always gives the same notebook
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    return notebook


def _keep(text: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_pages(root: Path, names: dict[str, list[str]]) -> list[tuple[str, float, str]]:
    """Write the derived pages below book/; rows (chapter, seconds, "cached" or "run") for the report."""
    course, rows = Course(root), []
    described = root / "book" / "demos.yml"
    demos = yaml.safe_load(described.read_text(encoding="utf-8")) if described.exists() else {}
    for section in SECTIONS:
        (root / "book" / section).mkdir(exist_ok=True)
        for page in (root / "book" / section).glob("*.ipynb"):
            page.unlink()
    branch = root / "_build" / "notebooks"
    shutil.rmtree(branch, ignore_errors=True)
    for name in names["assignments"]:
        released = make_student_version(course, name)
        shutil.copy(released, root / "book" / "assignments")
        _keep(released.read_text(encoding="utf-8"), branch / notebook_path(name))
    for name in names["lectures"]:
        notebook = open_notebook(root / SECTIONS["lectures"].format(name), course.repository_url())
        _keep(nbformat.writes(notebook), branch / notebook_path(name, "lectures"))
    _keep(binder_environment(course.repository_url()), branch / "environment.yml")
    for section in ("lectures", "pages"):
        for name in names[section]:
            print(f"{name} …", flush=True)
            notebook, cached = executed_chapter(root, root / SECTIONS[section].format(name))
            rows.append((name, notebook.metadata["course"]["seconds"], "cached" if cached else "run"))
            add_demos(notebook, name, demos)
            assignment = name if name in names["assignments"] else None
            page = lecture_page(notebook, assignment, colab_url(course.repository_url(), name))
            nbformat.write(page, root / "book" / section / f"{name}.ipynb")
    return rows


def site_key(root: Path) -> str:
    """Hash of every file that Sphinx reads."""
    folders = ("book", "course_lib", "autograder")
    files = [root / "_config.yml", root / "_toc.yml", root / "requirements.txt"]
    files += [path for folder in folders for path in (root / folder).rglob("*") if path.is_file()]
    derived = {"__pycache__", "generated"}  # bytecode, and the stubs that autosummary writes
    digest = hashlib.sha256()
    for path in sorted(path for path in files if derived.isdisjoint(path.parts)):
        digest.update(f"{path.relative_to(root)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def make_html(root: Path) -> Path:
    """Run Jupyter Book with warnings as errors, unless nothing changed; the index page of the site.

    A changed site is made from nothing: an incremental build would keep old navigation on untouched pages, pages of
    chapters that are gone, and forget the warnings of the run before.
    """
    made, html = root / "_build", root / "_build" / "html"
    stamp, key = made / "site.key", site_key(root)
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == key and (html / "index.html").is_file():
        return html / "index.html"
    for old in (html, made / ".doctrees", root / "book" / "api" / "generated"):
        shutil.rmtree(old, ignore_errors=True)
    stamp.unlink(missing_ok=True)
    result = build_sphinx(
        str(root / "book"),
        str(html),
        path_config=str(root / "_config.yml"),
        confoverrides={"external_toc_path": str(root / "_toc.yml"), "nitpicky": True, "latex_individualpages": False},
        noconfig=True,
        warningiserror=True,
        keep_going=True,
        quiet=True,
    )
    if result:
        raise BuildError("Each warning of Sphinx above is an error. Mend the pages it names and run again.")
    stamp.write_text(key, encoding="utf-8")
    return html / "index.html"


def build(root: Path) -> None:
    """Make the site and print what each chapter cost and where to look."""
    rows = write_pages(root, check_toc(root))
    index = make_html(root)
    write_networks(root, index.parent)
    shutil.copytree(root / "_build" / "notebooks", index.parent / "notebooks", dirs_exist_ok=True)  # for downloads
    width = max(len(name) for name, _, _ in rows)
    for name, seconds, state in rows:
        print(f"{name:{width}}  {seconds:7.1f} s  {state}")
    print(f"The site: {index}")


if __name__ == "__main__":
    try:
        build(ROOT)
    except (BuildError, CourseError) as error:
        sys.exit(f"The book was not built. {error}")
