"""A convolution layer made of the course's own operator: the module that lecture 04 builds."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from course_lib import ops
from course_lib.layers.init import divides, fan_in_uniform
from course_lib.ops import expect
from course_lib.ops.geometry import Pair


class Conv2d(nn.Module):
    """``nn.Conv2d`` rebuilt: same parameter names and shapes, so state dicts are exchangeable.

    Slower than torch's fused kernel (see ``benchmarks/``); the models use torch's, the lessons look into this one.

    Args:
        in_channels: depth C of the input; every filter spans all of it, or a ``groups``-th part.
        out_channels: number of filters K, which is the depth of the output.
        kernel_size, stride, padding, dilation: the window, in pixels; a pair is (vertical, horizontal).
        groups: parts that the channels are cut into (lecture 09).
        bias: whether each filter adds one learned number to its map.
        border: what the padding holds: ``zero``, ``wrap``, ``copy`` or ``reflect``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        border: str = "zero",
    ):
        super().__init__()
        kh, kw = expect.whole("kernel_size", kernel_size, 1, 2)
        for name, value in (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups)):
            expect.whole(name, value, 1)
        divides(groups, in_channels=in_channels, out_channels=out_channels)
        self.stride, self.padding, self.dilation, self.groups, self.border = stride, padding, dilation, groups, border
        fan_in = in_channels // groups * kh * kw
        self.weight = fan_in_uniform(out_channels, in_channels // groups, kh, kw, fan_in=fan_in)
        self.bias = fan_in_uniform(out_channels, fan_in=fan_in) if bias else None

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K Ho Wo"]:
        return ops.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups, self.border)
