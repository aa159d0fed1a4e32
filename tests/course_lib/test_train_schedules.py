"""The rate, step by step, by hand."""

from functools import partial

import pytest
import torch
from torch import nn

from course_lib.train import schedules


def rates(schedule, steps: int, make=torch.optim.SGD, **options) -> list[float]:
    optimizer = make([nn.Parameter(torch.zeros(1))], lr=1.0, **options)
    plan, seen = schedule(optimizer, steps), []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        plan.step()
    return pytest.approx(seen, abs=1e-6)


def test_constant_step_and_cosine():
    assert rates(schedules.constant, 3) == [1, 1, 1]
    assert rates(schedules.step, 4) == [1, 1, 0.1, 0.01]  # at 2 and 3 of 4
    assert rates(partial(schedules.step, at=[0.25], factor=0.5), 4) == [1, 0.5, 0.5, 0.5]
    assert rates(schedules.cosine, 3) == [1, 0.75, 0.25]  # (1 + cos 0°, 60°, 120°) / 2


def test_one_cycle_climbs_then_falls_and_leaves_an_optimiser_without_momentum_alone():
    plain = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedules.one_cycle(plain, 10)
    assert plain.param_groups[0]["momentum"] == 0
    # 11 steps with the peak at 0.3: the climb is the 2.3 steps from 0, half a cosine from 1/25.
    seen = rates(schedules.one_cycle, 11, momentum=0.9).expected
    assert seen[0] == pytest.approx(1 / 25) and max(seen) == max(seen[2:4]) and seen[-1] < 1e-4


def test_warm_up_climbs_from_a_thousandth_then_hands_over():
    climb = [0.001, 0.001 + 0.999 / 2]  # the first 2 of 5 steps
    assert [*climb, 1, 0.75, 0.25] == rates(schedules.warm_up(schedules.cosine, share=0.4), 5)
    with pytest.raises(ValueError, match="share must lie between 0 and 1, got 5.*0.05"):
        schedules.warm_up(schedules.cosine, share=5.0)
