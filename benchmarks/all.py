"""Run every benchmark and keep what they print as a page of the book, book/benchmarks.md.

    python benchmarks/all.py              # all of them: a quarter of an hour on two quiet CPU cores
    python benchmarks/all.py scenes ...   # these again, the others stay as they are

A benchmark that fails leaves the page as it was.
"""

from __future__ import annotations

import ast
import datetime
import re
import subprocess
import sys
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "book" / "benchmarks.md"
SCRIPTS = (
    "models",
    "conv_forms",
    "scenes",
    "train_lenet",
    "grader",
    "pages",
    *(["time_to_94"] if torch.cuda.is_available() else []),
)
OPENING = """# Benchmarks

How fast the course's code is beside a peer that does the same: *times as fast* is the peer's time over ours, the median of
runs in turn, with the lowest and the highest. `python benchmarks/all.py` runs all of this and writes this page; these are the
numbers of the day that stands above each table. A machine that is busy with something else moves them, so each also says
what it was made on.
"""


def printed(script: Path) -> str:
    """Run a script, show what it prints while it does, and return it."""
    lines = []
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode:
        sys.exit(f"benchmarks/{script.name} failed, as it says above; {PAGE.name} was left as it was.")
    return "".join(lines)


def measured(name: str) -> str:
    """Run a benchmark: its section of the page."""
    script = HERE / f"{name}.py"
    about = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8")))
    print(f"\n{name}", flush=True)
    return f"{about.splitlines()[0]}\n\n{datetime.date.today().isoformat()}; {printed(script)}"


def main(names: list[str]) -> None:
    if unknown := set(names) - set(SCRIPTS):
        sys.exit(f"There is no benchmark {min(unknown)!r} here; choose among: {', '.join(SCRIPTS)}.")
    _, *old = re.split(r"^## (\w+)\n\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    sections = dict(zip(old[::2], old[1::2]))
    for name in names or SCRIPTS:
        sections[name] = measured(name)
    parts = [f"## {name}\n\n{sections[name].strip()}\n" for name in SCRIPTS if name in sections]
    PAGE.write_text("\n".join([OPENING, *parts]), encoding="utf-8")
    print(f"\nWritten: {PAGE}")


if __name__ == "__main__":
    main(sys.argv[1:])
