"""Where the built site is, what pages it has and in how many ways they are looked at."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
VIEWS = {f"{mode}-{size}": (mode, size) for mode in ("light", "dark") for size in ("desktop", "phone")}
VIEWS["light-tablet"] = ("light", "tablet")


def site_pages() -> list[str]:
    """Every HTML page of the built site, relative to its root."""
    return sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html") if "_static" not in path.parts)
