"""What the site does for one reader: quizzes that answer, progress that this browser alone keeps."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from built import ROOT, site_pages
from playwright.sync_api import Browser, Page, expect

LECTURES = [name for name in site_pages() if name.startswith("lectures/")]
REFUSED = (
    "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('refused', 'SecurityError'); }})"
)


@pytest.fixture
def reader(browser: Browser) -> Iterator[Page]:
    """A new reader, of whom nothing is known."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


def answers(name: str) -> list[str]:
    """The right letters, from the master."""
    text = (ROOT / "notebooks" / Path(name).stem / "lecture.py").read_text(encoding="utf-8")
    quiz = text.partition("## Five-minute quiz")[2].partition("## Papers")[0]
    return re.findall(r"<summary>Answer</summary>\n#\n# \*\*\(([a-d])\)\*\*", quiz)


def record(page: Page) -> dict:
    """What the browser keeps."""
    return json.loads(page.evaluate("localStorage.getItem('convnets-from-scratch/progress')") or "{}")


@pytest.mark.parametrize("name", LECTURES)
def test_every_quiz_answers(name: str, reader: Page, address: str) -> None:
    right = answers(name)
    assert len(right) == 5
    reader.goto(address + name)
    expect(reader.locator(".quiz-options")).to_have_count(5)
    for number, letter in enumerate(right):
        options = reader.locator(".quiz-options").nth(number)
        expect(options.get_by_role("button")).to_have_count(4)
        wrong = "a" if letter != "a" else "b"
        options.get_by_role("button").filter(has_text=f"({wrong})").first.click()
        verdict = reader.locator(".quiz-options + .quiz-said").nth(number)
        assert verdict.inner_text().startswith(f"({wrong}) is not right")
        options.get_by_role("button").filter(has_text=f"({letter})").first.click()
        assert verdict.inner_text() == f"({letter}) is right."
    folded = reader.locator("section:has(> h2:text-is('Five-minute quiz')) details").evaluate_all(
        "all => all.map(d => d.open)"
    )
    assert all(folded), "the answer with its reasons unfolds"
    kept = record(reader)[name.removesuffix(".html")]
    assert kept["right"] == ["1", "2", "3", "4", "5"] and kept["questions"] == 5
    reader.reload()
    expect(reader.locator("[aria-pressed=true]")).to_have_count(5)


def test_a_section_counts_when_its_end_was_on_the_screen(reader: Page, address: str) -> None:
    reader.goto(address + LECTURES[0])
    reader.wait_for_selector(".section-end", state="attached")
    reader.evaluate(
        "async () => { await MathJax.startup.promise; await document.fonts.ready; }"
    )  # what is set late moves the text
    ends = reader.locator(".section-end")
    total = ends.count()
    ends.nth(1).scroll_into_view_if_needed()
    reader.wait_for_function("localStorage.getItem('convnets-from-scratch/progress')?.includes('read')", timeout=10_000)
    about = record(reader)[LECTURES[0].removesuffix(".html")]
    assert 1 <= len(about["read"]) < about["sections"] == total
    mark = reader.locator(".bd-sidebar-primary .current > a .progress-mark").first
    assert mark.inner_text().strip() == "◐"
    assert mark.get_attribute("title").startswith(
        f"{len(about['read'])} of {total} sections read, 0 of 5 questions right"
    )


def test_ticks_are_kept_and_shown_on_the_page_of_progress(reader: Page, address: str) -> None:
    reader.goto(f"{address}assignments/04_convnets.html")
    reader.get_by_label("I have done this exercise").nth(1).check()
    reader.reload()
    assert [box.is_checked() for box in reader.get_by_label("I have done this exercise").all()][:3] == [
        False,
        True,
        False,
    ]
    reader.goto(f"{address}progress.html")
    expect(reader.locator("#progress-here li")).to_contain_text("Assignment 4")
    expect(reader.locator("#progress-here li")).to_contain_text("1 of 6 exercises done")


def test_progress_travels_in_a_file(reader: Page, address: str, tmp_path: Path) -> None:
    reader.goto(f"{address}assignments/04_convnets.html")
    reader.get_by_label("I have done this exercise").first.check()
    reader.goto(f"{address}progress.html")
    with reader.expect_download() as saved:
        reader.get_by_role("button", name="Save to a file").click()
    file = tmp_path / "progress.json"
    saved.value.save_as(file)
    before = record(reader)
    reader.once("dialog", lambda dialog: dialog.accept())
    reader.get_by_role("button", name="Forget all").click()
    assert record(reader) == {}
    reader.get_by_label("A file of progress").set_input_files(file)
    expect(reader.locator("#progress-here [role=status]")).to_have_text("Read: 1 pages.")
    assert record(reader) == before


@pytest.mark.parametrize(
    "content", ["", "no JSON", "[1, 2]", "7", '{"lectures/01": 3, "../x": {}, "<img>": {"read": 1}}']
)
def test_a_file_that_holds_no_progress_changes_nothing(content: str, reader: Page, address: str) -> None:
    reader.goto(f"{address}assignments/04_convnets.html")
    reader.get_by_label("I have done this exercise").first.check()
    before = record(reader)
    reader.goto(f"{address}progress.html")
    upload = {"name": "progress.json", "mimeType": "application/json", "buffer": content.encode()}
    reader.get_by_label("A file of progress").set_input_files(upload)
    expect(reader.locator("#progress-here [role=status]")).not_to_be_empty()
    assert record(reader) == before


def test_where_the_browser_keeps_nothing_the_page_still_reads(browser: Browser, address: str) -> None:
    context = browser.new_context()
    context.add_init_script(REFUSED)
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address + LECTURES[0])
    options = page.locator(".quiz-options").first
    options.get_by_role("button").first.click()
    expect(page.locator(".quiz-said").first).not_to_be_empty()
    page.goto(f"{address}progress.html")
    expect(page.locator("#progress-here")).to_contain_text("Your browser keeps nothing for this site")
    ours = [error for error in errors if "refused" not in error]  # the theme's own script asks the storage as well
    assert not ours
    context.close()
