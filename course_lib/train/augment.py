"""Random changes to training images that keep their class, a batch at a time on the device.

Each draws from the generator that also decides the order of the images, so a resumed run repeats them. Lecture 05.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn import functional as F

Augment = Callable[[Tensor, Generator], Tensor]


def flip(images: Float[Tensor, "B C H W"], generator: Generator) -> Float[Tensor, "B C H W"]:
    """Mirror left and right with probability ½: for things that have no handedness, so not for digits."""
    mirrored = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(mirrored.to(images.device)[:, None, None, None], images.flip(-1), images)


def crop(
    images: Float[Tensor, "B C H W"], generator: Generator, *, padding: int = 4, mode: str = "constant"
) -> Float[Tensor, "B C H W"]:
    """Move each image by up to ``padding`` pixels: pad all sides, cut the old size out at random (He et al. 2016).

    Args:
        images: normalised, so that the default border, 0, is the mean of the training set.
        generator: on the CPU; decides the places.
        padding: pixels a side.
        mode: ``constant`` pads with 0, ``replicate`` and ``reflect`` as in :func:`torch.nn.functional.pad`.
    """
    b, c, h, w = images.shape
    padded = F.pad(images, (padding,) * 4, mode=mode)  # [B, C, H + 2p, W + 2p]
    top, left = torch.randint(2 * padding + 1, (2, b), generator=generator).to(images.device)
    rows = top[:, None] + torch.arange(h, device=images.device)  # [B, H]
    columns = left[:, None] + torch.arange(w, device=images.device)  # [B, W]
    batch, channel = torch.arange(b, device=images.device), torch.arange(c, device=images.device)
    return padded[batch[:, None, None, None], channel[:, None, None], rows[:, None, :, None], columns[:, None, None, :]]


def chain(*steps: Augment) -> Augment:
    """One after the other: ``chain(crop, flip)``."""

    def chained(images: Tensor, generator: Generator) -> Tensor:
        for step in steps:
            images = step(images, generator)
        return images

    return chained
