"""Makes the finished pages light: a reader on a phone gets what the first view shows, and little more.

The theme sends every icon of Font Awesome (1.5 MB of script, 0.3 MB of fonts), the search index and MathJax with every
page, and a knob's pictures inside the page. Here unused icons are cut from the fonts, pages load what they use, scripts
wait until the page is read, and pictures are small files that a browser fetches when the reader comes near them.
tests/site/test_weight.py holds the result.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

from fontTools import subset
from PIL import Image
from sphinx.application import Sphinx

EMBEDDED = re.compile(r'src="data:image/(png|jpeg);base64,([A-Za-z0-9+/]+=*)"')
SMALL, LARGE = 20_000, 150_000  # bytes of a picture: not worth the work below, worth a loss above
ICON_RULE = re.compile(r'(?:\.fa-[\w-]+:before,?)+\{content:"\\[0-9a-f]+"\}')
SCRIPT = re.compile(r"[ \t]*<script\b[^>]*>.*?</script>\n?", re.DOTALL)
PRIVATE = re.compile("[\ue000-\uf8ff]")  # where icon fonts have their characters


def without_scripts(html: str, *parts: str) -> str:
    """The page without the script elements that contain one of these texts."""
    return SCRIPT.sub(lambda found: "" if any(part in found[0] for part in parts) else found[0], html)


def deferred(html: str) -> str:
    """Scripts run when the page is read, in their order; but the options, which the lines after them change, at once."""
    waiting = re.compile(r"<script (?![^>]*\b(?:defer|module)\b)(?=[^>]*\bsrc=)(?![^>]*documentation_options)")
    return waiting.sub("<script defer ", html)


def with_files(html: str, page: Path, root: Path) -> str:
    """Pictures that stand inside the page become files in `_images`."""
    folder = root / "_images"
    above = "../" * len(page.relative_to(root).parent.parts)

    def moved(found: re.Match[str]) -> str:
        content = base64.b64decode(found[2])
        name = f"{hashlib.sha256(content).hexdigest()[:32]}.{found[1]}"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
        return f'src="{above}_images/{name}"'

    return EMBEDDED.sub(moved, html)


def small_pictures(root: Path) -> dict[str, str]:
    """Make WebP of the large pictures in `_images`, without loss where that is small enough; {old name: new name}."""

    def made(picture: Path) -> tuple[str, str]:
        small, image = picture.with_suffix(".webp"), Image.open(picture)
        image.save(small, lossless=True)
        if small.stat().st_size > LARGE:
            image.convert("RGB").save(small, quality=90)
        picture.unlink()
        return picture.name, small.name

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(pool.map(made, [file for file in root.glob("_images/*.png") if file.stat().st_size > SMALL]))


def lazy(html: str, page: Path) -> str:
    """Pictures of the article but the first wait for the reader; all say their size, so that the text does not jump."""
    start = html.find("<article")
    number = 0

    def waiting(found: re.Match[str]) -> str:
        nonlocal number
        tag, source = found[0], re.search(r'src="([^"]+)"', found[0])
        file = page.parent / source[1] if source else None
        if not file or file.suffix not in (".png", ".jpeg", ".webp") or not file.is_file():
            return tag
        if "width=" not in tag:
            width, height = Image.open(file).size
            tag = tag.replace("<img", f'<img width="{width}" height="{height}"', 1)
        number += 1
        return tag if number == 1 or "loading=" in tag else tag.replace("<img", '<img loading="lazy"', 1)

    return html[:start] + re.sub(r"<img\b[^>]*>", waiting, html[start:])


def light_page(page: Path, html: str) -> str:
    """One page, without what it does not need."""
    html = without_scripts(html, "scripts/fontawesome.js")
    if page.name != "search.html":  # its own script needs the others at once
        html = without_scripts(html, "_static/searchtools.js", "_static/language_data.js", "searchindex.js")
        if 'class="math' not in html:
            html = without_scripts(html, "window.MathJax", "mathjax/tex-chtml.js")
        html = deferred(html)
    return lazy(html, page)


def few_icons(root: Path, used: set[str]) -> None:
    """Cut the icon fonts and their style rules down to the icons that pages, scripts and styles name."""

    def kept(rule: re.Match[str]) -> str:
        return rule[0] if used.intersection(re.findall(r"\.(fa-[\w-]+):before", rule[0])) else ""

    codes: set[str] = set()
    for style in root.glob("_static/**/*.css"):
        before = style.read_text(encoding="utf-8")
        text = ICON_RULE.sub(kept, before)
        codes.update(PRIVATE.findall(text))
        codes.update(chr(int(code, 16)) for code in re.findall(r"\\([ef][0-9a-f]{3})\b", text))
        if text != before:
            style.write_text(text, encoding="utf-8")
    options = subset.Options(flavor="woff2", layout_features=[], notdef_outline=True)
    for font in root.glob("_static/vendor/fontawesome/webfonts/*.woff2"):
        whole = subset.load_font(BytesIO(font.read_bytes()), options)
        cutter = subset.Subsetter(options)
        cutter.populate(text="".join(codes))
        cutter.subset(whole)
        subset.save_font(whole, font, options)


def lighten(app: Sphinx, exception: Exception | None) -> None:
    """Sphinx's build-finished."""
    root = Path(app.outdir)
    if exception or app.builder.format != "html":
        return
    paths = [page for page in root.rglob("*.html") if "_static" not in page.parts]
    pages = {page: with_files(page.read_text(encoding="utf-8"), page, root) for page in paths}
    smaller = small_pictures(root)
    for page, html in pages.items():
        html = re.sub(r"(?<=_images/)[\w.-]+\.png", lambda found: smaller.get(found[0], found[0]), html)
        pages[page] = light_page(page, html)
        page.write_text(pages[page], encoding="utf-8")
    for unused in (*root.glob("_static/scripts/fontawesome.js*"), *root.glob("_static/vendor/fontawesome/**/*.ttf")):
        unused.unlink()
    texts = [*pages.values(), *(script.read_text(encoding="utf-8") for script in root.glob("_static/scripts/*.js"))]
    few_icons(root, {name for text in texts for name in re.findall(r"\bfa-[\w-]+", text)})


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx; after everything that writes pages."""
    app.connect("build-finished", lighten, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
