"""How torch's convolution layers start."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


def fan_in_uniform(*shape: int, fan_in: int) -> Float[Tensor, "..."]:
    """A parameter drawn evenly from ±1/√fan_in: torch's default, the same numbers for the same seed."""
    bound = fan_in**-0.5
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))


def divides(groups: int, **depths: int) -> None:
    """Refuse filter groups that do not cut the channels into equal parts."""
    for name, depth in depths.items():
        if depth % groups:
            raise ValueError(f"groups is {groups}, but must divide {name}, which is {depth}.")
