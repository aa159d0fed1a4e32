"""The built site, served on this machine, and one browser page for each way of looking at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import chromium, served
from built import SITE, VIEWS
from playwright.sync_api import Browser, Page

SIZES = {
    "desktop": {"width": 1280, "height": 900},
    "tablet": {"width": 820, "height": 1180},
    "phone": {"width": 390, "height": 844},
}


@pytest.fixture(scope="session")
def site() -> Path:
    """Folder of the built site."""
    assert (SITE / "index.html").is_file(), "There is no site in _build/html. Run `make book` first."
    return SITE


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Where the site is served, ending in a slash."""
    with served(site) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One headless Chromium, closed with its module: Playwright's event loop would be in the way of a kernel's."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def views(browser: Browser) -> Iterator[dict[str, Page]]:
    """One page for each view, kept open so that the site's files stay in its cache."""
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


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A page on a small screen with a finger."""
    context = browser.new_context(viewport=SIZES["phone"], has_touch=True, is_mobile=True)
    yield context.new_page()
    context.close()
