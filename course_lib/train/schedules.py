"""Learning-rate schedules: plain names for torch's, each a function of the optimiser and the number of steps.

``fit(…, schedule=schedules.cosine)``; options are set with ``functools.partial(schedules.step, at=(0.3, 0.6))``. A schedule
scales the rate that the optimiser was made with. Taught in lecture 05.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from course_lib.ops import expect

Schedule = Callable[[Optimizer, int], LRScheduler]


def constant(optimizer: Optimizer, steps: int) -> LRScheduler:
    """The same rate throughout."""
    return lr_scheduler.ConstantLR(optimizer, factor=1.0, total_iters=0)


def step(optimizer: Optimizer, steps: int, *, at: Sequence[float] = (0.5, 0.75), factor: float = 0.1) -> LRScheduler:
    """Times ``factor`` at each of these shares of the run: the stairs of AlexNet and ResNet."""
    return lr_scheduler.MultiStepLR(optimizer, [round(share * steps) for share in at], factor)


def cosine(optimizer: Optimizer, steps: int) -> LRScheduler:
    """Down to zero along half a cosine wave (Loshchilov and Hutter 2017)."""
    return lr_scheduler.CosineAnnealingLR(optimizer, steps)


def one_cycle(optimizer: Optimizer, steps: int, *, peak: float = 0.3) -> LRScheduler:
    """Up from a 25th of the rate to all of it at the share ``peak`` of the run, then down to almost zero (Smith 2018).

    Momentum goes the other way, 0.95 → 0.85 → 0.95, if the optimiser has any.
    """
    momentum = "betas" in optimizer.defaults or optimizer.defaults.get("momentum", 0) > 0
    rates = [group["lr"] for group in optimizer.param_groups]
    return lr_scheduler.OneCycleLR(optimizer, rates, total_steps=steps, pct_start=peak, cycle_momentum=momentum)


def warm_up(schedule: Schedule, share: float = 0.05) -> Schedule:
    """``schedule`` after a first ``share`` of the run in which the rate climbs from a thousandth (Goyal et al. 2017)."""
    expect.share("share", share)

    def warmed(optimizer: Optimizer, steps: int) -> LRScheduler:
        first = max(round(share * steps), 1)
        climb = lr_scheduler.LinearLR(optimizer, start_factor=1e-3, total_iters=first)
        return lr_scheduler.SequentialLR(optimizer, [climb, schedule(optimizer, max(steps - first, 1))], [first])

    return warmed
