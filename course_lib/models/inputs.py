"""One question asked at the door of every image model: does this batch look like images?"""

from __future__ import annotations

from torch import Tensor


def expect_images(x: Tensor, channels: int, smallest: int = 1, only: int | None = None) -> None:
    """Refuse, in a sentence, what the first convolution would refuse in tensor language.

    Args:
        x: what the model was called with; should be floating-point images [B, channels, H, W].
        channels: depth that the first layer expects.
        smallest: least height and width, in pixels, that leaves something to pool at the end.
        only: the one height and width that fits, where the classifier fixes it.

    Raises:
        ValueError: rank, channels, dtype or size do not fit.
    """
    shape, wanted = tuple(x.shape), f"[B, {channels}, {only or 'H'}, {only or 'W'}]"
    if x.ndim != 4 or x.shape[1] != channels:
        hint = f"Load or convert the images with {channels} channels."
        if x.ndim == 3:
            hint = "Add the batch axis with x[None]."
        elif x.ndim == 4 and x.shape[3] == channels:
            hint = "Channels come before height and width: x.permute(0, 3, 1, 2)."
        elif x.ndim == 4 and x.shape[1] == 1:
            hint = f"Repeat a grey image with x.expand(-1, {channels}, -1, -1)."
        raise ValueError(f"x has shape {shape}, but this model takes images {wanted}. {hint}")
    if not x.is_floating_point():
        raise ValueError(f"x is {x.dtype}, but this model takes floats. Scale the pixels first: x.float() / 255.")
    if only and shape[2:] != (only, only):
        raise ValueError(f"x has shape {shape}, but this model takes images {wanted}. Resize or crop to {only}×{only}.")
    if min(shape[2:]) < smallest:
        raise ValueError(
            f"x has shape {shape}, but this model halves its maps until nothing is left of images below "
            f"{smallest}×{smallest}. Resize them to at least that."
        )
