"""Pages on a phone with a slow line: seconds until text is there, against the same text without style, scripts and pictures.

python benchmarks/pages.py    # after `make book`; Lighthouse's slow 4G (1.6 Mbit/s, 150 ms) and a processor slowed down fourfold
"""

from __future__ import annotations

import gzip
import statistics
import sys
from io import BytesIO
from pathlib import Path

import yaml
from bs4 import BeautifulSoup
from common import columns, header, line
from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book"))
from browser import QuietHandler, chromium, served

SITE = ROOT / "_build" / "html"
OTHERS = ("index", "demos", "assignments/04_convnets", "api/index")
LINE = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}
SLOWED = 4
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
PAINTED = "performance.getEntriesByName('first-contentful-paint').length"
TIMES = """() => [performance.getEntriesByName("first-contentful-paint")[0].startTime,
  performance.getEntriesByType("navigation")[0].loadEventEnd]"""


class Zipped(QuietHandler):
    """Sends text in gzip, as static hosts do; for `/bare/PAGE`, the page's text alone."""

    def send_head(self) -> BytesIO | None:
        path = Path(self.translate_path(self.path.removeprefix("/bare")))
        if not path.is_file():
            self.send_error(404)
            return None
        data = path.read_bytes()
        if self.path.startswith("/bare/"):
            soup = BeautifulSoup(data, "html.parser")
            for part in soup(["script", "style", "link", "img", "svg"]):
                part.decompose()
            data = str(soup).encode()
        kind = self.guess_type(path)
        text = kind.startswith("text/") or kind.split("/")[-1] in ("javascript", "json", "svg+xml")
        data = gzip.compress(data) if text else data
        self.send_response(200)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        if text:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        return BytesIO(data)


def first_visit(browser: Browser, url: str) -> tuple[float, float]:
    """Seconds until the first text is painted and until all is loaded that the page does not leave for later."""
    context = browser.new_context(**PHONE)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", LINE)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
    page.goto(url, wait_until="load")
    page.wait_for_function(PAINTED)
    page.wait_for_timeout(100)  # until the load event is over
    paint, load = page.evaluate(TIMES)
    context.close()
    return paint / 1000, load / 1000


def main(repeats: int = 3) -> None:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    lectures = [c["file"] for part in toc["parts"] for c in part["chapters"] if c["file"].startswith("lectures/")]
    columns("first visit", "text after", "times the bare text", "all after")
    with served(SITE, Zipped) as address, chromium() as browser:
        for name in (*OTHERS, *lectures):
            ours = [first_visit(browser, f"{address}{name}.html") for _ in range(repeats)]
            bare = [first_visit(browser, f"{address}bare/{name}.html") for _ in range(repeats)]
            paint, load = (statistics.median(values) for values in zip(*ours))
            ratio = paint / statistics.median(values[0] for values in bare)
            line(name, f"{paint:.2f} s", f"{ratio:.2f}×", f"{load:.2f} s")


if __name__ == "__main__":
    header()
    main()
