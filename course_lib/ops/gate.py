"""Attention as gating: multiply a feature map by a mask that says what matters (lecture 11)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.ops import expect


def gate_loops(x: Float[Tensor, "B C H W"], mask: Float[Tensor, "B Cm Hm Wm"]) -> Float[Tensor, "B C H W"]:
    """The plain definition: every channel times the one mask, or every channel times its own number."""
    _check(x, mask)
    return torch.stack([x[:, c] * mask[:, c if len(mask[0]) > 1 else 0] for c in range(x.shape[1])], dim=1)


def gate(x: Float[Tensor, "B C H W"], mask: Float[Tensor, "B Cm Hm Wm"]) -> Float[Tensor, "B C H W"]:
    """The fast form: one product.

    Args:
        x: feature maps.
        mask: [B, 1, H, W] says *where* to look, [B, C, 1, 1] says *which features* count; 0 closes, 1 opens.
            It may depend on x (:class:`~course_lib.layers.attention_gate.AttentionGate`) or come from outside.
    """
    _check(x, mask)
    return x * mask


def _check(x: Tensor, mask: Tensor) -> None:
    expect.tensor("x", x, "B C H W")
    expect.tensor("mask", mask, "B C H W")
    batch, depth, height, width = x.shape
    if mask.shape not in ((batch, 1, height, width), (batch, depth, 1, 1)):
        raise ValueError(
            f"mask must be [B, 1, H, W] = {(batch, 1, height, width)} or [B, C, 1, 1] = {(batch, depth, 1, 1)} "
            f"for x of shape {tuple(x.shape)}, got {tuple(mask.shape)}: resize or reshape it."
        )
