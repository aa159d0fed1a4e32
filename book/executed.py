"""Executed chapters, each kept under a key made from everything that can change its outputs."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import platform
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

LIBRARY = "course_lib"
TIMEOUT = 1800  # seconds a cell may take
# Read by course_lib.viz, which then draws widgets as pictures; and by tqdm, which takes any SPYDER… for a console without
# widgets and prints its bar as text.
# OpenMP threads that wait asleep: on a machine that does something else as well, spinning ones make training six times slower.
PAGE = {"COURSE_BUILD": "1", "SPYDER_CONSOLE": "1", "OMP_WAIT_POLICY": "passive"}
WIDGET = "application/vnd.jupyter.widget-view+json"
MEASURE = """
import json, os, re, resource, sys
torch = sys.modules.get("torch")
try:  # what getrusage tells on Linux is at least what the process that started this one held
    peak = 1024 * int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
gpu = torch.cuda.get_device_name() if torch and torch.cuda.is_available() else ""
print(json.dumps({"memory_mb": round(peak / 1e6), "cores": cores, "gpu": gpu}))
"""


class BuildError(Exception):
    """The book cannot be built; the message names the file and the next step."""


def library_modules(root: Path, source: str, package: str = "") -> dict[str, Path]:
    """The course_lib modules that `source` imports, directly or through one another, as {dotted name: file}.

    Args:
        root: folder that holds `course_lib/`.
        source: Python text.
        package: dotted name of the package the text lives in, for its relative imports.
    """
    found: dict[str, Path] = {}
    todo = [(source, package)]
    while todo:
        for name in imported_names(*todo.pop()):
            parts = name.split(".")
            for dotted in (".".join(parts[:end]) for end in range(1, len(parts) + 1)):
                path = module_file(root, dotted)
                if path and dotted not in found:  # a package's __init__ runs when one of its modules is imported
                    found[dotted] = path
                    inside = dotted if path.name == "__init__.py" else dotted.rpartition(".")[0]
                    todo.append((path.read_text(encoding="utf-8"), inside))
    return found


def imported_names(source: str, package: str) -> set[str]:
    """Every dotted name under course_lib that the import statements of `source` can mean, modules or not."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] == LIBRARY}


def module_file(root: Path, dotted: str) -> Path | None:
    """File of a module or package below `root`, or None when the name is not a module."""
    base = root.joinpath(*dotted.split("."))
    return next((path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()), None)


def chapter_key(root: Path, master: Path) -> str:
    """Hash of the master, the library modules it reaches, the lock, this file, the Python version and the scale."""
    source = master.read_text(encoding="utf-8")
    files = [master, root / "requirements.txt", Path(__file__), *library_modules(root, source).values()]
    texts = [(path.name, path.read_text(encoding="utf-8")) for path in sorted(files)]
    facts = [platform.python_version(), os.environ.get("COURSE_SCALE", "")]
    return hashlib.sha256(json.dumps([texts, facts]).encode()).hexdigest()


def kept_files(root: Path, master: Path) -> Path:
    """Folder of what the executed chapter handed over with `course_lib.runtime.keep`; it is there if that was anything."""
    return root / "_build" / "executed" / chapter_key(root, master)


def executed_chapter(root: Path, master: Path) -> tuple[nbformat.NotebookNode, bool]:
    """The chapter with its outputs, and whether it came from the cache; run time and memory in `metadata["course"]`."""
    files = kept_files(root, master)
    kept = files.with_suffix(".ipynb")
    if kept.is_file():
        return nbformat.read(kept, as_version=4), True
    files.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=files.parent, suffix=".partial") as folder:
        notebook = execute(root, master, Path(folder))
        shutil.rmtree(files, ignore_errors=True)
        if any(Path(folder).iterdir()):
            shutil.copytree(folder, files)
        partial = Path(folder) / kept.name
        nbformat.write(notebook, partial)
        partial.replace(kept)  # atomic and last: an interrupted build leaves no half-written chapter
    return notebook, False


def execute(root: Path, master: Path, keep: Path) -> nbformat.NotebookNode:
    """Run every cell of a percent script in a fresh kernel; the first error stops with a sentence that names the cell.

    Args:
        root: where it runs.
        master: the script.
        keep: the folder for what it hands over.
    """
    notebook = jupytext.read(master)
    notebook.cells.append(nbformat.v4.new_code_cell(MEASURE))
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(root)}},
        coalesce_streams=True,  # a progress bar becomes the one line it ended with
        store_widget_state=False,  # pages have no kernel: a widget's picture is drawn by course_lib.viz instead
        extra_arguments=["--log-level=ERROR"],  # without a warning at every start that it listens on this machine
    )
    start = time.perf_counter()
    try:
        client.execute(env={**os.environ, **PAGE, "COURSE_KEEP": str(keep)})
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise BuildError(describe(error, notebook, master.relative_to(root))) from error
    seconds = round(time.perf_counter() - start, 1)
    measured = json.loads(notebook.cells.pop().outputs[0].text)
    for number, cell in enumerate(notebook.cells, 1):
        if any(WIDGET in output.get("data", {}) for output in cell.get("outputs", [])):
            raise BuildError(
                f"{master.relative_to(root)}, cell {number} shows a widget, which is empty on a page without a kernel. "
                "Draw it with course_lib.viz.knob."
            )
    notebook.metadata["course"] = {"seconds": seconds, **measured}
    return notebook


def describe(error: Exception, notebook: nbformat.NotebookNode, master: Path) -> str:
    """One sentence: which master, which cell, what happened, and how to see it again."""
    ran = [number for number, cell in enumerate(notebook.cells, 1) if cell.cell_type == "code" and cell.execution_count]
    number = max(ran, default=1)
    first_line = next((line for line in notebook.cells[number - 1].source.splitlines() if line.strip()), "")
    if isinstance(error, CellExecutionError):
        reason = f"{error.ename}: {error.evalue}"
    else:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return f"{master}, cell {number} (`{first_line}`) stopped with {reason}. Run `python {master}` to see it again."
