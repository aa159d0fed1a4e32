"""The demos, driven: start one, read its numbers, call what its module exports."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect


def started(page: Page, address: str, name: str) -> Locator:
    """The demo on the gallery page, scrolled into view and running."""
    page.goto(f"{address}demos.html")
    demo = page.locator(f"#demo-{name}")
    demo.scroll_into_view_if_needed()
    expect(demo).to_have_attribute("data-ready", "", timeout=20_000)
    return demo


def state(demo: Locator) -> dict:
    """What the demo shows, in numbers."""
    return demo.evaluate("demo => JSON.parse(JSON.stringify(demo.state))")


def wait(page: Page, demo: Locator, condition: str, timeout: float = 60_000) -> dict:
    """The demo's numbers once a condition of `state` holds."""
    page.wait_for_function(
        f"demo => {{ const state = demo.state; return {condition}; }}", arg=demo.element_handle(), timeout=timeout
    )
    return state(demo)


def said(demo: Locator) -> str:
    """Its last message."""
    return demo.get_by_role("status").inner_text()


def exported(page: Page, name: str, expression: str, value: object = None) -> object:
    """An expression of what a demo's module exports, `demo`, and of a value."""
    code = f"async value => {{ const demo = await import('./_static/demos/{name}.mjs'); return {expression}; }}"
    return page.evaluate(code.replace("'./", "document.baseURI.replace(/[^/]*$/, '') + '"), value)
