"""The processes of a container, seen from outside: what they use, and how to hold or end them."""

from __future__ import annotations

import contextlib
import math
import os
import re
import signal
from dataclasses import dataclass
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
    """What the kernel says of a process in one line: psutil reads several files for as much."""

    cpu: float  # seconds, with those of the children that have ended
    threads: int
    started: int  # in ticks since the machine was
    memory: int  # bytes

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


def computing(pid: int) -> float:
    """Seconds of computing of a container; 0 if it is gone."""
    return usage(pid, math.inf)[1]


@dataclass
class Copy:
    """A copy of the student's process, forked for a check. It answers further checks as long as they pass.

    It is `used` once an answer may have left something behind: code that only says that it is not written yet leaves
    nothing.
    """

    link: socket
    handle: int
    container: int
    pid: int = 0
    born: Stat | None = None
    answered: int = 0  # checks
    used: bool = False

    def __post_init__(self) -> None:
        self.pid = process_of(self.handle)
        self.born = Stat.of(self.pid)

    def close(self) -> None:
        """End it and what it started, which is not left to the checks after it."""
        self.link.close()
        kill(self.handle)
        os.close(self.handle)
        for pid in below(self.container) if self.born else []:
            stat = Stat.of(pid)
            if pid != self.pid and stat and stat.started >= self.born.started:
                with contextlib.suppress(psutil.Error):
                    psutil.Process(pid).kill()
