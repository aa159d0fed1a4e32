"""Looking into a trained network."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


def effective_receptive_field(features: nn.Module, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "H W"]:
    """How much each input pixel moves the centre unit: the mean magnitude of its gradient (Luo et al. 2016).

    The theoretical field says which pixels *can* matter; this says how much they *do*, averaged over the batch and over
    random ±1 weightings of the output channels.

    Args:
        features: a convolutional stack, images to maps.
        x: a batch of inputs, [B, C, H, W].

    Returns:
        A map over the input, scaled so that its largest value is 1.
    """
    x = x.detach().clone().requires_grad_()
    maps = features(x)  # [B, K, h, w]
    centre = maps[:, :, maps.shape[2] // 2, maps.shape[3] // 2]  # [B, K]
    signs = torch.randint(0, 2, centre.shape, generator=torch.Generator().manual_seed(0)).to(centre) * 2 - 1
    (grad,) = torch.autograd.grad((centre * signs).sum(), x)
    field = grad.abs().mean(dim=(0, 1))
    return field / field.max().clamp_min(torch.finfo(field.dtype).tiny)


def field_width(field: Float[Tensor, "H W"], share: float = 0.95) -> int:
    """Side, in pixels, of the smallest square around the centre pixel that holds ``share`` of a field's total."""
    row, column = (n // 2 for n in field.shape)
    for radius in range(max(field.shape)):
        inside = field[max(row - radius, 0) : row + radius + 1, max(column - radius, 0) : column + radius + 1]
        if inside.sum() >= share * field.sum():
            return 2 * radius + 1
    return max(field.shape)


@torch.inference_mode()
def strongest_patches(
    features: nn.Module, images: Float[Tensor, "N C H W"], unit: int, size: int, jump: int, offset: int, top: int = 9
) -> Float[Tensor, "top C size size"]:
    """The image patches that excite one map most, at most one an image.

    Args:
        features: the stack up to the map of interest.
        unit: index of the map.
        size, jump: its receptive field, from :func:`course_lib.ops.receptive_field`.
        offset: input coordinate of the field's first pixel for output index 0 (negative where padding reaches out).
        top: how many patches.
    """
    maps = features(images)[:, unit]  # [N, h, w]
    best, where = maps.flatten(1).max(1)
    patches = []
    for n in best.argsort(descending=True)[:top].tolist():
        row, column = divmod(where[n].item(), maps.shape[2])
        padded = nn.functional.pad(images[n], (size,) * 4, value=images.min().item())
        r, c = row * jump + offset + size, column * jump + offset + size
        patches.append(padded[:, r : r + size, c : c + size])
    return torch.stack(patches)
