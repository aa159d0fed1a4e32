"""Two-dimensional convolution, twice: as the formula says, and as one matrix product (lectures 03 and 04).

Deep learning's "convolution" is cross-correlation: the kernel is not flipped. Learned kernels do not mind.
"""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from course_lib.ops.geometry import output_size


def conv2d_loops(
    x: Float[Tensor, "B C H W"],
    weight: Float[Tensor, "K C kh kw"],
    bias: Float[Tensor, " K"] | None = None,
    stride: int = 1,
    padding: int = 0,
) -> Float[Tensor, "B K Ho Wo"]:
    """The plain definition: every output number is the dot product of one filter with one patch, plus a bias."""
    out_h, out_w = _out_hw(x, weight, stride, padding)
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding,) * 4)
    out = x.new_zeros(len(x), len(weight), out_h, out_w)
    for i in range(out_h):
        for j in range(out_w):
            patch = x[:, None, :, i * stride : i * stride + kh, j * stride : j * stride + kw]  # [B, 1, C, kh, kw]
            out[:, :, i, j] = (patch * weight).sum(dim=(2, 3, 4))  # [B, K]
    return out if bias is None else out + bias[:, None, None]


def conv2d(
    x: Float[Tensor, "B C H W"],
    weight: Float[Tensor, "K C kh kw"],
    bias: Float[Tensor, " K"] | None = None,
    stride: int = 1,
    padding: int = 0,
) -> Float[Tensor, "B K Ho Wo"]:
    """The fast form: lay every patch out as a column (im2col), then one matrix product does all filters at once."""
    out_h, out_w = _out_hw(x, weight, stride, padding)
    columns = F.unfold(x, weight.shape[2:], stride=stride, padding=padding)  # [B, C*kh*kw, Ho*Wo]
    out = torch.einsum("kc,bcl->bkl", rearrange(weight, "k c kh kw -> k (c kh kw)"), columns)
    out = rearrange(out, "b k (h w) -> b k h w", h=out_h, w=out_w)
    return out if bias is None else out + bias[:, None, None]


def _out_hw(x: Tensor, weight: Tensor, stride: int, padding: int) -> tuple[int, int]:
    """Output height and width; refuses shapes that do not fit together."""
    if x.ndim != 4 or weight.ndim != 4:
        raise ValueError(
            f"conv2d needs x [B, C, H, W] and weight [K, C, kh, kw], got {tuple(x.shape)} and {tuple(weight.shape)}. "
            "Add the missing axes with x[None] or weight[None]."
        )
    if x.shape[1] != weight.shape[1]:
        raise ValueError(
            f"x has {x.shape[1]} channels but each filter has {weight.shape[1]}: a filter spans the full depth of its input."
        )
    return tuple(output_size(n, k, stride, padding) for n, k in zip(x.shape[2:], weight.shape[2:], strict=True))
