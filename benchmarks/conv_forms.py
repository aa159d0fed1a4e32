"""The course's two forms of convolution against torch's fused kernel, forward and backward, on LeNet-5's two layers.

    python benchmarks/conv_forms.py
"""

from __future__ import annotations

import torch
from common import compare, header
from torch.nn import functional as F

from course_lib import ops, runtime


def step(conv, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, padding: int) -> None:
    conv(x, weight, bias, 1, padding).sum().backward()


if __name__ == "__main__":
    header()
    at = runtime.device()
    print("above 1× the course's form is faster than F.conv2d")
    for c, k, size, padding in ((1, 6, 28, 2), (6, 16, 14, 0)):
        x = torch.randn(128, c, size, size, device=at)
        weight = torch.randn(k, c, 5, 5, device=at, requires_grad=True)
        bias = torch.randn(k, device=at, requires_grad=True)
        for form in (ops.conv2d, ops.conv2d_loops):
            name = f"{form.__name__}, batch 128, {c}×{size}×{size} → {k} maps, 5×5"
            compare(name, lambda f=form, a=(x, weight, bias, padding): step(f, *a), lambda a=(x, weight, bias, padding): step(F.conv2d, *a))
