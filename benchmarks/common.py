"""What every benchmark prints: the machine, the versions, and a ratio with its spread."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable

import torch


def header() -> None:
    """One line about the machine and versions, so that a pasted result can be judged."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores ({platform.machine()})"
    print(f"{device}; {torch.get_num_threads()} threads; torch {torch.__version__}; Python {platform.python_version()}")


def seconds(run: Callable[[], object]) -> float:
    """Wall time of one call, GPU work included."""
    started = time.perf_counter()
    run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def compare(name: str, ours: Callable[[], object], peer: Callable[[], object], repeats: int = 7) -> float:
    """Time both in turn, after one warm-up each, and print peer's time over ours: above 1 we are faster.

    Returns:
        The median ratio.
    """
    ours(), peer()
    pairs = [(seconds(ours), seconds(peer)) for _ in range(repeats)]
    ratios = sorted(theirs / mine for mine, theirs in pairs)
    middle = statistics.median(ratios)
    mine = statistics.median(mine for mine, _ in pairs)
    print(f"{name:<52} {middle:6.2f}×  ({ratios[0]:.2f} to {ratios[-1]:.2f} in {repeats})  ours {1000 * mine:9.2f} ms")
    return middle
