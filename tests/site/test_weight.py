"""What a page costs a reader before it can be read: everything but scripts that wait, the demos, and pictures further down."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from built import SITE, site_pages
from fontTools.ttLib import TTFont
from playwright.sync_api import Browser, Page

MOST = 300_000  # bytes as a server sends them: text is compressed, pictures and fonts are
PAGES = [name for name in site_pages() if not name.startswith(("_modules/", "api/generated/"))]
LOADED = """
() => {
  const waits = new Set([...document.scripts].filter(s => s.src && (s.defer || s.type === "module")).map(s => s.src));
  const fetched = performance.getEntriesByType("resource").map(resource => resource.name);
  return [location.href, ...fetched.filter(url => !waits.has(url) && !/\\.mjs|\\/mathjax\\//.test(url))];
}
"""


@cache
def sent(path: Path) -> int:
    """Bytes on the way: text compressed as servers do it, the rest as it is."""
    data = path.read_bytes()
    return (
        len(gzip.compress(data, 6)) if path.suffix in (".html", ".css", ".js", ".mjs", ".svg", ".json") else len(data)
    )


@pytest.fixture(scope="module")
def newcomer(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 390, "height": 844}, device_scale_factor=2)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_first_view_is_light(name: str, newcomer: Page, address: str) -> None:
    newcomer.goto(address + name, wait_until="load")
    weights = {}
    for url in newcomer.evaluate(LOADED):
        path = SITE / unquote(urlsplit(url).path).lstrip("/")
        weights[url.removeprefix(address)] = sent(path)
    assert sum(weights.values()) < MOST, sorted(weights.items(), key=lambda item: -item[1])[:8]


@pytest.mark.parametrize("name", ["index.html", "lectures/04_convnets.html"])
def test_scripts_wait_until_the_page_is_read(name: str, newcomer: Page, address: str) -> None:
    newcomer.goto(address + name)
    at_once = newcomer.evaluate(
        "[...document.scripts].filter(s => s.src && !s.defer && s.type !== 'module').map(s => s.src)"
    )
    assert [Path(urlsplit(src).path).name for src in at_once] == ["documentation_options.js"]


def test_icons_that_pages_show_are_in_the_fonts(newcomer: Page, address: str) -> None:
    """An icon that was cut away would be drawn as the empty box of the font, or by another font."""
    newcomer.goto(f"{address}lectures/04_convnets.html")
    shown = newcomer.evaluate("""() => [...document.querySelectorAll("i[class*='fa-']")]
      .map(icon => [icon.className, getComputedStyle(icon, "::before").content.replaceAll('"', "")])""")
    fonts = list(SITE.glob("_static/vendor/fontawesome/webfonts/*.woff2"))
    there = {chr(code) for font in fonts for code in TTFont(font).getBestCmap()}
    assert len(shown) > 10
    assert not [name for name, content in shown if content not in there]
    assert sum(path.stat().st_size for path in fonts) < 20_000
