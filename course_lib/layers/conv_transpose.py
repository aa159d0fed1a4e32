"""A layer that makes maps larger: transposed convolution, learned (lecture 16)."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from course_lib import ops
from course_lib.layers.init import divides, fan_in_uniform
from course_lib.ops import expect
from course_lib.ops.geometry import Pair


class ConvTranspose2d(nn.Module):
    """``nn.ConvTranspose2d`` rebuilt, with its parameter names and order of arguments.

    Args:
        in_channels, out_channels: depth of input and output.
        kernel_size, stride, padding, output_padding, dilation, groups: see :func:`course_lib.ops.conv_transpose2d`.
        bias: whether each output map has a learned offset.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        output_padding: Pair = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Pair = 1,
    ):
        super().__init__()
        kh, kw = expect.whole("kernel_size", kernel_size, 1, 2)
        for name, value in (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups)):
            expect.whole(name, value, 1)
        divides(groups, in_channels=in_channels, out_channels=out_channels)
        self.stride, self.padding, self.output_padding = stride, padding, output_padding
        self.groups, self.dilation = groups, dilation
        fan_in = out_channels // groups * kh * kw  # torch counts axis 1 of the weight, though here it is the output's
        self.weight = fan_in_uniform(in_channels, out_channels // groups, kh, kw, fan_in=fan_in)
        self.bias = fan_in_uniform(out_channels, fan_in=fan_in) if bias else None

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K Ho Wo"]:
        window = self.stride, self.padding, self.output_padding, self.dilation
        return ops.conv_transpose2d(x, self.weight, self.bias, *window, self.groups)
