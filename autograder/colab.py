"""What a student notebook needs to open in Google Colab."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

STUDENT_BRANCH = "student-notebooks"

# Plain Python, so that the cell also runs in Jupyter and in the grader, where course_lib is there and nothing happens.
# What Colab brings is passed to pip as a pin: resolving course_lib then cannot replace it.
_INSTALL = """\
# @title Setup: run this cell first
# Installs the course library where it is missing, and leaves the torch, torchvision and numpy that are here alone.
import importlib.metadata
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("course_lib") is None:
    keep = []
    for package in ("torch", "torchvision", "numpy"):
        try:
            keep.append(f"{{package}}=={{importlib.metadata.version(package)}}")
        except importlib.metadata.PackageNotFoundError:
            pass
    pip = [sys.executable, "-m", "pip", "install", "--quiet", *keep, "git+{repository_url}"]
    if subprocess.run(pip).returncode:
        raise RuntimeError("course_lib could not be installed: check the network connection and run this cell again.")
    importlib.invalidate_caches()"""


def colab_url(repository_url: str, name: str) -> str:
    """Address that opens the student notebook of assignment `name` in Colab."""
    project = urlsplit(repository_url).path.strip("/")
    notebook = quote(f"{name}/{name}.ipynb")
    return f"https://colab.research.google.com/github/{project}/blob/{STUDENT_BRANCH}/{notebook}"


def install_cell(repository_url: str) -> str:
    """Source of a student notebook's first cell, which installs course_lib from the repository if it is missing."""
    return _INSTALL.format(repository_url=repository_url)
