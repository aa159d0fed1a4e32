"""Scores to probabilities, and the loss on them (lecture 02): as the formula says, and so that it never overflows."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib.ops import expect


def softmax_naive(x: Float[Tensor, "..."], dim: int = -1) -> Float[Tensor, "..."]:
    """The formula: ``exp(x_i) / Σ_j exp(x_j)``. In float32 a score above 88.7 overflows to inf, and inf/inf is nan."""
    _check(x, dim)
    return x.exp() / x.exp().sum(dim, keepdim=True)


def softmax(x: Float[Tensor, "..."], dim: int = -1) -> Float[Tensor, "..."]:
    """The stable form: a shift of all scores changes nothing, so shift the largest to zero; exp is then at most 1."""
    _check(x, dim)
    return softmax_naive(x - x.amax(dim, keepdim=True), dim)


def log_softmax(x: Float[Tensor, "..."], dim: int = -1) -> Float[Tensor, "..."]:
    """``x_i − log Σ_j exp(x_j)``, shifted the same way. Unlike log(softmax(x)) it never takes the log of 0."""
    _check(x, dim)
    x = x - x.amax(dim, keepdim=True)
    return x - x.exp().sum(dim, keepdim=True).log()


def cross_entropy_naive(logits: Float[Tensor, "B K ..."], target: Int[Tensor, "B ..."]) -> Float[Tensor, ""]:
    """The formula: mean of ``−log softmax(logits)[target]``; nan or inf where the scores are large."""
    _check_classes(logits, target)
    return -softmax_naive(logits, 1).log().gather(1, target[:, None]).mean()


def cross_entropy(logits: Float[Tensor, "B K ..."], target: Int[Tensor, "B ..."]) -> Float[Tensor, ""]:
    """The stable form, whose gradient is simply (softmax − one-hot) / count.

    Args:
        logits: a score for each of K classes, for each sample (or each pixel of each sample).
        target: the right class, 0 … K − 1.

    Returns:
        The mean loss, in nats. Guessing at random costs log K.
    """
    _check_classes(logits, target)
    return -log_softmax(logits, 1).gather(1, target[:, None]).mean()


def _check(x: Tensor, dim: int) -> None:
    expect.tensor("x", x, "scores ...")
    if not -x.ndim <= dim < x.ndim:
        raise ValueError(
            f"dim is {dim}, but x of shape {tuple(x.shape)} has axes 0 to {x.ndim - 1}: name the axis of the scores."
        )


def _check_classes(logits: Tensor, target: Tensor) -> None:
    expect.tensor("logits", logits, "B K ...")
    if target.dtype != torch.int64:
        raise TypeError(
            f"target must hold class numbers as torch.int64, got {target.dtype}: convert it with target.long()."
        )
    wanted = (len(logits), *logits.shape[2:])
    if target.shape != wanted:
        raise ValueError(
            f"target must have shape {wanted} to go with logits {tuple(logits.shape)}, got {tuple(target.shape)}: "
            "one class number a sample; turn one-hot rows into numbers with target.argmax(1)."
        )
    if target.numel() and not 0 <= target.min() <= target.max() < logits.shape[1]:
        raise ValueError(
            f"target holds classes {target.min()} to {target.max()}, "
            f"but logits has scores for 0 to {logits.shape[1] - 1}: number the classes from 0, or widen the last layer."
        )
