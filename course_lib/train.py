"""Training, in a loop short enough to take in at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from course_lib import runtime
from course_lib.data.datasets import ImageSet


@dataclass
class History:
    """What one training run did, epoch by epoch."""

    seed: int
    train_loss: list[float] = field(default_factory=list)  # mean cross-entropy over the epoch, in nats
    test_accuracy: list[float] = field(default_factory=list)  # fraction of the test set, after the epoch
    seconds: float = 0.0


def fit(
    model: nn.Module,
    train: ImageSet,
    test: ImageSet,
    *,
    epochs: int,
    lr: float = 8e-3,
    batch_size: int = 128,
    weight_decay: float = 1e-2,
    seed: int = 0,
    device: torch.device | None = None,
) -> History:
    """Train a classifier in place with AdamW and a one-cycle learning rate (Smith 2018), and say how it went.

    The whole set lives on the device and each epoch visits it once in a fresh random order: no loader, no workers.

    Args:
        model: maps images [B, C, H, W] to logits [B, classes].
        train, test: image sets; the test set is only looked at, never learned from.
        epochs: passes over the training set.
        lr: peak learning rate, reached after 30 % of the steps.
        seed: decides the order of the images; seed the model's initial weights before you make it.
    """
    device = device or runtime.device()
    model.to(device)
    order = torch.Generator().manual_seed(seed)
    x, y = train.inputs(device), train.labels.to(device)
    steps = -(-len(x) // batch_size) * epochs
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=steps)
    history, started = History(seed), time.perf_counter()
    with tqdm(total=steps, desc=f"seed {seed}", unit="batch", mininterval=0.5) as bar:
        for _ in range(epochs):
            model.train()
            total = torch.zeros((), device=device)
            for batch in torch.randperm(len(x), generator=order).to(device).split(batch_size):
                loss = F.cross_entropy(model(x[batch]), y[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                total += loss.detach() * len(batch)
                bar.update()
            history.train_loss.append(total.item() / len(x))
            history.test_accuracy.append(accuracy(model, test.inputs(device), test.labels))
            bar.set_postfix_str(f"loss {history.train_loss[-1]:.3f}, test accuracy {history.test_accuracy[-1]:.1%}")
    history.seconds = time.perf_counter() - started
    return history


def over_seeds(
    build: Callable[[], nn.Module], train: ImageSet, test: ImageSet, *, seeds: range, **options
) -> list[tuple[nn.Module, History]]:
    """Build and train one model a seed: a result is the range over them, never one run."""
    runs = []
    for seed in seeds:
        runtime.seed_all(seed)
        model = build()
        runs.append((model, fit(model, train, test, seed=seed, **options)))
    return runs


@torch.inference_mode()
def predict(model: nn.Module, x: Float[Tensor, "N C H W"], batch_size: int = 1000) -> Float[Tensor, "N classes"]:
    """Logits for every image, in evaluation mode, on the CPU."""
    model.eval()
    at = next(model.parameters()).device
    return torch.cat([model(batch.to(at)).cpu() for batch in x.split(batch_size)])


def accuracy(model: nn.Module, x: Float[Tensor, "N C H W"], y: Int[Tensor, " N"]) -> float:
    """Fraction of images whose largest logit is the right class."""
    return (predict(model, x).argmax(1) == y.cpu()).float().mean().item()
