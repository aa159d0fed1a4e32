"""Every page of the site in a real browser: light and dark, desktop, tablet and phone."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import axe_playwright_python
import pytest
from built import SITE, VIEWS, site_pages
from PIL import Image
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
  const scrolls = e => e.scrollWidth > e.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(e).overflowX);
  const reached = e => e.tabIndex >= 0 || e.querySelector("a[href], button, input, select, [tabindex='0']");
  const unreached = () => [...document.querySelectorAll("article *")].filter(e => scrolls(e) && !reached(e));
  for (let waited = 0; unreached().length && waited < 2000; waited += 100) // the theme looks 0.3 s after the last change
    await new Promise(resolve => setTimeout(resolve, 100));
  for (const e of unreached()) problems.push(`scrolls sideways, but no key reaches it: ${e.outerHTML.slice(0, 100)}`);
  return problems;
}
"""
# Contrast of an ink with its ground (WCAG 2), both as CSS colours.
CONTRAST = r"""
(ink, ground) => {
  const luminance = colour => colour.match(/[\d.]+/g).slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const [dark, light] = [luminance(ink), luminance(ground)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}
"""
TEXT_CONTRAST = f"""
selector => ({CONTRAST})(...[document.querySelector(selector), document.body].map((e, i) =>
  getComputedStyle(e)[i ? "backgroundColor" : "color"]))
"""
# axe-core: WCAG 2 A and AA. It takes seconds to look behind each word of highlighted code for its ground, so code is
# hidden from its contrast rule, and each pair of colours in code is measured here, once.
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
ACCESSIBLE = rf"""
async levels => {{
  const ask = async what => (await axe.run(document, {{...what, resultTypes: ["violations"], preload: false}})).violations
    .map(({{id, help, nodes}}) => `${{id}}: ${{help}}, ${{nodes.length}}×, first ${{nodes[0].html.slice(0, 120)}}`);
  const contrast = {CONTRAST}, pairs = new Map();
  const style = e => getComputedStyle(e);
  const opaque = e => !e.parentElement || !/, 0\)$/.test(style(e).backgroundColor) ? e : opaque(e.parentElement);
  for (const e of document.querySelectorAll(".highlight pre, .highlight pre *")) {{
    const [ink, ground] = [style(e).color, style(opaque(e)).backgroundColor];
    pairs.set(ink + ground, [ink, ground, e.className]);
  }}
  const faint = [...pairs.values()].filter(([ink, ground]) => contrast(ink, ground) < 4.5)
    .map(([ink, ground, name]) => `code .${{name}}: ${{ink}} on ${{ground}} has too little contrast`);
  const others = levels && await ask({{runOnly: {{type: "tag", values: levels}}, rules: {{"color-contrast": {{enabled: false}}}}}});
  document.head.insertAdjacentHTML("beforeend", "<style>.highlight pre {{ display: none !important }}</style>");
  const text = await ask({{runOnly: {{type: "rule", values: ["color-contrast"]}}}});
  document.head.lastElementChild.remove();
  return [...faint, ...(others || []), ...text];
}}
"""
# Pages that Sphinx makes from code are all alike, and seen once: signatures where they are tight, sources where they are wide.
ONCE = {"api/generated/": "dark-phone", "_modules/": "light-desktop"}
LOOKED_AT = [
    (name, view)
    for name in site_pages() or ["index.html"]
    for view in ([v for start, v in ONCE.items() if name.startswith(start)] or VIEWS)
]
# What is dark differs from what is light in its colours alone, a phone in neither.
ASKED = {"light-desktop": LEVELS, "dark-desktop": None}
KEPT = ("light-desktop", "light-tablet", "dark-phone")  # the views of which a picture is kept


@pytest.mark.parametrize(("name", "view"), LOOKED_AT)
def test_page_is_sound(name: str, view: str, views: dict[str, Page], address: str) -> None:
    """No error, no request that fails or leaves the site, no broken or nameless image, no sideways scrolling; accessible."""
    page, problems = views[view], []
    listeners = {
        "console": lambda message: message.type == "error" and problems.append(f"console: {message.text}"),
        "pageerror": lambda error: problems.append(f"page error: {error}"),
        "requestfailed": lambda request: problems.append(f"failed: {request.url[:100]} ({request.failure})"),
        "request": lambda request: leaves_site(request.url, address) and problems.append(f"external: {request.url}"),
        "response": lambda response: response.status >= 400 and problems.append(f"{response.status}: {response.url}"),
    }
    page.goto("about:blank")  # what the page before still asked for is not this page's business
    for event, listener in listeners.items():
        page.on(event, listener)
    page.goto(address + name)
    problems += page.evaluate(INSPECT)
    if view in ASKED or name.startswith(tuple(ONCE)):
        page.evaluate(AXE)
        problems += page.evaluate(ACCESSIBLE, ASKED.get(view, LEVELS))
    if view in KEPT:
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
            assert page.evaluate(TEXT_CONTRAST, selector) >= 4.5, f"{selector} has too little contrast in {view}"
    assert len(grounds) == 2, "the dark page has the light page's background"


def test_drawings_follow_the_mode_and_photographs_stay_true(views: dict[str, Page], address: str) -> None:
    page = views["dark-desktop"]
    page.goto(f"{address}lectures/04_convnets.html")
    drawn = page.locator(".cell_output img.drawn").first
    drawn.scroll_into_view_if_needed()
    drawn.evaluate("img => img.decode()")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    shown = Image.open(BytesIO(drawn.screenshot())).convert("RGB")
    corner, page_colour = shown.getpixel((6, 6)), [float(v) for v in re.findall(r"[\d.]+", ground)[:3]]
    assert max(abs(a - b) for a, b in zip(corner, page_colour)) < 12, f"{corner} on a page of {ground}"
    assert shown.convert("L").getextrema()[1] > 180, "nothing light is left in it"
    others = page.locator(".cell_output img:not(.drawn)")
    assert others.count() and set(others.evaluate_all("all => all.map(e => getComputedStyle(e).filter)")) == {"none"}


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


@pytest.mark.parametrize("name", LECTURES)
def test_prints_on_paper(name: str, browser: Browser, address: str) -> None:
    """At most twenty sheets of A4, without the contents and folded code, and no line of code is cut off."""
    with browser.new_context(viewport={"width": 680, "height": 1000}) as context:  # A4 without its margins
        page = context.new_page()
        page.goto(address + name)
        page.emulate_media(media="print")
        assert page.locator("#jb-print-toc:visible, details.hide:visible").count() == 0
        cut = "cells => cells.filter(cell => cell.scrollWidth > cell.clientWidth + 1).map(cell => cell.innerText)"
        assert page.locator("article pre").evaluate_all(cut) == []
        margin = dict.fromkeys(("top", "bottom", "left", "right"), "15mm")
        sheets = len(re.findall(rb"/Type\s*/Page\b(?!s)", page.pdf(format="A4", margin=margin)))
        assert 5 < sheets <= 20


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


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_the_moving_picture_comes_to_rest_and_rests_for_who_asks(motion: str, browser: Browser, address: str) -> None:
    context = browser.new_context(reduced_motion=motion)
    page = context.new_page()
    page.goto(f"{address}_images/hero.svg")
    seen = "[...document.querySelectorAll('.patch')].map((p, n) => getComputedStyle(p).opacity === '1' ? n : -1).filter(n => n >= 0)"
    last = page.evaluate("document.querySelectorAll('.patch').length - 1")
    moved = page.evaluate(f"document.getAnimations().length > 0 && {seen}[0] !== {last}")
    assert moved == (motion == "no-preference")
    page.evaluate("document.getAnimations().forEach(animation => animation.finish())")
    assert page.evaluate(seen) == [last]
    context.close()
