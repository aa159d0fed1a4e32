"""How the signal fares on its way through the depth: too small, too large, or just right (lecture 05)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.layers import ScaledTanh
from course_lib.understand.lend import recording, untouched

RANGES = {nn.Tanh: (-1.0, 1.0), nn.Sigmoid: (0.0, 1.0), nn.ReLU6: (0.0, 6.0), ScaledTanh: (-1.7159, 1.7159)}


class LayerStatistics(NamedTuple):
    """One layer's numbers over a batch."""

    name: str
    layer: str
    mean: float
    std: float
    dead: float  # share of units (channels) that are zero for every image, everywhere
    saturated: float  # share of numbers within 1 % of an end of the layer's range; 0 if it has no range
    gradient_std: float | None  # of the loss with respect to the layer's output; None without labels


def activation_statistics(
    model: nn.Module,
    x: Float[Tensor, "B ..."],
    y: Tensor | None = None,
    *,
    loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
    training: bool = False,
) -> list[LayerStatistics]:
    """Mean and spread of every layer's output, part by part (Glorot and Bengio 2010; He et al. 2015).

    Weights too small: the spread falls layer by layer, and learning stops. Too large: it explodes, or tanh saturates.

    Args:
        model: any network of modules; its parts without parts of their own are the layers.
        x: a batch, as the model takes it.
        y: labels; with them the gradient that arrives at each layer is measured too.
        loss: of the model's output and y; used with y only.
        training: use the batch's own statistics in BatchNorm, as in training, and dropout.
    """
    parts = {name: part for name, part in model.named_modules() if not any(part.children())}
    with torch.set_grad_enabled(y is not None), untouched(model, training), recording(model, *parts) as kept:
        # An input that asks for its gradient puts every layer into the graph, frozen ones too.
        logits = model(x.detach().clone().requires_grad_(y is not None))
        gradients = [None] * len(kept)
        if y is not None:
            gradients = torch.autograd.grad(loss(logits, y), list(kept.values()), allow_unused=True)
    spread = dict(zip(kept, (None if g is None else g.std(correction=0).item() for g in gradients)))
    return [_describe(name, part, kept[name].detach(), spread[name]) for name, part in parts.items() if name in kept]


def _describe(name: str, part: nn.Module, output: Tensor, gradient_std: float | None) -> LayerStatistics:
    units = output.transpose(0, 1).flatten(1) if output.ndim > 1 else output[None]  # [K, B·places]
    low, high = RANGES.get(type(part), (-torch.inf, torch.inf))
    margin = 0.01 * (high - low) if high < torch.inf else 0.0
    saturated = (output <= low + margin) | (output >= high - margin)
    return LayerStatistics(
        name,
        type(part).__name__,
        output.mean().item(),
        output.std(correction=0).item(),
        (units == 0).all(1).float().mean().item(),
        saturated.float().mean().item(),
        gradient_std,
    )
