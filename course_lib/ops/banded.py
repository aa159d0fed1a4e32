"""Convolution as a matrix: a band that repeats itself along the diagonal, a Toeplitz matrix (lecture 03).

``conv(x) = M · x`` with one row for each output number and one column for each input number. Few entries are not zero
(local connections), and the same few numbers stand in every row (shared weights). ``Mᵀ`` is the transposed convolution.

The matrix has (output numbers) × (input numbers) entries: fit to look at for small inputs, not to compute with.
"""

from __future__ import annotations

import math
from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.ops import expect
from course_lib.ops.border import border_index
from course_lib.ops.conv import conv2d, conv_places
from course_lib.ops.conv1d import conv1d
from course_lib.ops.geometry import Pair


def conv1d_matrix_loops(
    weight: Float[Tensor, "K C k"],
    size: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    border: str = "zero",
) -> Float[Tensor, "outputs inputs"]:
    """The plain definition: write the kernel into each row, ``stride`` columns further right each time.

    A tap that falls off the end is dropped (``zero``: the band is cut) or lands where the border points (``wrap``: the
    matrix is circulant).
    """
    shape = _input_shape(weight, size, "L")
    (length,) = conv_places(weight.new_empty(1, *shape), weight, None, stride, padding, dilation, 1, axes="L").output
    source = border_index(size, padding, border).tolist()
    matrix = weight.new_zeros(len(weight), length, *shape)  # [K, Lo, C, size]
    for i in range(length):
        for t in range(weight.shape[2]):
            j = source[i * stride + t * dilation]
            if j >= 0:
                matrix[:, i, :, j] += weight[:, :, t]  # [K, C]
    return matrix.flatten(2).flatten(0, 1)


def conv1d_matrix(
    weight: Float[Tensor, "K C k"],
    size: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    border: str = "zero",
) -> Float[Tensor, "outputs inputs"]:
    """The fast form: a matrix's columns are the images of the unit vectors, so convolve all unit vectors in one batch.

    Args:
        weight: K kernels over C channels; ``kernel[None, None]`` makes one of a plain kernel.
        size: length of the input, in samples.
        stride, padding, dilation, border: as in :func:`~course_lib.ops.conv1d.conv1d`.

    Returns:
        The matrix that turns ``x.flatten()`` of a signal [C, size] into ``conv1d(x).flatten()``.
    """
    units = _units(weight, _input_shape(weight, size, "L"))  # [C*size, C, size]
    return conv1d(units, weight, None, stride, padding, dilation, border=border).flatten(1).T


def conv2d_matrix_loops(
    weight: Float[Tensor, "K C kh kw"],
    size: tuple[int, int],
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    border: str = "zero",
) -> Float[Tensor, "outputs inputs"]:
    """The plain definition in two dimensions: a band of blocks, each of which is banded itself. Arguments as below."""
    shape = _input_shape(weight, size, "H W")
    places = conv_places(weight.new_empty(1, *shape), weight, None, stride, padding, dilation, 1)
    kernel, (sh, sw), padding, (dh, dw), output = places
    rows, columns = (border_index(n, amount, border).tolist() for n, amount in zip(shape[1:], padding))
    matrix = weight.new_zeros(len(weight), *output, *shape)  # [K, Ho, Wo, C, H, W]
    for i, j, u, v in product(*map(range, output + kernel)):
        row, column = rows[i * sh + u * dh], columns[j * sw + v * dw]
        if row >= 0 and column >= 0:
            matrix[:, i, j, :, row, column] += weight[:, :, u, v]  # [K, C]
    return matrix.flatten(3).flatten(0, 2)


def conv2d_matrix(
    weight: Float[Tensor, "K C kh kw"],
    size: tuple[int, int],
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    border: str = "zero",
) -> Float[Tensor, "outputs inputs"]:
    """The fast form in two dimensions: convolve every unit image.

    Args:
        weight: K filters over C channels.
        size: height and width of the input, in pixels.
        stride, padding, dilation, border: as in :func:`~course_lib.ops.conv.conv2d`.

    Returns:
        The matrix that turns ``x.flatten()`` of an image [C, H, W] into ``conv2d(x).flatten()``.
    """
    units = _units(weight, _input_shape(weight, size, "H W"))  # [C*H*W, C, H, W]
    return conv2d(units, weight, None, stride, padding, dilation, border=border).flatten(1).T


def _input_shape(weight: Tensor, size: int | tuple[int, int], axes: str) -> tuple[int, ...]:
    """Shape of one input: its channels, then its size."""
    count = len(axes.split())
    expect.tensor("weight", weight, "K C kh kw" if count == 2 else "K C k")
    return weight.shape[1], *expect.whole("size", size, 1, count)


def _units(like: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Every input that is one at one place and zero elsewhere, as a batch."""
    count = math.prod(shape)
    return torch.eye(count, dtype=like.dtype, device=like.device).reshape(count, *shape)
