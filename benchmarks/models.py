"""Every model that torchvision has too: forward and backward in training mode, against torchvision's with the same weights.

    python benchmarks/models.py

Ours is to take no more than 1.02 of the time, which is 0.98 times as fast.
"""

from __future__ import annotations

import torch
import torchvision
from common import RATIO, columns, compare, header
from torch import nn

from course_lib import models, runtime
from course_lib.models.parity import reference, twin

OPTIONS = {"googlenet": {"aux_logits": False}}


def step(model: nn.Module, x: torch.Tensor) -> None:
    model(x).square().mean().backward()
    model.zero_grad(set_to_none=True)


if __name__ == "__main__":
    header()
    at = runtime.device()
    batch, side = (32, 224) if at.type == "cuda" else (4, 112)
    x = torch.randn(batch, 3, side, side, device=at)
    columns(f"batch {batch}, {side}×{side}", *RATIO[1:])
    for name, build in models.BUILDERS.items():
        if name in torchvision.models.list_models():
            options = OPTIONS.get(name, {})
            theirs = reference(name, **options).float().to(at)
            pair = twin(theirs, build, **options).train(), theirs.train()
            compare(name, lambda p=pair: step(p[0], x), lambda p=pair: step(p[1], x), repeats=5)
