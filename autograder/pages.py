"""HTML pages that show what students wrote and run none of it.

Three walls: the templates escape every value; the few pieces that are HTML (markdown, rich outputs) pass an allow-list
first; and the page's Content-Security-Policy lets nothing run and nothing load, should the first two have a hole.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import bleach
from bs4 import BeautifulSoup
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
MARKDOWN_CHARACTERS = 20_000  # what is longer or richer is shown as text: no page may take minutes to make
RICH_CHARACTERS = 50_000
RICH_TAGS = 5_000
RICH_DEPTH = 60  # what an HTML5 parser does with unclosed tags grows with the square of their number
_TEXT = (
    "a abbr b blockquote br caption code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd li mark ol p pre"
)
_MORE = "q s samp small span strong sub summary sup table tbody td tfoot th thead tr u ul var"
_TAGS = frozenset(f"{_TEXT} {_MORE}".split())
_UNREAD = ["script", "style", "template", "noscript", "iframe", "object", "embed", "svg", "math", "title", "textarea"]
_FORMATTER = HtmlFormatter(nowrap=True)


def render(template: str, values: Mapping[str, object]) -> str:
    """A page from one of the templates beside this module; every value is escaped unless it is Markup."""
    return _ENVIRONMENT.get_template(template).render(values, policy=POLICY)


def write_page(path: Path, html: str) -> Path:
    """Write a page in one step: whoever looks sees the old one or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(html.encode("utf-8", "replace"))  # half a surrogate pair is no text
    os.replace(part, path)
    return path


def safe_html(html: str) -> Markup:
    """The part of some HTML that only shows something; text that is too rich to be parsed in good time is shown raw."""
    if len(html) > RICH_CHARACTERS or html.count("<") > RICH_TAGS:
        return plain(html)
    try:
        soup = BeautifulSoup(html, "html.parser")
        if _depth(soup) > RICH_DEPTH:
            return plain(html)
        for element in soup(_UNREAD):  # their text was never meant to be read
            element.decompose()
        kept = bleach.clean(
            str(soup),
            tags=_TAGS,
            attributes=_allowed,
            protocols={"http", "https", "mailto", "data"},
            strip=True,
        )
    except Exception:  # noqa: BLE001 - whatever the parsers stumble over is shown as text
        return plain(html)
    return Markup(kept)


def safe_markdown(source: str, attachments: Mapping[str, Mapping[str, str]] | None = None) -> Markup:
    """Markdown as nbconvert renders it, then :func:`safe_html`; formulas stay as they were typed."""
    if len(source) > MARKDOWN_CHARACTERS:
        return plain(source)
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True, attachments=dict(attachments or {}))
    try:
        return safe_html(MarkdownWithMath(renderer=renderer).render(source))
    except Exception:  # noqa: BLE001 - a missing attachment, or whatever the parser stumbles over
        return plain(source)


def safe_code(source: str) -> Markup:
    """Python with coloured syntax."""
    if len(source) > RICH_CHARACTERS:
        return escape(source)
    return Markup(highlight(source, PythonLexer(stripnl=False), _FORMATTER))


def image_url(kind: str, data: str) -> str | None:
    """An output's picture as a data: address; None where it is none. As an image, SVG neither runs nor loads anything."""
    try:
        raw = data.encode() if kind == "image/svg+xml" else base64.b64decode("".join(data.split()), validate=True)
    except (ValueError, binascii.Error):
        return None
    return f"data:{kind};base64,{base64.b64encode(raw).decode()}"


def plain(text: str, limit: int = 20_000) -> Markup:
    """Text as it is, cut to a length that a page can bear."""
    cut = f"\n… ({len(text) - limit} more characters)" if len(text) > limit else ""
    return Markup("<pre>{}{}</pre>").format(text[:limit], cut)


def _depth(soup: BeautifulSoup) -> int:
    depths = {id(soup): 0}
    for element in soup.find_all(True):  # parents come before their children
        depths[id(element)] = depths[id(element.parent)] + 1
    return max(depths.values())


def _allowed(tag: str, name: str, value: str) -> bool:
    """No classes, ids or styles: a student's text must not look like a part of the page around it."""
    match tag, name:
        case "a", "href":
            return not value.strip().lower().startswith("data:")
        case "img", "src":
            return value.startswith(("data:image/png;", "data:image/jpeg;", "data:image/gif;", "data:image/svg+xml;"))
        case "td" | "th", "colspan" | "rowspan":
            return value.isdecimal() and len(value) < 3
        case _, "alt" | "title":
            return True
    return tag == "details" and name == "open"


def _pygments_css() -> Markup:
    light = HtmlFormatter(style="default").get_style_defs(".code")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".code")
    return Markup("%s\n@media (prefers-color-scheme: dark) {\n%s\n}") % (Markup(light), Markup(dark))


_ENVIRONMENT = Environment(
    loader=PackageLoader("autograder"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_ENVIRONMENT.globals["pygments_css"] = _pygments_css
_ENVIRONMENT.filters["runs_of"] = lambda items, name: [(k, [*g]) for k, g in groupby(items, attrgetter(name))]
_ENVIRONMENT.filters["points"] = lambda value: f"{round(value, 2):g}"
_ENVIRONMENT.filters["percent"] = lambda share: f"{100 * share:.0f} %"
