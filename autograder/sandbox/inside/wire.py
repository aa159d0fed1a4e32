"""Frames on a socket: a header of JSON and some blobs of bytes. The same file serves both sides of the boundary.

A frame is the header's length (4 bytes, big endian), the header, and the blobs whose lengths stand in its "blobs".
The reader believes nothing: lengths are capped before a byte is read, and what is no frame raises WireError.
"""

from __future__ import annotations

import array
import builtins
import itertools
import json
import os
import socket
import struct
import time
from collections import deque

__builtins__ = dict(vars(builtins))  # this file's own: what student code puts into builtins does not reach it
MAX_HEADER = 32 * 2**20
MAX_BYTES = 256 * 2**20
MAX_PARTS = 1000  # sent in one go; Linux takes 1024
AT_ONCE = 2**20  # bytes of blobs that are read in one go, and then exist twice for a moment
ENCODE = json.JSONEncoder(separators=(",", ":")).encode
MIMES = {  # the kinds of output that cross
    "text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/jpeg", "image/svg+xml",
}  # fmt: skip


class WireError(Exception):
    """The other side is gone, too late, or speaks no frames."""


class Late(WireError):
    """Nothing came in time."""


class Deadline:
    """A moment after which nobody waits any longer."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds from now; below zero when it has passed."""
        return self.end - time.monotonic()


def send(
    sock: socket.socket, header: dict, blobs: list[bytes] = (), fds: list[int] = (), *, until: Deadline | None = None
):
    """Send one frame."""
    text = ENCODE({**header, "blobs": [len(blob) for blob in blobs]}).encode()
    parts = deque(memoryview(part) for part in (struct.pack(">I", len(text)) + text, *blobs))
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    try:
        while parts:  # in one go where it fits: each go wakes the reader
            sock.settimeout(_left(until))
            try:
                sent = sock.sendmsg(list(itertools.islice(parts, MAX_PARTS)), rights)
            except TimeoutError:
                continue  # the deadline may have moved
            rights = []
            while parts and sent >= len(parts[0]):
                sent -= len(parts.popleft())
            if sent:
                parts[0] = parts[0][sent:]
    except OSError as error:
        raise WireError(f"the other side is gone ({error})") from error


def receive(
    sock: socket.socket, *, until: Deadline | None = None, max_bytes: int = MAX_BYTES
) -> tuple[dict, list[bytearray], list[int]]:
    """Read one frame: its header, its blobs and the file descriptors that came with it."""
    fds: list[int] = []
    try:
        (length,) = struct.unpack(">I", _read(sock, 4, until, fds))
        if length > min(MAX_HEADER, max_bytes):
            raise WireError(f"a header of {length:,} bytes is too long")
        try:
            header = json.loads(_read(sock, length, until))
        except (ValueError, RecursionError) as error:
            raise WireError(f"no header ({error})") from error
        sizes = header.get("blobs") if isinstance(header, dict) else None
        if not isinstance(sizes, list) or not all(type(size) is int and size >= 0 for size in sizes):
            raise WireError("no frame")
        if length + sum(sizes) > max_bytes:
            raise WireError(f"{sum(sizes):,} bytes are too many; at most {max_bytes:,} may cross at once")
        return header, _read_all(sock, sizes, until), fds
    except BaseException:
        for fd in fds:
            os.close(fd)
        raise


def _read_all(sock: socket.socket, sizes: list[int], until: Deadline | None) -> list[bytearray]:
    if sum(sizes) > AT_ONCE:
        return [_read(sock, size, until) for size in sizes]
    data = _read(sock, sum(sizes), until)
    return [data[end - size : end] for size, end in zip(sizes, itertools.accumulate(sizes))]


def _left(until: Deadline | None) -> float | None:
    left = None if until is None else until.left()
    if left is not None and left <= 0:
        raise Late("nothing came in time")
    return left


def _read(sock: socket.socket, size: int, until: Deadline | None, fds: list[int] | None = None) -> bytearray:
    data = bytearray(size)
    view, filled = memoryview(data), 0
    try:
        while filled < size:
            sock.settimeout(_left(until))
            try:
                if fds is not None and not filled:
                    got, rights, _, _ = sock.recvmsg_into([view], socket.CMSG_SPACE(4 * 4))
                    for _, _, numbers in rights:
                        received = array.array("i")
                        received.frombytes(numbers[: len(numbers) - len(numbers) % received.itemsize])
                        fds.extend(received)
                else:
                    got = sock.recv_into(view[filled:])
            except TimeoutError:
                continue  # the deadline may have moved
            if not got:
                raise WireError("the other side closed the connection")
            filled += got
    except OSError as error:
        raise WireError(f"the other side is gone ({error})") from error
    return data
