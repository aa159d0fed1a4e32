"""What a notebook needs to open in Google Colab or on Binder, and where it lies for them."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import yaml

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


def notebook_path(name: str, section: str = "assignments") -> str:
    """Where the notebook of an assignment or a lecture lies on the branch."""
    return f"{name}/{name}.ipynb" if section == "assignments" else f"{section}/{name}.ipynb"


def colab_url(repository_url: str, name: str, section: str = "assignments") -> str:
    """Address that opens the student notebook of assignment `name`, or the lecture's notebook, in Colab."""
    path = quote(notebook_path(name, section))
    return f"https://colab.research.google.com/github/{_project(repository_url)}/blob/{STUDENT_BRANCH}/{path}"


def binder_url(repository_url: str, name: str, section: str = "assignments") -> str:
    """Address that opens it on Binder, in an environment that the branch describes."""
    path = quote(notebook_path(name, section), safe="")
    return f"https://mybinder.org/v2/gh/{_project(repository_url)}/{STUDENT_BRANCH}?labpath={path}"


def binder_environment(repository_url: str) -> str:
    """environment.yml of the branch: torch without CUDA, which Binder has no room for, and course_lib."""
    packages = ["python=3.11", "pip", "pytorch-cpu", "torchvision", "jupyterlab", {"pip": [f"git+{repository_url}"]}]
    return yaml.safe_dump({"channels": ["conda-forge"], "dependencies": packages}, sort_keys=False)


def _project(repository_url: str) -> str:
    return urlsplit(repository_url).path.strip("/")


def install_cell(repository_url: str) -> str:
    """Source of a student notebook's first cell, which installs course_lib from the repository if it is missing."""
    return _INSTALL.format(repository_url=repository_url)
