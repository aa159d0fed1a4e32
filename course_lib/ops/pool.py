"""Pooling: reduce each window of each channel to one number, and the way back (lectures 04 and 16)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib.ops import expect
from course_lib.ops.geometry import output_size


def pool2d_loops(
    x: Float[Tensor, "B C H W"], kernel: int, stride: int | None, reduce: Callable[[Tensor], Tensor]
) -> Float[Tensor, "B C Ho Wo"]:
    """The plain definition of all pooling: ``reduce`` turns the numbers of a window, on the last axis, into one.

    ``lambda w: w.mean(-1)`` makes it mean pooling, ``lambda w: w.max(-1).values`` max pooling.
    """
    stride = _check(x, kernel, stride)
    out_h, out_w = (output_size(n, kernel, stride) for n in x.shape[2:])
    out = x.new_zeros(*x.shape[:2], out_h, out_w)
    for i in range(out_h):
        for j in range(out_w):
            top, left = i * stride, j * stride
            out[:, :, i, j] = reduce(x[:, :, top : top + kernel, left : left + kernel].flatten(2))
    return out


def windows2d(x: Float[Tensor, "B C H W"], kernel: int, stride: int) -> Float[Tensor, "B C Ho Wo k k"]:
    """All k×k windows of every channel, as a view: no number is copied."""
    _check(x, kernel, stride)
    return x.unfold(2, kernel, stride).unfold(3, kernel, stride)


def max_pool2d(x: Float[Tensor, "B C H W"], kernel: int, stride: int | None = None) -> Float[Tensor, "B C Ho Wo"]:
    """Largest value of each window. Its gradient is 1 at the (first) maximum and 0 elsewhere: a switch."""
    return max_pool2d_switches(x, kernel, stride)[0]


def max_pool2d_switches(
    x: Float[Tensor, "B C H W"], kernel: int, stride: int | None = None
) -> tuple[Float[Tensor, "B C Ho Wo"], Int[Tensor, "B C Ho Wo"]]:
    """Largest value of each window, and where it stood.

    Args:
        x: a batch of maps.
        kernel: side of the window, in pixels.
        stride: pixels between windows; None for windows side by side.

    Returns:
        The maxima, and their places as ``row·W + column``: the switches that :func:`max_unpool2d` sets.
    """
    stride = _check(x, kernel, stride)
    windows = windows2d(x, kernel, stride).flatten(4)  # [B, C, Ho, Wo, k*k]
    first = windows.argmax(4, keepdim=True)
    row = first[..., 0] // kernel + stride * torch.arange(windows.shape[2], device=x.device)[:, None]
    column = first[..., 0] % kernel + stride * torch.arange(windows.shape[3], device=x.device)
    return windows.gather(4, first).squeeze(4), row * x.shape[3] + column


def max_unpool2d_loops(
    y: Float[Tensor, "B C Ho Wo"], switches: Int[Tensor, "B C Ho Wo"], size: tuple[int, int]
) -> Float[Tensor, "B C H W"]:
    """The plain definition: put each number back where its maximum stood."""
    _check_switches(y, switches, size)
    out = y.new_zeros(*y.shape[:2], *size)
    for b, c, i, j in torch.cartesian_prod(*map(torch.arange, y.shape)).tolist():
        row, column = divmod(switches[b, c, i, j].item(), size[1])
        out[b, c, row, column] = y[b, c, i, j]
    return out


def max_unpool2d(
    y: Float[Tensor, "B C Ho Wo"], switches: Int[Tensor, "B C Ho Wo"], size: tuple[int, int]
) -> Float[Tensor, "B C H W"]:
    """The fast form: one scatter (Zeiler and Fergus 2014; SegNet).

    Args:
        y: what to put back.
        switches: from :func:`max_pool2d_switches`. Where windows share a maximum, one of their numbers stays.
        size: height and width to return to, those of the map that was pooled.

    Returns:
        A map that is zero but for one number a window.
    """
    _check_switches(y, switches, size)
    flat = y.new_zeros(*y.shape[:2], size[0] * size[1])
    return flat.scatter(2, switches.flatten(2), y.flatten(2)).unflatten(2, size)


def avg_pool2d(x: Float[Tensor, "B C H W"], kernel: int, stride: int | None = None) -> Float[Tensor, "B C Ho Wo"]:
    """Mean of each window. Its gradient spreads evenly: 1/k² to every pixel."""
    return windows2d(x, kernel, _check(x, kernel, stride)).mean(dim=(4, 5))


def _check(x: Tensor, kernel: int, stride: int | None) -> int:
    """The stride in use; refuses a window that does not fit."""
    expect.tensor("x", x, "B C H W")
    stride = kernel if stride is None else stride
    for name, value in (("kernel", kernel), ("stride", stride)):
        expect.whole(name, value, 1)
    for size in x.shape[2:]:
        output_size(size, kernel, stride)
    return stride


def _check_switches(y: Tensor, switches: Tensor, size: tuple[int, int]) -> None:
    """Refuses switches that do not belong to y, or point outside."""
    expect.tensor("y", y, "B C Ho Wo")
    height, width = expect.whole("size", size, 1, 2)
    if switches.dtype != torch.int64:
        raise TypeError(f"switches must be whole numbers, got {switches.dtype}: take them from max_pool2d_switches.")
    if switches.shape != y.shape:
        raise ValueError(
            f"switches must have y's shape, {tuple(y.shape)}, got {tuple(switches.shape)}: take both from one pooling."
        )
    if switches.numel() and not 0 <= switches.min() <= switches.max() < height * width:
        raise ValueError(
            f"switches point from {switches.min()} to {switches.max()}, "
            f"but size {size} has places 0 to {height * width - 1}: give the size of the map that was pooled."
        )
