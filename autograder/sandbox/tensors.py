"""Tensors that live on both sides of the boundary."""

from __future__ import annotations

import torch


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
