"""Every model's size and cost beside torchvision's, and how far its logits are from torchvision's with the same weights.

python -m course_lib.models
"""

from __future__ import annotations

import sys

import torch
import torchvision

from course_lib import models
from course_lib.models import parity

SIDES = {"alexnet_2012": 227, "cifar_plain": 32, "cifar_resnet": 32}  # of the image that is counted for; else 224
HEADINGS = ("model", "parameters, M", "torchvision", "mult-adds, G", "torchvision", "logits differ", "logits span")


def row(name: str) -> tuple[list[str], bool]:
    """The cells of one model, and whether it is torchvision's where torchvision has it."""
    with torch.device("meta"):
        layers = models.walk(models.build(name), (3, *2 * [SIDES.get(name, 224)]))
    parameters, multiply_adds = (sum(column) for column in list(zip(*layers))[3:5])
    sizes = [f"{parameters / 1e6:.6f}", f"{multiply_adds / 1e9:.3f}"]
    if name not in torchvision.models.list_models():
        return [name, sizes[0], "", sizes[1]], True
    facts = torchvision.models.get_model_weights(name).DEFAULT.meta
    published = [f"{facts['num_params'] / 1e6:.6f}", f"{facts['_ops']:.3f}"]
    theirs = parity.reference(name)
    found = parity.agreement(parity.twin(theirs, models.BUILDERS[name]), theirs, parity.side(name))
    logits = [f"{found.difference:.1e}", f"{found.spread:.1e}"]
    return [name, sizes[0], published[0], sizes[1], published[1], *logits], sizes == published and found.holds


def main() -> int:
    """Print the table as it comes; 1 if a model is not torchvision's, else 0."""
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}")
    print("Multiply-adds for one image; logits of two small images, in float64 with the same random weights.\n")
    show(HEADINGS)
    unlike = []
    for name in models.BUILDERS:
        cells, alike = row(name)
        show(cells)
        unlike += [] if alike else [name]
    if unlike:
        print(f"\nNot as in torchvision: {', '.join(unlike)}.")
        return 1
    print(
        f"\nEvery model that torchvision has is the same here: in size, in cost, and in logits to {parity.TOLERANCE}."
    )
    return 0


def show(cells: tuple[str, ...] | list[str]) -> None:
    """One line of the table."""
    print("  ".join([f"{cells[0]:18}", *(f"{cell:>13}" for cell in cells[1:])]).rstrip(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
