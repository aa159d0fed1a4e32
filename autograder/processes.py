"""The processes of a container, seen from outside: what they use, and how to hold or end them."""

from __future__ import annotations

import contextlib
import math
import os
import re
import resource
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


def below(pid: int) -> list[int]:
    """The processes that a process started, and those that they started, and so on.

    Linux lists a thread's children; psutil reads about every process of the machine instead, which takes longer than most
    checks, so it is asked only where the kernel keeps no such lists.
    """
    if not LISTED:
        with contextlib.suppress(psutil.Error):
            return [process.pid for process in psutil.Process(pid).children(recursive=True)]
        return []
    found = [pid]
    for parent in found:  # grows on the way
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{parent}/task"):
                with contextlib.suppress(OSError), open(f"/proc/{parent}/task/{thread}/children", "rb") as file:
                    found += map(int, file.read().split())
    return found[1:]


@dataclass
class Stat:
    """What the kernel says of a process in one line: psutil reads several files for as much.

    `cpu` counts the children, too, that have ended; `stack` is where its stack starts, which a fork keeps and another
    program in its place does not.
    """

    cpu: float  # seconds
    threads: int
    started: int  # in ticks since the machine was
    memory: int  # bytes
    stack: int

    @classmethod
    def of(cls, pid: int) -> Stat | None:
        """None if the process is gone."""
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                words = file.read().rpartition(b")")[2].split()
        except OSError:
            return None
        return cls(
            cpu=sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK"),
            threads=int(words[17]),
            started=int(words[19]),
            memory=int(words[21]) * os.sysconf("SC_PAGE_SIZE"),
            stack=int(words[25]),
        )


def usage(pid: int, memory_limit: float) -> tuple[int, float, int]:
    """What the processes of a container hold: bytes of memory, seconds of computing, processes and threads.

    Memory is counted at most: what several processes share counts for each of them, as long as even that is within the
    limit. The exact count walks through all their pages.
    """
    processes = [pid, *below(pid)]
    stats = [stat for process in processes if (stat := Stat.of(process))]
    memory = sum(stat.memory for stat in stats)
    if memory > memory_limit:
        memory = sum(map(_own_memory, processes))
    return memory, sum(stat.cpu for stat in stats), sum(stat.threads for stat in stats)


def _own_memory(pid: int) -> int:
    """Bytes that a process does not share with files; what it shares with other processes counts once among them."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    shares = re.findall(r"^Pss_(?:Anon|Shmem): +(\d+)", rollup, re.MULTILINE)
    return 1024 * sum(map(int, shares or re.findall(r"^Pss: +(\d+)", rollup, re.MULTILINE)))


def program(pid: int) -> int:
    """What tells whether a process still runs the program it began with.

    0 if the process is gone, or is none of ours to look into.
    """
    stat = Stat.of(pid)
    return stat.stack if stat else 0


def computing(pid: int) -> float:
    """Seconds of computing of a container; 0 if it is gone."""
    return usage(pid, math.inf)[1]


@dataclass
class Copy:
    """A copy of the student's process, forked for a check. It answers further checks as long as they pass.

    It is `used` once an answer may have left something behind: code that only says that it is not written yet leaves
    nothing. `watch` is what it was told to forbid: torch's finished operators stay closed in it from then on, or were
    closed `early`, before the check began; that they are was seen under the watches `proven`, in it or in another copy of
    what closed them. It is `unfit` to give points under a watch where it answered without.
    """

    link: socket
    handle: int
    container: int
    watch: str | None = None
    proven: set[str] = field(default_factory=set)
    pid: int = 0
    born: Stat | None = None
    answered: int = 0  # checks
    used: bool = False
    early: bool = False
    unfit: bool = False
    stopped: dict[int, int] = field(default_factory=dict)  # process id → a handle on it

    def __post_init__(self) -> None:
        self.pid = process_of(self.handle)
        self.born = Stat.of(self.pid)

    def isolate(self, known: Collection[int] = ()) -> bool:
        """Hold all other processes of the container, those it started included, and let it start no more.

        So no helper computes for it: one that was forked before torch's operators were closed has them still. Returns
        whether there is any besides the `known` ones and the container's first.
        """
        for _ in range(10):
            found = [pid for pid in [self.container, *below(self.container)] if pid not in {self.pid, *self.stopped}]
            if not found:
                break
            for pid in found:
                with contextlib.suppress(OSError):
                    self.stopped[pid] = os.pidfd_open(pid)
                    signal.pidfd_send_signal(self.stopped[pid], signal.SIGSTOP)
        with contextlib.suppress(OSError):
            resource.prlimit(self.pid, resource.RLIMIT_NPROC, (0, 0))
        return any(pid not in {self.container, *known} for pid in self.stopped)

    def close(self) -> None:
        """End it and what it started, which is not left to the checks after it, and let the others go on."""
        self.link.close()
        for handle in self.stopped.values():
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(handle, signal.SIGCONT)
            os.close(handle)
        kill(self.handle)
        os.close(self.handle)
        for pid in below(self.container) if self.born else []:
            stat = Stat.of(pid)
            if pid != self.pid and stat and stat.started >= self.born.started:
                with contextlib.suppress(psutil.Error):
                    psutil.Process(pid).kill()
