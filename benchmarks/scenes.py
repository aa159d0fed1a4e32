"""Labelled 64×64 scenes a second, with the truths of a detection data set and with all of them.

python benchmarks/scenes.py
"""

from __future__ import annotations

import statistics

import torch
from common import columns, header, line, seconds

from course_lib import runtime
from course_lib.data import scenes

DETECTION = ("boxes", "instances", "semantic")


def rate(name: str, n: int, repeats: int = 7, **options) -> None:
    """Print the median of scenes a second, with the slowest and the fastest run."""
    scenes.sample(n, seed=0, **options)
    rates = sorted(n / seconds(lambda: scenes.sample(n, seed=0, **options)) for _ in range(repeats))
    line(name, f"{statistics.median(rates):.0f}", f"{rates[0]:.0f} to {rates[-1]:.0f} in {repeats}")


if __name__ == "__main__":
    header()
    at = runtime.device()
    columns("truths", "scenes a second", "lowest to highest")
    for threads in (1, 2) if at.type == "cpu" else (torch.get_num_threads(),):
        torch.set_num_threads(threads)
        where = f"{threads} thread{'s' * (threads > 1)}: " if at.type == "cpu" else ""
        rate(f"{where}image, class", 2048, truths=(), device=at)
        rate(f"{where}image, class, {', '.join(DETECTION)}", 2048, truths=DETECTION, device=at)
        rate(f"{where}all truths", 2048, device=at)
        rate(f"{where}all truths, one object each", 2048, objects=(1, 1), device=at)
        rate(f"{where}all truths, clips of 8 frames", 256, frames=8, device=at)
