"""AlexNet's normalisation as a layer (lecture 06)."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from course_lib import ops


class LocalResponseNorm(nn.Module):
    """``nn.LocalResponseNorm`` rebuilt, nothing learned. Arguments as in :func:`course_lib.ops.local_response_norm`."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0):
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        return ops.local_response_norm(x, self.size, self.alpha, self.beta, self.k)
