"""Photographs and a stereo pair, out of scikit-image's wheel: there without a network."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.data.errors import expect_name

PHOTOGRAPHS: dict[str, dict[int, str]] = {  # name: what of ImageNet's 1000 classes is in the picture
    "astronaut": {},
    "brick": {},
    "camera": {872: "tripod", 759: "reflex camera"},
    "cat": {285: "Egyptian cat", 282: "tiger cat", 281: "tabby"},
    "clock": {892: "wall clock"},
    "coffee": {967: "espresso", 968: "cup"},
    "coins": {},
    "grass": {},
    "gravel": {},
    "hubble_deep_field": {},
    "moon": {},
    "page": {},
    "retina": {},
    "rocket": {657: "missile", 744: "projectile"},
    "text": {},
}


class StereoPair(NamedTuple):
    """What the left and the right eye see, rectified: a point lies in the same row of both."""

    left: Float[Tensor, "3 H W"]  # 0..1
    right: Float[Tensor, "3 H W"]
    disparity: Float[Tensor, "H W"]  # pixels; NaN where it is not known


def photograph(name: str) -> Float[Tensor, "C H W"]:
    """A photograph with values 0..1, as large as it is; C is 3, or 1 where it is grey.

    Args:
        name: one of ``PHOTOGRAPHS``.

    Raises:
        ValueError: there is no such photograph.
    """
    expect_name("photograph", name, PHOTOGRAPHS)
    import skimage.data  # here, because it takes a second to import

    return _image(getattr(skimage.data, name)())


def stereo_pair() -> StereoPair:
    """A motorcycle seen by two cameras, 500×741, and how far each pixel of the left picture moves.

    Pixel (row, column) of the left picture is seen at (row, column − disparity) of the right one. The depth is
    994.978 px · 193.001 mm / (disparity + 31.086 px): focal length times baseline, over the disparity and the distance
    between the two principal points. About one pixel in fourteen has no measured disparity.

    Source: Scharstein et al., *High-resolution stereo datasets with subpixel-accurate ground truth*, GCPR 2014, at a
    quarter of its resolution.
    """
    import skimage.data

    left, right, disparity = skimage.data.stereo_motorcycle()
    disparity = torch.from_numpy(disparity)
    return StereoPair(_image(left), _image(right), torch.where(disparity.isfinite(), disparity, torch.nan))


def _image(pixels: np.ndarray) -> Float[Tensor, "C H W"]:
    pixels = torch.from_numpy(pixels)
    return (pixels.permute(2, 0, 1) if pixels.ndim == 3 else pixels[None]).contiguous().float() / 255
