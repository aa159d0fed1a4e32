"""A change too small to see, and another answer (lecture 11)."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.ops import expect
from course_lib.understand.lend import Bound, classes_of, clip, untouched


@torch.enable_grad()
def adversarial_step(
    model: nn.Module,
    x: Float[Tensor, "B ..."],
    labels: int | Int[Tensor, " B"],
    epsilon: float,
    *,
    targeted: bool = False,
    low: Bound = 0.0,
    high: Bound = 1.0,
) -> Float[Tensor, "B ..."]:
    """The fast gradient sign method: ``x + ε · sign(∂loss/∂x)`` (Goodfellow, Shlens, Szegedy 2015).

    A linear score w·x grows by ε·Σ|w|: many imperceptible changes that all pull one way.

    Args:
        model: images to logits; it is left as it was.
        x: a batch, as the model takes it.
        labels: the classes to leave, or with ``targeted`` those to arrive at.
        epsilon: largest change of a pixel, in the model's units: 4/255 of a pixel range 0…1, divided by the standard
            deviation if the model's images are normalised by one.
        targeted: go down the loss of ``labels`` instead of up.
        low, high: the range of valid pixels, in the model's units.

    Returns:
        Images that differ by at most epsilon and stay in the range.
    """
    _check(x, epsilon, low, high)
    x = x.detach().clone().requires_grad_()
    with untouched(model):
        logits = model(x)
        loss = F.cross_entropy(logits, classes_of(logits, labels, "labels"), reduction="sum")
    (gradient,) = torch.autograd.grad(loss, x)
    return clip(x.detach() + (-epsilon if targeted else epsilon) * gradient.sign(), low, high)


def adversarial_attack(
    model: nn.Module,
    x: Float[Tensor, "B ..."],
    labels: int | Int[Tensor, " B"],
    epsilon: float,
    *,
    steps: int = 10,
    step_size: float | None = None,
    targeted: bool = False,
    low: Bound = 0.0,
    high: Bound = 1.0,
) -> Float[Tensor, "B ..."]:
    """Projected gradient: small steps, each put back into the box of ±ε around x (Kurakin 2017; Madry 2018).

    Args:
        steps: how many.
        step_size: of each; None for 2.5·ε/steps, which can cross the box and turn round.
        model, x, labels, epsilon, targeted, low, high: as in :func:`adversarial_step`.
    """
    expect.whole("steps", steps, 1)
    _check(x, epsilon, low, high)
    step_size = 2.5 * epsilon / steps if step_size is None else step_size
    found = x = x.detach()
    for _ in range(steps):
        found = adversarial_step(model, found, labels, step_size, targeted=targeted, low=low, high=high)
        found = clip(x + (found - x).clamp(-epsilon, epsilon), low, high)
    return found


def _check(x: Tensor, epsilon: float, low: Bound, high: Bound) -> None:
    """Refuses a range that x does not keep: clipping to it would change the image by more than epsilon."""
    if epsilon < 0:
        raise ValueError(
            f"epsilon is {epsilon}, but is a size: use 0 or more; targeted=True turns the direction round."
        )
    if not torch.equal(clip(x, low, high), x):
        raise ValueError(
            f"x runs from {x.min():.3g} to {x.max():.3g}, outside of the valid pixels from low to high: give the range "
            "in the model's units; for images (p − mean) / std it is low=-mean/std, high=(1 - mean)/std."
        )
