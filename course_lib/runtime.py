"""Seeds and device, the two things that every experiment sets first; and what becomes of the network in the end."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import torch
from torch import nn


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


def keep(name: str, model: nn.Module) -> None:
    """Hand the weights of a trained network over to the book, whose pages can then run it; elsewhere, do nothing.

    While the book is built, ``COURSE_KEEP`` names the folder of the executed chapter. The weights become ``name.pt`` in it,
    a state dict of CPU tensors.

    Args:
        name: what the network is called there, such as ``"lenet5"``.
        model: the trained network.
    """
    folder = os.environ.get("COURSE_KEEP")
    if folder:
        torch.save({key: values.cpu() for key, values in model.state_dict().items()}, Path(folder) / f"{name}.pt")
