"""Convolution of signals (lecture 03): the three forms of :mod:`course_lib.ops.conv`, with one axis less."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from course_lib.ops.border import pad1d
from course_lib.ops.conv import add_bias, conv2d, conv2d_shifts, conv_places, in_groups


def conv1d_loops(
    x: Float[Tensor, "B C L"],
    weight: Float[Tensor, "K C_per_group k"],
    bias: Float[Tensor, " K"] | None = None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    border: str = "zero",
) -> Float[Tensor, "B K Lo"]:
    """The plain definition: slide the kernel along the signal, multiply, add up.

    With one channel: ``out[i] = bias + Σ_t weight[t] · x[i·stride + t·dilation − padding]``.
    """
    places = conv_places(x, weight, bias, stride, padding, dilation, groups, axes="L")
    if groups > 1:
        return in_groups(
            conv1d_loops, x, weight, bias, groups, stride=stride, padding=padding, dilation=dilation, border=border
        )
    x = pad1d(x, padding, border)
    out = x.new_zeros(len(x), len(weight), *places.output)
    for i in range(places.output[0]):
        for t in range(weight.shape[2]):
            out[:, :, i] += x[:, :, i * stride + t * dilation] @ weight[:, :, t].T  # [B, K]
    return add_bias(out, bias)


def conv1d(
    x: Float[Tensor, "B C L"],
    weight: Float[Tensor, "K C_per_group k"],
    bias: Float[Tensor, " K"] | None = None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    border: str = "zero",
) -> Float[Tensor, "B K Lo"]:
    """The fast form: a signal is an image of height one. Arguments as in :func:`~course_lib.ops.conv.conv2d`."""
    conv_places(x, weight, bias, stride, padding, dilation, groups, axes="L")
    image = pad1d(x, padding, border)[:, :, None]  # [B, C, 1, Lp]
    return conv2d(image, weight[:, :, None], bias, stride, 0, dilation, groups).squeeze(2)


def conv1d_shifts(
    x: Float[Tensor, "B C L"],
    weight: Float[Tensor, "K C_per_group k"],
    bias: Float[Tensor, " K"] | None = None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    border: str = "zero",
) -> Float[Tensor, "B K Lo"]:
    """A third form: shift the whole signal once for each tap, weigh it, add up."""
    conv_places(x, weight, bias, stride, padding, dilation, groups, axes="L")
    image = pad1d(x, padding, border)[:, :, None]  # [B, C, 1, Lp]
    return conv2d_shifts(image, weight[:, :, None], bias, stride, 0, dilation, groups).squeeze(2)
