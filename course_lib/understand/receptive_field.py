"""What can a unit see, what does it look at, what does it like (lectures 04 and 11)?"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib import layers, ops
from course_lib.understand.lend import untouched

POINTWISE = (
    nn.ReLU, nn.ReLU6, nn.Tanh, nn.Sigmoid, nn.BatchNorm2d, nn.Dropout, nn.Identity, nn.LocalResponseNorm,
    layers.BatchNorm2d, layers.Dropout, layers.LocalResponseNorm, layers.ScaledTanh,
)  # fmt: skip


class Field(NamedTuple):
    """Where the units of one layer look. Unit i sees the pixels from ``offset + i·jump`` on, ``size`` of them."""

    layer: str
    size: int
    jump: int
    offset: int


def receptive_fields(stack: nn.Sequential) -> list[Field]:
    """The theoretical field of every layer of a stack, by :func:`course_lib.ops.receptive_field`.

    Args:
        stack: convolutions, poolings and pointwise layers, one after another, such as ``vgg11().features``.

    Raises:
        ValueError: a layer with branches or an unknown window; measure :func:`effective_receptive_field` there.
    """
    windows, offset, fields = [], 0, []
    for name, layer in stack.named_modules():
        if isinstance(layer, nn.Sequential):
            continue
        if not isinstance(layer, POINTWISE):
            _, jump = ops.receptive_field(windows)
            windows.append(_window(name, layer))
            offset -= windows[-1].padding * jump
        fields.append(Field(name, *ops.receptive_field(windows), offset))
    return fields


def _window(name: str, layer: nn.Module) -> ops.Window:
    """The geometry of one layer."""
    if type(layer) in (nn.Conv2d, layers.Conv2d):
        kernel, dilation = tuple(layer.weight.shape[2:]), layer.dilation
    elif type(layer) in (nn.MaxPool2d, nn.AvgPool2d):
        kernel, dilation = layer.kernel_size, getattr(layer, "dilation", 1)
    else:
        raise ValueError(
            f"Layer {name!r} is a {type(layer).__name__}: the field of a chain of windows is known only for "
            "convolutions, poolings and pointwise layers. Measure effective_receptive_field instead."
        )
    sides = [
        side if isinstance(side, tuple) else (side, side) for side in (kernel, layer.stride, layer.padding, dilation)
    ]
    if isinstance(layer.padding, str) or any(vertical != horizontal for vertical, horizontal in sides):
        raise ValueError(f"Layer {name!r} has a window that is not square, or a padding in words: {layer}.")
    return ops.Window(*(vertical for vertical, _ in sides))


@torch.enable_grad()
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
    with untouched(features):
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
    """The image patches that excite one map most, at most one an image (Girshick et al. 2014).

    Args:
        features: the stack up to the map of interest.
        unit: index of the map.
        size, jump: its receptive field, from :func:`receptive_fields` or :func:`course_lib.ops.receptive_field`.
        offset: input coordinate of the field's first pixel for output index 0 (negative where padding reaches out).
        top: how many patches.
    """
    with untouched(features):
        maps = features(images)[:, unit]  # [N, h, w]
    best, where = maps.flatten(1).max(1)
    patches = []
    for n in best.argsort(descending=True)[:top].tolist():
        row, column = divmod(where[n].item(), maps.shape[2])
        padded = nn.functional.pad(images[n], (size,) * 4, value=images.min().item())
        r, c = row * jump + offset + size, column * jump + offset + size
        patches.append(padded[:, r : r + size, c : c + size])
    return torch.stack(patches)
