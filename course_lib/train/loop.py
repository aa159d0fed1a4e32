"""Training, in a loop short enough to take in at once."""

from __future__ import annotations

import copy
import time
import warnings
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from course_lib.data.datasets import ImageSet
from course_lib.train import arguments, distributed, optimizers, precisions, schedules
from course_lib.train.augment import Augment
from course_lib.train.checkpoint import Run
from course_lib.train.history import History
from course_lib.train.metrics import accuracy, predict


def fit(
    model: nn.Module,
    train: ImageSet,
    test: ImageSet,
    *,
    epochs: int,
    lr: float = optimizers.LR,
    batch_size: int = 128,
    weight_decay: float = optimizers.WEIGHT_DECAY,
    seed: int = 0,
    device: torch.device | None = None,
    optimizer: optimizers.Factory | None = None,
    decay: str = "all",
    schedule: schedules.Schedule = schedules.one_cycle,
    augment: Augment | None = None,
    clip_norm: float | None = None,
    precision: str = "auto",
    channels_last: bool = True,
    validation: ImageSet | None = None,
    keep: str = "last",
    checkpoint: str | Path | None = None,
) -> History:
    """Train a classifier in place, by default with AdamW and a one-cycle learning rate (Smith 2018), and say how it went.

    The whole set lives on the device and each epoch visits it once in a fresh random order: no loader, no workers. Under
    ``torchrun`` each process takes its share of every batch. A loss that is not finite ends the run with a warning.

    Args:
        model: maps images [B, C, H, W] to logits [B, classes].
        train, test: image sets; the test set is only looked at, never learned from.
        epochs: passes over the training set.
        lr: peak learning rate of AdamW; one_cycle reaches it after 30 % of the steps.
        batch_size: images a step, over all processes together.
        weight_decay: of AdamW.
        seed: decides the order of the images; seed the model's initial weights before you make it.
        device: None is the fastest one here.
        optimizer: makes another optimiser from the parameters: ``lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)``.
        decay: ``weights`` spares biases and the scales of normalisation layers from weight decay, ``all`` does not.
        schedule: makes the learning-rate schedule, see :mod:`course_lib.train.schedules`.
        augment: changes the images of each batch at random, see :mod:`course_lib.train.augment`.
        clip_norm: scales the gradient down to this Euclidean norm where it is longer.
        precision: ``auto``, ``full``, ``bfloat16`` or ``float16``, see :func:`course_lib.train.precisions.choose`.
        channels_last: stores the maps of convolutions pixel by pixel: about 1.2 times as fast on a CPU. A model that
            flattens with ``view`` needs ``reshape`` or ``nn.Flatten`` for it.
        validation: a third set, looked at after each epoch, which you may choose by.
        keep: which weights the model has in the end: of the ``last`` epoch, or of the ``best`` one on the validation set.
            Choosing by the test set would be peeking, so that is not offered.
        checkpoint: file that holds the run after each epoch. If it is there, the run goes on from it, to the same numbers.

    Raises:
        ValueError: an argument makes no sense; the sentence says which.
        CheckpointError: the checkpoint is damaged or belongs to another run.
    """
    arguments.check_options(epochs=epochs, batch_size=batch_size, clip_norm=clip_norm, keep=keep, validation=validation)
    sets = {"train": train, "test": test} | ({"validation": validation} if validation is not None else {})
    arguments.check_sets(**sets)
    team = distributed.join()
    device = device or team.device
    _move(model, device, channels_last)
    x, y = train.inputs(device), train.labels.to(device)
    watched = {name: (images.inputs(device), images.labels) for name, images in sets.items() if name != "train"}
    arguments.check_labels(predict(model, x[:1]).shape[1], **sets)

    steps = -(-len(x) // batch_size)  # an epoch
    make = optimizers.factory(optimizer, lr, weight_decay)
    optimizer = make(optimizers.parameter_groups(model, decay))
    schedule = schedule(optimizer, steps * epochs)
    dtype = precisions.choose(precision, device.type)
    scaler = torch.amp.GradScaler(device.type, init_scale=1024, enabled=dtype == torch.float16)
    order, history = torch.Generator().manual_seed(seed), History(seed)
    asked = {"epochs": epochs, "batch_size": batch_size, "clip_norm": clip_norm, "autocast": str(dtype)}
    asked |= {f"images in {name}": len(images) for name, images in sets.items()}
    run = Run(asked, model, optimizer, schedule, scaler, order, history)
    if checkpoint:
        run.resume(checkpoint)
    network = team.wrap(model)

    started, done = time.perf_counter() - history.seconds, len(history.train_loss)
    shown = {"desc": f"seed {seed}", "unit": "batch", "mininterval": 0.5, "disable": not team.lead}
    with tqdm(total=steps * epochs, initial=steps * done, **shown) as bar:
        while len(history.train_loss) < epochs and not history.diverged:
            network.train()
            total = torch.zeros((), device=device)
            for batch in torch.randperm(len(x), generator=order).to(device).split(batch_size):
                images = augment(x[batch], order) if augment else x[batch]
                mine, count = team.share, len(batch) / team.size  # of one process: the whole batch
                with torch.autocast(device.type, dtype, enabled=dtype is not None):
                    loss = F.cross_entropy(network(images[mine]), y[batch][mine], reduction="sum") / count
                optimizer.zero_grad()
                scaler.scale(loss).backward()
                if clip_norm is not None:
                    scaler.unscale_(optimizer)
                    nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
                scaler.step(optimizer)
                scaler.update()
                schedule.step()
                total += loss.detach() * count
                bar.update()
            history.train_loss.append(team.sum(total).item() / len(x))
            for name, (inputs, labels) in watched.items():
                getattr(history, f"{name}_accuracy").append(accuracy(model, inputs, labels))
            bar.set_postfix_str(f"loss {history.train_loss[-1]:.3f}, test accuracy {history.test_accuracy[-1]:.1%}")
            history.seconds = time.perf_counter() - started
            if history.best_epoch == len(history.train_loss) - 1:
                run.best = copy.deepcopy(model.state_dict())
            if checkpoint and team.lead:
                run.save(checkpoint)
    if keep == "best":
        model.load_state_dict(run.best)
    if history.diverged:
        warnings.warn(
            f"The loss of epoch {len(history.train_loss)} is {history.train_loss[-1]}: training has diverged and stops. "
            "Lower the learning rate, warm it up, or clip the gradient with clip_norm=1.",
            RuntimeWarning,
            stacklevel=2,
        )
    return history


def _move(model: nn.Module, device: torch.device, channels_last: bool) -> None:
    model.to(device)
    if channels_last:
        for module in model.modules():
            if isinstance(module, nn.Conv2d):  # its weights decide the layout of everything that follows
                module.to(memory_format=torch.channels_last)
