"""Batch normalisation with its memory: what training saw, evaluation uses (lecture 05)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib import ops
from course_lib.ops import expect


class BatchNorm2d(nn.Module):
    """``nn.BatchNorm2d`` rebuilt, with its parameter and buffer names.

    Training normalises with the batch's own statistics and keeps a running mean of them; evaluation uses what was kept.
    The batch is divided by its biased variance, the unbiased one is remembered.

    Args:
        num_features: channels C; the layer learns 2·C numbers.
        eps: keeps a constant channel from dividing by zero.
        momentum: share of the new batch in the running statistics; None for the mean of all batches so far.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1):
        super().__init__()
        expect.whole("num_features", num_features, 1)
        if momentum is not None:
            expect.share("momentum", momentum)
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        expect.tensor("x", x, "B C H W")
        expect.channels("x", x, len(self.weight))
        if not self.training:
            return ops.batch_norm_inference(x, self.running_mean, self.running_var, self.weight, self.bias, self.eps)
        y, mean, var = ops.batch_norm(x, self.weight, self.bias, self.eps)
        self._remember(mean, var, count=x.numel() // x.shape[1])
        return y

    @torch.no_grad()
    def _remember(self, mean: Tensor, var: Tensor, count: int) -> None:
        self.num_batches_tracked += 1
        share = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(var * count / (count - 1), share)
