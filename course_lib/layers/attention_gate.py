"""A small learned gate: where in the map to look (lecture 11)."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from course_lib import ops
from course_lib.layers.conv import Conv2d


class AttentionGate(nn.Module):
    """Attention as gating: a 1×1 convolution scores each place, a sigmoid makes that a mask, the mask multiplies x.

    Args:
        channels: depth of the maps; the gate learns one weight each, and one bias.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.conv = Conv2d(channels, 1, 1)

    def mask(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 1 H W"]:
        """How open the gate is at each place, between 0 and 1: the picture to look at."""
        return self.conv(x).sigmoid()

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        return ops.gate(x, self.mask(x))
