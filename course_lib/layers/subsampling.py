"""LeNet-5's pooling: a mean with one learned gain and one learned bias a map."""

from __future__ import annotations

import torch
from einops import reduce
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.ops import expect


class Subsampling(nn.Module):
    """Sum of each 2×2 window, times a learned coefficient, plus a learned bias (LeCun et al. 1998, layer S2)."""

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels, 1, 1), 0.25))  # starts as plain averaging
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H//2 W//2"]:
        expect.tensor("x", x, "B C H W")
        expect.channels("x", x, len(self.weight))
        if x.shape[2] % 2 or x.shape[3] % 2:
            raise ValueError(
                f"x is {x.shape[2]}×{x.shape[3]}, which 2×2 windows do not tile: pad or crop it to even sides."
            )
        return self.weight * reduce(x, "b c (h 2) (w 2) -> b c h w", "sum") + self.bias
