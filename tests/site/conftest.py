"""The built site, served on this machine, and one browser page for each way of looking at it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from built import ROOT, SITE, VIEWS
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(ROOT / "book"))  # scripts, not a package

from system import find_browser

SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a line on the terminal for each."""

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def site() -> Path:
    """Folder of the built site."""
    assert (SITE / "index.html").is_file(), "There is no site in _build/html. Run `make book` first."
    return SITE


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Where the site is served, ending in a slash."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One headless Chromium, closed with its module: Playwright's event loop would be in the way of a kernel's."""
    path = find_browser()
    assert path, "There is no Chromium. Run `python book/system.py browser`."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def views(browser: Browser) -> Iterator[dict[str, Page]]:
    """One page for each of light/dark × desktop/phone, kept open so that the site's files stay in its cache."""
    contexts = {
        name: browser.new_context(color_scheme=mode, viewport=SIZES[size]) for name, (mode, size) in VIEWS.items()
    }
    yield {name: context.new_page() for name, context in contexts.items()}
    for context in contexts.values():
        context.close()


@pytest.fixture
def page(views: dict[str, Page]) -> Page:
    """The desktop page in light mode."""
    return views["light-desktop"]
