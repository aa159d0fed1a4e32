"""What wheels do not carry: a recent Python, the Fashion-MNIST files, npm, and a Chromium and a PostgreSQL for the tests.

`python book/system.py python|data|npm|browser|database` says nothing when the part is there. Otherwise it installs it where it may, or
stops with the one line to run. Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

DATA = Path("/usr/share/datasets/fashion-mnist")  # where Debian's package puts it; course_lib looks there too
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_BROWSERS = ("Google Chrome", "Chromium")
PLAYWRIGHT_FOLDERS = ("~/.cache/ms-playwright", "~/Library/Caches/ms-playwright")


class Missing(Exception):
    """A part is not there and cannot be installed from here; the message is what the user runs."""


def find_browser() -> str | None:
    """Path of a Chromium or Chrome: `$CHROMIUM`, one on the PATH, macOS's applications, Playwright's own, else None."""
    named = [os.environ.get("CHROMIUM"), *map(shutil.which, BROWSERS)]
    applications = [Path("/Applications") / f"{name}.app/Contents/MacOS/{name}" for name in MAC_BROWSERS]
    folders = [Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or folder).expanduser() for folder in PLAYWRIGHT_FOLDERS]
    names = ("chrome", "Chromium", "Google Chrome for Testing")
    own = [path for folder in folders for name in names for path in sorted(folder.glob(f"chromium-*/**/{name}"))]
    return next((str(path) for path in (*named, *applications, *own) if path and os.access(path, os.X_OK)), None)


def apt_install(package: str) -> bool:
    """Install a Debian package as root or with passwordless sudo; False where that is impossible or fails."""
    if not shutil.which("apt-get"):
        return False
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if sudo and (not shutil.which("sudo") or subprocess.run([*sudo, "true"], capture_output=True).returncode):
        return False
    print(f"Installing the system package {package} …", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", package]):
        done = subprocess.run(
            [*sudo, "apt-get", *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    if done.returncode:
        print(done.stdout[-2000:], file=sys.stderr)
    return done.returncode == 0


def need_python() -> None:
    """Refuse a Python older than the course's code."""
    if sys.version_info < (3, 11):
        raise Missing(
            f"This is Python {sys.version.split()[0]}; the course needs 3.11 or newer. Run: make PYTHON=python3.11"
        )


def need_data() -> None:
    """Have Fashion-MNIST: Debian's package, else torchvision's download, kept where course_lib keeps it."""
    if DATA.is_dir() or (apt_install("dataset-fashion-mnist") and DATA.is_dir()):
        return
    script = "from course_lib.data.datasets import load; assert load('fashion_mnist', 'train').name == 'fashion_mnist'"
    if subprocess.run([sys.executable, "-c", script], capture_output=True).returncode:
        raise Missing(
            "Fashion-MNIST is not here and cannot be downloaded. Run: sudo apt-get install dataset-fashion-mnist"
        )


def need_npm() -> None:
    """Have npm, which fetches what runs networks in the page: Debian's package, with Node.js."""
    if not shutil.which("npm") and not (apt_install("npm") and shutil.which("npm")):
        raise Missing("The demos need npm, which comes with Node.js. Run: sudo apt-get install npm")


def need_browser() -> None:
    """Have a Chromium: Debian's package, else Playwright's own build."""
    if find_browser() or (apt_install("chromium") and find_browser()):
        return
    if importlib.util.find_spec("playwright"):
        print("Downloading Chromium with Playwright …", flush=True)
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"])
    if not find_browser():
        raise Missing(
            "The site's tests need Chromium. Run: sudo apt-get install chromium (or set CHROMIUM to its path)"
        )


def find_database() -> str | None:
    """Folder of PostgreSQL's server programs: of `postgres` on the PATH, else Debian's newest, else Homebrew's."""
    on_path = shutil.which("initdb")
    if on_path:
        return str(Path(on_path).parent)
    patterns = ("usr/lib/postgresql/*/bin/initdb", "opt/homebrew/opt/postgresql*/bin/initdb")
    found = sorted((path for pattern in patterns for path in Path("/").glob(pattern)), key=lambda path: path.parts)
    return str(found[-1].parent) if found else None


def need_database() -> None:
    """Have the PostgreSQL server that one test of the gradebook starts: Debian's package."""
    if not find_database() and not (apt_install("postgresql") and find_database()):
        raise Missing("A test of the gradebook needs PostgreSQL's server. Run: sudo apt-get install postgresql")


PARTS = {"python": need_python, "data": need_data, "npm": need_npm, "browser": need_browser, "database": need_database}

if __name__ == "__main__":
    if not sys.argv[1:] or set(sys.argv[1:]) - set(PARTS):
        sys.exit(f"usage: python book/system.py {'|'.join(PARTS)}")
    try:
        for part in sys.argv[1:]:
            PARTS[part]()
    except Missing as missing:
        sys.exit(str(missing))
