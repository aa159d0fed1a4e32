"""What the site adds to Jupyter Book: Colab button, source links to the masters, alt text of figures, Markdown docstrings."""

from __future__ import annotations

import re
from functools import wraps
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer
from sphinx.application import Sphinx

from autograder.colab import binder_url, colab_url, notebook_path

CHAPTERS = ("lectures", "assignments")
MASTERS = {
    "lectures": "notebooks/{}/lecture.py",
    "assignments": "notebooks/{}/assignment.py",
    "pages": "book/pages/{}.py",
}
DERIVED = "api/generated/"


def colab_button(repository_url: str, pagename: str) -> dict[str, str] | None:
    """The header button that opens a chapter's notebook, or None for a page that is not a chapter."""
    section, _, name = pagename.partition("/")
    if section not in CHAPTERS:
        return None
    what = "assignment, ready to fill in," if section == "assignments" else "lecture, ready to run,"
    return {
        "type": "link",
        "url": colab_url(repository_url, name, section),
        "icon": "fas fa-play",
        "text": "Open in Colab",
        "tooltip": f"Open this {what} in Google Colab",
        "label": "colab-button",
    }


def binder_button(repository_url: str, pagename: str) -> dict[str, str]:
    """The entry of the download menu that opens a chapter's notebook on Binder."""
    section, _, name = pagename.partition("/")
    return {
        "type": "link",
        "url": binder_url(repository_url, name, section),
        "icon": "fas fa-play",
        "text": "Binder",
        "tooltip": "Run it on Binder: slower than Colab, but without an account",
        "label": "binder-button",
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


def adapt_header(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Sphinx's html-page-context: put the Colab button first, offer its notebook, point the source links at the master."""
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
    if button:
        section, _, name = pagename.partition("/")
        for menu in (group for group in buttons if group.get("label") == "download-buttons"):
            for entry in menu["buttons"]:
                # The page's source has marks that only the site understands.
                if entry.get("label") == "download-source-button":
                    entry["url"] = f"{context['pathto']('notebooks', 1)}/{notebook_path(name, section)}"
            menu["buttons"].append(binder_button(repository, pagename))
        buttons.insert(0, button)


def keep_alt_text_and_classes() -> None:
    """Make MyST-NB take an image's alt text and classes from the output's metadata, as it takes the width and height."""
    plain = NbElementRenderer.render_image

    @wraps(plain)
    def render_image(self: NbElementRenderer, data: MimeData) -> list[nodes.Element]:
        images = plain(self, data)
        for image in images:
            about = data.output_metadata.get(data.mime_type, {})
            image["alt"] = about.get("alt", "")
            image["classes"] += about.get("classes", [])
        return images

    NbElementRenderer.render_image = render_image


def code_in_docstrings(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Sphinx's autodoc-process-docstring: `x` in a docstring is code, as in Markdown."""
    lines[:] = [re.sub(r"(?<![`:\w])`([^`]+)`(?![`_])", r"``\1``", line) for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx. Docstrings come before napoleon reads them (500), buttons after the theme made its own (501)."""
    keep_alt_text_and_classes()
    app.add_js_file("reader/progress.mjs", type="module")
    app.connect("autodoc-process-docstring", code_in_docstrings, priority=400)
    app.connect("html-page-context", adapt_header, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
