"""Which optimiser steps, and which parameters decay."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import nn
from torch.optim import Optimizer

from course_lib.ops import expect
from course_lib.train.arguments import positive

LR, WEIGHT_DECAY = 8e-3, 1e-2
Factory = Callable[[Iterable], Optimizer]  # from parameters, or groups of them, to an optimiser


def factory(optimizer: Factory | None, lr: float, weight_decay: float) -> Factory:
    """The given factory, else one for AdamW (Loshchilov and Hutter 2019) with these two numbers.

    Raises:
        ValueError: a number is out of range, or meant for AdamW while there is another optimiser.
    """
    positive("lr", lr, f"the default is {LR}")
    if not weight_decay >= 0:
        raise ValueError(f"weight_decay must be at least 0, got {weight_decay!r}: 0 switches it off.")
    if optimizer is None:
        return lambda parameters: torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay)
    if (lr, weight_decay) != (LR, WEIGHT_DECAY):
        raise ValueError(
            f"lr={lr} and weight_decay={weight_decay} are for the default optimiser, but optimizer is given too: say them "
            f"there, as in optimizer=lambda p: torch.optim.SGD(p, lr={lr})."
        )
    return optimizer


def parameter_groups(model: nn.Module, decay: str) -> list[dict]:
    """The parameters for an optimiser, in one group, or with those spared from weight decay in a second one.

    Args:
        model: whose parameters.
        decay: ``all``, or ``weights``: matrices and filters decay, vectors (biases, scales and shifts of normalisation)
            do not, since shrinking those does not make the function any simpler.
    """
    expect.one_of("decay", decay, ("all", "weights"))
    parameters = list(model.parameters())
    if decay == "all":
        return [{"params": parameters}]
    return [
        {"params": [p for p in parameters if p.ndim > 1]},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
