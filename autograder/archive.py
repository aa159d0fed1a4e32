"""The files of a folder or zip, none of them trusted: nothing is unpacked by name, and every size is counted."""

from __future__ import annotations

import lzma
import os
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

from autograder.course import CourseError
from autograder.notebook_file import MAX_BYTES, quoted

MAX_FILES = 100_000  # in a zip from a learning platform
MAX_FILES_INSIDE = 1_000  # in a zip that a student handed in
MAX_UNPACKED = 8_000_000_000  # bytes that are read from one source
_MAX_PART = 200  # bytes of UTF-8 in a file's or folder's name
_NOISE = {".DS_Store", ".git", ".ipynb_checkpoints", "Thumbs.db", "__MACOSX", "__pycache__", "desktop.ini"}
_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, ValueError)


class Refusal(Exception):
    """A file that is not taken; the message says why and what to do."""


@dataclass(frozen=True)
class Item:
    """A file in a source: the parts of its name, and how to read it; `read` raises Refusal."""

    parts: tuple[str, ...]
    read: Callable[[], bytes]

    @property
    def name(self) -> str:
        return self.parts[-1]

    def __str__(self) -> str:
        return "/".join(self.parts)


class Budget:
    """How many bytes may still be unpacked."""

    def __init__(self, left: int = MAX_UNPACKED) -> None:
        self.left = left

    def read(self, file: IO[bytes]) -> bytes:
        """A whole file; whatever its header promises, no more than fits is read."""
        data = file.read(min(MAX_BYTES, self.left) + 1)
        if len(data) > MAX_BYTES:
            raise Refusal(f"It is larger than {MAX_BYTES // 10**6} MB: ask for it with its outputs cleared.")
        if len(data) > self.left:
            raise Refusal("The archive unpacks to more than a class hands in: collect it in parts.")
        self.left -= len(data)
        return data


@contextmanager
def open_source(path: Path) -> Iterator[tuple[list[Item], list[tuple[str, str]]]]:
    """The files in a folder or zip, or the one file, and what is refused: (name, reason).

    Raises:
        CourseError: there is nothing at `path`, or it cannot be opened.
    """
    if path.is_dir():
        yield _in_folder(path)
    elif not path.is_file():
        raise CourseError(f"{path} does not exist: give the folder or zip with the submissions.")
    elif path.suffix.lower() in (".ipynb", ".py", ".md"):
        yield [Item((path.name,), lambda: _read_file(path))], []
    else:
        try:
            archive = zipfile.ZipFile(path)
        except (*_BROKEN, OSError) as error:
            raise CourseError(
                f"{path} is no zip that can be opened ({error}): download it again, or unpack it and give the folder."
            ) from None
        with archive:
            if len(archive.infolist()) > MAX_FILES:
                raise CourseError(f"{path} holds more than {MAX_FILES:,} files: collect it in parts.")
            yield _in_zip(archive, Budget())


def open_inside(data: bytes) -> tuple[list[Item], list[tuple[str, str]]]:
    """The files of a zip that a student handed in; raises Refusal."""
    if _directory_size(data) > 200 * MAX_FILES_INSIDE:
        raise Refusal(f"The zip lists more than {MAX_FILES_INSIDE:,} files: ask for the notebook itself.")
    try:
        archive = zipfile.ZipFile(BytesIO(data))
    except _BROKEN as error:
        raise Refusal(f"The zip cannot be opened ({error}): ask for the notebook itself.") from None
    return _in_zip(archive, Budget(4 * MAX_BYTES))


def _directory_size(data: bytes) -> int:
    """Bytes of a zip's table of contents, which is read whole when it is opened."""
    end = data.rfind(b"PK\5\6", -65557)
    if end < 0 or data[max(0, end - 20) : end].startswith(b"PK\6\7"):  # none, or the table of a huge archive
        return len(data)
    return int.from_bytes(data[end + 12 : end + 16], "little")


def _in_folder(folder: Path) -> tuple[list[Item], list[tuple[str, str]]]:
    items, refused = [], []
    for place, folders, names in os.walk(folder):
        here = Path(place)
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = sorted(set(folders) - set(links))
        for name in sorted(names + links):
            path = here / name
            parts = path.relative_to(folder).parts
            if _is_noise(parts):
                continue
            if not stat.S_ISREG(path.lstat().st_mode):
                refused.append(("/".join(parts), "It is a link or no plain file: put the file itself there."))
            elif reason := _unusable(parts):
                refused.append(("/".join(parts), reason))
            else:
                items.append(Item(tuple(map(_composed, parts)), lambda path=path: _read_file(path)))
    return items, refused


def _read_file(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return Budget().read(file)
    except OSError as error:
        raise Refusal(f"It cannot be read: {error.strerror}.") from None


def _in_zip(archive: zipfile.ZipFile, budget: Budget) -> tuple[list[Item], list[tuple[str, str]]]:
    items, refused = [], []
    for info in archive.infolist():
        name = _name_in_zip(info)
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if info.is_dir() or not parts or _is_noise(parts):
            continue
        kind = stat.S_IFMT(info.external_attr >> 16)
        if name.startswith("/") or ".." in parts or (len(parts[0]) == 2 and parts[0][1] == ":"):
            refused.append((name, "Its name leads out of the archive: ask for the file under an ordinary name."))
        elif kind not in (0, stat.S_IFREG):
            refused.append((name, "It is a link or no plain file: ask for the file itself."))
        elif info.flag_bits & 1:
            refused.append((name, "It is encrypted: ask for it without a password."))
        elif reason := _unusable(parts):
            refused.append((name, reason))
        else:
            items.append(Item(parts, lambda info=info: _read_member(archive, info, budget)))
    return items, refused


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> bytes:
    try:
        with archive.open(info) as file:
            return budget.read(file)
    except (*_BROKEN, OSError) as error:
        raise Refusal(f"It is damaged in the archive ({quoted(str(error))}): download or ask for it again.") from None


def _name_in_zip(info: zipfile.ZipInfo) -> str:
    """A member's name; many programs write UTF-8 without saying so, and some write backslashes."""
    name = info.filename
    if not info.flag_bits & 0x800:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode()
    return _composed(name).replace("\\", "/")


def _composed(text: str) -> str:
    """One way to write each letter: macOS stores 'é' as two signs."""
    return unicodedata.normalize("NFC", text)


def _is_noise(parts: tuple[str, ...]) -> bool:
    """What operating systems and Jupyter leave lying about."""
    return any(part in _NOISE or part.startswith(("._", ".~")) for part in parts)


def _unusable(parts: tuple[str, ...]) -> str:
    try:
        long = any(len(part.encode()) > _MAX_PART for part in parts)
    except UnicodeEncodeError:
        return "Its name is no text: give the file another name."
    return f"Its name is longer than {_MAX_PART} bytes: give the file a shorter one." if long else ""
