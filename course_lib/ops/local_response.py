"""Local response normalisation: neighbouring channels compete (AlexNet, Krizhevsky et al. 2012; lecture 06)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from course_lib.ops import expect


def local_response_norm_loops(
    x: Float[Tensor, "B C H W"], size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Float[Tensor, "B C H W"]:
    """The plain definition: ``y_c = x_c / (k + α/n · Σ x_c'²)^β``, the sum over the n channels around c that exist."""
    _check(x, size)
    depth, out = x.shape[1], []
    for c in range(depth):
        around = x[:, max(c - size // 2, 0) : min(c + (size - 1) // 2, depth - 1) + 1]  # at most n channels
        out.append(x[:, c] / (k + alpha / size * around.square().sum(1)) ** beta)
    return torch.stack(out, dim=1)


def local_response_norm(
    x: Float[Tensor, "B C H W"], size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Float[Tensor, "B C H W"]:
    """The fast form: all sums at once, as windows that slide along the channels.

    Args:
        x: a batch of maps.
        size: n, the number of channels that compete.
        alpha, beta, k: strength, exponent and offset. AlexNet's are n = 5, α = 1e-4, β = 0.75, k = 2; torch and Caffe
            divide α by n, the paper does not, so its layer is ``local_response_norm(x, 5, alpha=5e-4, k=2.0)``.
    """
    _check(x, size)
    squares = F.pad(
        x.square(), (0, 0, 0, 0, size // 2, (size - 1) // 2)
    )  # zeros before the first and after the last channel
    return x / (k + alpha / size * squares.unfold(1, size, 1).sum(-1)) ** beta


def _check(x: Tensor, size: int) -> None:
    expect.tensor("x", x, "B C H W")
    expect.whole("size", size, 1)
