"""Every page of the site in a real browser: light and dark, desktop and phone."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from built import SITE, VIEWS, site_pages
from playwright.sync_api import Browser, Page

SCREENSHOTS = SITE.parent / "screenshots"
CHAPTERS = [name for name in site_pages() if name.startswith(("lectures/", "assignments/"))]
LECTURES = [name for name in CHAPTERS if name.startswith("lectures/")]
EXECUTED = [*LECTURES, *(name for name in site_pages() if name.startswith("pages/"))]

# Evaluated in the page, after its maths is set. Returns what a reader would stumble over.
INSPECT = r"""
async () => {
  const problems = [];
  if (document.querySelector(".math")) {
    await MathJax.startup.promise;
    await document.fonts.ready;
  }
  for (const math of document.querySelectorAll(".math"))
    if (!math.querySelector("mjx-container") || math.querySelector("mjx-merror"))
      problems.push(`maths not rendered: ${math.textContent.slice(0, 60)}`);
  const prose = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (prose.nextNode())
    if (/\$[^$\s][^$\n]*\$/.test(prose.currentNode.data) && !prose.currentNode.parentElement.closest("pre, code"))
      problems.push(`maths left as text: ${prose.currentNode.data.slice(0, 60)}`);
  for (const img of document.images) {
    img.loading = "eager";
    await img.decode().catch(() => {});
    if (!img.naturalWidth) problems.push(`broken image: ${img.src.slice(0, 100)}`);
    const alt = (img.getAttribute("alt") || "").trim();
    if (alt.split(/\s+/).length < 2 || /\.(png|jpe?g|svg|gif|webp)$/i.test(alt) || /^[0-9a-f]{16,}/i.test(alt))
      problems.push(`alt text ${JSON.stringify(alt)} does not say what the image shows: ${img.src.slice(0, 100)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) {
    const wide = [...document.querySelectorAll("article *")].filter(e => e.getBoundingClientRect().right > innerWidth);
    problems.push(`page is ${document.documentElement.scrollWidth} px wide in a window of ${innerWidth}: ` +
      wide.slice(-2).map(e => e.outerHTML.slice(0, 100)).join(" "));
  }
  return problems;
}
"""
CONTRAST = r"""
selector => {
  const channels = colour => colour.match(/[\d.]+/g).slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const luminance = colour => channels(colour).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = luminance(getComputedStyle(document.body).backgroundColor);
  const ink = luminance(getComputedStyle(document.querySelector(selector)).color);
  return (Math.max(ground, ink) + 0.05) / (Math.min(ground, ink) + 0.05);
}
"""


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", site_pages() or ["index.html"])
def test_page_is_sound(name: str, view: str, views: dict[str, Page], address: str) -> None:
    """No error, no request that fails or leaves the site, no broken or nameless image, no sideways scrolling."""
    page, problems = views[view], []
    listeners = {
        "console": lambda message: message.type == "error" and problems.append(f"console: {message.text}"),
        "pageerror": lambda error: problems.append(f"page error: {error}"),
        "requestfailed": lambda request: problems.append(f"failed: {request.url[:100]} ({request.failure})"),
        "request": lambda request: leaves_site(request.url, address) and problems.append(f"external: {request.url}"),
        "response": lambda response: response.status >= 400 and problems.append(f"{response.status}: {response.url}"),
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    page.goto(address + name)
    problems += page.evaluate(INSPECT)
    page.screenshot(path=screenshot(name, view), full_page=True, type="jpeg", quality=60)
    for event, listener in listeners.items():
        page.remove_listener(event, listener)
    assert not problems, f"{name} ({view}):\n" + "\n".join(problems)


def leaves_site(url: str, address: str) -> bool:
    """Whether a request goes anywhere but to the test server."""
    return urlsplit(url).scheme not in ("data", "blob") and not url.startswith(address)


def screenshot(name: str, view: str) -> Path:
    """File of a page's picture."""
    return SCREENSHOTS / view / (name.removesuffix(".html").replace("/", "-") + ".jpg")


def test_theme_follows_the_reader(views: dict[str, Page], address: str) -> None:
    """Light and dark really differ, and text and links can be read in both (WCAG AA: 4.5)."""
    grounds = set()
    for view in ("light-desktop", "dark-desktop"):
        page = views[view]
        page.goto(address + "index.html")
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        for selector in ("article p", "article p a", "nav a", ".copyright, footer p"):
            assert page.evaluate(CONTRAST, selector) >= 4.5, f"{selector} has too little contrast in {view}"
    assert len(grounds) == 2, "the dark page has the light page's background"


@pytest.mark.parametrize("name", LECTURES)
def test_knob_turns(name: str, page: Page, address: str) -> None:
    """The slider shows the frame for its value, moved by key or by mouse, and says the value aloud."""
    page.goto(address + name)
    knob = page.locator(".knob").first
    slider, frames = knob.locator("input"), knob.locator(".knob-frame")
    values = frames.evaluate_all("frames => frames.map(frame => frame.dataset.value)")
    assert len(values) > 1 and knob.locator("label").inner_text().strip()

    def shown() -> list[str]:
        return frames.evaluate_all("frames => frames.filter(f => f.offsetParent).map(f => f.dataset.value)")

    slider.focus()
    page.keyboard.press("Home")
    assert shown() == values[:1]
    page.keyboard.press("ArrowRight")
    assert shown() == [values[1]] == [knob.locator("output").inner_text()]
    assert values[1] in slider.get_attribute("aria-valuetext")
    box = slider.bounding_box()
    slider.click(position={"x": box["width"] - 2, "y": box["height"] / 2})
    assert shown() == values[-1:]


@pytest.mark.parametrize("name", LECTURES)
def test_reads_without_javascript(name: str, browser: Browser, address: str) -> None:
    """Text, figures, the knob's default frame and the quiz answers are there; no dead slider is."""
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(address + name)
        assert page.locator("article img:visible").count() >= 5
        assert page.locator(".knob-frame:visible").count() == page.locator(".knob").count()
        assert page.locator(".knob input:visible").count() == 0
        quiz = page.locator("article details").first
        quiz.locator("summary").click()
        assert len(quiz.inner_text()) > len(quiz.locator("summary").inner_text())


@pytest.mark.parametrize("name", EXECUTED)
def test_says_what_it_costs(name: str, page: Page, address: str) -> None:
    """The measured time and memory stand on the page."""
    page.goto(address + name)
    line = page.locator("p.measured").inner_text()
    assert re.fullmatch(r"Measured when this page was built: \d+ s on .+, \d+\.\d GB of memory\.", line)


def test_search_finds_a_word_of_a_lecture(page: Page, address: str) -> None:
    """Sphinx's index answers, offline."""
    page.goto(address + "search.html?q=receptive")
    for start in ("lectures/", "glossary"):  # results come one after the other
        page.locator(f'#search-results li a[href^="{start}"]').first.wait_for()
