"""The directive of the page `coverage`: every entry of coverage.yml, linked to the section that holds it."""

from __future__ import annotations

from pathlib import Path

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

DATA = Path(__file__).parent.parent / "coverage.yml"
log = logging.getLogger(__name__)


class coverage(nodes.General, nodes.Element):
    """Stands where the list will be; links are made when every page has been read."""


class Coverage(SphinxDirective):
    """``{coverage}``"""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(DATA))
        return [coverage()]


def fill_in(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Sphinx's doctree-resolved: put the list where the directive stands; an entry whose section is gone is a warning."""
    for place in list(doctree.findall(coverage)):
        content: list[nodes.Node] = []
        for name, entries in yaml.safe_load(DATA.read_text(encoding="utf-8")).items():
            page = f"lectures/{name}"
            address = app.builder.get_relative_uri(docname, page)
            lecture = app.env.get_doctree(page)
            anchors = {section[0].astext(): section["ids"][0] for section in lecture.findall(nodes.section)}
            title = nodes.paragraph()
            title += nodes.strong("", "", nodes.reference("", next(iter(anchors)), refuri=address, internal=True))
            content += [title, _list(entries, address, anchors, name)]
        place.replace_self(content)


def _list(entries: list[dict], address: str, anchors: dict[str, str], name: str) -> nodes.bullet_list:
    items = nodes.bullet_list()
    for entry in entries:
        if entry["at"] not in anchors:
            log.warning("coverage.yml: %s has no section '%s' for '%s'", name, entry["at"], entry["what"])
            continue
        line = nodes.paragraph()
        if entry["kind"] != "system":
            line += [nodes.emphasis("", entry["kind"].capitalize()), nodes.Text(": ")]
        link = nodes.reference("", entry["at"], refuri=f"{address}#{anchors[entry['at']]}", internal=True)
        line += [nodes.Text(f"{entry['what']} → "), link]
        items += nodes.list_item("", line)
    return items


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_node(coverage)
    app.add_directive("coverage", Coverage)
    app.connect("doctree-resolved", fill_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
