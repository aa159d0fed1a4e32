"""What the theme and docutils leave out for readers who listen to the page; tests/site holds every page to WCAG 2 A and AA."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from bs4 import BeautifulSoup
from sphinx.application import Sphinx


def named(generate: Callable[..., object]) -> Callable[..., object]:
    """The theme's maker of the sidebar: the arrows that unfold a chapter get its name, so that they can be told apart."""

    @wraps(generate)
    def generate_named(*args: object, **kwargs: object) -> object:
        tree = generate(*args, **kwargs)
        if isinstance(tree, BeautifulSoup):
            for arrow in tree.find_all("summary"):
                chapter = arrow.find_parent("li").find("a").get_text(strip=True)
                arrow["aria-label"] = f"Contents of {chapter}"
        return tree

    return generate_named


def without_old_roles(body: str) -> str:
    """docutils marks references as a list of `doc-biblioentry`, which ARIA has given up; the anchors in it break the list."""
    return body.replace(' role="doc-biblioentry"', "").replace('<div role="list" class="citation-list">', "<div>")


PARAMETERS = re.compile(r'(?<=<span class="sig-paren">\(</span>)\s*<dl>(.*?)</dl>', re.DOTALL)


def plain_signatures(body: str) -> str:
    """Sphinx makes a definition list without terms of a long signature's parameters; lines are what it means."""

    def lines(found: re.Match[str]) -> str:
        return found[1].replace("<dd>", '<span class="sig-line">').replace("</dd>", "</span>")

    return PARAMETERS.sub(lines, body)


def nested(body: str) -> str:
    """viewcode's list of modules puts a list into a list; it belongs into the entry before it."""
    tree = BeautifulSoup(body, "html.parser")
    for inner in tree.select("ul > ul"):
        inner.find_previous_sibling("li").append(inner.extract())
    return str(tree)


def mend(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Sphinx's html-page-context."""
    context["generate_toctree_html"] = named(context["generate_toctree_html"])
    if "body" in context:
        context["body"] = plain_signatures(without_old_roles(context["body"]))
        if pagename == "_modules/index":
            context["body"] = nested(context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx; after the theme (501)."""
    app.connect("html-page-context", mend, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
