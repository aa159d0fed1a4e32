"""Sizes before numbers: output size, parameter count and receptive field follow from the windows alone (lecture 04)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

Pair = int | tuple[int, int]  # one number for both axes, or (vertical, horizontal)


class Window(NamedTuple):
    """A square window that slides over a grid: the geometry that convolution and pooling share."""

    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1


def output_size(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Number of places a window fits along one axis: ``floor((size + 2·padding − span) / stride) + 1``.

    The window spans ``dilation·(kernel − 1) + 1`` pixels: its own size, unless its taps are spread apart (lecture 09).

    Args:
        size: length of the input along the axis, in pixels.
        kernel, stride, padding, dilation: the window, in pixels; padding is added on both ends.

    Raises:
        ValueError: the window is larger than the padded input, or a number is out of range.
    """
    if size < 1 or kernel < 1 or stride < 1 or padding < 0 or dilation < 1:
        raise ValueError(
            f"Got size={size}, kernel={kernel}, stride={stride}, padding={padding}, dilation={dilation}: "
            "size, kernel, stride and dilation must be at least 1 and padding at least 0."
        )
    span, room = dilation * (kernel - 1) + 1, size + 2 * padding
    if span > room:
        spread = f" (dilation {dilation}: it spans {span} pixels)" if dilation > 1 else ""
        raise ValueError(
            f"A kernel of {kernel}{spread} does not fit into {size} pixels with padding {padding}: "
            f"use one that spans at most {room}, or more padding."
        )
    return (room - span) // stride + 1


def same_padding(kernel: int) -> int:
    """Padding that keeps the size at stride 1. Only odd kernels have one: an even window has no centre pixel."""
    if kernel % 2 == 0:
        raise ValueError(f"Kernel {kernel} is even, so no equal padding keeps the size; use an odd kernel.")
    return kernel // 2


def conv_parameters(in_channels: int, out_channels: int, kernel: int, bias: bool = True, groups: int = 1) -> int:
    """Learned numbers of a convolution layer. The image size does not appear: the weights are shared.

    With filter groups each filter sees only ``in_channels / groups`` of the maps (lecture 09).
    """
    return out_channels * (in_channels // groups * kernel**2 + bias)


def receptive_field(windows: Iterable[Window]) -> tuple[int, int]:
    """Size and stride, in input pixels, of what one output unit of a chain of windows can see.

    Each layer adds ``dilation·(kernel − 1)`` steps, and a step is as wide as all strides before it multiplied.

    Returns:
        ``(size, jump)``: the field's side length, and how far the field moves when the output index grows by one.
    """
    size, jump = 1, 1
    for window in windows:
        size += window.dilation * (window.kernel - 1) * jump
        jump *= window.stride
    return size, jump
