"""A convolution layer made of the course's own operator: the module that lecture 04 builds."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib import ops


class Conv2d(nn.Module):
    """``nn.Conv2d`` rebuilt: same parameter names and shapes, so state dicts are exchangeable.

    Slower than torch's fused kernel (see ``benchmarks/``); the models use torch's, the lessons look into this one.

    Args:
        in_channels: depth C of the input; every filter spans all of it.
        out_channels: number of filters K, which is the depth of the output.
        kernel_size, stride, padding: the window, in pixels.
        bias: whether each filter adds one learned number to its map.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int = 0, bias: bool = True
    ):
        super().__init__()
        self.stride, self.padding = stride, padding
        bound = (in_channels * kernel_size**2) ** -0.5  # torch's default: uniform in ±1/√fan_in
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(out_channels).uniform_(-bound, bound)) if bias else None

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K Ho Wo"]:
        return ops.conv2d(x, self.weight, self.bias, self.stride, self.padding)
