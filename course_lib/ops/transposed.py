"""Transposed convolution: the way back up (lectures 03 and 16).

Convolution is a matrix (:mod:`course_lib.ops.banded`); this is its transpose. Every input number stamps the kernel,
scaled by itself, onto a larger output, ``stride`` pixels from its neighbour's stamp. It restores the *size*, not the
numbers.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.ops import expect
from course_lib.ops.conv import Places, add_bias, in_groups, stamp
from course_lib.ops.geometry import Pair


def transposed_size(
    size: int, kernel: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """Length of the output: ``(size − 1)·stride + dilation·(kernel − 1) + 1 − 2·padding + output_padding``.

    With a stride, several input sizes of a convolution lead to one output size; ``output_padding`` says which to
    return to.
    """
    expect.whole("size", size, 1)
    length = (size - 1) * stride + dilation * (kernel - 1) + 1 - 2 * padding + output_padding
    if output_padding >= stride:
        raise ValueError(
            f"output_padding is {output_padding}, expected less than the stride, {stride}: a larger one skips a place."
        )
    if length < 1:
        raise ValueError(f"padding {padding} crops away all of the output: use at most {padding + (length - 1) // 2}.")
    return length


def conv_transpose2d_loops(
    x: Float[Tensor, "B C H W"],
    weight: Float[Tensor, "C K_per_group kh kw"],
    bias: Float[Tensor, " K"] | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    output_padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Float[Tensor, "B K Ho Wo"]:
    """The plain definition: stamp the kernel once for each input pixel, add where stamps overlap, crop the padding."""
    places, (out_h, out_w) = _places(x, weight, bias, stride, padding, output_padding, dilation, groups, "H W")
    if groups > 1:
        window = {"stride": stride, "padding": padding, "output_padding": output_padding, "dilation": dilation}
        return in_groups(conv_transpose2d_loops, x, weight, bias, groups, **window)
    (kh, kw), (sh, sw), (ph, pw), (dh, dw), _ = places
    canvas = x.new_zeros(len(x), weight.shape[1], out_h + 2 * ph, out_w + 2 * pw)
    for i in range(x.shape[2]):
        for j in range(x.shape[3]):
            ink = torch.einsum("bc,ckhw->bkhw", x[:, :, i, j], weight)
            top, left = i * sh, j * sw
            canvas[:, :, top : top + dh * kh : dh, left : left + dw * kw : dw] += ink
    return add_bias(canvas[:, :, ph : ph + out_h, pw : pw + out_w], bias)


def conv_transpose2d(
    x: Float[Tensor, "B C H W"],
    weight: Float[Tensor, "C K_per_group kh kw"],
    bias: Float[Tensor, " K"] | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    output_padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Float[Tensor, "B K Ho Wo"]:
    """The fast form: one matrix product makes all stamps, ``F.fold`` adds them up.

    Args:
        x: a batch of maps.
        weight: for each input channel, its stamp on each output channel: the weight of the convolution that leads from
            the output back to x.
        bias: one number an output channel.
        stride, padding, dilation: of that convolution; a pair is (vertical, horizontal).
        output_padding: rows and columns added at the bottom and right, see :func:`transposed_size`.
        groups: as in :func:`~course_lib.ops.conv.conv2d`.
    """
    places, size = _places(x, weight, bias, stride, padding, output_padding, dilation, groups, "H W")
    return add_bias(stamp(x, weight, size, places, groups), bias)


def conv_transpose1d_loops(
    x: Float[Tensor, "B C L"],
    weight: Float[Tensor, "C K_per_group k"],
    bias: Float[Tensor, " K"] | None = None,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Float[Tensor, "B K Lo"]:
    """The plain definition: ``canvas[i·stride + t·dilation] += weight[t] · x[i]``, then crop the padding."""
    _, (length,) = _places(x, weight, bias, stride, padding, output_padding, dilation, groups, "L")
    if groups > 1:
        window = {"stride": stride, "padding": padding, "output_padding": output_padding, "dilation": dilation}
        return in_groups(conv_transpose1d_loops, x, weight, bias, groups, **window)
    canvas = x.new_zeros(len(x), weight.shape[1], length + 2 * padding)
    for i in range(x.shape[2]):
        for t in range(weight.shape[2]):
            canvas[:, :, i * stride + t * dilation] += x[:, :, i] @ weight[:, :, t]  # [B, K]
    return add_bias(canvas[:, :, padding : padding + length], bias)


def conv_transpose1d(
    x: Float[Tensor, "B C L"],
    weight: Float[Tensor, "C K_per_group k"],
    bias: Float[Tensor, " K"] | None = None,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Float[Tensor, "B K Lo"]:
    """The fast form: a signal is an image of height one. Arguments as in :func:`conv_transpose2d`."""
    _places(x, weight, bias, stride, padding, output_padding, dilation, groups, "L")
    across = {
        "stride": (1, stride),
        "padding": (0, padding),
        "output_padding": (0, output_padding),
        "dilation": (1, dilation),
    }
    return conv_transpose2d(x[:, :, None], weight[:, :, None], bias, groups=groups, **across).squeeze(2)


def _places(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Pair,
    padding: Pair,
    output_padding: Pair,
    dilation: Pair,
    groups: int,
    axes: str,
) -> tuple[Places, tuple[int, ...]]:
    """Where the stamps land, and the size of the output; refuses arguments that do not fit together."""
    count = len(axes.split())
    expect.tensor("x", x, f"B C {axes}")
    expect.tensor("weight", weight, "C K kh kw" if count == 2 else "C K k")
    expect.same_dtype(x=x, weight=weight, bias=bias)
    stride, padding, output_padding, dilation = (
        expect.whole(name, value, least, count)
        for name, value, least in (
            ("stride", stride, 1),
            ("padding", padding, 0),
            ("output_padding", output_padding, 0),
            ("dilation", dilation, 1),
        )
    )
    expect.whole("groups", groups, 1)
    if x.shape[1] != len(weight):
        raise ValueError(
            f"x has {x.shape[1]} channels but weight has stamps for {len(weight)}: "
            "its axes are [C, K, …], input channels first."
        )
    if x.shape[1] % groups:
        raise ValueError(f"groups is {groups}, but must divide the {x.shape[1]} channels of x.")
    filters = weight.shape[1] * groups
    if bias is not None and bias.shape != (filters,):
        raise ValueError(f"bias must have one number an output channel, shape ({filters},), got {tuple(bias.shape)}.")
    kernel, size = tuple(weight.shape[2:]), tuple(x.shape[2:])
    output = tuple(map(transposed_size, size, kernel, stride, padding, output_padding, dilation))
    return Places(kernel, stride, padding, dilation, size), output
