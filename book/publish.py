"""Put the built site beside earlier ones: `2026f/` for a term, `preview/12/` for a pull request; what is there stays.

    python book/publish.py FOLDER term 2026f          # a new or newer site of the term; the address without a term leads to it
    python book/publish.py FOLDER preview 12          # the site of pull request 12
    python book/publish.py FOLDER forget 12           # the pull request is closed

FOLDER holds the published branch. Run by the workflows after `make book`.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

SITE = Path(__file__).resolve().parent.parent / "_build" / "html"
TERM = re.compile(r"\d{4}[sf]")  # spring, fall
REDIRECT = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>ConvNets from scratch</title>
<meta http-equiv="refresh" content="0; url={term}/">
<link rel="canonical" href="{term}/">
<p>The course of this term is <a href="{term}/">here</a>. Earlier terms: {earlier}.</p>
"""


class PublishError(Exception):
    """Nothing was published, with the reason."""


def put(site: Path, target: Path) -> None:
    """Replace a folder by the site."""
    if not (site / "index.html").is_file():
        raise PublishError(f"There is no site in {site}. Run `make book` first.")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(site, target)


def publish_term(site: Path, folder: Path, term: str) -> None:
    """The site of a term. The newest term is the one that the bare address shows; earlier ones keep theirs."""
    if not TERM.fullmatch(term):
        raise PublishError(f"'{term}' is no term: write the year and s for spring or f for fall, as in 2026f.")
    put(site, folder / term)
    terms = sorted((path.name for path in folder.iterdir() if TERM.fullmatch(path.name)), key=_when)
    links = ", ".join(f'<a href="{name}/">{name}</a>' for name in reversed(terms[:-1])) or "none"
    (folder / "index.html").write_text(REDIRECT.format(term=terms[-1], earlier=links), encoding="utf-8")
    (folder / "terms.json").write_text(json.dumps(terms), encoding="utf-8")
    (folder / ".nojekyll").touch()  # or GitHub Pages would leave out the folders that begin with _


def _when(term: str) -> tuple[str, bool]:
    return term[:4], term.endswith("f")  # spring comes first


def publish_preview(site: Path, folder: Path, number: str) -> None:
    """The site of a pull request."""
    put(site, folder / "preview" / _number(number))


def forget_preview(folder: Path, number: str) -> None:
    """Remove a pull request's site, if there is one."""
    shutil.rmtree(folder / "preview" / _number(number), ignore_errors=True)


def _number(text: str) -> str:
    if not re.fullmatch(r"[1-9]\d*", text):
        raise PublishError(f"'{text}' is no number of a pull request.")
    return text


def main(arguments: list[str]) -> None:
    """The command line above."""
    match arguments:
        case [folder, "term", term]:
            publish_term(SITE, Path(folder), term)
        case [folder, "preview", number]:
            publish_preview(SITE, Path(folder), number)
        case [folder, "forget", number]:
            forget_preview(Path(folder), number)
        case _:
            raise PublishError((__doc__ or "").strip())


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except PublishError as error:
        sys.exit(str(error))
