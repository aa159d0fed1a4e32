"""Seconds from untrained weights to 94 % test accuracy on Fashion-MNIST, with the course's ResNet-20 and its own loop.

    python benchmarks/time_to_94.py           # on a GPU, three seeds
    python benchmarks/time_to_94.py --cpu     # the same on a CPU: hours
    python benchmarks/time_to_94.py --dry     # 2 % of an epoch, one seed: does the script run?

The one-cycle schedule is as long as the run, so accuracy arrives at its end: what counts is the whole run's time, from the
first step to the last test, and whether it got there. A seed that did not is printed as such.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

import torch
from common import header

from course_lib import models, runtime, train
from course_lib.data import datasets

GOAL = 0.94


def recipe(peak: float) -> dict:
    """SGD with Nesterov momentum, decay on weights only, one cycle, crops and mirrors, batches of 512."""
    sgd = partial(torch.optim.SGD, lr=peak, momentum=0.9, nesterov=True, weight_decay=5e-4)
    crop = partial(train.augment.crop, padding=2, mode="replicate")
    return {
        "batch_size": 512,
        "optimizer": sgd,
        "decay": "weights",
        "augment": train.augment.chain(crop, train.augment.flip),
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu", action="store_true", help="run on the CPU, though it takes hours")
    parser.add_argument("--dry", action="store_true", help="2 %% of an epoch, one seed")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--peak", type=float, default=0.4, help="highest learning rate")
    asked = parser.parse_args(arguments)
    if not (torch.cuda.is_available() or asked.cpu or asked.dry):
        sys.exit("This benchmark needs a CUDA GPU, and there is none: add --cpu to run it for hours, or --dry for 2 %.")
    header()
    device = torch.device("cpu") if asked.cpu else runtime.device()
    train_set, test_set = datasets.load("fashion_mnist", "train"), datasets.load("fashion_mnist", "test")
    if asked.dry:
        train_set, test_set = train_set[: len(train_set) // 50], test_set[: len(test_set) // 50]
    build = partial(models.cifar_resnet, 20, in_channels=1)
    epochs, seeds = (1, range(1)) if asked.dry else (asked.epochs, range(3))
    runs = train.over_seeds(build, train_set, test_set, seeds=seeds, epochs=epochs, device=device, **recipe(asked.peak))
    for _, history in runs:
        reached = "reached" if history.test_accuracy[-1] >= GOAL else "did not reach"
        print(
            f"seed {history.seed}: {history.seconds:.1f} s for {epochs} epochs, {reached} {GOAL:.0%} "
            f"with {history.test_accuracy[-1]:.2%}"
        )
    seconds = [history.seconds for _, history in runs]
    print(f"{min(seconds):.1f}–{max(seconds):.1f} s on {device}; test accuracy {runs.range}")


if __name__ == "__main__":
    main()
