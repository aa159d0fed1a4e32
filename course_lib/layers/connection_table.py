"""A convolution whose filters see only the input maps that a table allows: C3 of LeNet-5."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.ops import expect


class TableConv2d(nn.Module):
    """Convolution in which output map k is connected to the input maps ``table[k]`` only.

    The weights of absent connections are held at zero by a mask, and do not count as parameters.

    Args:
        table: for each output map, the indices of the input maps it sees.
        in_channels: depth of the input.
        kernel_size: side of the square kernel, in pixels.
    """

    def __init__(self, table: Sequence[Sequence[int]], in_channels: int, kernel_size: int):
        super().__init__()
        mask = torch.zeros(len(table), in_channels, 1, 1)
        for k, inputs in enumerate(table):
            mask[k, list(inputs)] = 1
        self.register_buffer("mask", mask)
        fan_in = mask.sum(1, keepdim=True) * kernel_size**2  # [K, 1, 1, 1]
        self.weight = nn.Parameter(
            mask * (torch.rand(len(table), in_channels, kernel_size, kernel_size) * 2 - 1) * fan_in**-0.5
        )
        self.bias = nn.Parameter(torch.zeros(len(table)))

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K Ho Wo"]:
        expect.tensor("x", x, "B C H W")
        expect.channels("x", x, self.mask.shape[1])
        return F.conv2d(x, self.weight * self.mask, self.bias)

    def parameter_count(self) -> int:
        """Learned numbers: one kernel a connection, one bias a map."""
        return int(self.mask.sum()) * self.weight[0, 0].numel() + len(self.bias)
