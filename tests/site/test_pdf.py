"""The whole book as one PDF, as `make pdf` printed it."""

from __future__ import annotations

import re
from pathlib import Path

import pdf
import pytest
import yaml
from built import ROOT
from pypdf import PdfReader


@pytest.fixture(scope="module")
def book(site: Path) -> PdfReader:
    assert (site / pdf.NAME).is_file(), "The book is not printed yet. Run `make pdf` first."
    return PdfReader(site / pdf.NAME)


@pytest.fixture(scope="module")
def outline(book: PdfReader) -> dict[str, int]:
    """Each entry of the outline, at any depth, and the page it leads to, from 0."""

    def flat(entries: list) -> list:
        return [item for entry in entries for item in (flat(entry) if isinstance(entry, list) else [entry])]

    return {entry.title: book.get_destination_page_number(entry) for entry in flat(book.outline)}


def test_every_chapter_is_in_it_and_begins_where_outline_and_contents_say(
    book: PdfReader, outline: dict[str, int]
) -> None:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    chapters = pdf.listed(toc)
    assert [part["caption"] for part in toc["parts"]] == list(dict.fromkeys(part for part, _, _ in chapters if part))
    assert {file.split("/")[0] for _, _, file in chapters} >= {"index", "lectures", "assignments", "glossary"}
    titles = [title for title in outline if title not in {part for part, _, _ in chapters}]
    assert len(titles) == len(chapters)
    starts = [outline[title] for title in titles]
    assert starts == sorted(set(starts)) and starts[-1] < len(book.pages)
    contents = " ".join(page.extract_text() for page in book.pages[: starts[0]])
    for title, start in zip(titles, starts):
        assert re.search(rf"{re.escape(title)}\s+{start + 1}\b", contents), (
            f"the contents do not say where '{title}' is"
        )
        words = re.sub(r"^\d+\. ", "", title).split()[-1].casefold()
        assert words in book.pages[start].extract_text().casefold(), f"'{title}' does not begin on page {start + 1}"


def test_its_pages_are_numbered_sheets_of_a4(book: PdfReader, outline: dict[str, int]) -> None:
    for page in book.pages:
        assert (page.mediabox.width, page.mediabox.height) == pytest.approx((595.28, 841.89), abs=1)
    for number in range(min(outline.values()), len(book.pages), 9):  # reading them all takes a minute
        assert book.pages[number].extract_text().rstrip().endswith(str(number + 1))


def test_links_stay_in_the_book_or_lead_to_the_world(book: PdfReader, outline: dict[str, int]) -> None:
    """A click on a chapter's name on the first page leads to the chapter; none leads to the machine that printed."""
    inside, outside = set(), []
    for number, page in enumerate(book.pages):
        for reference in page.get("/Annots", []):
            link = reference.get_object()
            if "/URI" in link.get("/A", {}):
                outside.append(str(link["/A"]["/URI"]))
            else:
                target = link["/Dest"][0] if "/Dest" in link else link["/A"]["/D"][0]
                inside.add((number, target if isinstance(target, int) else book.get_page_number(target.get_object())))
    assert len(outside) > 50 and all(url.startswith("https://") for url in outside), sorted(set(outside))[:5]
    front = range(outline["ConvNets from scratch"], outline["How the assignments work"])
    reached = {page for number, page in inside if number in front}
    assert {outline["1. The perceptron"], outline["What is taught where"]} <= reached
    assert all(0 <= page < len(book.pages) for _, page in inside)


def test_it_is_light_enough_to_carry(site: Path) -> None:
    assert 2e6 < (site / pdf.NAME).stat().st_size < 40e6
