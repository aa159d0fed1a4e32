"""One convolution taken apart into two cheaper ones (lectures 03 and 09).

Depthwise separable: filter each channel by itself, then mix channels; C·k² + C·K weights for C·K·k².
Low rank: a k×1 filter, then a 1×k filter; R·k·(C + K) weights. Exact for a Gaussian or Sobel kernel, whose rank is one.
Each pair equals one full convolution, whose weight a function here spells out.
"""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from course_lib.ops import expect
from course_lib.ops.border import pad2d
from course_lib.ops.conv import conv2d
from course_lib.ops.geometry import Pair


def depthwise_separable_conv2d(
    x: Float[Tensor, "B C H W"],
    depthwise: Float[Tensor, "C 1 kh kw"],
    pointwise: Float[Tensor, "K C 1 1"],
    bias: Float[Tensor, " K"] | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    border: str = "zero",
) -> Float[Tensor, "B K Ho Wo"]:
    """One small filter a channel (C groups), then a 1×1 convolution that mixes the channels (MobileNet, 2017)."""
    maps = conv2d(x, depthwise, None, stride, padding, dilation, groups=len(depthwise), border=border)  # [B, C, Ho, Wo]
    return conv2d(maps, pointwise, bias)


def depthwise_separable_weight(
    depthwise: Float[Tensor, "C 1 kh kw"], pointwise: Float[Tensor, "K C 1 1"]
) -> Float[Tensor, "K C kh kw"]:
    """The full filters that the pair stands for: filter k is the depthwise kernels times row k of the mixture."""
    return pointwise * depthwise[:, 0]


def low_rank_conv2d(
    x: Float[Tensor, "B C H W"],
    vertical: Float[Tensor, "R C kh 1"],
    horizontal: Float[Tensor, "K R 1 kw"],
    bias: Float[Tensor, " K"] | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    border: str = "zero",
) -> Float[Tensor, "B K Ho Wo"]:
    """R tall filters, then K wide ones: ``conv2d`` with :func:`low_rank_weight`, in k·R·(C + K) products a pixel."""
    sh, sw = expect.whole("stride", stride, 1, 2)
    maps = conv2d(pad2d(x, padding, border), vertical, stride=(sh, 1))  # [B, R, Ho, W + padding]
    return conv2d(maps, horizontal, bias, stride=(1, sw))


def low_rank_weight(
    vertical: Float[Tensor, "R C kh 1"], horizontal: Float[Tensor, "K R 1 kw"]
) -> Float[Tensor, "K C kh kw"]:
    """The full filters that the pair stands for: a sum of R outer products."""
    return torch.einsum("rch,krw->kchw", vertical[..., 0], horizontal[..., 0, :])


def low_rank_factors(
    weight: Float[Tensor, "K C kh kw"], rank: int
) -> tuple[Float[Tensor, "rank C kh 1"], Float[Tensor, "K rank 1 kw"]]:
    """The pair of this rank that comes closest to ``weight``, by singular values (Jaderberg et al. 2014, scheme 2).

    Args:
        weight: any filters; the error left is the root of the summed squares of the singular values cut off.
        rank: R, from 1 to min(C·kh, K·kw), where the pair is exact.

    Returns:
        ``(vertical, horizontal)`` for :func:`low_rank_conv2d`.
    """
    expect.tensor("weight", weight, "K C kh kw")
    filters, depth, kh, kw = weight.shape
    most = min(depth * kh, filters * kw)
    if not 1 <= rank <= most:
        raise ValueError(f"rank must lie between 1 and {most} for filters of shape {tuple(weight.shape)}, got {rank}.")
    u, s, v = torch.linalg.svd(rearrange(weight, "k c h w -> (c h) (k w)"), full_matrices=False)
    root = s[:rank].sqrt()  # shared fairly between the two, so that both have weights of one size
    vertical = rearrange(u[:, :rank] * root, "(c h) r -> r c h 1", c=depth)
    horizontal = rearrange(root[:, None] * v[:rank], "r (k w) -> k r 1 w", k=filters)
    return vertical, horizontal
