"""Tensors that live on both sides of the boundary: what they hold, and whether it changed."""

from __future__ import annotations

import torch

from autograder.sandbox.inside.values import same_bits


class Snapshot:
    """What a tensor and its gradient held at one time."""

    __slots__ = ("grad", "requires_grad", "values")

    def __init__(self, tensor: torch.Tensor) -> None:
        self.requires_grad = tensor.requires_grad
        self.values = tensor.detach().clone()
        grad = gradient(tensor)
        self.grad = None if grad is None else grad.detach().clone()

    def holds(self, tensor: torch.Tensor) -> bool:
        """Whether the tensor is still so."""
        if tensor.requires_grad != self.requires_grad or not same_bits(tensor.detach(), self.values):
            return False
        grad = gradient(tensor)
        return grad is self.grad is None or (grad is not None and self.grad is not None and same_bits(grad, self.grad))


def gradient(tensor: torch.Tensor) -> torch.Tensor | None:
    """The gradient that a leaf of autograd holds; None for other tensors."""
    return tensor.grad if tensor.is_leaf else None


def alike(fresh: torch.Tensor, tensor: torch.Tensor) -> bool:
    """Whether two tensors differ by rounding at most."""
    if fresh.shape != tensor.shape or fresh.dtype != tensor.dtype:
        return False
    if not fresh.dtype.is_floating_point:
        return torch.equal(fresh, tensor.detach())
    return torch.allclose(fresh, tensor.detach(), rtol=1e-5, atol=1e-6, equal_nan=True)


def replaced_in(value: object, replaced: dict[int, torch.Tensor]) -> object:
    """A value with some of the tensors in its containers replaced by others, found by their `id`."""
    if id(value) in replaced:
        return replaced[id(value)]
    kind = type(value)
    if kind in (list, tuple, set, frozenset):
        return kind(replaced_in(item, replaced) for item in value)
    if kind is dict:
        return {key: replaced_in(item, replaced) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return kind(*(replaced_in(item, replaced) for item in value))
    return value
