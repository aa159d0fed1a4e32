"""LeNet-5's squashing function."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class ScaledTanh(nn.Module):
    """``1.7159 · tanh(2x/3)`` maps ±1 to ±1: unit-variance inputs stay where the slope is useful (LeCun 1998)."""

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return 1.7159 * torch.tanh(x * 2 / 3)
