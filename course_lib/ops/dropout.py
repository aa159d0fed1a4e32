"""Dropout: train with units missing at random, so that none relies on another (Srivastava et al. 2014; lecture 05)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.ops import expect


def dropout_paper(
    x: Float[Tensor, "..."], p: float = 0.5, training: bool = True, generator: torch.Generator | None = None
) -> Float[Tensor, "..."]:
    """The plain definition, as published: drop while training, and scale everything by 1 − p *afterwards*."""
    _check(x, p)
    return x * _kept(x, p, generator) if training else x * (1 - p)


def dropout(
    x: Float[Tensor, "..."], p: float = 0.5, training: bool = True, generator: torch.Generator | None = None
) -> Float[Tensor, "..."]:
    """Inverted dropout, what everyone uses: scale the survivors up while training, and leave evaluation alone.

    Args:
        x: any activations.
        p: share of the units to drop.
        training: whether to drop at all.
        generator: source of the random numbers; None for torch's global one.

    Returns:
        x with each number dropped with probability p, or else divided by 1 − p: the mean over draws is x.
    """
    _check(x, p)
    if not training:
        return x
    kept = _kept(x, p, generator)
    return x * (kept / (1 - p) if p < 1 else kept)  # at p = 1 nobody is left to be scaled up


def _kept(x: Tensor, p: float, generator: torch.Generator | None) -> Tensor:
    """One for units that stay, zero for those that go."""
    return torch.empty_like(x).bernoulli_(1 - p, generator=generator)


def _check(x: Tensor, p: float) -> None:
    expect.tensor("x", x, "...")
    expect.share("p", p)
