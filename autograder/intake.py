"""From a folder that a student handed in to a notebook that can be judged, or the reason why not."""

from __future__ import annotations

from pathlib import Path

from nbformat import NotebookNode

from autograder.notebook_file import MAX_BYTES, SCRIPTS, Quarantine, quoted, read_notebook
from autograder.restore import is_untouched, restore

__all__ = ["MAX_BYTES", "NOTE", "Quarantine", "find_notebooks", "read_notebook", "restore", "take"]

NOTE = "not-collected.txt"  # why a folder holds no notebook, as `collect` left it


def take(folder: Path, released: NotebookNode) -> tuple[NotebookNode, list[str]]:
    """The notebook in a submission's folder, with all that is not the student's as it was released.

    Of several notebooks, copies, untouched ones and those of another assignment do not count.

    Args:
        folder: grading/submitted/<student>/<name>.
        released: the student version.

    Returns:
        The notebook, and sentences on what an instructor may want to look at.

    Raises:
        Quarantine: there is no notebook, it cannot be read, or it is not clear what counts.
    """
    paths = find_notebooks(folder)
    if len(paths) == 1:
        return restore(read_notebook(paths[0]), released)
    return _the_one_that_counts(paths, released)


def _the_one_that_counts(paths: list[Path], released: NotebookNode) -> tuple[NotebookNode, list[str]]:
    several = f"There are {len(paths)} notebooks ({', '.join(quoted(path.name) for path in paths[:10])})"
    advice = "Keep the one that counts and grade again."
    here = released.metadata.get("course", {}).get("assignment")
    try:
        read = {path.name: read_notebook(path) for path in paths}
        ours = [name for name in read if read[name].metadata.course.get("assignment") == here]
        restored = {name: restore(read[name], released) for name in ours or read}
    except Quarantine as problem:
        raise Quarantine(f"{several}, and one cannot be used: {problem} {advice}", problem.evidence) from None
    touched = {name: each for name, each in restored.items() if not is_untouched(each[0], released)} or restored
    if len({tuple((cell.cell_type, cell.source) for cell in each[0].cells) for each in touched.values()}) > 1:
        raise Quarantine(f"{several} with different answers. {advice}")
    name, (notebook, flags) = next(iter(touched.items()))
    return notebook, [f"{several}; {quoted(name)} is used, and the others add nothing.", *flags]


def find_notebooks(folder: Path) -> list[Path]:
    """The notebooks in a submission's folder, whatever their names; else the Jupytext scripts.

    Raises:
        Quarantine: there is none, or the folder is a link.
    """
    if folder.is_symlink() or folder.parent.is_symlink():
        raise Quarantine("The submission's folder is a link, and is not followed: put the files themselves there.")
    files = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".") and not path.is_dir()]
    for kinds in ((".ipynb",), SCRIPTS):
        if found := [path for path in files if path.suffix.lower() in kinds]:
            return found
    note = folder / NOTE
    if note.is_file() and not note.is_symlink():
        raise Quarantine(note.read_text(encoding="utf-8", errors="replace")[:2000].strip())
    others = f" (only {', '.join(quoted(path.name) for path in files[:5])})" if files else ""
    raise Quarantine(f"There is no notebook in the folder{others}: ask the student for the .ipynb file.")
