"""What the site adds to Jupyter Book: Colab button, source links to the masters, alt text of figures, Markdown docstrings."""

from __future__ import annotations

import re
from functools import wraps
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer
from sphinx.application import Sphinx

from autograder.colab import colab_url

CHAPTERS = ("lectures", "assignments")
MASTERS = {
    "lectures": "notebooks/{}/lecture.py",
    "assignments": "notebooks/{}/assignment.py",
    "pages": "book/pages/{}.py",
}
DERIVED = "api/generated/"


def colab_button(repository_url: str, pagename: str) -> dict[str, str] | None:
    """The header button that opens a chapter's student notebook, or None for a page that is not a chapter."""
    section, _, name = pagename.partition("/")
    if section not in CHAPTERS:
        return None
    return {
        "type": "link",
        "url": colab_url(repository_url, name),
        "icon": "fas fa-play",
        "text": "Open in Colab",
        "tooltip": "Open this chapter's assignment, ready to fill in, in Google Colab",
        "label": "colab-button",
    }


def master_path(root: Path, pagename: str) -> str | None:
    """Repository path of the file to edit for a derived page; None for a page that is its own source."""
    section, _, name = pagename.partition("/")
    if section in MASTERS:
        return MASTERS[section].format(name)
    if pagename.startswith(DERIVED):
        module = pagename.removeprefix(DERIVED).replace(".", "/")
        return f"{module}/__init__.py" if (root / module).is_dir() else f"{module}.py"
    return None


def has_assignment(root: Path, pagename: str) -> bool:
    """Whether a student notebook exists for this chapter."""
    return (root / MASTERS["assignments"].format(pagename.partition("/")[2])).is_file()


def adapt_header(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Sphinx's html-page-context: put the Colab button first and point the source links at the master."""
    root, options = Path(app.srcdir).parent, app.config.html_theme_options
    repository = options["repository_url"].rstrip("/")
    buttons = context["header_buttons"]
    master = master_path(root, pagename)
    if master:
        page = f"{repository}/edit/{options['repository_branch']}/"
        for button in (button for group in buttons for button in group.get("buttons", [])):
            if button.get("url", "").startswith(page):
                button["url"] = page + master
    button = colab_button(repository, pagename)
    if button and has_assignment(root, pagename):
        buttons.insert(0, button)


def keep_alt_text() -> None:
    """Make MyST-NB take an image's alt text from the output's metadata, as it takes the width and height."""
    plain = NbElementRenderer.render_image

    @wraps(plain)
    def render_image(self: NbElementRenderer, data: MimeData) -> list[nodes.Element]:
        images = plain(self, data)
        for image in images:
            image["alt"] = data.output_metadata.get(data.mime_type, {}).get("alt", "")
        return images

    NbElementRenderer.render_image = render_image


def code_in_docstrings(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Sphinx's autodoc-process-docstring: `x` in a docstring is code, as in Markdown."""
    lines[:] = [re.sub(r"(?<![`:\w])`([^`]+)`(?![`_])", r"``\1``", line) for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx. Docstrings come before napoleon reads them (500), buttons after the theme made its own (501)."""
    keep_alt_text()
    app.connect("autodoc-process-docstring", code_in_docstrings, priority=400)
    app.connect("html-page-context", adapt_header, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
