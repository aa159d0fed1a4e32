"""Two-dimensional convolution, three times: as the formula says, as one matrix product, and as k² shifted images.

Deep learning's "convolution" is cross-correlation: the kernel is not flipped. Learned kernels do not mind.
Lectures 03 (one channel, borders), 04 (channels, stride) and 09 (groups, dilation).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from course_lib.ops import expect
from course_lib.ops.border import pad2d
from course_lib.ops.geometry import Pair, output_size


class Places(NamedTuple):
    """Where a kernel lands on an image: one number an axis, in pixels."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    output: tuple[int, ...]  # how many places there are


def conv2d_loops(
    x: Float[Tensor, "B C H W"],
    weight: Float[Tensor, "K C_per_group kh kw"],
    bias: Float[Tensor, " K"] | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
    border: str = "zero",
) -> Float[Tensor, "B K Ho Wo"]:
    """The plain definition: every output number is the dot product of one filter with one patch, plus a bias."""
    places = conv_places(x, weight, bias, stride, padding, dilation, groups)
    if groups > 1:
        return in_groups(
            conv2d_loops, x, weight, bias, groups, stride=stride, padding=padding, dilation=dilation, border=border
        )
    (kh, kw), (sh, sw), _, (dh, dw), (out_h, out_w) = places
    x = pad2d(x, padding, border)
    out = x.new_zeros(len(x), len(weight), out_h, out_w)
    for i in range(out_h):
        for j in range(out_w):
            top, left = i * sh, j * sw
            patch = x[:, None, :, top : top + dh * kh : dh, left : left + dw * kw : dw]  # [B, 1, C, kh, kw]
            out[:, :, i, j] = (patch * weight).sum(dim=(2, 3, 4))  # [B, K]
    return add_bias(out, bias)


def conv2d(
    x: Float[Tensor, "B C H W"],
    weight: Float[Tensor, "K C_per_group kh kw"],
    bias: Float[Tensor, " K"] | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
    border: str = "zero",
) -> Float[Tensor, "B K Ho Wo"]:
    """The fast form: lay every patch out as a column (im2col), then one matrix product does all filters at once.

    Args:
        x: a batch of images or maps with C channels.
        weight: K filters; each spans all C channels, or C / groups of them.
        bias: one number a filter.
        stride, padding, dilation: pixels between places, pixels added on each side, pixels between taps;
            a pair is (vertical, horizontal).
        groups: cut the channels into this many parts and let each filter see one part (AlexNet, ResNeXt).
        border: what the padding holds, see :func:`~course_lib.ops.border.pad2d`.

    Raises:
        ValueError: shapes that do not fit together, a number out of range, an unknown border.
        TypeError: something else than floating-point tensors of one precision.
    """
    places = conv_places(x, weight, bias, stride, padding, dilation, groups)
    if border != "zero":  # F.unfold adds zeros by itself; every other border needs the padded image
        x, places = pad2d(x, padding, border), places._replace(padding=(0, 0))
    if expect.autocasting(x) and x.dtype != torch.float64:  # convert where autograd sees it
        dtype = torch.get_autocast_dtype(x.device.type)
        x, weight = x.to(dtype), weight.to(dtype)
    return add_bias(_UnfoldMatmul.apply(x, weight, places, groups), bias)


class _UnfoldMatmul(torch.autograd.Function):
    """``y = W · columns(x)`` with its derivative by hand.

    Autograd would keep the columns for the backward pass: k² times the memory of x. Keeping (x, W) and laying the
    columns out again costs little, and because the backward pass below is itself made of differentiable steps, it can
    be differentiated once more.
    """

    generate_vmap_rule = True  # torch.func's jacrev and vmap work too

    @staticmethod
    def forward(x: Tensor, weight: Tensor, places: Places, groups: int) -> Tensor:
        y = _rows(weight, groups) @ _columns(x, places, groups)  # [B, g, K/g, Ho*Wo]
        return y.flatten(1, 2).unflatten(2, places.output)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        x, weight, ctx.places, ctx.groups = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx, grad: Tensor):
        x, weight = ctx.saved_tensors
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_x = stamp(grad, weight, x.shape[2:], ctx.places, ctx.groups)
        if ctx.needs_input_grad[1]:
            grad = rearrange(grad, "b (g k) h w -> b g k (h w)", g=ctx.groups)
            grad_weight = grad @ _columns(x, ctx.places, ctx.groups).mT  # [B, g, K/g, C/g*kh*kw]
            grad_weight = grad_weight.sum(0).reshape(weight.shape)
        return grad_x, grad_weight, None, None


def conv2d_shifts(
    x: Float[Tensor, "B C H W"],
    weight: Float[Tensor, "K C_per_group kh kw"],
    bias: Float[Tensor, " K"] | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
    border: str = "zero",
) -> Float[Tensor, "B K Ho Wo"]:
    """A third form: shift the whole image once for each of the kernel's kh·kw taps, mix its channels, add up."""
    (kh, kw), (sh, sw), _, (dh, dw), (out_h, out_w) = conv_places(x, weight, bias, stride, padding, dilation, groups)
    x = rearrange(pad2d(x, padding, border), "b (g c) h w -> b g c h w", g=groups)
    taps = rearrange(weight, "(g k) c kh kw -> kh kw g k c", g=groups)
    out = x.new_zeros(())
    for u in range(kh):
        for v in range(kw):
            shifted = x[..., u * dh : u * dh + sh * out_h : sh, v * dw : v * dw + sw * out_w : sw]
            out = out + taps[u, v] @ shifted.flatten(3)  # [B, g, K/g, Ho*Wo]
    return add_bias(out.flatten(1, 2).unflatten(2, (out_h, out_w)), bias)


def stamp(
    y: Float[Tensor, "B K Ho Wo"], weight: Tensor, size: tuple[int, ...], places: Places, groups: int
) -> Float[Tensor, "B C H W"]:
    """The transpose of convolution: every number of y stamps its filter onto an image of ``size``; overlaps add up.

    It is the gradient of a convolution with respect to its input, and the forward pass of a transposed convolution.
    """
    y = rearrange(y, "b (g k) h w -> b g k (h w)", g=groups)
    columns = (_rows(weight, groups).mT @ y).flatten(1, 2)  # [B, C*kh*kw, Ho*Wo]
    return F.fold(columns, size, places.kernel, stride=places.stride, padding=places.padding, dilation=places.dilation)


def _columns(x: Tensor, places: Places, groups: int) -> Tensor:
    """Every patch as a column: [B, g, C/g*kh*kw, Ho*Wo]."""
    columns = F.unfold(x, places.kernel, stride=places.stride, padding=places.padding, dilation=places.dilation)
    return columns.unflatten(1, (groups, -1))


def _rows(weight: Tensor, groups: int) -> Tensor:
    """Every filter as a row: [g, K/g, C/g*kh*kw]."""
    return rearrange(weight, "(g k) c h w -> g k (c h w)", g=groups)


def in_groups(
    form: Callable[..., Tensor], x: Tensor, weight: Tensor, bias: Tensor | None, groups: int, **window
) -> Tensor:
    """Filter groups by definition: cut the channels into parts, filter each part by itself, put the maps together."""
    biases = [None] * groups if bias is None else bias.chunk(groups)
    return torch.cat([form(*part, **window) for part in zip(x.chunk(groups, 1), weight.chunk(groups), biases)], dim=1)


def add_bias(out: Tensor, bias: Tensor | None) -> Tensor:
    """One number a map, at every place."""
    return out if bias is None else out + bias.to(out.dtype).reshape(-1, *[1] * (out.ndim - 2))


def conv_places(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    axes: str = "H W",
) -> Places:
    """The kernel's places on x, whose axes after B and C are ``axes``; refuses arguments that do not fit together."""
    count = len(axes.split())
    expect.tensor("x", x, f"B C {axes}")
    expect.tensor("weight", weight, "K C kh kw" if count == 2 else "K C k")
    expect.same_dtype(x=x, weight=weight, bias=bias)
    stride, padding, dilation = (
        expect.whole(name, value, least, count)
        for name, value, least in (("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1))
    )
    expect.whole("groups", groups, 1)
    depth, filters, seen = x.shape[1], *weight.shape[:2]
    if filters % groups:
        raise ValueError(f"groups is {groups}, but must divide the number of filters, {filters}.")
    if groups == 1 and depth != seen:
        raise ValueError(
            f"x has {depth} channels but each filter has {seen}: a filter spans the full depth of its input."
        )
    if depth != seen * groups:
        raise ValueError(
            f"x has {depth} channels but {groups} groups of filters that see {seen} each need {seen * groups}: "
            "give each filter the channels of one group."
        )
    if bias is not None and bias.shape != (filters,):
        raise ValueError(f"bias must have one number a filter, shape ({filters},), got {tuple(bias.shape)}.")
    output = tuple(map(output_size, x.shape[2:], weight.shape[2:], stride, padding, dilation))
    return Places(tuple(weight.shape[2:]), stride, padding, dilation, output)
