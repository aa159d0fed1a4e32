"""Our models against torchvision's: the same names and weights must give the same logits, in float64 to ten digits.

``python -m course_lib.models`` prints the comparison of every model that torchvision has too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn

TOLERANCE = 1e-10
# Side of the smallest image that reaches every layer; 33 is odd on purpose, so that a wrong rounding shows.
SMALLEST = {"alexnet": 63, "vgg": 32}


class Agreement(NamedTuple):
    """How far two models' logits lie apart, and how far the logits of two images: the measure for the first."""

    difference: float
    spread: float

    @property
    def holds(self) -> bool:
        """Whether the logits are equal, and depend on the image so that this means something."""
        return self.difference <= TOLERANCE and 1e-3 < self.spread < 1e6


def side(name: str) -> int:
    """Side of the smallest image that reaches every layer of a model."""
    return next((size for start, size in SMALLEST.items() if name.startswith(start)), 33)


def reference(name: str, **options) -> nn.Module:
    """torchvision's model in float64 with random weights and random BatchNorm statistics."""
    import torchvision  # here, so that `import course_lib.models` does not wait for it

    if name == "googlenet":
        options.setdefault("init_weights", False)
    with torch.device("meta"):  # its own initialisation would take longer than the comparison
        model = torchvision.models.get_model(name, weights=None, **options)
    model = model.double().to_empty(device="cpu").eval()
    # Without normalisation the signal dies with depth, unless the weights make up for what ReLU takes away.
    gain = 1.0 if any(isinstance(m, nn.BatchNorm2d) for m in model.modules()) else 2.0
    for key, value in model.state_dict().items():
        if key.endswith("running_var") or (value.ndim == 1 and key.endswith("weight")):
            value.uniform_(0.5, 1.5)
        elif value.ndim > 1:
            value.uniform_(-1, 1).mul_((3 * gain / value[0].numel()) ** 0.5)  # variance gain / fan-in
        else:
            value.zero_() if key.endswith("num_batches_tracked") else value.normal_(std=0.1)
    return model


def twin(theirs: nn.Module, build: Callable[..., nn.Module], **options) -> nn.Module:
    """Our model with their weights: shared, which spares a copy of VGG's gigabyte."""
    with torch.device("meta"):
        ours = build(**options)
    ours.load_state_dict(theirs.state_dict(), strict=True, assign=True)
    return ours.eval()


@torch.no_grad()
def agreement(ours: nn.Module, theirs: nn.Module, size: int) -> Agreement:
    """Compare the logits of two random images of size × size."""
    x = torch.randn(2, 3, size, size, dtype=torch.float64)
    expected, found = theirs(x), ours(x)
    return Agreement(
        difference=(found - expected).abs().max().item(), spread=(expected[0] - expected[1]).abs().max().item()
    )
