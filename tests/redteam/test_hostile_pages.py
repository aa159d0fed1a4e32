"""Feedback and report full of hostile text, opened in a real browser: nothing runs, nothing loads, all of it is shown.

The row "Feedback page" of the red team's list: scripts in HTML output, SVG, markdown, iframe, student and file names.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from marks import NAME, put_mark
from nbformat import NotebookNode
from playwright.sync_api import Browser, Page, sync_playwright
from system import find_browser

from autograder.course import Course
from autograder.feedback import write_feedback
from autograder.report import report
from autograder.verdict import Check, Verdict

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
AWAY = "http://away.invalid"
RUN = "window.canary=1;alert(1)"
STUDENT = "\"><img src=x onerror='window.canary=1'>‮</title><script>window.canary=1;<"
TEXTS = {
    "script": f"<script>{RUN}</script>",
    "remote script": f"<script src='{AWAY}/a.js'></script>",
    "event": f"<img src=x onerror='{RUN}'><body onload='{RUN}'><details open ontoggle='{RUN}'>",
    "case and blanks": f"<ScRiPt >{RUN}</sCrIpT ><img/src=x/onerror={RUN}>",
    "broken tags": f"<<script>{RUN}//<</script><img src='x' onerror='{RUN}' <b>",
    "closes the page": f"</pre></section></main></body></html><script>{RUN}</script>",
    "comment": f"<!--><script>{RUN}</script>--><!--[if gte IE 4]><script>{RUN}</script><![endif]-->",
    "title and textarea": f"<textarea><title><img src=x onerror='{RUN}'></title></textarea><noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    "mutation": f"<svg></p><style><a id='</style><img src=x onerror={RUN}>'>",
    "namespaces": f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror={RUN}&gt;'>",
    "svg": f"<svg onload='{RUN}'><script>{RUN}</script><use href='{AWAY}/a.svg#a'/><foreignObject><iframe srcdoc='<script>{RUN}</script>'></foreignObject></svg>",
    "frames": f"<iframe src='{AWAY}'></iframe><iframe srcdoc=\"<script>parent.canary=1</script>\"></iframe><object data='{AWAY}'></object><embed src='{AWAY}'>",
    "links": f"<a href='javascript:{RUN}'>l</a><a href='java\nscript:{RUN}'>l</a><a href='data:text/html,<script>{RUN}</script>'>l</a>",
    "loads": f"<img src='{AWAY}/p.png' srcset='{AWAY}/q.png 2x'><video poster='{AWAY}/v'></video><audio src='{AWAY}/s' autoplay></audio><link rel=stylesheet href='{AWAY}/c.css'><link rel=prefetch href='{AWAY}/d'>",
    "styles": f"<style>@import '{AWAY}/i.css';*{{display:none}}</style><p style=\"background:url({AWAY}/b.png);position:fixed;inset:0\">p</p>",
    "steering": f"<base href='{AWAY}'><meta http-equiv=refresh content='0;url={AWAY}'><form action='{AWAY}'><input autofocus onfocus='{RUN}'><button>b</button></form>",
    "clobbering": "<a id=top name=top>x</a><p class=score id=square_check>10 of 10 points</p>",
    "markdown links": f"[a](javascript:{RUN}) ![b]({AWAY}/m.png) <javascript:{RUN}> [c]: {AWAY}\n\n![d](x\" onerror=\"{RUN})",
    "formulas": f"$\\href{{javascript:{RUN}}}{{x}}$ $$<img src=x onerror='{RUN}'>$$ \\begin{{a}}<script>{RUN}</script>\\end{{a}}",
    "code fence": f"```<script>{RUN}</script>\n</code></pre><script>{RUN}</script>\n```\n\n```mermaid\n</pre><script>{RUN}</script>\n```",
    "nested": "<b>" * 3000,
    "template": "{{ 7 * 7 }}{% include 'page.css' %}{{ self }}",
}  # fmt: skip
SVG = f"<svg xmlns='http://www.w3.org/2000/svg' onload='{RUN}'><script>{RUN}</script><image href='{AWAY}/i.png'/></svg>"


def hostile(notebook: NotebookNode) -> None:
    """Every text in every place that a student fills."""
    answer = next(cell for cell in notebook.cells if cell.id == "square")
    written = next(cell for cell in notebook.cells if cell.id == "reflection")
    answer.source = "\n".join(TEXTS.values())
    written.source = "\n\n".join(TEXTS.values())
    written.attachments = {"x": {"text/html": base64.b64encode(f"<script>{RUN}</script>".encode()).decode()}}
    for text in TEXTS.values():
        notebook.cells += [nbformat.v4.new_markdown_cell(text), nbformat.v4.new_raw_cell(text)]
        notebook.cells[-1].metadata.raw_mimetype = "text/html"
        code = nbformat.v4.new_code_cell(text, execution_count=1)
        new = nbformat.v4.new_output
        code.outputs = [
            new("stream", name="stdout", text=text),
            new("error", ename=text, evalue=text, traceback=[f"\x1b[31m{text}\x1b[0m\x1b]8;;javascript:{RUN}\x07l"]),
            *(
                new("display_data", data={kind: text})
                for kind in ("text/html", "text/markdown", "text/latex", "text/plain")
            ),
            new(
                "display_data",
                data={"image/png": f"AAAA' onerror='{RUN}"},
                metadata={"image/png": {"alt": text, "width": text}},
            ),
            new(
                "display_data", data={"text/html": text, "text/plain": "p"}, metadata={"text/html": {"isolated": True}}
            ),
            new("execute_result", data={"application/javascript": RUN, "text/plain": text}, execution_count=1),
            new(
                "display_data",
                data={"application/vnd.jupyter.widget-view+json": {"model_id": text}, "text/plain": text},
            ),
        ]
        code.metadata.tags = [f"'><script>{RUN}</script>"]
        notebook.cells.append(code)
    notebook.cells[-1].outputs.append(nbformat.v4.new_output("display_data", data={"image/svg+xml": SVG}))
    notebook.metadata.update(
        title=TEXTS["closes the page"], widgets={"application/vnd.jupyter.widget-state+json": TEXTS}
    )


@pytest.fixture(scope="module")
def pages(released: Course, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A feedback page and a report in which every text of a student is hostile."""
    course = Course(shutil.copytree(released.root, tmp_path_factory.mktemp("pages") / "course"))
    errors = dict.fromkeys(("double_visible", "square_check"), " ".join(TEXTS.values()))
    put_mark(course, "mallory", errors, change=hostile, comment="\n\n".join(TEXTS.values()))
    verdicts = {
        STUDENT: Verdict(STUDENT, "quarantined", f"It cannot be read: {STUDENT}"),
        "aside": Verdict("aside", "quarantined", f"There are 2 cells 'square': {TEXTS['script']}"),
        "mallory": Verdict("mallory", "graded", score=1, max_score=10, flags=list(TEXTS.values())),
    }
    for number, text in enumerate(TEXTS.values()):
        verdicts["mallory"].checks[f"check{number}"] = Check(0, 1, "failed", text)
    folder = course.submitted("aside", NAME)
    folder.mkdir(parents=True)
    cells = [{"id": "square", "source": text} for text in TEXTS.values()]
    (folder / "<script>window.canary=1<(script>.ipynb").write_text(json.dumps({"cells": cells}))
    (path,) = write_feedback(course, NAME)
    return {"feedback": path, "report": report(course, NAME, verdicts)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_browser()
    assert path, "There is no Chromium. Run `python book/system.py browser`."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def local(url: str) -> bool:
    return url.startswith(("file:", "data:image/"))


def watched(browser: Browser, path: Path) -> tuple[Page, list[str]]:
    """The page, opened, with all folds open and every link in reach; and what it did that it must not do."""
    page, deeds = browser.new_page(), []
    page.on("dialog", lambda dialog: (deeds.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("console", lambda message: deeds.append(f"console {message.type}: {message.text}"))
    page.on("pageerror", lambda error: deeds.append(f"error {error}"))
    page.on("popup", lambda popup: deeds.append("popup"))
    page.on("request", lambda request: None if local(request.url) else deeds.append(f"request {request.url}"))
    page.route(
        re.compile("^(http|ws)"), lambda route: (deeds.append(f"left the page: {route.request.url}"), route.abort())
    )
    page.goto(path.as_uri(), wait_until="load")
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.wait_for_timeout(500)
    return page, deeds


@pytest.mark.parametrize("name", ["feedback", "report"])
def test_nothing_runs_nothing_loads_and_it_is_all_there(browser: Browser, pages: dict[str, Path], name: str) -> None:
    page, deeds = watched(browser, pages[name])
    assert page.url == pages[name].as_uri()
    assert page.evaluate("window.canary") is None
    assert deeds == []
    assert (
        page.locator("script, iframe, object, embed, form, input, base, svg [onload], meta[http-equiv=refresh]").count()
        == 0
    )
    assert (
        page.evaluate("""[...document.querySelectorAll('*')].flatMap(each => [...each.attributes])
        .filter(each => each.name.startsWith('on') || /^\\s*(javascript|data:text|http)/i.test(each.value))
        .filter(each => !each.ownerElement.matches('a[href^="http"]')).map(each => each.name + '=' + each.value)""")
        == []
    )
    assert page.locator("h1").first.inner_text() == NAME
    text = page.locator("main").inner_text()
    for part in (RUN, "{{ 7 * 7 }}", "</main></body></html><script>"):
        assert part in text
    page.close()


def test_names_are_shown_as_they_are(browser: Browser, pages: dict[str, Path]) -> None:
    page, _ = watched(browser, pages["report"])
    assert page.locator("bdi", has_text="onerror").first.inner_text() == STUDENT.strip()
    assert "<script>window.canary=1<(script>.ipynb, cell 1" in page.locator("main").inner_text()
    page.close()


def test_a_student_cannot_imitate_the_page(browser: Browser, pages: dict[str, Path]) -> None:
    page, _ = watched(browser, pages["feedback"])
    assert page.locator(".score").all_inner_texts() == ["2 of 10 points"]
    assert page.locator("#square_check, #top").count() == 2
    assert page.locator(".message").first.is_visible()
    page.close()


def without_the_first_wall(pages: dict[str, Path], policy: bool) -> str:
    """A page in which hostile text stands as it was written."""
    raw = "".join(text for name, text in TEXTS.items() if name not in {"steering", "title and textarea", "nested"})
    html = pages["report"].read_text(encoding="utf-8").replace("<main>", f"<main>{raw}")
    return html if policy else html.replace("Content-Security-Policy", "X-None")


def test_the_policy_alone_would_hold(browser: Browser, pages: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "raw.html"
    path.write_text(without_the_first_wall(pages, policy=True), encoding="utf-8")
    page, deeds = watched(browser, path)
    assert page.evaluate("window.canary") is None
    assert sum(deed.startswith("request ") for deed in deeds) > 5  # they were asked for …
    assert not [deed for deed in deeds if not deed.startswith(("console error: ", "request "))]  # … and none left
    page.close()


def test_without_either_wall_it_would_be_seen(browser: Browser, pages: dict[str, Path], tmp_path: Path) -> None:
    """The tests above can fail: this text does run and load, and the watch sees it."""
    path = tmp_path / "raw.html"
    path.write_text(without_the_first_wall(pages, policy=False), encoding="utf-8")
    page, deeds = watched(browser, path)
    assert page.evaluate("window.canary") == 1
    assert f"left the page: {AWAY}/p.png" in deeds and "dialog 1" in deeds
    page.close()
