"""Sizes before numbers: output size, parameter count and receptive field follow from the windows alone (lecture 04)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Window(NamedTuple):
    """A square window that slides over a grid: the geometry that convolution and pooling share."""

    kernel: int
    stride: int = 1
    padding: int = 0


def output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    """Number of places a window fits along one axis: ``floor((size + 2·padding − kernel) / stride) + 1``.

    Args:
        size: length of the input along the axis, in pixels.
        kernel, stride, padding: the window, in pixels; padding is added on both ends.

    Raises:
        ValueError: the window is larger than the padded input, or a number is out of range.
    """
    if size < 1 or kernel < 1 or stride < 1 or padding < 0:
        raise ValueError(
            f"Got size={size}, kernel={kernel}, stride={stride}, padding={padding}: "
            "size, kernel and stride must be at least 1 and padding at least 0."
        )
    if kernel > size + 2 * padding:
        raise ValueError(
            f"A kernel of {kernel} does not fit into {size} pixels with padding {padding}: "
            f"use a kernel of at most {size + 2 * padding}, or more padding."
        )
    return (size + 2 * padding - kernel) // stride + 1


def same_padding(kernel: int) -> int:
    """Padding that keeps the size at stride 1. Only odd kernels have one: an even window has no centre pixel."""
    if kernel % 2 == 0:
        raise ValueError(f"Kernel {kernel} is even, so no equal padding keeps the size; use an odd kernel.")
    return kernel // 2


def conv_parameters(in_channels: int, out_channels: int, kernel: int, bias: bool = True) -> int:
    """Learned numbers of a convolution layer. The image size does not appear: the weights are shared."""
    return out_channels * (in_channels * kernel**2 + bias)


def receptive_field(windows: Iterable[Window]) -> tuple[int, int]:
    """Size and stride, in input pixels, of what one output unit of a chain of windows can see.

    Each layer adds ``kernel − 1`` steps, and a step is as wide as all strides before it multiplied.

    Returns:
        ``(size, jump)``: the field's side length, and how far the field moves when the output index grows by one.
    """
    size, jump = 1, 1
    for window in windows:
        size += (window.kernel - 1) * jump
        jump *= window.stride
    return size, jump
