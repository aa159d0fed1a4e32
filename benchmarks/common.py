"""What every benchmark prints: the machine, the versions, and a Markdown table of ratios with their spread."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable

import torch

RATIO = ("", "times as fast", "lowest to highest", "ours")  # the columns that `compare` fills


def header() -> None:
    """One line about the machine and versions, so that a pasted result can be judged."""
    cores = f"{os.cpu_count()} CPU cores ({platform.machine()}), {torch.get_num_threads()} threads"
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else cores
    load = f"load {os.getloadavg()[0]:.1f} at the start"  # near 0 on a quiet machine
    print(f"{device}; torch {torch.__version__}; Python {platform.python_version()}; {load}\n")


def columns(*names: str) -> None:
    """The head of a table."""
    line(*names)
    print("|".join(["", "---", *["--:"] * (len(names) - 1), ""]))


def line(name: str, *cells: str) -> None:
    """A row of it, when it is known."""
    print(" | ".join([f"| {name:<52}", *(f"{cell:>18}" for cell in cells)]) + " |", flush=True)


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
    pairs = []
    for i in range(repeats):  # each is the first one every other time
        both = [seconds(run) for run in ((peer, ours) if i % 2 else (ours, peer))]
        pairs.append(both[::-1] if i % 2 else both)
    ratios = sorted(theirs / mine for mine, theirs in pairs)
    middle = statistics.median(ratios)
    mine = statistics.median(mine for mine, _ in pairs)
    line(name, f"{middle:.2f}×", f"{ratios[0]:.2f} to {ratios[-1]:.2f} in {repeats}", f"{1000 * mine:.2f} ms")
    return middle
