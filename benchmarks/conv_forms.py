"""The course's forms of convolution against torch's fused kernels, forward and backward.

    python benchmarks/conv_forms.py

Layers of LeNet-5, a residual block's, a dilated and a depthwise one, and a convolution of signals. The loops, which read
like the formula, are timed on the small layers only.
"""

from __future__ import annotations

import torch
from common import RATIO, columns, compare, header
from torch.nn import functional as F

from course_lib import ops, runtime

# Shape of the input without the batch, maps, side of the kernel, further options, forms beside the fast one.
LAYERS = (
    ((1, 28, 28), 6, 5, {"padding": 2}, (ops.conv2d_shifts, ops.conv2d_loops)),
    ((6, 14, 14), 16, 5, {}, (ops.conv2d_shifts, ops.conv2d_loops)),
    ((64, 32, 32), 64, 3, {"padding": 1}, (ops.conv2d_shifts,)),
    ((64, 32, 32), 64, 3, {"padding": 2, "dilation": 2}, (ops.conv2d_shifts,)),
    ((64, 32, 32), 64, 3, {"padding": 1, "groups": 64}, (ops.conv2d_shifts,)),
    ((16, 1000), 32, 9, {"padding": 4}, (ops.conv1d_shifts,)),
)


def step(conv, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, options: dict) -> None:
    conv(x, weight, bias, **options).sum().backward()


if __name__ == "__main__":
    header()
    at = runtime.device()
    columns("batch 32", *RATIO[1:])
    for shape, maps, side, options, others in LAYERS:
        fast, peer = (ops.conv2d, F.conv2d) if len(shape) == 3 else (ops.conv1d, F.conv1d)
        x = torch.randn(32, *shape, device=at)
        kernel = [side] * (len(shape) - 1)
        weight = torch.randn(maps, shape[0] // options.get("groups", 1), *kernel, device=at, requires_grad=True)
        bias = torch.randn(maps, device=at, requires_grad=True)
        what = f"{'×'.join(map(str, shape))} → {maps}, {'×'.join(map(str, kernel))}"
        extra = "".join(f", {key} {value}" for key, value in options.items() if key != "padding")
        args = (x, weight, bias, options)
        for form in (fast, *others):
            compare(
                f"{form.__name__}: {what}{extra}",
                lambda f=form, a=args: step(f, *a),
                lambda f=peer, a=args: step(f, *a),
            )
