"""Where files are kept, how they get there, and what happens when their host is down."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

_unreachable: set[str] = set()


def cache_dir() -> Path:
    """Where downloads are kept: ``$COURSE_DATA``, else ``datasets`` in torch's own cache."""
    return Path(os.environ.get("COURSE_DATA") or Path(torch.hub.get_dir()).parent / "datasets")


def fetch(title: str, download: Callable[[], object], *, instead: str, cure: str) -> bool:
    """Try a download; where it fails, say on stderr what takes its place, and return False.

    A failure holds until Python restarts: test images must not come from another set than the training images, and
    nobody should wait twice.

    Args:
        title: what the data set is called.
        download: brings it into the cache.
        instead: what the caller will return when this fails.
        cure: how the user can get the set all the same.
    """
    if title in _unreachable:
        return False
    try:
        with _connection_timeout(20.0):
            download()
    except (OSError, RuntimeError, HTTPException) as error:
        _unreachable.add(title)
        print(
            f"{title} is not on this machine and could not be downloaded ({error}), so this goes on with {instead}: "
            f"the code is the same, the numbers are not; {cure}.",
            file=sys.stderr,
        )
        return False
    return True


def download(url: str, md5: str) -> None:
    """Bring a file into the cache: complete, or not at all."""
    from torchvision.datasets.utils import download_url  # here, because torchvision takes a second to import

    name = url.rpartition("/")[2]
    cache_dir().mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=cache_dir()) as folder:
        download_url(url, folder, name, md5)
        os.replace(Path(folder) / name, cache_dir() / name)


@contextmanager
def _connection_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
