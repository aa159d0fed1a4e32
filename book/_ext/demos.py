"""The directive `{demo} NAME`: a place on a page that becomes a demo once the reader comes near it.

What a demo is called and where it belongs stands in demos.yml; what it does, in `_static/demos/NAME.mjs`, a module whose
`start(root)` fills the figure. Without JavaScript the figure says what is missing.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import demo_data
import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

BOOK = Path(__file__).parent.parent
FIGURE = """\
<figure class="demo" id="demo-{name}" data-demo="{name}" aria-labelledby="demo-{name}-title">
<figcaption><strong id="demo-{name}-title">{title}</strong> {text}</figcaption>
<div class="demo-stage" aria-live="off"></div>
<noscript><p class="demo-note">This demo runs in the page and needs JavaScript. All that the text says holds without it.</p></noscript>
</figure>"""


def described() -> dict[str, dict[str, str]]:
    """demos.yml."""
    return yaml.safe_load((BOOK / "demos.yml").read_text(encoding="utf-8"))


class Demo(SphinxDirective):
    """``{demo} NAME``"""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(BOOK / "demos.yml"))
        name = self.arguments[0]
        about = described().get(name)
        if about is None or not (BOOK / "_static" / "demos" / f"{name}.mjs").is_file():
            raise self.error(f"There is no demo '{name}' in demos.yml, or no _static/demos/{name}.mjs.")
        title = about["title"] if about["title"].endswith("?") else f"{about['title']}."
        html = FIGURE.format(name=name, title=escape(title), text=escape(about["text"]))
        return [nodes.raw("", html, format="html")]


class Gallery(SphinxDirective):
    """``{gallery}``: every demo, with the way to its chapter."""

    def run(self) -> list[nodes.Node]:
        lines = []
        for name, about in described().items():
            lines += [f"## {about['title']}", "", f"```{{demo}} {name}", "```", ""]
            lines += [f"From the lecture {{doc}}`/lectures/{about['lecture']}`, *{about['at']}*.", ""]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def add_loader(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Sphinx's html-page-context: only a page that holds a demo gets the loader.

    The modules end in `.mjs` because Jupyter Book loads every `.js` below `_static` on every page, as it does styles.
    """
    if doctree and any('class="demo"' in raw.astext() for raw in doctree.findall(nodes.raw)):
        app.add_js_file("demos/load.mjs", type="module")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("demo", Demo)
    app.add_directive("gallery", Gallery)
    app.connect("html-page-context", add_loader)
    app.connect("build-finished", demo_data.write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
