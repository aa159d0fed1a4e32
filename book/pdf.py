"""Print the built site as one PDF: a cover, the contents, each chapter from a headless Chromium, and the pages numbered.

Run by `make pdf`, after the site is made. Chapters that only live on a screen (demos, progress, API) stay on the site. Links
between chapters become links within the PDF.
"""

from __future__ import annotations

import html
import io
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from browser import chromium, served
from playwright.sync_api import Page
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import Link
from pypdf.generic import Fit
from system import Missing
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
NAME = "convnets-from-scratch.pdf"
ON_SCREEN_ONLY = ("demos", "progress", "api/index")
PAPER = {"format": "A4", "margin": {"top": "15mm", "bottom": "18mm", "left": "15mm", "right": "15mm"}}
READY = """
async () => {
  if (document.querySelector(".math")) await MathJax.startup.promise;
  await document.fonts.ready;
  for (const img of document.images) {
    img.loading = "eager";
    await img.decode();
  }
}
"""
FRONT = """<!doctype html><html lang="en"><meta charset="utf-8"><style>
body {{ font-family: sans-serif; color: #222; margin: 0 }}
h1 {{ font-size: 30pt; padding-top: 60mm; margin: 0 }}
.lead {{ font-size: 13pt; line-height: 1.5; max-width: 130mm; color: #444 }}
.rights {{ color: #555; margin-top: 90mm; font-size: 10pt }}
h2 {{ break-before: page; font-size: 18pt }}
h3 {{ font-size: 11pt; margin: 5mm 0 1mm; color: #555 }}
p.entry {{ display: flex; margin: 0 0 1.2mm; font-size: 11pt; break-inside: avoid }}
p.entry i {{ flex: 1; border-bottom: 1px dotted #999; margin: 0 2mm 1.2mm }}
</style><h1>{title}</h1><p class="lead">{lead}</p><p class="rights">{rights}</p><h2>Contents</h2>{entries}</html>"""
NUMBERS = """<!doctype html><html lang="en"><meta charset="utf-8"><style>
body {{ margin: 0; font: 9pt sans-serif; color: #555 }}
p {{ break-after: page; margin: 0; height: 288mm; display: flex; align-items: end; justify-content: center }}
p:last-child {{ break-after: auto }}
</style>{sheets}</html>"""


@dataclass
class LinkOnPaper:
    """A link on one sheet: to an address, or to a place (sheet, height from below in points) of the same chapter."""

    sheet: int
    rect: tuple[float, ...]
    url: str = ""
    place: tuple[int, float | None] | None = None


@dataclass
class Chapter:
    """One page of the site on paper."""

    part: str
    title: str
    file: str
    sheets: PdfReader
    links: list[LinkOnPaper] = field(default_factory=list)
    first: int = 0  # its first page in the PDF, from 0


def listed(toc: dict) -> list[tuple[str, str | None, str]]:
    """(part, title if it is named, file) of each chapter that goes on paper, in order."""
    found = [("", None, toc["root"])]

    def look(part: str, entries: list[dict]) -> None:
        for entry in entries:
            if entry["file"] not in ON_SCREEN_ONLY:
                found.append((part, entry.get("title"), entry["file"]))
            look(part, entry.get("sections", []))

    for part in toc["parts"]:
        look(part["caption"], part["chapters"])
    return found


def print_chapter(page: Page, address: str, part: str, title: str | None, file: str) -> Chapter:
    """Open a page of the site and print it as its own style sheet for paper says."""
    page.goto(f"{address}{file}.html")
    page.evaluate(READY)
    title = title or page.locator("article h1").first.evaluate("h => h.firstChild.textContent.trim()")
    sheets = PdfReader(io.BytesIO(page.pdf(print_background=True, **PAPER)))
    return Chapter(part, title, file, sheets, links=taken_off(sheets))


def taken_off(sheets: PdfReader) -> list[LinkOnPaper]:
    """Take the links off a chapter's sheets: what they name is another place once all chapters are bound."""
    links, places = [], sheets.named_destinations
    for number, sheet in enumerate(sheets.pages):
        for annotation in sheet.pop("/Annots", []):
            link = annotation.get_object()
            action = link.get("/A", {})
            rect = tuple(map(float, link["/Rect"]))
            place = places.get(str(link.get("/Dest", action.get("/D", ""))))
            if place is not None:
                there = sheets.get_destination_page_number(place)
                links.append(LinkOnPaper(number, rect, place=(there, float(place.top) if place.top else None)))
            elif "/URI" in action:
                links.append(LinkOnPaper(number, rect, url=str(action["/URI"])))
    return links


def front_matter(page: Page, site: dict[str, str], chapters: list[Chapter]) -> PdfReader:
    """The cover and the contents."""
    entries, part = [], ""
    for chapter in chapters:
        if chapter.part != part:
            part = chapter.part
            entries.append(f"<h3>{html.escape(part)}</h3>")
        line = f"<span>{html.escape(chapter.title)}</span><i></i><span>{chapter.first + 1}</span>"
        entries.append(f'<p class="entry">{line}</p>')
    page.set_content(FRONT.format(**site, entries="".join(entries)))
    return PdfReader(io.BytesIO(page.pdf(print_background=True, **PAPER)))


def bound(page: Page, address: str, site: dict[str, str], chapters: list[Chapter]) -> PdfWriter:
    """All of it as one document: outline, numbers, and links that stay within it."""
    front = front_matter(page, site, chapters)
    start = len(front.pages)
    for chapter in chapters:
        chapter.first, start = start, start + len(chapter.sheets.pages)
    front = front_matter(page, site, chapters)  # again, now that the numbers are known

    writer = PdfWriter()
    for document in (front, *(chapter.sheets for chapter in chapters)):
        for sheet in document.pages:
            writer.add_page(sheet)
    parts: dict[str, object] = {}
    for chapter in chapters:
        if chapter.part and chapter.part not in parts:
            parts[chapter.part] = writer.add_outline_item(title=chapter.part, page_number=chapter.first, bold=True)
        writer.add_outline_item(title=chapter.title, page_number=chapter.first, parent=parts.get(chapter.part))
        _link(writer, chapter, {other.file: other.first for other in chapters}, address)
    _number(page, writer, len(front.pages))
    writer.add_metadata({"/Title": site["title"], "/Author": site["author"]})
    writer.compress_identical_objects()
    return writer


def _link(writer: PdfWriter, chapter: Chapter, first: dict[str, int], address: str) -> None:
    """Lay a chapter's links on its pages again. Those into the site lead to the chapter here, or nowhere."""
    for link in chapter.links:
        if link.url.startswith(address):
            file = unquote(urlsplit(link.url).path).lstrip("/").removesuffix(".html")
            if file not in first:
                continue
            to = {"target_page_index": first[file]}
        elif link.place:
            sheet, top = link.place
            to = {"target_page_index": chapter.first + sheet, "fit": Fit.xyz(top=top)}
        else:
            to = {"url": link.url}
        writer.add_annotation(chapter.first + link.sheet, Link(rect=link.rect, border=[0, 0, 0], **to))


def _number(page: Page, writer: PdfWriter, after: int) -> None:
    """Print the number of each page on it, but on the front matter."""
    sheets = "".join(f"<p>{number + 1}</p>" for number in range(after, len(writer.pages)))
    page.set_content(NUMBERS.format(sheets=sheets))
    numbers = PdfReader(
        io.BytesIO(page.pdf(format="A4", margin=dict.fromkeys(("top", "bottom", "left", "right"), "0")))
    )
    for number, sheet in enumerate(numbers.pages, after):
        writer.pages[number].merge_page(sheet)
        writer.pages[number].compress_content_streams()  # merging took them apart


def main() -> None:
    site = ROOT / "_build" / "html"
    if not (site / "index.html").is_file():
        raise Missing("There is no site in _build/html. Run: make book")
    made = site / NAME
    if made.exists() and made.stat().st_mtime > max(p.stat().st_mtime for p in (site / "index.html", Path(__file__))):
        return
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    with served(site) as address, chromium() as browser:
        page = browser.new_page(color_scheme="light", reduced_motion="reduce")
        chapters = [print_chapter(page, address, *chapter) for chapter in tqdm(listed(toc), "Printing", unit="chapter")]
        page.goto(f"{address}index.html")
        about = {"title": config["title"], "author": config["author"], "lead": page.locator(".lead").inner_html()}
        about["rights"] = re.sub("</?p>", "", config["html"]["extra_footer"])
        writer = bound(page, address, about, chapters)
    writer.write(made)
    print(f"{made.relative_to(ROOT)}: {len(writer.pages)} pages, {made.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    try:
        main()
    except Missing as missing:
        sys.exit(str(missing))
