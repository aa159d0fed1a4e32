"""The one knob for the size of an experiment.

A notebook never asks what machine it runs on. It names the sizes it can use and this module picks one::

    epochs = scale.pick(cpu=3, gpu=15, full=60)

``cpu`` finishes a lecture in about a minute on two cores, ``gpu`` runs the real experiment on one Colab GPU, ``full``
reproduces the published setting and is never chosen on its own. Set the environment variable ``COURSE_SCALE`` to
``cpu``, ``gpu`` or ``full`` to override the choice.
"""

from __future__ import annotations

import os
from typing import TypeVar

import torch

T = TypeVar("T")
LEVELS = ("cpu", "gpu", "full")


def level() -> str:
    """The scale in force: ``COURSE_SCALE`` if set, else ``gpu`` where CUDA or Apple's Metal is there, else ``cpu``."""
    chosen = os.environ.get("COURSE_SCALE", "").strip().lower()
    if chosen and chosen not in LEVELS:
        raise ValueError(f"COURSE_SCALE is {chosen!r}; set it to one of {', '.join(LEVELS)}, or unset it.")
    if chosen:
        return chosen
    return "gpu" if torch.cuda.is_available() or torch.backends.mps.is_available() else "cpu"


def pick(*, cpu: T, gpu: T | None = None, full: T | None = None) -> T:
    """The size for this machine; a level that is not given falls back to the next smaller one.

    Args:
        cpu: what two CPU cores finish in about a minute.
        gpu: what one Colab GPU finishes in a few minutes.
        full: the published setting, only with ``COURSE_SCALE=full``.
    """
    sizes = {"cpu": cpu, "gpu": gpu, "full": full}
    for name in reversed(LEVELS[: LEVELS.index(level()) + 1]):
        if sizes[name] is not None:
            return sizes[name]
    return cpu
