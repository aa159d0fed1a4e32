"""Dropout as a layer: it knows whether the model is being trained (lecture 05)."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from course_lib import ops
from course_lib.ops import expect


class Dropout(nn.Module):
    """Drop each number with probability ``p`` while training and scale up the rest; do nothing in evaluation."""

    def __init__(self, p: float = 0.5):
        super().__init__()
        expect.share("p", p)
        self.p = p

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return ops.dropout(x, self.p, self.training)
