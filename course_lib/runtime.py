"""Seeds and device: the two things that every experiment sets first."""

from __future__ import annotations

import random

import numpy as np
import torch


def device() -> torch.device:
    """The fastest device here: CUDA, then Apple's Metal, then the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def seed_all(seed: int) -> torch.Generator:
    """Seed Python, NumPy and torch, and return a CPU generator with the same seed.

    The same seed on the same machine and versions gives the same numbers; another machine may differ in the last digits,
    which training then amplifies. That is why the course reports ranges over seeds.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)
