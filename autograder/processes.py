"""The processes of a container, seen from outside: what they use, and how to hold or end them."""

from __future__ import annotations

import contextlib
import math
import os
import re
import signal
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket

import psutil

from autograder.sandbox.launch import process_of

LISTED = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").exists()


def kill(handle: int) -> None:
    """End the process behind a handle."""
    with contextlib.suppress(OSError):
        if process_of(handle):  # a process handle, and not some other file
            signal.pidfd_send_signal(handle, signal.SIGKILL)


def below(pid: int) -> list[psutil.Process]:
    """The processes that a process started, and those that they started, and so on.

    Linux lists a thread's children; psutil reads about every process of the machine instead, which takes longer than most
    checks, so it is asked only where the kernel keeps no such lists.
    """
    if not LISTED:
        return psutil.Process(pid).children(recursive=True)
    found = [pid]
    for parent in found:  # grows on the way
        for thread in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, thread.read_text().split())
    processes = []
    for child in found[1:]:
        with contextlib.suppress(psutil.Error):
            processes.append(psutil.Process(child))
    return processes


def usage(pid: int, memory_limit: float) -> tuple[int, float, int]:
    """What the processes of a container hold: bytes of memory, seconds of computing, processes and threads.

    Memory is counted at most: what several processes share counts for each of them, as long as even that is within the
    limit. The exact count walks through all their pages.
    """
    memory = seconds = tasks = 0
    processes = [psutil.Process(pid), *below(pid)]
    for process in processes:
        with contextlib.suppress(psutil.Error, OSError):
            memory += process.memory_info().rss
            seconds += sum(process.cpu_times()[:4])  # with those of its children that have ended
            tasks += process.num_threads()
    if memory > memory_limit:
        memory = sum(map(_own_memory, processes))
    return memory, seconds, tasks


def _own_memory(process: psutil.Process) -> int:
    """Bytes that a process does not share with files; what it shares with other processes counts once among them."""
    try:
        rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    shares = re.findall(r"^Pss_(?:Anon|Shmem): +(\d+)", rollup, re.MULTILINE)
    return 1024 * sum(map(int, shares or re.findall(r"^Pss: +(\d+)", rollup, re.MULTILINE)))


def program(pid: int) -> int:
    """What tells whether a process still runs the program it began with: where its stack starts, which a fork keeps.

    0 if the process is gone, or is none of ours to look into.
    """
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[25])
    except OSError:
        return 0


def computing(pid: int) -> float:
    """Seconds of computing of a container; 0 if it is gone."""
    try:
        return usage(pid, math.inf)[1]
    except (psutil.Error, OSError):
        return 0.0


@dataclass
class Copy:
    """A copy of the student's process, forked for a check. It answers further checks as long as they pass.

    `watch` is what it was told to forbid: torch's finished operators stay closed in it from then on, or were closed `early`,
    before it was made. It is `unfit` for a check under another watch.
    """

    link: socket
    handle: int
    container: int
    watch: str | None = None
    pid: int = 0
    born: float = 0.0
    answered: int = 0  # checks
    early: bool = False
    unfit: bool = False
    stopped: list[psutil.Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pid, self.early = process_of(self.handle), self.watch is not None
        with contextlib.suppress(psutil.Error):
            self.born = psutil.Process(self.pid).create_time()

    def isolate(self, known: Collection[int] = ()) -> bool:
        """Hold all other processes of the container, those it started included, and let it start no more.

        So no helper computes for it: one that was forked before torch's operators were closed has them still. Returns
        whether there is any besides the `known` ones and the container's first.
        """
        with contextlib.suppress(psutil.Error):
            for _ in range(10):
                held = {self.pid, *(process.pid for process in self.stopped)}
                found = [p for p in [psutil.Process(self.container), *below(self.container)] if p.pid not in held]
                if not found:
                    break
                for process in found:
                    self.stopped.append(process)
                    with contextlib.suppress(psutil.Error):
                        process.suspend()
            psutil.Process(self.pid).rlimit(psutil.RLIMIT_NPROC, (0, 0))
        return any(process.pid not in {self.container, *known} for process in self.stopped)

    def close(self) -> None:
        """End it and what it started, which is not left to the checks after it, and let the others go on."""
        self.link.close()
        for process in self.stopped:
            with contextlib.suppress(psutil.Error):
                process.resume()
        kill(self.handle)
        os.close(self.handle)
        with contextlib.suppress(psutil.Error):
            for process in below(self.container) if self.born else []:
                if process.create_time() >= self.born:
                    process.kill()
