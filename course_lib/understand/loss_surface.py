"""The landscape that training walks in, cut along one or two directions (lecture 08)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.linalg import vector_norm
from torch.nn import functional as F

from course_lib.understand.lend import untouched

Direction = Mapping[str, Tensor]  # one tensor a parameter, under its name


def filter_normalised_direction(model: nn.Module, seed: int = 0) -> dict[str, Tensor]:
    """A random direction whose every filter is as long as the model's own (Li et al. 2018, section 4).

    A ReLU network computes the same with one layer's weights doubled and the next one's halved; steps of a fixed length
    would find the one sharp and the other flat. Measured in filters, both look alike. Biases and BatchNorm's gains stay
    where they are, as in the paper's figures.
    """
    dice = torch.Generator().manual_seed(seed)
    return {name: _like_filters(w.detach(), dice) for name, w in model.named_parameters()}


def _like_filters(w: Tensor, dice: torch.Generator) -> Tensor:
    if w.ndim < 2:
        return torch.zeros_like(w)
    d = torch.randn(w.shape, generator=dice).to(w)
    axes = tuple(range(1, w.ndim))  # a filter is all that leads to one output: w[k]
    return d * vector_norm(w, dim=axes, keepdim=True) / vector_norm(d, dim=axes, keepdim=True)


@torch.no_grad()
def loss_surface(
    model: nn.Module,
    x: Float[Tensor, "B ..."],
    y: Tensor,
    directions: Sequence[Direction],
    steps: Float[Tensor, " S"],
    *,
    loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
) -> Float[Tensor, " S"] | Float[Tensor, "S S"]:
    """The loss at ``w + a·d``, or at ``w + a·d₁ + b·d₂``, for all a and b among the steps.

    The model runs with other weights through ``functional_call``; its own are never written.

    Args:
        model: any network, used in evaluation mode.
        x, y: the batch that the loss is taken over.
        directions: one or two, from :func:`filter_normalised_direction`, or the difference of two trained models.
        steps: the values of a (rows) and b (columns), such as ``torch.linspace(-1, 1, 21)``.
        loss: of the model's output and y.
    """
    weights = {name: w.detach() for name, w in model.named_parameters()}
    if len(directions) not in (1, 2):
        raise ValueError(f"directions holds {len(directions)}: give one for a curve or two for a surface.")
    for direction in directions:
        if {n: d.shape for n, d in direction.items()} != {n: w.shape for n, w in weights.items()}:
            raise ValueError(
                "directions must have the names and shapes of model.named_parameters(): "
                "make them with filter_normalised_direction(model), or as the difference of two such models."
            )
    places = torch.cartesian_prod(*[steps] * len(directions)).reshape(-1, len(directions))  # [S or S*S, 1 or 2]
    losses = []
    with untouched(model):
        for place in places.tolist():
            moved = {name: w + sum(a * d[name] for a, d in zip(place, directions)) for name, w in weights.items()}
            losses.append(loss(functional_call(model, moved, (x,)), y))
    return torch.stack(losses).reshape([len(steps)] * len(directions))
