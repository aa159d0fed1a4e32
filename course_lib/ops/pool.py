"""Pooling: reduce each window of each channel to one number (lecture 04)."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from course_lib.ops.geometry import output_size


def windows2d(x: Float[Tensor, "B C H W"], kernel: int, stride: int) -> Float[Tensor, "B C Ho Wo k k"]:
    """All k×k windows of every channel, as a view: no number is copied."""
    for size in x.shape[-2:]:
        output_size(size, kernel, stride)  # refuses, in a sentence, a window that does not fit
    return x.unfold(2, kernel, stride).unfold(3, kernel, stride)


def max_pool2d(
    x: Float[Tensor, "B C H W"], kernel: int, stride: int | None = None
) -> Float[Tensor, "B C Ho Wo"]:
    """Largest value of each window. Its gradient is 1 at the (first) maximum and 0 elsewhere: a switch."""
    windows = windows2d(x, kernel, stride or kernel).flatten(4)  # [B, C, Ho, Wo, k*k]
    return windows.gather(4, windows.argmax(4, keepdim=True)).squeeze(4)


def avg_pool2d(
    x: Float[Tensor, "B C H W"], kernel: int, stride: int | None = None
) -> Float[Tensor, "B C Ho Wo"]:
    """Mean of each window. Its gradient spreads evenly: 1/k² to every pixel."""
    return windows2d(x, kernel, stride or kernel).mean(dim=(4, 5))
