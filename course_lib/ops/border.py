"""What lies beyond the edge of an image: nothing, its other side, its last pixel, or its mirror image (lecture 03).

======== ======================= =================
border   a b c d, padded by 2    name in ``F.pad``
======== ======================= =================
zero     0 0 · a b c d · 0 0     constant
wrap     c d · a b c d · a b     circular
copy     a a · a b c d · d d     replicate
reflect  c b · a b c d · c b     reflect
======== ======================= =================
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from course_lib.ops import expect
from course_lib.ops.geometry import Pair

BORDERS = {"zero": "constant", "wrap": "circular", "copy": "replicate", "reflect": "reflect"}


def border_index(size: int, amount: int, border: str) -> Int[Tensor, " padded"]:
    """The plain definition: for each place of the padded axis, the input place it copies; −1 where there is none."""
    _check(amount, size, border)
    place = torch.arange(-amount, size + amount)
    if border == "wrap":
        return place % size
    if border == "copy":
        return place.clamp(0, size - 1)
    if border == "reflect":
        last = size - 1
        return last - (last - place.abs()).abs()  # fold at the first pixel, then at the last
    return place.where((place >= 0) & (place < size), -1)


def pad2d_by_index(x: Float[Tensor, "B C H W"], amount: Pair, border: str = "zero") -> Float[Tensor, "B C Hp Wp"]:
    """The plain definition of :func:`pad2d`: look each padded pixel up in the input."""
    expect.tensor("x", x, "B C H W")
    down, across = expect.whole("amount", amount, 0, 2)
    rows = border_index(x.shape[2], down, border).to(x.device)[:, None]  # [Hp, 1]
    columns = border_index(x.shape[3], across, border).to(x.device)  # [Wp]
    return x[:, :, rows, columns].masked_fill((rows < 0) | (columns < 0), 0)


def pad2d(x: Float[Tensor, "B C H W"], amount: Pair, border: str = "zero") -> Float[Tensor, "B C Hp Wp"]:
    """Grow an image by ``amount`` pixels on every side.

    Args:
        x: images or maps.
        amount: pixels to add above and below, left and right; a pair is (vertical, horizontal).
        border: what to put there: ``zero``, ``wrap``, ``copy`` or ``reflect``.

    Raises:
        ValueError: an unknown border, a negative amount, or more than the image can fill
            (wrap: its size, reflect: one less).
    """
    expect.tensor("x", x, "B C H W")
    down, across = expect.whole("amount", amount, 0, 2)
    _check(down, x.shape[2], border)
    _check(across, x.shape[3], border)
    return F.pad(x, (across, across, down, down), BORDERS[border])


def pad1d(x: Float[Tensor, "B C L"], amount: int, border: str = "zero") -> Float[Tensor, "B C Lp"]:
    """:func:`pad2d` for signals: ``amount`` samples before and after."""
    expect.tensor("x", x, "B C L")
    _check(amount, x.shape[2], border)
    return F.pad(x, (amount, amount), BORDERS[border])


def _check(amount: int, size: int, border: str) -> None:
    expect.one_of("border", border, BORDERS)
    expect.whole("amount", amount, 0)
    most = {"wrap": size, "reflect": size - 1}.get(border, amount)
    if amount > most:
        raise ValueError(
            f"amount is {amount}, but {size} pixels can fill at most {most} with border {border!r}: "
            "pad less, or use 'copy' or 'zero'."
        )
