"""Batch normalisation: each channel gets mean 0 and variance 1 over the batch (Ioffe and Szegedy 2015; lecture 05).

x̂ = (x − μ) / √(σ² + ε)        y = γ·x̂ + β
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.ops import expect


def batch_norm_formula(
    x: Float[Tensor, "B C *places"], weight: Float[Tensor, " C"], bias: Float[Tensor, " C"], eps: float = 1e-5
) -> tuple[Float[Tensor, "B C *places"], Float[Tensor, " C"], Float[Tensor, " C"]]:
    """The plain definition; autograd finds the derivative through μ and σ². Arguments as in :func:`batch_norm`."""
    _check(x, weight=weight, bias=bias)
    mean, var = _statistics(x)
    return batch_norm_inference(x, mean, var, weight, bias, eps), mean, var


def batch_norm(
    x: Float[Tensor, "B C *places"], weight: Float[Tensor, " C"], bias: Float[Tensor, " C"], eps: float = 1e-5
) -> tuple[Float[Tensor, "B C *places"], Float[Tensor, " C"], Float[Tensor, " C"]]:
    """Training mode with the derivative worked out by hand.

    Args:
        x: a batch; every axis but the channels' is averaged over.
        weight, bias: γ and β, one a channel.
        eps: ε, keeps a constant channel from dividing by zero.

    Returns:
        ``(y, mean, var)``: the normalised batch, and each channel's mean and (biased) variance, to remember.

    Raises:
        ValueError: fewer than two numbers a channel: their variance would say nothing.
    """
    _check(x, weight=weight, bias=bias)
    return _BatchNorm.apply(x.to(weight.dtype), weight, bias, eps)  # under autocast: statistics in full precision


def batch_norm_inference(
    x: Float[Tensor, "B C *places"],
    mean: Float[Tensor, " C"],
    var: Float[Tensor, " C"],
    weight: Float[Tensor, " C"],
    bias: Float[Tensor, " C"],
    eps: float = 1e-5,
) -> Float[Tensor, "B C *places"]:
    """Evaluation mode: with the statistics given, a fixed scale and shift a channel, whatever else is in the batch."""
    expect.tensor("x", x, "B C ...")
    expect.per_channel(x, mean=mean, var=var, weight=weight, bias=bias)
    mean, scale, bias = (_along(v, x) for v in (mean, weight * (var + eps).rsqrt(), bias))
    return (x - mean) * scale + bias


class _BatchNorm(torch.autograd.Function):
    """x moves y along three paths: directly, through μ and through σ². Added up,

    ∂L/∂x = γ/σ · (g − mean(g) − x̂ · mean(g·x̂)),  with g = ∂L/∂y:

    the gradient loses its mean and its share along x̂, because y ignores a shift and a scale of x.
    """

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor, eps: float):
        mean, var = _statistics(x)
        scale = weight * (var + eps).rsqrt()
        return (x - _along(mean, x)) * _along(scale, x) + _along(bias, x), mean, var

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        x, weight, _, ctx.eps = inputs
        ctx.save_for_backward(x, weight)
        ctx.mark_non_differentiable(*output[1:])

    @staticmethod
    def backward(ctx, grad: Tensor, *_):
        x, weight = ctx.saved_tensors
        mean, var = _statistics(x)  # worked out once more, from x: a second derivative goes through them too
        inv_std = _along((var + ctx.eps).rsqrt(), x)
        x_hat = (x - _along(mean, x)) * inv_std
        over = _all_but_channels(x)
        grad_bias, grad_weight = grad.sum(over), (grad * x_hat).sum(over)
        count = x.numel() // x.shape[1]
        grad_x = (
            _along(weight, x) * inv_std * (grad - _along(grad_bias, x) / count - x_hat * _along(grad_weight, x) / count)
        )
        return grad_x, grad_weight, grad_bias, None


def _statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of each channel."""
    var, mean = torch.var_mean(x, _all_but_channels(x), correction=0)
    return mean, var


def _all_but_channels(x: Tensor) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))


def _along(vector: Tensor, x: Tensor) -> Tensor:
    """A number a channel, shaped [C, 1, 1] to meet x [B, C, H, W]."""
    return vector.reshape(-1, *[1] * (x.ndim - 2))


def _check(x: Tensor, **vectors: Tensor) -> None:
    expect.tensor("x", x, "B C ...")
    expect.per_channel(x, **vectors)
    expect.same_dtype(x=x, **vectors)
    if x.numel() < 2 * x.shape[1]:
        raise ValueError(
            f"x of shape {tuple(x.shape)} has fewer than two numbers a channel, so its variance says nothing: "
            "use a larger batch, or switch the model to evaluation with .eval()."
        )
