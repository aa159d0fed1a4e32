"""Run every benchmark and keep what they print as a page of the book, book/benchmarks.md.

    python benchmarks/all.py

Takes about eight minutes on two quiet CPU cores. A benchmark that fails leaves the page as it was.
"""

from __future__ import annotations

import ast
import datetime
import subprocess
import sys
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "book" / "benchmarks.md"
SCRIPTS = ("models", "conv_forms", "scenes", "train_lenet", *(["time_to_94"] if torch.cuda.is_available() else []))
OPENING = """# Benchmarks

How fast the course's code is beside a peer that does the same: *times as fast* is the peer's time over ours, the median of
runs in turn, with the lowest and the highest. `python benchmarks/all.py` runs all of this and writes this page; these are the
numbers of {date}. A machine that is busy with something else moves them, so each table says what it was made on.
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


def main() -> None:
    parts = [OPENING.format(date=datetime.date.today().isoformat())]
    for name in SCRIPTS:
        script = HERE / f"{name}.py"
        about = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8")))
        print(f"\n{name}", flush=True)
        parts.append(f"## {name}\n\n{about.splitlines()[0]}\n\n{printed(script)}")
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    print(f"\nWritten: {PAGE}")


if __name__ == "__main__":
    main()
